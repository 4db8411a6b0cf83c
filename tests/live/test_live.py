#!/usr/bin/python3
"""fwsniff on a live interface, while a real client is blocked by a real firewall rule.

    test_live.py --fwsniff PROGRAM [--build DIR] [--only REGEX] [-v]

Every case makes a client and a server in network namespaces, starts fwsniff inside one of them, blocks
the client with nftables and requires the verdict on standard output in time; then Ctrl-C, the final
report and the exit status. Needs root: skipped (exit 77) where that, or a tool, is missing.
"""

import argparse
import concurrent.futures
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
LAB = os.path.join(HERE, "..", "lab")
sys.path.insert(0, LAB)

import net  # noqa: E402
import peers  # noqa: E402
import sites  # noqa: E402

PORT = 5800
SECOND_RETRY_S = 3.0     # SYN retries come 1 s and 3 s after the first SYN
VERDICT_WITHIN_S = 5.0   # of the second retry, or of the refusal
STARTED = re.compile(r"listening|capturing|watching", re.I)
START_WAIT_S = 5.0
END_WAIT_S = 10.0
VERDICT = re.compile(r"local[- ]firewall|edge[- ]firewall|egress[- ]policy|server[- ]host|network[- ]path"
                     r"|\bFP[123]\b", re.I)
AT_THE_HOST = {"local-firewall", "server-host"}


@dataclass
class Case:
    """What is done to the client, where fwsniff listens, and what it must say."""
    name: str
    where: str                 # the host whose interface is watched
    rule: str = None           # nftables verdict on the server's input; None: nothing is blocked
    symptom: str = None
    places: frozenset = frozenset()
    deadline_s: float = VERDICT_WITHIN_S  # after the client's first SYN
    options: tuple = ()
    ends_itself: bool = False  # -c or -d: no Ctrl-C needed


def _blocked(where):
    drop_deadline = SECOND_RETRY_S + VERDICT_WITHIN_S
    return [
        Case(f"drop, seen at the {where}", where, "drop", "syn-timeout", AT_THE_HOST, drop_deadline),
        Case(f"reject with RST, seen at the {where}", where, "reject with tcp reset", "syn-reset", AT_THE_HOST),
        Case(f"reject with ICMP, seen at the {where}", where, "reject", "icmp-unreachable", {"local-firewall"}),
    ]


CASES = _blocked("server") + _blocked("client") + [
    Case("-d ends it, with the report", "server", "drop", "syn-timeout", AT_THE_HOST, 8.0, ("-d", "9s"), True),
    Case("-c ends it, with the report", "server", "reject with tcp reset", "syn-reset", AT_THE_HOST, 8.0,
         ("-c", "16"), True),  # neighbour discovery and the like count as well
    Case("nothing is wrong", "server"),
]


def evidence_of(report):
    return report.removesuffix(".json") + ".pcapng"


