#!/usr/bin/python3
"""Scores a fwsniff program against the truth of a lab run, beside an expert and a naive baseline.

    score.py --lab DIR --fwsniff PROGRAM [--markdown FILE] [--by-rule] [--pairs] [--shuffle] [--worst N]

fwsniff sees every capture under a neutral name and is told nothing but what a user would tell it.
Words used in the result:

  found          a reported finding with the label's protocol, client, server and port
  false alarm    a reported finding that no label has; on a healthy capture: a false accusation
  decidable      the expert's first place has at least 0.8
  acceptable     the place has at least 0.15 in the expert's eyes, or is the real one; a mechanism is
                 acceptable if at least 15 % of the lab's findings that look alike have it
  mechanism, decidable: exact where the expert's first mechanism has at least 0.8; elsewhere the same
                 bytes come from several mechanisms (a closed port, a filter that answers with RST)
  Brier          sum over the six places of (probability - truth) squared: 0 is perfect, 2 the worst
"""

import argparse
import collections
import concurrent.futures
import copy
import datetime
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import packets  # noqa: E402
from expert import PLACES, judge, judge_mechanism  # noqa: E402
from ledger import BEYOND_THE_LAB, Ledger, all_rules, worths  # noqa: E402
from scenarios import CONTROLS, SCENARIOS, SERVICES  # noqa: E402
from truth import BEHIND_NAT, passes  # noqa: E402

DECIDABLE = 0.8
ACCEPTABLE = 0.15
RUN_LIMIT_S = 60
PRODUCT_PORTS = {port for _, _, port in SERVICES.values()}
SHORT = {"local-firewall": "local", "edge-firewall": "edge", "egress-policy": "egress", "server-host": "host",
         "network-path": "path", "application": "app"}
PAIRS = (("client", "server"), ("edge-wan", "edge-lan"), ("egress-lan", "egress-wan"))
BUCKETS = (0, .3, .4, .5, .6, .7, .8, .9, 1.01)


# ---- running ----

def analyse(program, files, options=(), told=()):
    """fwsniff's report on captures given under neutral names; None and a reason where it failed."""
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "-n", "-q", "--explain", *options]
        for index, path in enumerate(files):
            neutral = os.path.join(folder, f"capture{index}")
            shutil.copy(path, neutral)
            command += ["-r", neutral]
            if told:
                command += ["--vantage", f"{neutral}@{told[index]}"]
        report, done = os.path.join(folder, "report"), None
        try:
            done = subprocess.run([*command, f"--json={report}"], capture_output=True, text=True, timeout=RUN_LIMIT_S)
            with open(report, encoding="utf-8") as file:
                return json.load(file), None
        except subprocess.TimeoutExpired:
            return None, f"longer than {RUN_LIMIT_S} s"
        except (OSError, ValueError) as error:
            return None, f"exit status {done.returncode}: {done.stderr.strip()[-200:]}" if done else str(error)


def reported(report):
    """Findings in the few words that scoring needs."""
    found = []
    for one in report["findings"]:
        verdict = one["verdict"]
        odds = {candidate["failure_point"]: candidate["probability"] for candidate in verdict["candidates"]}
        found.append({"proto": one["proto"], "client_ip": one["client"]["ip"], "server_ip": one["server"]["ip"],
                      "port": one["server"]["port"], "symptom": one["symptom"], "place": verdict["failure_point"],
                      "mechanism": verdict["mechanism"], "confidence": verdict["confidence"],
                      "odds": {place: odds.get(place, 0.0) for place in PLACES},
                      "ledger": Ledger(one["ledger"])})
    return found


# ---- the naive baseline ----

def _naive_place(client, server, flow):
    """No SYN-ACK means edge, RST means server, ICMP by its source."""
    for _, (_, kind, _), source in flow.errors:
        if kind in (1, 3, 11):
            if source == server:
                return "local-firewall", "icmp-unreachable"
            near = source and source.rsplit(".", 1)[0] == client.rsplit(".", 1)[0]
            return ("egress-policy" if near else "edge-firewall"), "icmp-unreachable"
    if any(not forth for _, forth in flow.resets) and not flow.synacks:
        return "server-host", "syn-reset"
    if flow.retried and not flow.synacks:
        return "edge-firewall", "syn-timeout"
    if len(flow.requests) > 1 and not flow.answers:
        return "edge-firewall", "udp-no-response"
    return None, None


