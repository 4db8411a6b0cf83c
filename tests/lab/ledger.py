"""The account that fwsniff --explain gives of a verdict, and what can be weighed anew from it.

A verdict is the mix, over the places where the capture may have been taken, of
floor + (1 - 6 floor) softmax(sum of the weights of the rules that count there).
"""

import collections
import glob
import math
import os
import re

from expert import PLACES

RULES = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "rules"))


# Rules that no capture of the lab can reach, and why. tests/unit/test_rules_reached.c reaches them.
TIMER = "a state timer of that length: the lab waits for no more than half a minute"
BEYOND_THE_LAB = {
    "timer-default-30": "a UDP service that speaks first from the server's side, which none of the products does",
    "timer-default-120": TIMER, "timer-default-240": TIMER, "timer-default-350": TIMER, "timer-default-3600": TIMER,
    "drops-at-server": "tcpdump's files do not tell what was dropped while capturing, and drops cannot be played on purpose",
    "alert-hidden": "OpenSSL's clients send alerts about a TLS 1.3 certificate in clear",
    "rst-class-of-pf": "the packet filter of the BSDs; the lab is Linux",
    "sinkhole-unheard": "a look-up that is hidden (over HTTPS), or cut by the capture, as happens in some seeds",
    "icmp-behind-nat": "Linux translates what ICMP errors quote",
    "rst-nearer": "a forger inside the server's own network whose RSTs no other rule of distance knows",
    "rst-nearer-far": "a forger in the middle of a long path, far from both ends: none of the lab's boxes stands there",
    "page-proxy-server": "a reverse proxy that refuses by itself; in the lab products speak for themselves",
    "served-in-between-silent": "a queue that is full, empty and full again while one client tries: it would have to be timed to its retries",
    "prior-synack-server": "a client that asks once and is gone, or a forged SYN: for the client's captures no failure",
}


def all_rules(folder=RULES):
    """Identifiers of all rules of evidence, in the order in which they are read."""
    names = []
    for path in sorted(glob.glob(os.path.join(folder, "attribution", "*.json"))):
        with open(path, encoding="utf-8") as file:
            names += re.findall(r'^\s*\{"id":\s*"([a-z0-9-]+)"', file.read(), re.MULTILINE)
    return names


class Ledger:
    """The parts of the account that weighing needs. `readings`: [(share, [rule, ...]), ...]."""

    def __init__(self, account):
        self.floor = account["floor"]
        self.without = {rule["rule"]: rule["without"] for rule in account["rules"] if rule["counts"]}
        self.held = {rule["rule"] for rule in account["rules"]}
        self.weights = {rule["rule"]: [rule["weights"][place] for place in PLACES] for rule in account["rules"]}
        self.readings = [(reading["share"], [rule["rule"] for rule in account["rules"]
                                             if reading["name"] in rule["counts"]])
                         for reading in account["readings"]]

    def soft(self, rules, weights):
        """softmax of the summed weights of these rules, as a list in the order of PLACES."""
        sums = [sum(column) for column in zip(*(weights[rule] for rule in rules))] or [0.0] * len(PLACES)
        greatest = max(sums)
        odds = [math.exp(each - greatest) for each in sums]
        total = sum(odds)
        return [each / total for each in odds]

    def mixed(self, weights=None):
        """The verdict with the given weights of the rules; its own where none are given."""
        result = [0.0] * len(PLACES)
        for share, rules in self.readings:
            for place, probability in enumerate(self.soft(rules, weights or self.weights)):
                result[place] += share * (self.floor + (1 - len(PLACES) * self.floor) * probability)
        return dict(zip(PLACES, result))


# ---- what each rule is worth ----

Worth = collections.namedtuple("Worth", "rule held counted gained right brier")


def worths(cases, decidable, right_place, brier):
    """`decidable`: the ids of the cases that count for `gained`. One Worth for each rule that held in any case: in how many captures it held and counted; how many more
    decidable cases are placed right with it than without (gained), and how much it takes off the sum of the
    Brier scores. Without: the next rule of its group counts in its stead, as if it had never been written.
    `right`: the share of cases in which it counts and the verdict is right."""
    held, counted, right, gained, better = (collections.Counter() for _ in range(5))
    for case in cases:
        ledger, place = case.got["ledger"], case.truth["failure_point"]
        for rule in ledger.held:
            held[rule] += 1
        for rule, odds in ledger.without.items():
            counted[rule] += 1
            right[rule] += right_place(case.got["odds"], place)
            better[rule] += brier(odds, place) - brier(case.got["odds"], place)
            if id(case) in decidable:
                gained[rule] += right_place(case.got["odds"], place) - right_place(odds, place)
    return [Worth(rule, held[rule], counted[rule], gained[rule], right[rule] / max(1, counted[rule]), better[rule])
            for rule in held]