class Watcher:
    """fwsniff inside a host; remembers when each line came."""

    def __init__(self, node, program, options, report):
        self.lines, self.errors = [], []
        command = [program, "-i", "eth0", "--profile", "syncrify", "-n", f"--json={report}",
                   f"--evidence={evidence_of(report)}", *options]
        self.process = node.start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.readers = [threading.Thread(target=self._read, args=pair, daemon=True)
                        for pair in ((self.process.stdout, self.lines), (self.process.stderr, self.errors))]
        for reader in self.readers:
            reader.start()

    @staticmethod
    def _read(stream, lines):
        for line in stream:
            lines.append((time.monotonic(), line.rstrip("\n")))

    def wait_until_open(self):
        """Its own word on standard error, or an open packet socket."""
        deadline = time.monotonic() + START_WAIT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            if any(STARTED.search(line) for _, line in self.errors) or self._has_packet_socket():
                time.sleep(0.2)
                return True
            time.sleep(0.05)
        return False

    def _has_packet_socket(self):
        try:
            with open(f"/proc/{self.process.pid}/net/packet", encoding="ascii") as file:
                return len(file.readlines()) > 1
        except OSError:
            return False

    def verdict_at(self):
        """When the first line came that names a place."""
        return next((when for when, line in self.lines if VERDICT.search(line)), None)

    def end(self, by_signal):
        """Its exit status, or None where it did not end in time."""
        if by_signal:
            self.process.send_signal(signal.SIGINT)
        try:
            status = self.process.wait(END_WAIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None
        for reader in self.readers:
            reader.join(2)
        return status

    def text(self):
        return "\n".join(line for _, line in self.lines + self.errors)


def play(case, program, wire_program, folder):
    """Runs one case; returns what is wrong, as text, or an empty list."""
    report = os.path.join(folder, re.sub(r"\W+", "-", case.name) + ".json")
    plan = sites.Plan.draw(7, far=False)
    plan.linear_retries = 0  # the classic retry times, whatever this kernel's default is
    site = sites.lan(wire_program, plan)
    with site.lab:
        site.lab.up()
        server = peers.Server(site["server"], "http", PORT)
        if case.rule:
            site["server"].nft(f"add rule inet lab block_input tcp dport {PORT} {case.rule}\n")
        watcher = Watcher(site[case.where], program, case.options, report)
        if not watcher.wait_until_open():
            watcher.end(True)
            return [f"did not start to capture: {watcher.text()}"]
        started = time.monotonic()
        _client(site, case, started, watcher)
        wrong = _check_time(case, watcher, started)
        status = watcher.end(by_signal=not case.ends_itself)
        server.stop()
    wrong += _check_end(case, watcher, status) + _check_report(case, report) + _check_evidence(case, evidence_of(report))
    return wrong + ([f"output was:\n{watcher.text()}"] if wrong else [])


def _client(site, case, started, watcher):
    """A client tries for as long as a verdict may take, or until fwsniff has seen enough."""
    enough = case.deadline_s if case.symptom == "syn-timeout" or case.ends_itself else 2.0
    while time.monotonic() - started < enough and watcher.process.poll() is None:
        peers.fetch(site["client"], "http", site.addresses["server"], PORT, timeout=case.deadline_s)
        time.sleep(0.3)


def _check_time(case, watcher, started):
    """The verdict is there in time; -c and -d may end first and are judged by their final report."""
    if case.symptom is None or case.ends_itself:
        return []
    while watcher.verdict_at() is None and time.monotonic() < started + case.deadline_s:
        time.sleep(0.05)
    when = watcher.verdict_at()
    if when is None or when > started + case.deadline_s:
        return [f"no verdict on standard output within {case.deadline_s:.0f} s of the first SYN"]
    return []


def _check_end(case, watcher, status):
    expected = 1 if case.symptom else 0
    wrong = [] if status == expected else [f"exit status {status}, expected {expected}"]
    has_verdict = watcher.verdict_at() is not None
    if has_verdict != bool(case.symptom):
        wrong.append("a verdict though nothing failed" if has_verdict else "no verdict in the final report")
    return wrong


def _check_report(case, path):
    """The JSON report agrees with what was done."""
    try:
        with open(path, encoding="utf-8") as file:
            findings = json.load(file)["findings"]
    except (OSError, ValueError, KeyError) as error:
        return [f"no usable JSON report: {error!r}"]
    if not case.symptom:
        return [f"{len(findings)} findings though nothing failed"] if findings else []
    if len(findings) != 1:
        return [f"{len(findings)} findings, expected one"]
    found = findings[0]
    wrong = []
    if found["symptom"] != case.symptom:
        wrong.append(f"symptom {found['symptom']}, expected {case.symptom}")
    if found["verdict"]["failure_point"] not in case.places:
        wrong.append(f"placed at {found['verdict']['failure_point']}, expected one of {sorted(case.places)}")
    return wrong


def _check_evidence(case, path):
    """Frames of an interface come but once: those that the finding cites were kept, each with a comment."""
    if not shutil.which("tshark"):
        return []
    fields = ["-T", "fields", "-e", "tcp.dstport", "-e", "frame.comment"]
    done = subprocess.run(["tshark", "-n", "-r", path, "-Y", "frame.comment", *fields], capture_output=True, text=True,
                          check=False)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    if done.returncode:
        return [f"tshark cannot read the evidence: {done.stderr.strip()}"]
    if not case.symptom:
        return [f"evidence though nothing failed: {lines}"] if lines else []
    requests = [comment for ports, comment in lines if str(PORT) in ports.split(",")]
    return [] if requests and all(requests) else [f"no request of the client in the evidence: {lines}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fwsniff", required=True, help="the program to test")
    parser.add_argument("--build", help="where the wire program is built (default: a temporary folder)")
    parser.add_argument("--only", default="", help="regular expression: cases whose name matches")
    arguments = parser.parse_args()
    if reason := net.able():
        print(f"live tests: skipped, {reason}")
        return 77
    net.sweep()
    program = os.path.abspath(arguments.fwsniff)
    cases = [case for case in CASES if re.search(arguments.only, case.name)]
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        wire_program = net.build_wire(os.path.join(LAB, "wire.c"), os.path.join(arguments.build or folder, "wire"))
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda case: play(case, program, wire_program, folder), cases))
    for case, wrong in zip(cases, results):
        print(f"{'ok  ' if not wrong else 'FAIL'} {case.name}")
        for text in wrong:
            print("       " + text.replace("\n", "\n       "))
    failed = sum(map(bool, results))
    print(f"live: {len(cases) - failed} of {len(cases)} passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