def naive(path, cache):
    """What a script of an afternoon would say of the capture."""
    found = {}
    for (proto, client, _, server, port), flow in packets.flows(packets.read(path, cache)).items():
        place, symptom = _naive_place(client, server, flow) if port in PRODUCT_PORTS else (None, None)
        if place:
            found[proto, client, server, port] = {
                "proto": proto, "client_ip": client, "server_ip": server, "port": port, "symptom": symptom,
                "place": place, "mechanism": "unknown", "confidence": 1.0,
                "odds": {each: float(each == place) for each in PLACES}}
    return list(found.values())


# ---- matching labels with findings ----

def _same(truth, one):
    names = [truth, *truth.get("also", [])]
    return (truth["proto"] == one["proto"] and (truth.get("any_port") or one["port"] in (truth["port"], None))
            and any((name["client_ip"], name["server_ip"]) == (one["client_ip"], one["server_ip"]) for name in names))


Case = collections.namedtuple("Case", "entry truth got")


def match(entry, findings):
    """(cases, false alarms, duplicates) of one capture."""
    left, cases, duplicates = list(findings), [], 0
    for truth in entry["findings"]:
        own = [one for one in left if _same(truth, one)]
        left = [one for one in left if one not in own]
        own.sort(key=lambda one: one["symptom"] not in truth["symptoms"])
        duplicates += max(0, len(own) - 1)
        if own or not truth.get("optional"):
            cases.append(Case(entry, truth, own[0] if own else None))
    return cases, [(entry, one) for one in left], duplicates


class Result:
    """All cases of one judge over the whole lab."""

    def __init__(self, entries, findings):
        self.entries, self.cases, self.alarms, self.duplicates = entries, [], [], 0
        for entry, found in zip(entries, findings):
            cases, alarms, duplicates = match(entry, found)
            self.cases += cases
            self.alarms += alarms
            self.duplicates += duplicates

    @property
    def found(self):
        return [case for case in self.cases if case.got]


# ---- measures; each takes a list of cases ----

def _share(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else "-"


def top(odds):
    return max(odds, key=odds.get)


def brier(odds, place):
    return sum((odds[each] - (each == place)) ** 2 for each in PLACES)


def mean(values):
    values = list(values)
    return f"{sum(values) / len(values):.3f}" if values else "-"


def decidable(cases):
    return [case for case in cases if max(case.truth["expert"].values()) >= DECIDABLE]


def decidable_mechanism(cases):
    return [case for case in cases if max(case.truth["expert_mechanism"].values()) >= DECIDABLE]


def right_mechanism(case):
    return case.got["mechanism"] == case.truth["mechanism"]


def expert_right_mechanism(case):
    return top(case.truth["expert_mechanism"]) == case.truth["mechanism"]


def right(case):
    return case.got["place"] == case.truth["failure_point"]


def acceptable(case):
    return right(case) or case.truth["expert"][case.got["place"]] >= ACCEPTABLE


def expert_right(case):
    return top(case.truth["expert"]) == case.truth["failure_point"]


def look(truth):
    """What a finding looks like, whatever is behind it."""
    return truth["symptoms"][0], tuple(sorted(truth["evidence"]))


def lookalikes(entries):
    """look -> mechanisms that the lab has behind it often enough to be acceptable."""
    seen = collections.defaultdict(collections.Counter)
    for entry in entries:
        for truth in entry["findings"]:
            seen[look(truth)][truth["mechanism"]] += 1
    return {view: {name for name, count in counter.items() if count >= ACCEPTABLE * counter.total()}
            for view, counter in seen.items()}


# ---- the tables ----

def table(head, rows):
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines) + "\n"


def _row(name, cases, alarms, alike):
    found = [case for case in cases if case.got]
    clear, clear_mechanism = decidable(found), decidable_mechanism(found)
    return [name, len(cases), _share(len(found), len(cases)), _share(len(found), len(found) + alarms),
            _share(sum(map(right, clear)), len(clear)), _share(sum(map(expert_right, clear)), len(clear)),
            _share(sum(map(acceptable, found)), len(found)),
            _share(sum(map(right_mechanism, found)), len(found)),
            _share(sum(map(expert_right_mechanism, found)), len(found)),
            _share(sum(map(right_mechanism, clear_mechanism)), len(clear_mechanism)),
            _share(sum(map(expert_right_mechanism, clear_mechanism)), len(clear_mechanism)),
            _share(sum(c.got["mechanism"] in alike[look(c.truth)] | {c.truth["mechanism"]} for c in found), len(found)),
            mean(brier(c.got["odds"], c.truth["failure_point"]) for c in found),
            mean(brier(c.truth["expert"], c.truth["failure_point"]) for c in found)]


