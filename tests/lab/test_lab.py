#!/usr/bin/python3
"""The fast part of the lab: it plays, cleans up, gives the same labels again, and fwsniff does well.

    test_lab.py --fwsniff PROGRAM [--build DIR]

The floors below are far under what is published in docs/accuracy.md: they catch what is broken, the
score tells what is better or worse. Needs root: skipped (exit 77) where that, or a tool, is missing.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import net  # noqa: E402

SEED = 11
FLOORS = {"recall": 0.95, "place_acceptable": 0.85, "place_decidable": 0.75}
CHANCE = 0.5  # with the labels dealt anew, the place is right less often than this share of before


def run(*arguments):
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise AssertionError(f"{os.path.basename(arguments[0])}: exit {done.returncode}: {done.stderr[-800:]}")
    return done


def namespaces():
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    return {line.split()[0] for line in listed.splitlines() if line.strip()}


def play(folder, build, only=None):
    """Plays the fast scenarios and returns the labels, without what the clients happened to see."""
    before = namespaces()
    options = ["--only", only] if only else []
    done = run(os.path.join(HERE, "run.py"), "--fast", "--out", folder, "--seed", str(SEED),
               "--build", build, *options)
    if done.returncode:
        raise AssertionError("a scenario broke: " + done.stdout[-800:])
    left = namespaces() - before
    if left:
        raise AssertionError(f"left behind: {sorted(left)}")
    with open(os.path.join(folder, "truth.json"), encoding="utf-8") as file:
        return json.load(file)


def score(folder, program, *options):
    numbers = os.path.join(folder, "numbers.json")
    run(os.path.join(HERE, "score.py"), "--lab", folder, "--fwsniff", program, "--json", numbers, *options)
    with open(numbers, encoding="utf-8") as file:
        return json.load(file)


def labels(entries):
    return [{key: value for key, value in entry.items() if key not in ("played", "rtt_ms")} for entry in entries]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fwsniff", required=True)
    parser.add_argument("--build", help="where the wire program is built (default: a temporary folder)")
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.fwsniff)
    if reason := net.able():
        print(f"lab: skipped, {reason}")
        return 77
    results = []

    def check(name, holds, told=""):
        results.append(bool(holds))
        print(f"{'ok  ' if holds else 'FAIL'} {name} {told}")

    with tempfile.TemporaryDirectory() as folder:
        build = os.path.abspath(arguments.build or os.path.join(folder, "build"))
        first, second = os.path.join(folder, "first"), os.path.join(folder, "second")
        entries = play(first, build)
        again = play(second, build, only="^lan-")
        same = {entry["file"]: entry for entry in labels(entries)}
        check("the same seed gives the same labels", again and all(same[e["file"]] == e for e in labels(again)))
        numbers = score(first, program)
        check("no healthy capture is accused", numbers["false_accusations"] == 0, f"{numbers['false_accusations']:.3f}")
        for name, floor in FLOORS.items():
            check(f"{name} is at least {floor}", numbers[name] >= floor, f"{numbers[name]:.3f}")
        dealt = score(first, program, "--shuffle")
        check("labels dealt anew bring the place down to chance",
              dealt["place_decidable"] < CHANCE * numbers["place_decidable"], f"{dealt['place_decidable']:.3f}")
    print(f"lab: {sum(results)} of {len(results)} passed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
