#!/usr/bin/python3
"""Names of strangers come out harmless in every output, and a customer's data stays at home.

    test_hostile.py --fwsniff PROGRAM

The capture asks for a server whose name is markup, its file name holds terminal escapes, and the
profile's texts are no better (hostile.py).
"""

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
import hostile  # noqa: E402
from cases import run as run_cases  # noqa: E402

# Control bytes (C0 but newline, DEL), C1 controls and characters that reorder or hide text.
UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
ADDRESSES = ["10.2.0.10", "203.0.113.2"]


def comments(path):
    """Every text in a pcapng file's options: draft-ietf-opsawg-pcapng, little endian."""
    with open(path, "rb") as file:
        data = file.read()
    texts, at = [], 0
    heads = {0x0A0D0D0A: 16, 1: 8}
    while at < len(data):
        kind, length = int.from_bytes(data[at:at + 4], "little"), int.from_bytes(data[at + 4:at + 8], "little")
        body = data[at + 8:at + length - 4]
        skip = heads.get(kind) or 20 + (int.from_bytes(body[12:16], "little") + 3) // 4 * 4
        while skip + 4 <= len(body):
            code, size = int.from_bytes(body[skip:skip + 2], "little"), int.from_bytes(body[skip + 2:skip + 4], "little")
            if code == 0:
                break
            if code in (1, 3, 4):
                texts.append(body[skip + 4:skip + 4 + size].decode("utf-8"))
            skip += 4 + (size + 3) // 4 * 4
        at += length
    return texts


