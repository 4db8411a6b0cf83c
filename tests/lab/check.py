#!/usr/bin/python3
"""Checks with tshark that every capture of a lab run shows what its label says.

    check.py --lab DIR [--jobs N] [-v]

A label is believed only if the capture holds the symptom it names, at the addresses it names, and if a
capture without findings holds no failure of the product. Exit status 1 where a label is wrong.
"""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import packets  # noqa: E402

UNREACHABLE = {(4, 3), (4, 11), (6, 1), (6, 2), (6, 3)}


def _error(flow):
    return any((family, kind) in UNREACHABLE for _, (family, kind, _), _ in flow.errors)


def _stalled(flow):
    """Data repeated in vain, or a request that was taken and never answered."""
    silent = flow.data and not flow.answer_data and not flow.resets
    return flow.established and (flow.retransmitted or bool(silent))


def _udp_stall(flow):
    """Silent since, or asked again and again in a transfer that goes on."""
    asked_again = len(flow.requests) > len(flow.answers) + 3
    return bool(flow.answers) and len(flow.requests) > 2 and (flow.requests[-2] > flow.answers[-1] or asked_again)


# symptom -> does this flow show it?
SHOWS = {
    "syn-timeout": lambda f: f.retried and not f.synacks,
    "syn-reset": lambda f: bool(f.syns) and any(not forth for _, forth in f.resets) and not f.synacks,
    "synack-unanswered": lambda f: len(f.synacks) > 1 and not f.acks and not f.data,
    "icmp-unreachable": _error,
    "udp-no-response": lambda f: len(f.requests) > 1 and not f.answers,
    "udp-stall": _udp_stall,
    "reset-midstream": lambda f: bool(f.synacks or f.answer_data) and bool(f.resets),
    "stall-midstream": _stalled,
    "tls-failure": lambda f: f.established and (f.alerts > 0 or bool(f.resets) or f.retransmitted),
    "http-blocked": lambda f: bool({302, 403, 407, 511} & f.http),
    "ftp-data-failed": lambda f: not f.synacks and (f.retried or _error(f) or bool(f.syns and f.resets)),
    "no-traffic": lambda f: False,
}
FAILED = ("syn-timeout", "syn-reset", "udp-no-response", "synack-unanswered")


def _of_finding(found, flows):
    """The flows that the finding's label names."""
    names = {(found["client_ip"], found["server_ip"])}
    names |= {(other["client_ip"], other["server_ip"]) for other in found.get("also", [])}
    back = set()
    if found["symptoms"] == ["ftp-data-failed"]:  # active mode: the server connects, to whatever the client announced
        back = {server for _, server in names}
    return [flow for (proto, client, _, server, port), flow in flows.items()
            if proto == found["proto"] and ((client, server) in names or client in back)
            and (port == found["port"] or found.get("any_port"))]


# FTP where nobody is seen to open the data connection.
NO_DATA_SYN = {"ftp-active-not-sent", "ftp-active-not-out", "ftp-active-not-come", "ftp-not-sent", "ftp-never-came"}


def _only_control(found, own):
    established = [flow for flow in own if flow.established]
    return len(established) == 1 and bool(established[0].answer_data)


def _check_finding(found, flows):
    own = _of_finding(found, flows)
    if found["symptoms"] == ["no-traffic"]:
        tried = any(key[4] == found["port"] and flow in own for key, flow in flows.items())
        return ["traffic where none was to appear"] if tried else []
    if not own:
        return [] if found.get("optional") else ["no packet of the flow that the label names"]
    if found.get("optional") or any(SHOWS[symptom](flow) for symptom in found["symptoms"] for flow in own):
        return []
    if NO_DATA_SYN & set(found["evidence"]) and _only_control(found, own):
        return []
    return [f"no flow shows {' or '.join(found['symptoms'])}"]


def _check_esp(entry, folder):
    """IKE is answered, and of ESP only one end's packets are there."""
    found = subprocess.run(["tshark", "-n", "-r", os.path.join(folder, entry["file"]), "-Y", "esp", "-T", "fields",
                            "-e", "ip.src", "-e", "ipv6.src", "-e", "udp.srcport"],
                           check=True, capture_output=True, text=True).stdout
    senders = {line.strip() for line in found.splitlines()}
    if "-udp-" in entry["scenario"]:  # behind a NAT each end has two addresses
        senders = {line.endswith("\t4500") for line in senders}
    if entry["findings"]:
        return [] if len(senders) == 1 else [f"ESP of {len(senders)} ends"]
    return [] if entry["healthy"] == (len(senders) == 2) else [f"ESP of {len(senders)} ends"]


def _check_controls(found, flows):
    """Controls that the expert counts on are in the capture: something else was established."""
    wanted = [name for name in found["evidence"] if name.startswith(("other-client-works", "other-server-works",
                                                                     "worked-before"))]
    worked = sum(1 for flow in flows.values() if flow.synacks and flow.answer_data or flow.answers)
    return ["the control that worked is not in the capture"] if wanted and not worked else []


def _check_quiet(entry, flows):
    """No failure of the service where the label says there is nothing to find."""
    if entry["healthy"]:
        return []  # scans and abandoned attempts are meant to look like failures
    failing = [key for key, flow in flows.items() if key[0] == entry["proto"] and key[4] == entry["port"]
               and any(SHOWS[symptom](flow) for symptom in FAILED)]
    return [f"a failure of the service is visible: {failing[0]}"] if failing else []


def check(entry, folder, cache):
    """What is wrong with one label."""
    flows = packets.flows(packets.read(os.path.join(folder, entry["file"]), cache))
    findings = entry["findings"]
    if "-esp-" in entry["scenario"]:
        return _check_esp(entry, folder)
    if not findings:
        return _check_quiet(entry, flows)
    return [text for found in findings for text in _check_finding(found, flows) + _check_controls(found, flows)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lab", required=True, help="a folder that run.py wrote")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    with open(os.path.join(arguments.lab, "truth.json"), encoding="utf-8") as file:
        entries = json.load(file)
    cache = os.path.join(arguments.lab, ".packets")
    with concurrent.futures.ProcessPoolExecutor(arguments.jobs) as pool:
        results = list(pool.map(check, entries, [arguments.lab] * len(entries), [cache] * len(entries), chunksize=8))
    wrong = [(entry["file"], text) for entry, texts in zip(entries, results) for text in texts]
    for name, text in wrong:
        print(f"{name}: {text}")
    print(f"{len(entries)} captures, {sum(len(e['findings']) for e in entries)} labelled findings, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
