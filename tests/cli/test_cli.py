#!/usr/bin/python3
"""The command line as its users type it: options, exit statuses, outputs, errors.

    test_cli.py --fwsniff PROGRAM

Captures are written here, byte by byte: this is about files and options, not about verdicts.
"""

import argparse
import gzip
import json
import os
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path.insert(0, os.path.join(HERE, ".."))
from cases import run as run_cases  # noqa: E402
HEALTHY, FAILURES, USAGE, CAPTURE = 0, 1, 2, 3
CLIENT, SERVER = (10, 2, 0, 10), (203, 0, 113, 2)
SYN, ACK, RST = 0x02, 0x10, 0x04


def frame(source, destination, sport, dport, flags, sequence=1000, acknowledgment=0, ttl=64, ip_id=7):
    """Ethernet, IPv4 and TCP headers; checksums are left out, as with offload."""
    ethernet = bytes.fromhex("020000000001020000000002" "0800")
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, ip_id, 0x4000, ttl, 6, 0, bytes(source), bytes(destination))
    tcp = struct.pack(">HHIIBBHHH", sport, dport, sequence, acknowledgment, 0x50, flags, 64240, 0, 0)
    return ethernet + ip + tcp


def pcap(records):
    """Records are (seconds, bytes)."""
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
    for seconds, data in records:
        whole = int(seconds)
        out += struct.pack("<IIII", 1795255200 + whole, int((seconds - whole) * 1e6), len(data), len(data)) + data
    return out


def silent(port=5800):
    """A SYN, three retries, and nothing else."""
    return [(at, frame(CLIENT, SERVER, 40000, port, SYN, ip_id=10 + i)) for i, at in enumerate((0, 1, 3, 7))]


def healthy(port=5800):
    return [(0.00, frame(CLIENT, SERVER, 40001, port, SYN)),
            (0.02, frame(SERVER, CLIENT, port, 40001, SYN | ACK, 5000, 1001, 57)),
            (0.03, frame(CLIENT, SERVER, 40001, port, ACK, 1001, 5001))]


