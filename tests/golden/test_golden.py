#!/usr/bin/python3
"""The shipped samples give the reports that stand beside them.

    test_golden.py --fwsniff PROGRAM [--update]

samples/expected/NAME.json is the whole report of samples/NAME, but for versions and the file's path;
NAME.md is what --markdown makes of it.
After a change that is meant to alter reports: --update, then read the difference before committing it.
The truth of each sample stands in samples/truth.json; an expected report must agree with it, so that
an update cannot turn a right verdict into a wrong one unnoticed.
"""

import argparse
import json
import os
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SAMPLES = os.path.join(ROOT, "samples")
EXPECTED = os.path.join(SAMPLES, "expected")
POSSIBLE = 0.15  # a place an expert could still hold for the right one, from this capture alone


def output_of(program, entry, form):
    """`files`: several captures of one time, in samples/pairs/. Files are named as in samples/."""
    paths = [os.path.join("pairs", name) for name in entry["files"]] if "files" in entry else [entry["file"]]
    reads = [word for path in paths for word in ("-r", path)]
    done = subprocess.run([program, form, *reads, *entry.get("options", [])], capture_output=True, text=True, cwd=SAMPLES)
    if done.returncode not in (0, 1):
        raise AssertionError(f"exit status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def report_of(program, entry):
    report = json.loads(output_of(program, entry, "--json"))
    report["tool"] = {"name": "fwsniff"}
    for capture in report["captures"]:
        capture["source"] = os.path.basename(capture["source"])
    return report


def agrees_with_truth(entry, report):
    findings, truths = report["findings"], entry["findings"]
    if len(findings) != len(truths):
        raise AssertionError(f"{len(findings)} findings, {len(truths)} failures in truth")
    for truth in truths:
        found = [f for f in findings if f["proto"] == truth["proto"] and f["server"]["port"] == truth["port"]]
        if not found:
            raise AssertionError(f"nothing found on {truth['proto']}/{truth['port']}")
        place = found[0]["verdict"]["failure_point"]
        if truth["expert"].get(place, 0) < POSSIBLE:
            raise AssertionError(f"placed at {place}, truth is {truth['failure_point']}")
        if found[0]["symptom"] not in truth["symptoms"]:
            raise AssertionError(f"symptom {found[0]['symptom']}, truth is {truth['symptoms']}")


def same_as_expected(entry, suffix, text, update):
    name = ("pair-" if "files" in entry else "") + entry["file"].split(".")[0]
    path = os.path.join(EXPECTED, name + suffix)
    if update:
        os.makedirs(EXPECTED, exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return
    with open(path, encoding="utf-8") as file:
        expected = file.read()
    if text != expected:
        differing = [(a, b) for a, b in zip(expected.splitlines(), text.splitlines()) if a != b]
        first = differing[0] if differing else ("", "another length")
        raise AssertionError(f"differs from {os.path.relpath(path, ROOT)}: expected {first[0].strip()!r}, got {first[1].strip()!r}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fwsniff", required=True)
    parser.add_argument("--update", action="store_true", help="write what is reported now as expected")
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.fwsniff)
    with open(os.path.join(SAMPLES, "truth.json"), encoding="utf-8") as file:
        entries = json.load(file)
    with open(os.path.join(SAMPLES, "pairs", "truth.json"), encoding="utf-8") as file:
        entries += json.load(file)
    failed = 0
    for entry in entries:
        try:
            report = report_of(program, entry)
            agrees_with_truth(entry, report)
            text = json.dumps(report, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
            same_as_expected(entry, ".json", text, arguments.update)
            same_as_expected(entry, ".md", output_of(program, entry, "--markdown"), arguments.update)
        except (AssertionError, OSError, ValueError) as error:
            failed += 1
            print(f"FAIL {entry['file']}: {error}")
    print(f"golden: {len(entries) - failed} of {len(entries)} passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
