#!/usr/bin/python3
"""The whole program over every file of a directory: it ends in time and as the contract says, on
captures, damaged captures and on what is none.

    check_reads.py DIRECTORY FWSNIFF [--timeout SECONDS] [--findings FILE]

Best with a FWSNIFF built with sanitizers. --findings lists every finding, one JSON object a line,
to be judged by a person: most of a corpus is healthy traffic, where a finding is a false accusation.
"""
import argparse
import collections
import json
import os
import re
import subprocess

import jsonschema

from common import REPOSITORY, conclude, each, files, run

CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")
SANITIZER = re.compile(rb"Sanitizer|runtime error:")
HEALTHY, FAILURES, CAPTURE = 0, 1, 3


def load_validator():
    with open(os.path.join(REPOSITORY, "docs", "report.schema.json")) as schema_file:
        schema = json.load(schema_file)
    schema.pop("$id", None)  # a name, not an address to fetch
    return jsonschema.Draft202012Validator(schema)


VALIDATOR = load_validator()


def check_refusal(path, out, err):
    """Nothing could be read: no report, and one line that names the file."""
    lines = err.decode("utf-8", "replace").splitlines()
    if out:
        return ["a report of a capture that could not be opened"]
    if len(lines) != 1 or os.path.basename(path) not in lines[0]:
        return ["not one line on standard error that names the file: %r" % err[:300]]
    return []


def check_report(path, status, report):
    """The document against its schema, and what the exit status says of it."""
    problems = ["schema: %s at %s" % (error.message[:200], list(error.path))
                for error in VALIDATOR.iter_errors(report)]
    capture = report["captures"][0]
    if (status == CAPTURE) != capture["truncated"]:
        problems.append("exit %d, truncated %s" % (status, capture["truncated"]))
    if status != CAPTURE and (status == FAILURES) != bool(report["findings"]):
        problems.append("exit %d with %d findings" % (status, len(report["findings"])))
    if capture["truncated"] and not any(os.path.basename(path) in w for w in report["warnings"]):
        problems.append("cut, and no warning names the file: %s" % report["warnings"])
    for finding in report["findings"]:
        total = sum(c["probability"] for c in finding["verdict"]["candidates"])
        if abs(total - 1) > 0.01:
            problems.append("finding %s: probabilities sum to %.3f" % (finding["id"], total))
        for evidence in finding["evidence"]:
            problems += ["finding %s: frame %d of %d" % (finding["id"], frame, capture["packets"])
                         for frame in evidence["frames"] if frame > capture["packets"]]
        if not any(e["frames"] for e in finding["evidence"]) and finding["symptom"] != "no-traffic":
            problems.append("finding %s: no frame supports it" % finding["id"])
    return problems


def check_run(status, out, err):
    problems = []
    if SANITIZER.search(err):
        problems.append("sanitizer: " + err.decode("utf-8", "replace")[:3000])
    if status not in (HEALTHY, FAILURES, CAPTURE):
        problems.append("exit status %d" % status)
    if CONTROL.search(err):
        problems.append("control bytes on standard error: %r" % err[:300])
    return problems


class Check:
    def __init__(self, fwsniff, timeout_s):
        self.fwsniff, self.timeout_s = fwsniff, timeout_s

    def __call__(self, path):
        """(kind, problems, findings)"""
        try:
            return self.check(path)
        except subprocess.TimeoutExpired:
            return "late", ["not done after %d s" % self.timeout_s], []

    def check(self, path):
        status, out, err = run([self.fwsniff, "-r", path, "-n", "--json"], self.timeout_s)
        text_status, text, text_err = run([self.fwsniff, "-r", path, "-n", "-v"], self.timeout_s)
        problems = check_run(status, out, err) + check_run(text_status, text, text_err)
        if text_status != status:
            problems.append("exit %d with --json, %d as text" % (status, text_status))
        if CONTROL.search(text):
            problems.append("control bytes in the text: %r" % CONTROL.findall(text)[:10])
        if problems:
            return "broken", problems, []
        if status == CAPTURE and not out:
            return "refused", check_refusal(path, text, err), []
        try:
            report = json.loads(out)
        except ValueError as problem:
            return "broken", ["JSON: %s" % problem], []
        problems = check_report(path, status, report)
        kind = {HEALTHY: "healthy", FAILURES: "findings", CAPTURE: "cut or damaged"}[status]
        return kind, problems, report["findings"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory")
    parser.add_argument("fwsniff")
    parser.add_argument("--timeout", type=float, default=60, metavar="SECONDS")
    parser.add_argument("--findings", metavar="FILE")
    arguments = parser.parse_args()

    kinds, failures, findings = collections.Counter(), [], []
    for path, (kind, problems, found) in each(Check(arguments.fwsniff, arguments.timeout),
                                              files(arguments.directory)):
        kinds[kind] += 1
        failures += [(path, problem) for problem in problems]
        findings += [dict(finding, file=path) for finding in found]
    if arguments.findings:
        with open(arguments.findings, "w") as out:
            out.writelines(json.dumps(finding) + "\n" for finding in findings)
    total = sum(kinds.values())
    conclude(failures, total, "%d files: %s; %d findings" % (
        total, ", ".join("%d %s" % (n, k) for k, n in kinds.most_common()),
        len(findings)))


if __name__ == "__main__":
    main()