HEAD = ("", "labels", "recall", "precision", "place, decidable", "expert there", "place, acceptable",
        "mechanism, exact", "expert, exact", "mechanism, decidable", "expert there", "mechanism, acceptable", "Brier", "expert's Brier")


def _groups(result, key, alarm_key):
    """Cases and number of false alarms by a key, in order of size."""
    cases, alarms = collections.defaultdict(list), collections.Counter()
    for case in result.cases:
        cases[key(case)].append(case)
    for entry, one in result.alarms:
        alarms[alarm_key(entry, one)] += 1
    return sorted(((name, cases[name], alarms[name]) for name in cases), key=lambda group: -len(group[1]))


GROUPINGS = (
    ("By vantage", lambda case: case.entry["vantage"], lambda entry, one: entry["vantage"]),
    ("By real failure point (false alarms: by the place accused)", lambda case: case.truth["failure_point"],
     lambda entry, one: one["place"]),
    ("By topology", lambda case: case.entry["topology"], lambda entry, one: entry["topology"]),
    ("By mechanism (false alarms: by the mechanism named)", lambda case: case.truth["mechanism"],
     lambda entry, one: one["mechanism"]),
)


def accusations(result):
    """Healthy captures with a finding, and all healthy captures."""
    accused = {entry["file"] for entry, _ in result.alarms if entry["healthy"]}
    return len(accused), sum(entry["healthy"] for entry in result.entries)


def total_section(result, baseline, alike):
    judges = [("fwsniff", result)] + ([("naive baseline", baseline)] if baseline.found else [])
    rows = [_row(name, each.cases, len(each.alarms), alike) for name, each in judges]
    text = "## In total\n\n" + table(HEAD, rows) + "\n"
    for name, each in judges:
        accused, healthy = accusations(each)
        text += (f"- {name}: false accusations on {accused} of {healthy} healthy captures ({_share(accused, healthy)}); "
                 f"{len(each.alarms)} false alarms in all, {each.duplicates} findings told twice.\n")
    text += ("- Mechanisms: \"exact\" is the plain share. A closed port and a filter that answers with RST, a dropped port and one "
             "that is forwarded to nobody, are the same bytes; so \"expert, exact\" is what the expert's first guess reaches, "
             "and \"decidable\" is the share where the expert is sure (0.8) of one mechanism.\n")
    right_place = sum(map(right, result.found))
    text += f"- place right over all found, decidable or not: {_share(right_place, len(result.found))}"
    text += f" (expert: {_share(sum(map(expert_right, result.found)), len(result.found))}).\n"
    return text


def calibration(pairs):
    """pairs: (confidence, was right)"""
    rows = []
    for low, high in zip(BUCKETS, BUCKETS[1:]):
        inside = [(confidence, ok) for confidence, ok in pairs if low <= confidence < high]
        if inside:
            rows.append([f"{low:.1f} to {min(high, 1):.1f}", len(inside), mean(c for c, _ in inside),
                         mean(float(ok) for _, ok in inside)])
    return table(("confidence", "cases", "mean stated", "share right"), rows)


def confusion(cases):
    rows = [[f"**{SHORT[real]}**"] + [sum(c.truth["failure_point"] == real and c.got["place"] == said for c in cases)
                                      for said in PLACES] for real in PLACES]
    return table(["real \\ said"] + [SHORT[place] for place in PLACES], rows)


def _odds(odds):
    return " ".join(f"{SHORT[place]} {odds[place]:.2f}" for place in sorted(odds, key=odds.get, reverse=True)
                    if odds[place] >= .05)


def worst(result, count):
    """Where fwsniff does worse than an expert with the same capture."""
    def loss(case):
        place = case.truth["failure_point"]
        return brier(case.got["odds"], place) - brier(case.truth["expert"], place)
    rows = [[case.entry["file"], f"{case.truth['failure_point']}, {case.truth['mechanism']}", case.got["symptom"],
             f"{case.got['mechanism']}: {_odds(case.got['odds'])}", _odds(case.truth["expert"]),
             ", ".join(case.truth["evidence"])]
            for case in sorted(result.found, key=loss, reverse=True)[:count]]
    return table(("capture", "real", "symptom said", "verdict", "expert", "what the expert sees"), rows)


