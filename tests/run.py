#!/usr/bin/python3
"""Runs the checks of the project and says how many passed.

    run.py --build DIR --fwsniff PROGRAM [--only REGEX] [-v]

Unit programs (cmocka) come first, then the scripts that test the program as its users run it. A
script exits 0 (passed), 77 (cannot be run here, with the reason on its last line) or otherwise
(failed), and ends with "...: N of M passed". Output of what passed is shown only with -v.
"""

import argparse
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
PYTHON = sys.executable
TIME_LIMIT_S = 600
SKIPPED = 77

# Name, arguments. {program}, {build} and {root} are filled in.
SCRIPTS = [
    ("golden", ["tests/golden/test_golden.py", "--fwsniff", "{program}"]),
    ("command line", ["tests/cli/test_cli.py", "--fwsniff", "{program}"]),
    ("hostile", ["tests/hostile/test_hostile.py", "--fwsniff", "{program}"]),
    ("evidence", ["tests/evidence/test_evidence.py", "--fwsniff", "{program}"]),
    ("remedies", ["tests/remedies/test_commands.py", "--fwsniff", "{program}"]),
    ("html", ["tests/html/test_html.py", "--fwsniff", "{program}"]),
    ("corpus: frames", ["tests/corpus/check_frames.py", "tests/corpus/captures", "{build}/tests/tools/frames"]),
    ("corpus: reads", ["tests/corpus/check_reads.py", "tests/corpus/captures", "{program}"]),
    ("corpus: counts", ["tests/corpus/check_counts.py", "tests/corpus/captures", "{program}"]),
    ("batch", ["tests/batch/test_batch.py", "--fwsniff", "{program}"]),
    ("packaging", ["tests/packaging/test_packaging.py", "--fwsniff", "{program}"]),
    ("batch: pages", ["tests/batch/test_pages.py", "--fwsniff", "{program}"]),
    ("scale", ["tests/scale/test_scale.py", "--fwsniff", "{program}", "--build", "{build}"]),
    ("instructions", ["tests/bench/test_instructions.py", "--fwsniff", "{program}", "--build", "{build}"]),
    ("live", ["tests/live/test_live.py", "--fwsniff", "{program}", "--build", "{build}"]),
    ("lab, fast part", ["tests/lab/test_lab.py", "--fwsniff", "{program}", "--build", "{build}"]),
]


def unit_programs(build):
    folder = os.path.join(build, "tests", "unit")
    names = sorted(name for name in os.listdir(folder) if name.startswith("test_") and "." not in name)
    return [(f"unit: {name[5:]}", [os.path.join(folder, name)]) for name in names]


def scripts(build, program):
    values = {"program": program, "build": build, "root": ROOT}
    return [(name, [PYTHON] + [word.format(**values) for word in words])
            for name, words in SCRIPTS if os.path.exists(os.path.join(ROOT, words[0]))]


def counts(output, status):
    """Passed and failed, as the check itself counted them; one check where it did not."""
    passed = sum(map(int, re.findall(r"\[  PASSED  \] (\d+) test", output)))
    failed = sum(map(int, re.findall(r"\[  FAILED  \] (?:\S+: )?(\d+) test", output)))
    told = re.findall(r": (\d+) of (\d+) passed", output)
    if told:
        passed, total = map(int, told[-1])
        failed = total - passed
    if status == 0:
        return max(passed, 1), 0
    return passed, max(failed, 1)


def run(name, command):
    started = time.monotonic()
    try:
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=TIME_LIMIT_S, errors="replace", text=True)
        output, status = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        output, status = (late.stdout or b"").decode(errors="replace") + f"\nno end after {TIME_LIMIT_S} s", 1
    return output, status, time.monotonic() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--fwsniff", required=True)
    parser.add_argument("--only", default="", help="regular expression: checks whose name matches")
    parser.add_argument("-v", "--verbose", action="store_true")
    arguments = parser.parse_args()
    build, program = os.path.abspath(arguments.build), os.path.abspath(arguments.fwsniff)
    passed = failed = skipped = 0
    for name, command in unit_programs(build) + scripts(build, program):
        if not re.search(arguments.only, name):
            continue
        output, status, seconds = run(name, command)
        if status == SKIPPED:
            skipped += 1
            print(f"skip  {name}: {output.strip().splitlines()[-1] if output.strip() else 'no reason given'}")
            continue
        good, bad = counts(output, status)
        passed, failed = passed + good, failed + bad
        print(f"{'FAIL' if bad else 'ok  '}  {name}: {good} passed" + (f", {bad} failed" if bad else "") +
              f" ({seconds:.1f} s)", flush=True)
        if bad or arguments.verbose:
            print("        " + output.strip().replace("\n", "\n        "), flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