class Cases:
    """Everything a test needs; each test_ method is one test."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.failing = self.write("failing.pcap", pcap(silent()))
        self.fine = self.write("fine.pcap", pcap(healthy()))

    def write(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def run(self, *arguments, stdin=b"", status=None, cwd=None, env=None):
        done = subprocess.run([self.program, *arguments], input=stdin, capture_output=True, timeout=60,
                              cwd=cwd or self.folder, env={**os.environ, **(env or {})})
        done.out, done.err = done.stdout.decode(), done.stderr.decode()
        if status is not None:
            assert done.returncode == status, f"{arguments}: exit {done.returncode}, not {status}: {done.err}"
        return done

    def report(self, *arguments, **more):
        return json.loads(self.run("--json", *arguments, **more).out)

    # --- exit status and where things go ---

    def test_a_failure_is_reported_on_standard_output(self):
        done = self.run("-r", self.failing, status=FAILURES)
        assert "syn-timeout" in done.out and "203.0.113.2" in done.out
        assert done.err == "", done.err

    def test_a_healthy_capture_yields_nothing(self):
        done = self.run("-r", self.fine, status=HEALTHY)
        assert "VERDICT" not in done.out and "UNDECIDED" not in done.out

    def test_plain_when_not_a_terminal(self):
        assert "\x1b" not in self.run("-r", self.failing).out
        assert "\x1b" in self.run("-r", self.failing, "--color", "always").out

    def test_lines_fit_eighty_columns(self):
        for line in self.run("-r", self.failing).out.splitlines():
            assert len(line) <= 80 or line.startswith("        "), line

    def test_json_goes_to_a_file(self):
        path = os.path.join(self.folder, "out.json")
        done = self.run("-r", self.failing, f"--json={path}", status=FAILURES)
        assert "syn-timeout" in done.out
        with open(path, encoding="utf-8") as file:
            assert json.load(file)["summary"]["findings"] == 1

    def test_json_is_the_only_thing_on_standard_output(self):
        assert self.report("-r", self.failing, status=FAILURES)["findings"][0]["symptom"] == "syn-timeout"

    def test_a_verdict_is_explained(self):
        plain = self.report("-r", self.failing, status=FAILURES)["findings"][0]
        assert "ledger" not in plain
        text = self.run("-r", self.failing, "--explain", status=FAILURES).out
        assert plain["id"] in text and "LEDGER" in text
        finding = self.report("-r", self.failing, f"--explain={plain['id']}", status=FAILURES)["findings"][0]
        ledger = finding.pop("ledger")
        assert finding == plain
        counting = {rule["rule"] for rule in ledger["rules"] if rule["counts"]}
        assert counting >= {line["rule"] for line in finding["evidence"]}, counting

    def test_what_is_not_there_is_not_explained(self):
        done = self.run("-r", self.failing, "--explain=00000000", status=FAILURES)
        assert "no finding has the id" in done.out and "LEDGER" not in done.out
        other = self.report("-r", self.failing, "--explain=00000000", status=FAILURES)
        assert "ledger" not in other["findings"][0] and other["warnings"]

    def test_an_output_that_cannot_be_written_is_told_first(self):
        done = self.run("-r", self.failing, "--json=/nonexistent/x.json", status=USAGE)
        assert "/nonexistent/x.json" in done.err and done.out == ""

    def test_a_full_disk_is_told(self):
        if not os.path.exists("/dev/full"):
            return
        done = self.run("-r", self.failing, "--json=/dev/full", status=USAGE)
        assert "No space left" in done.err

    def test_help_version_and_lists(self):
        assert "--profile" in self.run("-h", status=HEALTHY).out
        assert "libpcap" in self.run("-V", status=HEALTHY).out
        profiles = self.run("--list-profiles", status=HEALTHY).out
        for name in ("syncrify", "synaman", "druva", "securidata", "mtpip", "peersync"):
            assert name in profiles, name
        self.run("-D", status=HEALTHY)

    # --- reading ---

    def test_standard_input(self):
        with open(self.failing, "rb") as file:
            data = file.read()
        self.run("-r", "-", stdin=data, status=FAILURES)
        self.run("-r", "-", stdin=gzip.compress(data), status=FAILURES)

    def test_a_filter_expression(self):
        self.run("-r", self.failing, "tcp", "port", "5800", status=FAILURES)
        self.run("-r", self.failing, "udp", status=HEALTHY)
        for wrong in ("no such filter", "tcp port 99999"):
            done = self.run("-r", self.failing, wrong, status=USAGE)
            assert f"filter '{wrong}'" in done.err, done.err
        self.run("-r", self.failing, "wlan type mgt or tcp", status=CAPTURE)  # not with Ethernet

    def test_frames_that_a_filter_drops_are_counted(self):
        path = self.write("mixed.pcap", pcap(healthy(80) + [(at + 1, data) for at, data in silent()]))
        finding = self.report("-r", path, "port", "5800", status=FAILURES)["findings"][0]
        frames = sorted({n for e in finding["evidence"] for n in e["frames"]})
        assert frames[0] == 4 and frames[-1] == 7, frames

    def test_a_cut_file_is_read_to_the_cut(self):
        with open(self.failing, "rb") as file:
            data = file.read()
        path = self.write("cut.pcap", data[:-10])
        done = self.run("-r", path, status=CAPTURE)
        assert "frame 4" in done.out + done.err and "syn-timeout" in done.out
        report = self.report("-r", path, status=CAPTURE)
        assert report["captures"][0]["truncated"] and report["captures"][0]["packets"] == 3

    def test_what_is_no_capture_is_named(self):
        text = self.write("text.pcap", b"12:00:00.000000 IP 10.0.0.1.1 > 10.0.0.2.2: Flags [S], seq 1, win 1, length 0\n")
        assert "text" in self.run("-r", text, status=CAPTURE).err
        assert "empty" in self.run("-r", self.write("empty.pcap", b""), status=CAPTURE).err.lower()
        assert "nothere" in self.run("-r", "nothere.pcap", status=CAPTURE).err

    def test_one_bad_file_does_not_stop_the_others(self):
        done = self.run("-r", "nothere.pcap", "-r", self.failing, status=CAPTURE)
        assert "syn-timeout" in done.out

    def test_packet_limit(self):
        assert self.report("-r", self.failing, "-c", "1", status=HEALTHY)["findings"] == []

    def test_an_attempt_cut_short_is_no_failure(self):
        path = self.write("short.pcap", pcap(silent()[:1]))
        self.run("-r", path, status=HEALTHY)

    def test_the_same_report_every_time(self):
        first, second = (self.run("--json", "-r", self.failing).out for _ in range(2))
        assert first == second

    # --- products ---

    def test_only_the_products_asked_for(self):
        self.run("-r", self.failing, "-p", "mtpip", status=HEALTHY)
        self.run("-r", self.failing, "-p", "mtpip,syncrify", status=FAILURES)

    def test_an_unknown_product(self):
        done = self.run("-r", self.failing, "-p", "syncrifi", status=USAGE)
        assert "syncrifi" in done.err

    def test_a_port_that_was_moved(self):
        path = self.write("moved.pcap", pcap(silent(9443)))
        self.run("-r", path, status=HEALTHY)
        report = self.report("-r", path, "--port", "syncrify=tcp/9443", status=FAILURES)
        assert report["findings"][0]["profile"] == "syncrify"

    def test_a_profile_of_ones_own(self):
        profile = self.write("own.json", b"""{
            // a product nobody else has
            "name": "own", "title": "Own product",
            "services": [{"name": "Own service", "proto": "tcp", "ports": [7777]}]}""")
        path = self.write("own.pcap", pcap(silent(7777)))
        report = self.report("--profile-file", profile, "-r", path, status=FAILURES)
        assert report["findings"][0]["service"] == "Own service"

    def test_a_bad_profile_names_line_and_column(self):
        profile = self.write("bad.json", b'{\n  "name": "own",\n  "port": 3\n}')
        done = self.run("--profile-file", profile, "-r", self.failing, status=USAGE)
        assert "bad.json:3:" in done.err, done.err

    # --- what the user knows ---

    def test_the_vantage_told_is_taken(self):
        vantage = self.report("-r", self.failing, "--vantage", "edge-wan")["captures"][0]["vantage"]
        assert vantage["kind"] == "edge-wan" and vantage["confidence"] == 1

    def test_an_expected_peer_that_never_came(self):
        report = self.report("-r", self.fine, "-p", "syncrify", "--expect", "10.9.9.9", status=FAILURES)
        assert [f["symptom"] for f in report["findings"]] == ["no-traffic"]
        self.run("-r", self.fine, "-p", "syncrify", "--expect", "10.2.0.10", status=HEALTHY)

    def test_an_expected_peer_in_a_flood(self):
        """Of a flood's single SYNs no record is kept; that the peer came is known all the same."""
        path = self.write("flood.pcap", pcap([(i / 1000, frame((10, 7, i >> 8, i & 255), SERVER, 40000, 5800, SYN, i * 9))
                                              for i in range(1, 8000)]))
        for late in ("10.7.30.200", "10.7.31.1"):
            report = self.report("-r", path, "-p", "syncrify", "--expect", late, status=HEALTHY)
            assert report["summary"]["attempts"] == 7999, report["summary"]
        report = self.report("-r", path, "-p", "syncrify", "--expect", "10.9.9.9", status=FAILURES)
        assert [f["symptom"] for f in report["findings"]] == ["no-traffic"]

    # --- rules and errors ---

    def test_rules_are_found_from_anywhere(self):
        self.run("-r", self.failing, cwd="/", status=FAILURES)
        rules = os.path.join(ROOT, "rules")
        self.run("-r", self.failing, "--rules", rules, status=FAILURES)
        self.run("-r", self.failing, env={"FWSNIFF_RULES": rules}, status=FAILURES)
        self.run("-r", self.failing, env={"FWSNIFF_RULES": "/nonexistent"}, status=USAGE)

    def test_the_readme_shows_what_is_printed(self):
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith("    $ fwsniff -r samples/"))
        sample = lines[start].split()[-1]
        shown = []
        for line in lines[start + 1:]:
            if line.strip() == "..." or (line and not line.startswith("    ")):
                break
            shown.append(line[4:])
        printed = self.run("-r", sample, cwd=ROOT).out.splitlines()
        assert len(shown) > 20 and printed[:len(shown)] == shown, [
            pair for pair in zip(printed, shown) if pair[0] != pair[1]][:2]

    def test_usage_errors(self):
        for arguments in ([], ["--nonsense", "-r", self.failing], ["-r"], ["-r", self.failing, "-i", "lo"],
                          ["-r", self.failing, "--vantage", "nowhere"], ["-r", self.failing, "--port", "x"],
                          ["-r", self.failing, "--local-net", "10.0.0.0/99"], ["-r", self.failing, "-c", "x"]):
            done = self.run(*arguments, status=USAGE)
            assert done.err and done.out == "", arguments

    def test_an_interface_that_is_not_there(self):
        done = self.run("-i", "nosuch0", "-c", "1", status=CAPTURE)
        assert "nosuch0" in done.err

    def test_several_captures(self):
        report = self.report("-r", self.failing, "-r", self.fine, status=FAILURES)
        assert [c["id"] for c in report["captures"]] == ["a", "b"]
        assert report["findings"][0]["evidence"][0]["capture"] == "a"

    def test_names_of_files_are_harmless(self):
        path = self.write("evil\x1b[31m\n.pcap", pcap(silent()))
        done = self.run("-r", path, status=FAILURES)
        assert "\x1b" not in done.out
        assert self.report("-r", path)["captures"][0]["source"] == path


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fwsniff", required=True)
    program = os.path.abspath(parser.parse_args().fwsniff)
    with tempfile.TemporaryDirectory() as folder:
        return run_cases("command line", Cases(program, folder))


if __name__ == "__main__":
    sys.exit(main())
