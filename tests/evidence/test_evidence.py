#!/usr/bin/python3
"""The evidence capture, read back by Wireshark's own tools.

    test_evidence.py --fwsniff PROGRAM

Needs tshark and capinfos.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES = os.path.join(HERE, "..", "..", "samples")
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "hostile")]
import hostile  # noqa: E402
from cases import run as run_cases  # noqa: E402
SKIPPED = 77
CHECKSUMS = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"]


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, f"{command[0]}: {done.stderr}"
    return done.stdout


def fields(path, *names, where="", options=()):
    """A row of fields for each frame; a field that occurs several times is joined with U+001F."""
    command = ["tshark", "-n", "-r", path, *options, "-T", "fields", "-E", "separator=\x1e", "-E", "aggregator=\x1f"]
    for name in names:
        command += ["-e", name]
    if where:
        command += ["-Y", where]
    return [line.split("\x1e") for line in output(*command).split("\n") if line]


def cited(report):
    """Frame numbers of the first capture that the report cites."""
    return sorted({n for f in report["findings"] for e in f["evidence"] if e["capture"] == "a" for n in e["frames"]})


class Cases:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        # Starting tshark is what takes the time: what does not differ by sample is tried on some.
        self.samples = sorted(os.path.join(SAMPLES, n) for n in os.listdir(SAMPLES) if ".pcap" in n)

    def run(self, *arguments, stdin=None):
        """Report and path of the evidence capture."""
        path = os.path.join(self.folder, "evidence.pcapng")
        done = subprocess.run([self.program, "--json", "--evidence=" + path, *arguments], capture_output=True,
                              timeout=120, stdin=stdin)
        assert done.returncode in (0, 1), done.stderr
        return json.loads(done.stdout), path

    def test_samples(self):
        """Every frame cited is there with its time, length and bytes, and a comment with the reason."""
        for sample in self.samples:
            report, path = self.run("-r", sample)
            kept = fields(path, "frame.time_epoch", "frame.len", "frame.comment", where="frame.comment")
            told = output("capinfos", "-Mc", path)
            assert int(told.rsplit(":", 1)[1]) == len(kept), "a frame without a comment"
            comments = "".join(row[2] for row in kept)
            for finding in report["findings"]:
                for reason in finding["evidence"]:
                    assert not reason["frames"] or reason["text"] in comments, reason["text"]
            frames = ",".join(map(str, cited(report)))
            original = fields(sample, "frame.time_epoch", "frame.len", where="frame.number in {%s}" % frames) if frames else []
            for row in original:
                assert row in [k[:2] for k in kept], f"{sample}: {row} is missing"

    def test_bytes(self):
        """The very bytes: what tshark shows of a frame is the same in both files."""
        sample = self.samples[0]
        report, path = self.run("-r", sample)
        frames = cited(report)
        original = output("tshark", "-n", "-x", "-r", sample, "-Y", "frame.number in {%s}" % ",".join(map(str, frames)))
        kept = output("tshark", "-n", "-x", "-r", path)
        assert original == kept

    def test_nothing_failed(self):
        """A capture without a finding gives a file without frames, which is a valid one."""
        healthy = os.path.join(self.folder, "healthy.pcap")
        hostile.write_pcap(healthy, hostile.healthy())
        report, path = self.run("-r", healthy)
        assert report["findings"] == []
        output("capinfos", path)
        assert fields(path, "frame.number") == []

    def test_standard_input(self):
        """What cannot be read again was kept: the same frames with the same times."""
        for sample in self.samples[:2]:
            _, path = self.run("-r", sample)
            expected = fields(path, "frame.time_epoch", "frame.len")
            with open(sample, "rb") as stdin:
                report, path = self.run("-r", "-", stdin=stdin)
            assert fields(path, "frame.time_epoch", "frame.len") == expected
            assert not any("evidence capture" in w for w in report["warnings"]), report["warnings"]

    def test_two_captures(self):
        """Frames in the order of time, each on the interface of its capture."""
        _, path = self.run("-r", self.samples[0], "-r", self.samples[1])
        rows = fields(path, "frame.time_epoch", "frame.interface_name", "frame.interface_description")
        times = [float(row[0]) for row in rows]
        assert times == sorted(times)
        assert {row[1] for row in rows} == {"capture a", "capture b"}
        assert all(os.path.basename(self.samples[row[1] == "capture b"]) in row[2] for row in rows)

    def test_link_types(self):
        """Ethernet beside cooked frames: each interface has its own link type."""
        cooked = [s for s in self.samples if "any" in s]
        _, path = self.run("-r", cooked[0], "-r", self.samples[0])
        kinds = {row[0] for row in fields(path, "frame.encap_type")}
        assert len(kinds) == 2, kinds

    def test_strip_payload(self):
        """Headers stay, payload goes, and the lengths say what was there."""
        for sample in self.samples[4::3]:
            report, path = self.run("--strip-payload", "-r", sample)
            rows = fields(path, "frame.len", "frame.cap_len", "tcp.payload", "udp.payload")
            for length, captured, tcp, udp in rows:
                assert not tcp and not udp, (sample, tcp, udp)
                assert int(captured) <= int(length)
            assert len(rows) >= len(cited(report))

    def test_anonymize(self):
        """No address of the original is left, and checksums that were right are right."""
        for sample in self.samples[::4] + self.samples[5:6]:
            names = ("ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "eth.src", "eth.dst", "arp.src.proto_ipv4", "arp.dst.proto_ipv4")
            _, path = self.run("-r", sample)
            status = ("ip.checksum.status", "tcp.checksum.status", "icmp.checksum.status")
            before = [{v for v in "\x1f".join(row).split("\x1f") if v} for row in fields(path, *names)]
            right = fields(path, *status, where="not tcp.len > 0 and not udp", options=CHECKSUMS)
            _, path = self.run("--anonymize=an example of a key", "-r", sample)
            after = [{v for v in "\x1f".join(row).split("\x1f") if v} for row in fields(path, *names)]
            kept = {"ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "0.0.0.0", "255.255.255.255"}
            assert not set().union(*before) & set().union(*after) - kept, sample
            assert fields(path, *status, where="not tcp.len > 0 and not udp", options=CHECKSUMS) == right, sample


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fwsniff", required=True)
    arguments = parser.parse_args()
    if not shutil.which("tshark") or not shutil.which("capinfos"):
        print("evidence: tshark is not installed")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        return run_cases("evidence", Cases(os.path.abspath(arguments.fwsniff), folder))


if __name__ == "__main__":
    sys.exit(main())
