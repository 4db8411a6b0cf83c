#!/usr/bin/env python3
"""Validates a JSON report: check_schema.py FILE SCHEMA. Exit 0: valid.

Beyond the schema: what it cannot say (times, sums, order, labels, references to captures)."""
import json
import re
import sys

import jsonschema

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")


def no_constants(word):
    raise ValueError(f"{word} is not JSON")


def times(report):
    for capture in report["captures"]:
        yield from (capture["first"], capture["last"])
    for finding in report["findings"]:
        yield from (finding["first_seen"], finding["last_seen"])


def check_verdict(finding):
    verdict = finding["verdict"]
    candidates = verdict["candidates"]
    shares = [candidate["probability"] for candidate in candidates]
    assert sum(round(share * 10000) for share in shares) == 10000, shares
    assert all(share == round(share, 4) for share in shares), shares
    assert shares == sorted(shares, reverse=True), shares
    assert verdict["failure_point"] == candidates[0]["failure_point"], verdict
    assert verdict["confidence"] == shares[0], verdict


def check(report, schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(report)
    captures = {capture["id"] for capture in report["captures"]}
    assert all(time is None or TIME.match(time) for time in times(report))
    assert report["summary"]["findings"] == len(report["findings"])
    for finding in report["findings"]:
        check_verdict(finding)
        for evidence in finding["evidence"]:
            assert evidence["capture"] is None or evidence["capture"] in captures
            assert evidence["frames"] == sorted(set(evidence["frames"]))


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        report = json.load(file, parse_constant=no_constants)
    with open(sys.argv[2], encoding="utf-8") as file:
        schema = json.load(file)
    # "fwsniff.report/1" is a relative reference; older jsonschema resolves "#/..." against it twice
    schema.pop("$id", None)
    try:
        check(report, schema)
    except (jsonschema.ValidationError, AssertionError) as error:
        sys.exit(f"{sys.argv[1]}: {error}")


if __name__ == "__main__":
    main()
