#!/usr/bin/python3
"""Every file of a directory through the reader, against what Wireshark's capinfos counts.

    check_frames.py DIRECTORY FRAMES_TOOL [--verbose]

FRAMES_TOOL is tests/tools/frames, built with sanitizers or without. Fails (exit 1) when the tool
crashes, says nothing, or counts other frames than capinfos for a reason not in EXPLAINED.
Lists every file that is refused, with its line.
"""
import argparse
import collections
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

# Why the two may differ, by what capinfos says. Everything else is an error of ours.
EXPLAINED = [
    # draft-ietf-opsawg-pcap, section 4: the reserved bits of the LinkType field "MUST be ignored
    # by pcap file readers". We do.
    (r"network type reserved field not zero", "reserved bits of the link type are ignored, as the draft asks"),
    # capinfos refuses link types it has no dissector for; frames can be counted all the same, and
    # the dissectors say what they do not know.
    (r"network type \d+ unknown or unsupported", "the link type is left to the dissectors"),
    # Options of the section header say nothing about frames.
    (r"Not enough data to handle option", "options that do not matter are not looked at"),
    # capinfos stops there. The draft has the section passed over; the ones behind it are read.
    (r"unknown SHB version", "a section of an unknown version is passed over"),
    # Wireshark 4.0 lacks xz and bzip2.
    (r"isn't a capture file in a format capinfos understands", "a format or compression of ours"),
]


def run(arguments):
    result = subprocess.run(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, timeout=300)
    return (result.returncode, result.stdout.decode("utf-8", "replace"),
            result.stderr.decode("utf-8", "replace"))


def ours(tool, path):
    """(frames or None, truncated, text); raises RuntimeError on a crash."""
    status, out, err = run([tool, path])
    refused = re.match(r"refused=(.+)\n\Z", out, re.DOTALL)
    if status == 1 and refused:
        return None, False, refused.group(1)
    found = re.match(r"frames=(\d+) numbered=\d+ bytes=\d+ truncated=(\d) growing=\d problem=(.*)\n\Z",
                     out, re.DOTALL)
    if status != 0 or not found:
        raise RuntimeError("exit status %d: %s" % (status, (err or out)[:2000]))
    return int(found.group(1)), found.group(2) == "1", found.group(3)


def theirs(path):
    """(frames or None, complaint). After an error capinfos tells what it read until then."""
    _, out, err = run(["capinfos", "-c", "-M", "-T", "-r", path])
    for line in out.splitlines():
        if line.startswith(path + "\t"):
            return int(line.split("\t")[1]), err.strip()
    partial = re.search(r"An error occurred after reading (\d+) packets", err)
    return (int(partial.group(1)) if partial else None), err.strip()


def check(tool, path):
    """(kind, line) for one file."""
    try:
        frames, truncated, text = ours(tool, path)
    except (RuntimeError, subprocess.TimeoutExpired) as problem:
        return "CRASH", "%s: %s" % (path, problem)
    expected, complaint = theirs(path)
    if frames is None:
        if expected is None:
            return "refused by both", text
        if "snoop" in text:
            return "foreign format", text
        return "REFUSED", "%s  [capinfos: %d frames]" % (text, expected)
    if frames == expected:
        # Both stopped at the same place: then we must have said so, too.
        if complaint and not truncated and not any(re.search(p, complaint) for p, _ in EXPLAINED):
            return "SILENT", "%s: %d frames, capinfos: %s" % (path, frames, complaint)
        return ("equal, cut or damaged" if truncated else "equal"), text
    for pattern, reason in EXPLAINED:
        if re.search(pattern, complaint):
            return "explained: " + reason, "%s: %d frames" % (path, frames)
    return "DIFFERENT", "%s: %d frames, capinfos %s %s [%s]" % (path, frames, expected, complaint, text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory")
    parser.add_argument("tool")
    parser.add_argument("--verbose", action="store_true", help="list the explained files too")
    arguments = parser.parse_args()

    paths = sorted(os.path.join(folder, name) for folder, _, names in os.walk(arguments.directory)
                   for name in names)
    results = collections.defaultdict(list)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for kind, line in pool.map(lambda path: check(arguments.tool, path), paths):
            results[kind].append(line)

    for kind in sorted(results):
        print("%5d  %s" % (len(results[kind]), kind))
    listed = [kind for kind in sorted(results)
              if kind.isupper() or "refused" in kind or kind == "foreign format"
              or (arguments.verbose and kind.startswith("explained"))]
    for kind in listed:
        print("\n%s:" % kind)
        for line in results[kind]:
            print("  " + line)
    return 1 if any(kind.isupper() for kind in results) else 0


if __name__ == "__main__":
    sys.exit(main())
