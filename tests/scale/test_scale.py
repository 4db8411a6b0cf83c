#!/usr/bin/python3
"""How much memory and time large captures cost, held against named limits.

    test_scale.py --fwsniff PROGRAM --build DIR [--only NAME]

The captures are made up on the way by tests/tools/flood and never stored. Memory is the peak of
the program's resident set; the time limits are generous, they catch what is not linear.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77

# name, arguments of flood, options of fwsniff, memory limit (MB), time limit (s), what must be told
CASES = [
    ("10 million SYNs", ["syns", "10000000"], [], 1000, 300, ["product connections were forgotten"]),
    ("10 million SYNs, capped", ["syns", "10000000"], ["--max-flows", "100000"], 100, 300,
     ["conversations were forgotten", "product connections were forgotten"]),
    ("100,000 failing clients", ["clients", "100000"], [], 2000, 120, []),
    ("one million packets of one connection", ["bulk", "1000000"], [], 100, 60, []),
]


# A process begins with the peak of the one that started it, so a small one has to.
MEASURE = """
import os, sys, time
started = time.monotonic()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print("\\n%d %f %f" % (os.waitstatus_to_exitcode(status), time.monotonic() - started, usage.ru_maxrss / 1024))
"""


def measure(flood, fwsniff, options, report_path):
    """(exit status, seconds, peak MB) of fwsniff reading what flood writes."""
    with subprocess.Popen(flood, stdout=subprocess.PIPE) as source:
        words = [fwsniff, "-r", "-", "-n", "--json=" + report_path] + options
        measured = subprocess.run([sys.executable, "-c", MEASURE] + words, stdin=source.stdout,
                                  stdout=subprocess.PIPE, text=True, check=True)
        source.stdout.close()
    status, seconds, megabytes = measured.stdout.splitlines()[-1].split()
    return int(status), float(seconds), float(megabytes)


def problems_of(report, told, measured, limits):
    status, seconds, megabytes = measured
    problems = []
    if status != (1 if report["findings"] else 0):
        problems.append("exit status %d" % status)
    if megabytes > limits[0]:
        problems.append("more than %d MB" % limits[0])
    if seconds > limits[1]:
        problems.append("longer than %d s" % limits[1])
    problems += ["not told: " + words for words in told
                 if not any(words in warning for warning in report["warnings"])]
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fwsniff", required=True)
    parser.add_argument("--build", required=True)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    os.environ.setdefault("FWSNIFF_RULES", os.path.join(HERE, "..", "..", "rules"))
    with open(arguments.fwsniff, "rb") as program:
        if b"__asan_init" in program.read():
            print("a sanitizer's memory is not the program's")
            sys.exit(SKIPPED)

    flood = os.path.join(arguments.build, "tests", "tools", "flood")
    passed = total = 0
    for name, words, options, megabytes_max, seconds_max, told in CASES:
        if arguments.only not in name:
            continue
        total += 1
        with tempfile.NamedTemporaryFile(suffix=".json") as report_file:
            measured = measure([flood] + words, arguments.fwsniff, options, report_file.name)
            text = report_file.read()
        if not text:
            print("%s: no report, exit status %d" % (name, measured[0]))
            continue
        report = json.loads(text)
        problems = problems_of(report, told, measured, (megabytes_max, seconds_max))
        passed += not problems
        packets = report["captures"][0]["packets"]
        print("%s: %d packets, %d findings, %.1f s, %.0f MB%s" % (
            name, packets, len(report["findings"]), measured[1], measured[2],
            "".join("  FAIL " + problem for problem in problems)))
    print("scale: %d of %d passed" % (passed, total))
    sys.exit(0 if passed == total else 1)


if __name__ == "__main__":
    main()
