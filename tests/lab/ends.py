#!/usr/bin/python3
"""At which packet a capture ends must not decide who is named.

    ends.py --lab DIR --fwsniff PROGRAM [--cut 6] [--sure 0.6]

Every capture of a failing scenario is analysed whole, and without its last one to `cut` packets. Told is each wrong
place that is named with `sure` or more only because of the cut: the whole capture names another, or is less sure of
it by 0.15; and each finding that no label has and the whole capture does not give. Less evidence may leave a
finding undecided, or away; it must not turn it.
"""

import argparse
import concurrent.futures
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from score import analyse, match, reported  # noqa: E402

LESS_SURE = 0.15


def verdicts(arguments, entry, packets=None):
    """What is said of each label, by its place in the list; the number of other findings; the packets."""
    options = entry["options"] + ([f"--count={packets}"] if packets else [])
    report, trouble = analyse(arguments.fwsniff, [os.path.join(arguments.lab, entry["file"])], options)
    if not report:
        raise RuntimeError(f"{entry['file']}: {trouble}")
    cases, alarms, _ = match(entry, reported(report))
    told = {entry["findings"].index(case.truth): case.got for case in cases if case.got}
    return told, len(alarms), report["captures"][0]["packets"]


def turned(whole, cut, real, sure):
    """Whether the cut alone makes for a wrong place."""
    if not cut or cut["place"] == real or cut["confidence"] < sure:
        return False
    return not whole or whole["place"] != cut["place"] or cut["confidence"] > whole["confidence"] + LESS_SURE


def in_short(got):
    return f"{got['place']} {got['confidence']:.2f} ({got['mechanism']})" if got else "nothing"


def examine(arguments, entry):
    lines = []
    whole, alarms, packets = verdicts(arguments, entry)
    for less in range(1, min(arguments.cut, packets - 2) + 1):
        cut, more_alarms, _ = verdicts(arguments, entry, packets - less)
        for number, truth in enumerate(entry["findings"]):
            if turned(whole.get(number), cut.get(number), truth["failure_point"], arguments.sure):
                lines.append(f"{entry['file']} without its last {less}: {in_short(cut[number])}, whole: "
                             f"{in_short(whole.get(number))}, real: {truth['failure_point']}")
        if more_alarms > alarms:
            lines.append(f"{entry['file']} without its last {less}: {more_alarms - alarms} more than there are")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lab", required=True, help="a folder that run.py wrote")
    parser.add_argument("--fwsniff", required=True, help="the program to examine")
    parser.add_argument("--cut", type=int, default=6, help="packets to leave out at most")
    parser.add_argument("--sure", type=float, default=0.6, help="confidence from which a wrong place counts")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    arguments.fwsniff = os.path.abspath(arguments.fwsniff)
    with open(os.path.join(arguments.lab, "truth.json"), encoding="utf-8") as file:
        entries = [entry for entry in json.load(file) if entry["findings"]]
    count = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for lines in pool.map(lambda entry: examine(arguments, entry), entries):
            count += len(lines)
            for line in lines:
                print(line, flush=True)
    print(f"{len(entries)} captures, up to {arguments.cut} packets cut: {count} verdicts turned")
    return count > 0


if __name__ == "__main__":
    sys.exit(main())