def missed(result, count):
    rows = [[case.entry["file"], case.truth["failure_point"], case.truth["mechanism"], "/".join(case.truth["symptoms"])]
            for case in result.cases if not case.got]
    alarms = [[entry["file"], "healthy" if entry["healthy"] else "not in the label", one["symptom"],
               f"{one['client_ip']} > {one['server_ip']}:{one['port']} {one['place']}"] for entry, one in result.alarms]
    return (f"### Missed: {len(rows)}\n\n" + table(("capture", "real", "mechanism", "symptom"), rows[:count])
            + f"\n### False alarms: {len(alarms)}\n\n" + table(("capture", "", "symptom", "finding"), alarms[:count]))


def by_rule(result, pairs):
    """What each rule of evidence is worth, by leaving it out; and those that no capture reaches."""
    def placed(odds, place):
        return top(odds) == place
    clear = {id(case) for case in decidable(result.found)}
    found = sorted(worths(result.found, clear, placed, brier), key=lambda worth: (-worth.brier, worth.rule))
    rows = [[worth.rule, worth.held, worth.counted, _share(worth.right, 1), f"{worth.gained:+d}",
             f"{worth.brier:+.2f}"] for worth in found]
    known, held = all_rules(), {worth.rule for worth in found}
    counted = {worth.rule for worth in found if worth.counted}
    in_pairs = {rule for case in pairs for rule in case.got["ledger"].held} - held
    counted |= {rule for case in pairs for rule in case.got["ledger"].without}
    held |= in_pairs
    never = [rule for rule in known if rule not in held | set(BEYOND_THE_LAB)]
    idle = sorted(held - counted - set(BEYOND_THE_LAB))
    beyond = [(rule, why) for rule, why in BEYOND_THE_LAB.items() if rule not in counted]
    return (f"{len(known)} rules, {len(held & set(known))} of them held in at least one finding that a label has, "
            f"{len(in_pairs)} of these only where two captures are held against each other. "
            "Counted: it was the first of its group. Gained: how many more decidable findings are placed right with "
            "the rule than without it. Brier: by how much the sum of all Brier scores would be worse without it; what "
            "is negative misleads more than it helps on this lab.\n\n"
            + table(("rule", "held", "counted", "verdict right there", "gained", "Brier"), rows)
            + f"\nNever held: {len(never)}" + "".join(f"\n- {rule}" for rule in never)
            + f"\n\nHeld, but another of the group always counted: {len(idle)}"
            + "".join(f"\n- {rule}" for rule in idle)
            + f"\n\nBeyond the lab, reached by a unit test (test_rules_reached.c): {len(beyond)}"
            + "".join(f"\n- {rule}: {why}" for rule, why in beyond) + "\n")


# ---- several captures of the same time ----

def pair_entries(entries, told=False):
    """Truth of pairs: who sees the failure downstream has come that far; who does not, has it in between.

    `told`: the user says where each was taken, as one who took them would. Without it, what the lower capture
    does not show says something only where the two have connections in common: else neither a person nor a
    program can tell that the lower one stands on this path (a server's LAN on which nothing but neighbour
    discovery goes on is like any other LAN).
    """
    by_name = {(entry["scenario"], entry["vantage"]): entry for entry in entries
               if entry["file"].split(".")[1] == entry["vantage"]}  # not the second client or server of a site
    for up, down in PAIRS:
        for (scenario, vantage), upper in list(by_name.items()):
            lower = by_name.get((scenario, down))
            nothing_wrong = lower is not None and upper["healthy"] and lower["healthy"]
            if vantage != up or lower is None or not (upper["findings"] or nothing_wrong):
                continue
            entry = copy.deepcopy(upper)
            entry.update(vantage=f"{up}+{down}", files=[upper["file"], lower["file"]], file=f"{upper['file']} + {down}",
                         told=[up, down] if told else [], options=_without_vantage(entry["options"]))
            below = [truth for truth in lower["findings"] if not truth.get("optional")]
            shown = told or shows_path(scenario, up, down) or len(lower["findings"]) > 0
            for at, truth in enumerate(entry["findings"]):
                own = below[at:at + 1] if len(below) == len(entry["findings"]) else below
                _judge_pair(entry, truth, own, down, shown, asked_in_vain(scenario, down))
            yield entry


def _without_vantage(options):
    """What is told of one capture cannot be told of two."""
    at = options.index("--vantage") if "--vantage" in options else len(options)
    return options[:at] + options[at + 2:]


def _row_of(scenario):
    return next((row for row in SCENARIOS if row.name == scenario), None)