class Cases:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.paths = hostile.write_all(folder)

    def outputs(self, *options):
        """Every report of the hostile capture, as bytes by name."""
        files = {kind: os.path.join(self.folder, "out." + kind) for kind in ("json", "html", "markdown", "evidence")}
        done = subprocess.run([self.program, "-v", "--color=never", "--profile-file", self.paths.profile,
                               "-r", self.paths.capture, *options,
                               *(f"--{kind}={path}" for kind, path in files.items())], capture_output=True, timeout=60)
        assert done.returncode == 1, done.stderr
        out = {"text": done.stdout, "errors": done.stderr}
        for kind, path in files.items():
            with open(path, "rb") as file:
                out[kind] = file.read()
        out["comments"] = "\n".join(comments(files["evidence"])).encode()
        return out

    def test_no_control_reaches_an_output(self):
        for name, data in self.outputs().items():
            if name == "evidence":
                continue  # the frames themselves
            found = UNSAFE.search(data.decode("utf-8"))  # broken UTF-8 fails here
            assert not found, f"{name}: {found.group()!r} at {found.start()}"

    def test_no_markup(self):
        out = self.outputs()
        assert b"<script" not in out["html"] and b"<img" not in out["html"]
        assert b"&lt;script&gt;" in out["html"]
        prose = re.sub(rb"(`{3,})\n.*?\n\1\n", b"", out["markdown"], flags=re.S)
        assert not re.search(rb"(?<!\\)<", prose), prose
        assert not re.search(rb"(?<!\\)\]\(", prose)

    def test_texts_are_there_all_the_same(self):
        """Escaping hides nothing: the name that the client asked for can be read."""
        out = self.outputs()
        findings = json.loads(out["json"])["findings"]
        names = [f["tls"]["server_name"] for f in findings if f["tls"]]
        issuers = [f["tls"]["issuer"] for f in findings if f["tls"] and f["tls"]["issuer"]]
        fields = [f["http"]["server"] + f["http"]["host"] + f["http"]["via"] for f in findings if f["http"]]
        assert len(findings) == 3 and hostile.ISSUER in issuers[0] and "\x1b" in issuers[0], issuers
        assert hostile.SERVER_FIELD in fields[0] and "\x1b" in fields[0] and "<script>" in fields[0], fields
        assert any(hostile.SERVER_NAME in name and "<script>" in name for name in names), names
        assert hostile.SERVER_NAME.encode() in out["html"]
        assert hostile.SERVER_NAME.encode() in out["evidence"]

    def test_nightly(self):
        """The same words in all that fwsniff batch, its metrics and its history write."""
        state, metrics = os.path.join(self.folder, "state"), os.path.join(self.folder, "fwsniff.prom")

        def call(word, *options):
            done = subprocess.run([self.program, word, "--state", state, *options], capture_output=True, timeout=60)
            assert done.returncode < 2, done.stderr
            return done.stdout + done.stderr
        out = {"batch": call("batch", "--prometheus", metrics, "--site", "x", "--profile-file", self.paths.profile,
                             self.paths.capture)}
        for words in (["findings"], ["captures"], ["--json"]):
            out["history " + words[0]] = call("history", *words)
        for name in [metrics] + [os.path.join(place, name) for place, _, names in os.walk(os.path.join(state, "report"))
                                 for name in names]:
            with open(name, "rb") as file:
                out[os.path.basename(name)] = file.read()
        assert {"index.html", "x.html", "x.json", "report.json", "findings.csv", "fwsniff.prom"} <= set(out), set(out)
        for name, data in out.items():
            found = UNSAFE.search(re.sub("\r\n", "\n", data.decode("utf-8")))
            assert not found, f"{name}: {found.group()!r} at {found.start()}"
            if name.endswith(".html"):
                assert b"<script" not in data and b"<img" not in data and b"&lt;script&gt;" in data, name
            if name.endswith(".json"):
                json.loads(data)
        for row in csv.reader(out["findings.csv"].decode().splitlines()):
            assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in row), row
        sample = r'fwsniff_\w+(\{(\w+="([^"\\\n]|\\["\\n])*",?)+\})? -?\d+'
        for line in out["fwsniff.prom"].decode().splitlines():
            assert line.startswith("# ") or re.fullmatch(sample, line), line
        assert len(out["history findings"].splitlines()) == 4

    def test_strip_payload(self):
        out = self.outputs("--strip-payload")
        for name, data in out.items():
            for word in (hostile.SERVER_NAME, hostile.SERVER_FIELD, hostile.ISSUER):
                assert word.encode() not in data, (word, name)
        assert all(f["tls"] is None and f["http"] is None for f in json.loads(out["json"])["findings"])

    def test_anonymize(self):
        out = self.outputs("--anonymize=correct horse battery")
        for name, data in out.items():
            for stranger in (*ADDRESSES, hostile.SERVER_NAME, hostile.SERVER_FIELD, hostile.ISSUER, os.path.basename(self.folder), "owned"):
                assert stranger.encode() not in data, f"{stranger} is in {name}"
        for address in (hostile.CLIENT, hostile.SERVER):
            assert bytes(address) not in out["evidence"]
        assert bytes.fromhex("020000000001") not in out["evidence"]
        finding = json.loads(out["json"])["findings"][0]
        for name in ("text", "html", "markdown", "comments"):
            assert finding["client"]["ip"].encode() in out[name] or name == "comments", name
        client = bytes(map(int, finding["client"]["ip"].split(".")))
        assert client in out["evidence"], "the evidence has other pseudonyms than the report"

    def test_key(self):
        """The same key gives the same pseudonyms; a random one is told, on standard error only."""
        def client(*options):
            out = self.outputs(*options)
            return json.loads(out["json"])["findings"][0]["client"]["ip"], out
        first, _ = client("--anonymize=correct horse battery")
        again, _ = client("--anonymize=correct horse battery")
        other, out = client("--anonymize")
        key = re.search(rb"[0-9a-f]{64}", out["errors"]).group().decode()
        for name in ("text", "json", "html", "markdown", "evidence"):
            assert key.encode() not in out[name], name
        same, _ = client("--anonymize=" + key)
        file = os.path.join(self.folder, "key")
        with open(file, "w", encoding="ascii") as out:
            out.write("correct horse battery\r\nsecond line\n")
        assert client("--anonymize=@" + file)[0] == first
        with open(file, "w", encoding="ascii") as out:
            out.write("short\nthe second line is long enough\n")
        done = subprocess.run([self.program, "-r", self.paths.capture, "--anonymize=@" + file], capture_output=True,
                              timeout=60)
        assert done.returncode == 2 and b"at least 12" in done.stderr and b"short" not in done.stderr, done.stderr
        assert first == again != other == same


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fwsniff", required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return run_cases("hostile", Cases(os.path.abspath(arguments.fwsniff), folder))


if __name__ == "__main__":
    sys.exit(main())
