#!/usr/bin/python3
"""Do the weights of the rules hold on a kind of network that nobody looked at while choosing them?

    leave_out.py --lab DIR [--lab DIR ...] --fwsniff PROGRAM [--pull P ...] [--steps N] [--markdown FILE]

Chooses weights from the lab by a fixed procedure, once with all topologies and once for each with that one left
out, and compares the place accuracy on the one that was left out. The procedure: start from the weights that stand
in rules/, which were set by hand from sources and judgement; maximise

    sum over findings of ln P(real place)  -  P/2 * sum over weights of (weight - weight set by hand)^2

by gradient ascent. P = 4 means that a weight set by hand is trusted to within about half a natural log unit, P = 0.25
to within two; findings of one scenario share one vote, since its captures show the same failure. Only what fwsniff --explain tells is used:
facts and groups do not depend on weights, so nothing needs to be run again.

Place accuracy is over findings where the expert's first place has at least 0.8 (decidable), and over all.
The weights chosen so are shown by this tool only: rules/ keeps those set by hand.
"""

import argparse
import collections
import json
import math
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from expert import PLACES  # noqa: E402
from score import Result, decidable, run_all, table, top  # noqa: E402

BAR = 5.0  # points
PULLS = (4.0, 1.0, 0.25)  # the first is the procedure, the others show how much depends on it
TITLE = "## Leaving a topology out"


class Example:
    """One finding: its ledger, where the fault really is, and how much it counts."""

    def __init__(self, case):
        self.ledger, self.topology = case.got["ledger"], case.entry["topology"]
        self.scenario = (case.entry["seed"], case.entry["scenario"])
        self.place = PLACES.index(case.truth["failure_point"])
        self.decidable = bool(decidable([case]))
        self.share = 1.0

    def right(self, weights):
        return top(self.ledger.mixed(weights)) == PLACES[self.place]


def share_votes(examples):
    count = collections.Counter(example.scenario for example in examples)
    for example in examples:
        example.share = 1 / count[example.scenario]


def gradient(examples, weights):
    """Of the sum of ln P(real place), by rule."""
    slope = {rule: [0.0] * len(PLACES) for rule in weights}
    for example in examples:
        ledger, parts, total = example.ledger, [], 0.0
        for share, rules in ledger.readings:
            odds = ledger.soft(rules, weights)
            steep = share * (1 - len(PLACES) * ledger.floor) * odds[example.place]
            parts.append((rules, odds, steep))
            total += steep + share * ledger.floor
        for rules, odds, steep in parts:
            factor = example.share * steep / total
            by_place = [factor * ((place == example.place) - probability) for place, probability in enumerate(odds)]
            for rule in rules:
                row = slope[rule]
                for place, value in enumerate(by_place):
                    row[place] += value
    return slope


def choose(examples, by_hand, pull, steps):
    """Adam (Kingma and Ba 2015) with a falling step: the sum is concave enough for it to settle."""
    weights = {rule: list(row) for rule, row in by_hand.items()}
    first = {rule: [0.0] * len(PLACES) for rule in by_hand}
    second = {rule: [0.0] * len(PLACES) for rule in by_hand}
    for step in range(1, steps + 1):
        slope, rate = gradient(examples, weights), 0.1 * (1 - (step - 1) / steps)
        for rule, row in weights.items():
            for place in range(len(PLACES)):
                value = slope[rule][place] - pull * (row[place] - by_hand[rule][place])
                first[rule][place] = .9 * first[rule][place] + .1 * value
                second[rule][place] = .99 * second[rule][place] + .01 * value * value
                row[place] += (rate * first[rule][place] / (1 - .9 ** step)
                               / (math.sqrt(second[rule][place] / (1 - .99 ** step)) + 1e-8))
    return weights


def accuracy(examples, weights):
    return 100 * sum(example.right(weights) for example in examples) / len(examples) if examples else None


def shown(value, sign=False):
    return "-" if value is None else f"{value:{'+' if sign else ''}.1f}"


def rows(examples, by_hand, pull, steps):
    everywhere = choose(examples, by_hand, pull, steps)
    for topology in sorted({example.topology for example in examples}):
        inside = [example for example in examples if example.topology == topology]
        others = choose([example for example in examples if example.topology != topology], by_hand, pull, steps)
        clear = [example for example in inside if example.decidable]
        figures = [accuracy(group, weights) for group in (clear, inside) for weights in (by_hand, everywhere, others)]
        change = figures[2] - figures[1] if clear else None
        yield [topology, len(clear), *map(shown, figures[:3]), shown(change, True), len(inside),
               *map(shown, figures[3:]), shown(figures[5] - figures[4], True)], change


def examples_of(program, lab, jobs):
    with open(os.path.join(lab, "truth.json"), encoding="utf-8") as file:
        entries = json.load(file)
    findings, troubles = run_all(program, entries, lab, jobs)
    for name, reason in troubles:
        print(f"{name}: {reason}", file=sys.stderr)
    return [Example(case) for case in Result(entries, findings).found]


def greatest(lines):
    return max(abs(change) for _, change in lines if change is not None)


def section(labs, program, jobs, pulls, steps):
    """The result as Markdown, and the greatest change of a topology left out."""
    examples = [example for lab in labs for example in examples_of(program, lab, jobs)]
    share_votes(examples)
    by_hand = {}
    for example in examples:
        by_hand.update(example.ledger.weights)
    pull, *looser = pulls
    lines = list(rows(examples, by_hand, pull, steps))
    head = ("topology", "decidable", "by hand", "chosen on all", "chosen without it", "change", "all findings",
            "by hand", "chosen on all", "chosen without it", "change")
    worst = greatest(lines)
    return (f"{TITLE}\n\n{len(examples)} findings of {len({e.scenario for e in examples})} scenarios; place accuracy in %. The "
            f"procedure stands at the head of `tests/lab/leave_out.py` (P = {pull:g}, {steps} steps).\n\n"
            + table(head, [row for row, _ in lines])
            + f"\nThe greatest change where the place is decidable: {worst:.1f} points (goal: less than {BAR:g})."
            + "".join(f" With P = {each:g}: {greatest(list(rows(examples, by_hand, each, steps))):.1f}." for each in looser)
            + "\n"), worst


def put_into_page(path, text):
    """Takes the place of the section of an earlier run, or goes to the end."""
    with open(path, encoding="utf-8") as file:
        page = file.read()
    before, found, rest = page.partition(TITLE)
    after = rest.partition("\n## ")[2] if found else ""
    with open(path, "w", encoding="utf-8") as file:
        file.write(before.rstrip() + "\n\n" + text + (f"\n## {after}" if after else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lab", required=True, action="append", help="a folder that run.py wrote; repeatable")
    parser.add_argument("--fwsniff", required=True)
    parser.add_argument("--pull", type=float, action="append",
                        help="how strongly weights stay where they were set by hand; the first is shown in full")
    parser.add_argument("--markdown", help="put the result into this page, docs/accuracy.md")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    text, worst = section(arguments.lab, os.path.abspath(arguments.fwsniff), arguments.jobs,
                          arguments.pull or PULLS, arguments.steps)
    print(text)
    if arguments.markdown:
        put_into_page(arguments.markdown, text)
    return 0 if worst < BAR else 1


if __name__ == "__main__":
    sys.exit(main())