def shows_path(scenario, up, down):
    """Is there a connection that passes both captures and works?"""
    row = _row_of(scenario)
    return row is not None and any(passes(up, *CONTROLS[name][:2]) and passes(down, *CONTROLS[name][:2])
                                   for name in row.controls if CONTROLS[name][3] and not _ends_at_edge(row, name))


def _ends_at_edge(row, control):
    """Behind a NAT the public address that answers ping is the edge's own: no ping goes on to the server."""
    return CONTROLS[control][2] == "ping" and row.topology in BEHIND_NAT


# What the lower capture shows of a host that does not answer ARP: the router's requests.
def asked_in_vain(scenario, down):
    row = _row_of(scenario)
    return down == "edge-lan" and row is not None and (row.mechanism == "host-down" or row.how.startswith("dead"))


# What was above and is not below.
GONE = {"edge-lan": "died-in-edge", "egress-wan": "died-in-egress", "server": "gone-before-host"}


def _judge_pair(entry, truth, below, down, shown, asked):
    """Beyond one capture: the lower one sees it too, or it does not."""
    if below:
        truth["evidence"], truth["expert"] = below[0]["evidence"] + ["seen-by-both"], below[0]["expert"]
        truth["expert_mechanism"] = below[0]["expert_mechanism"]
        truth.setdefault("also", []).extend(below)
        if below[0]["symptoms"][0] != truth["symptoms"][0]:
            truth["symptoms"] = truth["symptoms"] + below[0]["symptoms"]
        return
    if not shown or truth.get("optional"):  # optional: both captures are behind the box, at the quiet end
        return
    gone = "arp-unanswered" if asked else GONE[down]
    truth["evidence"] = truth["evidence"] + [gone]
    truth["expert"] = judge(truth["symptoms"][0], truth["evidence"])
    truth["expert_mechanism"] = judge_mechanism(truth["symptoms"][0], truth["evidence"],
                                                entry["topology"] in BEHIND_NAT)


# ---- putting it together ----

def shuffled(entries, seed=1):
    """The same captures with the labels' places and mechanisms dealt anew: only chance can be right."""
    entries = copy.deepcopy(entries)
    truths = [truth for entry in entries for truth in entry["findings"]]
    labels = [{key: truth[key] for key in ("failure_point", "mechanism", "expert", "expert_mechanism")} for truth in truths]
    random.Random(seed).shuffle(labels)
    for truth, label in zip(truths, labels):
        truth.update(label)
    return entries


def run_all(program, entries, folder, jobs):
    """Reports for all entries, in their order, and what went wrong."""
    def one(entry):
        files = [os.path.join(folder, name) for name in entry.get("files", [entry["file"]])]
        return analyse(program, files, entry["options"], entry.get("told", ()))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        reports = list(pool.map(one, entries))
    troubles = [(entry["file"], reason) for entry, (_, reason) in zip(entries, reports) if reason]
    return [reported(report) if report else [] for report, _ in reports], troubles


def sections(result, baseline, entries, arguments, pairs):
    alike = lookalikes(entries)
    yield total_section(result, baseline, alike)
    for title, key, alarm_key in GROUPINGS:
        rows = [_row(name, cases, alarms, alike) for name, cases, alarms in _groups(result, key, alarm_key)]
        yield f"## {title}\n\n" + table(HEAD, rows)
    yield "## Calibration\n\nfwsniff:\n\n" + calibration([(c.got["confidence"], right(c)) for c in result.found])
    yield "The expert, over the same findings:\n\n" + calibration(
        [(max(c.truth["expert"].values()), expert_right(c)) for c in result.found])
    yield "## Confusion\n\n" + confusion(result.found)
    yield "## Worst cases\n\n" + worst(result, arguments.worst)
    yield "## Missed and false\n\n" + missed(result, arguments.worst)
    if arguments.by_rule:
        yield "## By rule\n\n" + by_rule(result, pairs)


def pairs_section(arguments, entries):
    """The text, and all findings of pairs."""
    texts, found = zip(_pairs(arguments, entries, False, "Pairs of captures"),
                       _pairs(arguments, entries, True, "Pairs of captures, told where each was taken"))
    return "".join(texts), [case for cases in found for case in cases]


