#!/usr/bin/python3
"""Do the weights hang on the topologies that they are tried on?

    held_out.py --lab DIR --fwsniff PROGRAM [--factors 0.7 1.4]

Each file of evidence is made weaker and stronger as a whole. For each topology, the strength of every
file is chosen by the Brier score on the OTHER topologies alone; the rules so chosen are then tried on the
topology that was left out, beside the rules as they are. Little difference: the weights do not hang on it.
"""

import argparse
import json
import os
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import score  # noqa: E402

PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LIMIT = 6  # of a weight, rules/README.md
WEIGHTS = re.compile(r'("weights": \{)([^}]*)(\})')
NUMBER = re.compile(r"(: )(-?[0-9.]+)")


def strengthened(text, factor):
    """The same rules, every weight multiplied."""
    def one(number):
        value = max(-LIMIT, min(LIMIT, float(number[2]) * factor))
        return number[1] + f"{value:.4g}"
    return WEIGHTS.sub(lambda found: found[1] + NUMBER.sub(one, found[2]) + found[3], text)


def measure(arguments, entries, factors):
    """Cases with the files of evidence at these factors: {file: factor}."""
    with tempfile.TemporaryDirectory() as folder:
        rules = os.path.join(folder, "rules")
        shutil.copytree(os.path.join(PROJECT, "rules"), rules)
        for name, factor in factors.items():
            path = os.path.join(rules, "attribution", name)
            with open(path, encoding="utf-8") as file:
                text = file.read()
            with open(path, "w", encoding="utf-8") as file:
                file.write(strengthened(text, factor))
        os.environ["FWSNIFF_RULES"] = rules
        findings, troubles = score.run_all(arguments.fwsniff, entries, arguments.lab, arguments.jobs)
    if troubles:
        sys.exit(f"held_out.py: {troubles[0]}")
    return score.Result(entries, findings).found


def mean_brier(cases):
    return sum(score.brier(c.got["odds"], c.truth["failure_point"]) for c in cases) / max(1, len(cases))


def figures(cases, topology):
    here = [case for case in cases if case.entry["topology"] == topology]
    clear = score.decidable(here)
    return [len(clear), score._share(sum(map(score.right, clear)), len(clear)), f"{mean_brier(here):.3f}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lab", required=True, help="a folder that run.py wrote")
    parser.add_argument("--fwsniff", required=True)
    parser.add_argument("--factors", nargs="+", type=float, default=[0.7, 1.4])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    arguments.fwsniff = os.path.abspath(arguments.fwsniff)
    with open(os.path.join(arguments.lab, "truth.json"), encoding="utf-8") as file:
        entries = [entry for entry in json.load(file) if entry["findings"]]
    files = sorted(name for name in os.listdir(os.path.join(PROJECT, "rules", "attribution")) if name[0].isdigit())
    as_is = measure(arguments, entries, {})
    varied = {(name, factor): measure(arguments, entries, {name: factor}) for name in files for factor in arguments.factors}
    rows = []
    for topology in sorted({entry["topology"] for entry in entries}):
        def elsewhere(cases, left_out=topology):
            return mean_brier([case for case in cases if case.entry["topology"] != left_out])
        chosen = {}
        for name in files:
            best = min([1.0] + arguments.factors,
                       key=lambda factor, name=name: elsewhere(as_is if factor == 1 else varied[name, factor]))
            if best != 1:
                chosen[name] = best
        here = [entry for entry in entries if entry["topology"] == topology]
        rows.append([topology, *figures(as_is, topology), *figures(measure(arguments, here, chosen), topology)[1:],
                     ", ".join(f"{name.split('.')[0]} x{factor}" for name, factor in chosen.items()) or "none"])
    print(score.table(("left out", "decidable", "place as it is", "Brier", "place as chosen elsewhere", "Brier there",
                       "changed"), rows))


if __name__ == "__main__":
    main()
