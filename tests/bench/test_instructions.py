#!/usr/bin/python3
"""Instructions per packet are no more than 5 % above what was recorded (instructions.json).

    test_instructions.py --build DIR --fwsniff PROGRAM [--record]

Counted by callgrind, so the result is the same on an idle machine and on a busy one. It depends on
the compiler: with another than the recorded one the check is left out. --record writes the numbers
of this build down; a rise wants a reason in the commit that records it.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from measure import has, slope  # noqa: E402

RECORDED = os.path.join(HERE, "instructions.json")
KINDS = ["bulk", "small", "web", "flood"]
RISE_MAX = 1.05
SKIPPED = 77


def compiler_of(program):
    """What the program was built by and how, as far as it matters: its own word for it."""
    told = subprocess.run(["readelf", "-p", ".comment", program], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=False).stdout
    found = re.search(r"((?:GCC|clang)[^\n]*)", told)
    return found.group(1).strip() if found else "unknown"


def skip(why):
    print(why)
    sys.exit(SKIPPED)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--fwsniff", required=True)
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    os.environ.setdefault("FWSNIFF_RULES", os.path.join(HERE, "..", "..", "rules"))
    with open(arguments.fwsniff, "rb") as program:
        if b"__asan_init" in program.read():
            skip("a sanitizer's instructions are not the program's")
    if not has("valgrind"):
        skip("valgrind is not installed (make deps)")
    with open(RECORDED, encoding="utf-8") as file:
        recorded = json.load(file)
    compiler = compiler_of(arguments.fwsniff)
    if compiler != recorded["compiler"] and not arguments.record:
        skip("recorded with %s, built with %s" % (recorded["compiler"], compiler))

    counted = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            counted[kind] = slope(lambda path: [arguments.fwsniff, "-n", "-q", "--json=/dev/null", "-r", path],
                                  os.path.abspath(arguments.build), folder, kind)
    if arguments.record:
        with open(RECORDED, "w", encoding="utf-8") as file:
            json.dump({"compiler": compiler,
                       "per_packet": {kind: round(count) for kind, count in counted.items()}}, file, indent=2)
            file.write("\n")
        return
    passed = 0
    for kind in KINDS:
        limit = recorded["per_packet"][kind] * RISE_MAX
        good = counted[kind] <= limit
        passed += good
        print("%s: %.0f instructions a packet, %.0f recorded%s" % (
            kind, counted[kind], recorded["per_packet"][kind], "" if good else "  FAIL more than 5 % above"))
    print("instructions: %d of %d passed" % (passed, len(KINDS)))
    sys.exit(0 if passed == len(KINDS) else 1)


if __name__ == "__main__":
    main()