def _pairs(arguments, entries, told, title):
    entries = list(pair_entries(entries, told))
    findings, troubles = run_all(arguments.fwsniff, entries, arguments.lab, arguments.jobs)
    result = Result(entries, findings)
    rows = [_row(name, cases, alarms, lookalikes(entries))
            for name, cases, alarms in _groups(result, *GROUPINGS[0][1:])]
    accused, healthy = accusations(result)
    said = f"- false accusations on {accused} of {healthy} healthy pairs; {len(result.alarms)} false alarms in all.\n"
    return (f"## {title}\n\n" + table(HEAD, rows) + "\n" + said + "\n" + worst(result, arguments.worst) + "\n"
            + missed(result, arguments.worst) + "".join(f"- {name}: {reason}\n" for name, reason in troubles) + "\n",
            result.found)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lab", required=True, help="a folder that run.py wrote")
    parser.add_argument("--fwsniff", required=True, help="the program to score")
    parser.add_argument("--markdown", help="write the result there too, as a page for the documentation")
    parser.add_argument("--append", metavar="FILE", help="text for the end of that page")
    parser.add_argument("--by-rule", action="store_true", help="how often each rule of evidence fired")
    parser.add_argument("--pairs", action="store_true", help="also score two captures at a time")
    parser.add_argument("--no-naive", action="store_true", help="without the naive baseline: tshark takes long over a whole lab")
    parser.add_argument("--shuffle", action="store_true", help="deal the labels anew: must drop to chance")
    parser.add_argument("--worst", type=int, default=15, help="how many worst cases to show")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--json", help="write the main numbers there, for scripts")
    return parser.parse_args()


def numbers(result):
    """The figures that goals are set in."""
    clear, accused = decidable(result.found), accusations(result)
    named = decidable_mechanism(result.found)
    found = result.found
    return {"recall": len(found) / max(1, len(result.cases)),
            "precision": len(found) / max(1, len(found) + len(result.alarms)),
            "false_accusations": accused[0] / max(1, accused[1]),
            "place_decidable": sum(map(right, clear)) / max(1, len(clear)),
            "place_acceptable": sum(map(acceptable, found)) / max(1, len(found)),
            "mechanism": sum(map(right_mechanism, found)) / max(1, len(found)),
            "mechanism_expert": sum(map(expert_right_mechanism, found)) / max(1, len(found)),
            "mechanism_decidable": sum(map(right_mechanism, named)) / max(1, len(named)),
            "brier": sum(brier(c.got["odds"], c.truth["failure_point"]) for c in found) / max(1, len(found)),
            "brier_expert": sum(brier(c.truth["expert"], c.truth["failure_point"]) for c in found) / max(1, len(found))}


def main():
    arguments = parse()
    arguments.fwsniff = os.path.abspath(arguments.fwsniff)
    with open(os.path.join(arguments.lab, "truth.json"), encoding="utf-8") as file:
        entries = json.load(file)
    findings, troubles = run_all(arguments.fwsniff, entries, arguments.lab, arguments.jobs)
    cache = os.path.join(arguments.lab, ".packets")
    paths = [os.path.join(arguments.lab, entry["file"]) for entry in entries]
    baselines = [[]] * len(paths)
    if not arguments.no_naive:
        with concurrent.futures.ProcessPoolExecutor(arguments.jobs) as pool:
            baselines = list(pool.map(naive, paths, [cache] * len(paths), chunksize=8))
    if arguments.shuffle:
        entries = shuffled(entries)
    result, baseline = Result(entries, findings), Result(entries, baselines)
    pairs_text, pairs = pairs_section(arguments, entries) if arguments.pairs else ("", [])
    text = "\n".join([*sections(result, baseline, entries, arguments, pairs), pairs_text])
    if troubles:
        text += "\n## Captures it could not analyse\n\n" + "".join(f"- {name}: {why}\n" for name, why in troubles)
    print(text)
    if arguments.markdown:
        write_page(arguments, entries, text)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(numbers(result), file, indent=1)
    return 0


def write_page(arguments, entries, text):
    version = subprocess.run([arguments.fwsniff, "-V"], capture_output=True, text=True).stdout.strip().split("\n")[0]
    scenarios = {entry["scenario"] for entry in entries}
    with open(arguments.markdown, "w", encoding="utf-8") as file:
        file.write(f"# How accurate fwsniff is\n\n{datetime.date.today()}, {version}, seed {entries[0]['seed']}: "
                   f"{len(scenarios)} scenarios, {len(entries)} captures in network namespaces with real firewalls. "
                   "Made by `make lab && make score` (root needed); what the words mean stands at the head of "
                   "`tests/lab/score.py`, what the lab does in `tests/lab/README.md`.\n\n" + text)
        if arguments.append:
            with open(arguments.append, encoding="utf-8") as more:
                file.write("\n" + more.read())


if __name__ == "__main__":
    sys.exit(main())
