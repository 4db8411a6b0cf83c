#!/usr/bin/python3
"""Measures fwsniff against libpcap's bare hand-out of the packets, and against its peers.

    bench.py --build DIR --fwsniff PROGRAM [--scale 0.1] [--runs 5] [--only KIND] [--markdown FILE]

Four made-up captures (tests/bench/generate.c). For each, every program reads the same file, page
cache warm, one after the other and round after round, so that whatever else the machine does hits
all alike. Told are the medians as multiples of the null loop's: by the wall, and by CPU time, which
other programs disturb less; the peak of the resident memory; and instructions per packet, which do
not depend on the machine's mood. Programs that are not installed are left out and named.
"""
import argparse
import datetime
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from measure import Run, generate, has, median, slope  # noqa: E402

FULL = {"bulk": 2100000, "small": 13000000, "web": 6900000, "flood": 10000000}

# Name, command ({file} and {folder} filled in), part of the packets it is given.
PEERS = [
    ("nfpcapd", ["nfpcapd", "-r", "{file}", "-w", "{folder}"], 1),
    ("softflowd", ["softflowd", "-r", "{file}", "-n", "127.0.0.1:9", "-m", "20000000"], 1),
    ("argus", ["argus", "-r", "{file}", "-w", "{folder}/argus.out"], 1),
    ("tcptrace", ["tcptrace", "-n", "{file}"], 1),
    ("ndpiReader", ["ndpiReader", "-q", "-i", "{file}"], 1),
    ("tshark", ["tshark", "-n", "-q", "-z", "conv,tcp", "-r", "{file}"], 0.1),
]
SLOW = 60  # seconds after which a program is not asked a second time


def fwsniff(program, *options):
    return [program, "-n", "-q", "--json=/dev/null", *options, "-r"]


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.build = os.path.abspath(arguments.build)
        self.folder = arguments.captures or os.path.join(self.build, "bench")
        self.program = os.path.abspath(arguments.fwsniff)
        self.null_loop = os.path.join(self.build, "tests/bench/null_loop")

    def capture(self, kind, part=1):
        return generate(self.build, self.folder, kind, int(FULL[kind] * self.arguments.scale * part))

    def commands(self, kind):
        """Name, command, part of the packets; the null loop first, once for each part."""
        path = self.capture(kind)
        yield "null loop", [self.null_loop, path], 1
        yield "fwsniff", fwsniff(self.program) + [path], 1
        if kind == "flood":
            yield "fwsniff --max-flows 1000000", fwsniff(self.program, "--max-flows", "1000000") + [path], 1
        for name, words, part in PEERS if not self.arguments.no_peers else []:
            if has(words[0]):
                file = self.capture(kind, part)
                if part != 1:
                    yield "null loop, 1/%d" % (1 / part), [self.null_loop, file], part
                yield name, [word.format(file=file, folder="{folder}") for word in words], part

    def measure(self, kind):
        """Rows: name, part, runs."""
        rows = [(name, command, part, []) for name, command, part in self.commands(kind)]
        for _ in range(self.arguments.runs):
            for name, command, _, runs in rows:
                if runs and runs[0].wall_s > SLOW:
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    runs.append(Run([word.format(folder=folder) for word in command], folder))
                print("  %s %s: %.2f s, CPU %.2f s, %.0f MB" % (
                    kind, name, runs[-1].wall_s, runs[-1].cpu_s, runs[-1].megabytes), file=sys.stderr)
        return [(name, part, runs) for name, _, part, runs in rows]

    def parallel(self, kind):
        """Two files at once against one after the other, in two processes: how much is gained."""
        import subprocess
        import time
        path = self.capture(kind)

        def both(command):
            started = time.monotonic()
            for process in [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]:
                process.wait()
            return time.monotonic() - started
        told = {}
        for name, command in (("null loop", [self.null_loop, path]), ("fwsniff", fwsniff(self.program) + [path])):
            pairs = sorted(2 * Run(command).wall_s / both(command) for _ in range(self.arguments.runs))
            told[name] = pairs[len(pairs) // 2]
        return told


def table(kind, packets, rows):
    nulls = {part: runs for name, part, runs in rows if name.startswith("null loop")}
    lines = ["### %s, %s packets" % (kind, format(packets, ",")), "",
             "| program | wall, s | x null loop | CPU, s | x null loop | peak, MB |",
             "| --- | --- | --- | --- | --- | --- |"]
    for name, part, runs in rows:
        wall, cpu = median(runs, "wall_s"), median(runs, "cpu_s")
        null = nulls[part]
        lines.append("| %s%s | %.2f | %.2f | %.2f | %.2f | %.0f |" % (
            name, "" if part == 1 or "null" in name else " (of 1/%d)" % (1 / part), wall,
            wall / median(null, "wall_s"), cpu, cpu / median(null, "cpu_s"), median(runs, "megabytes")))
    return lines + [""]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--fwsniff", required=True)
    parser.add_argument("--scale", type=float, default=1, help="part of the full sizes (several GB)")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", choices=list(FULL), help="one kind of capture")
    parser.add_argument("--captures", help="folder for the captures; kept. Default: BUILD/bench")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--markdown", help="file to write the tables to, besides standard output")
    arguments = parser.parse_args()
    bench = Bench(arguments)
    kinds = [arguments.only] if arguments.only else list(FULL)
    missing = sorted({words[0] for _, words, _ in PEERS if not has(words[0])})
    lines = ["%s, %d cores, scale %g, medians of %d." % (
        datetime.date.today(), os.cpu_count(), arguments.scale, arguments.runs), ""]
    if missing and not arguments.no_peers:
        lines += ["Not installed: %s." % ", ".join(missing), ""]
    for kind in kinds:
        lines += table(kind, int(FULL[kind] * arguments.scale), bench.measure(kind))
    told = bench.parallel("small") if "small" in kinds else {}
    if told:
        lines += ["Two files at once, in two processes, against one after the other: " + ", ".join(
            "%s %.2f times as fast" % item for item in told.items()) + ".", ""]
    if has("valgrind"):
        lines += ["### Instructions per packet", "", "| | " + " | ".join(kinds) + " |",
                  "| --- |" + " --- |" * len(kinds)]
        for name, command in (("null loop", lambda path: [bench.null_loop, path]),
                              ("fwsniff", lambda path: fwsniff(bench.program) + [path])):
            counted = [slope(command, bench.build, bench.folder, kind) for kind in kinds]
            lines.append("| %s | " % name + " | ".join("%.0f" % count for count in counted) + " |")
        lines.append("")
    text = "\n".join(lines)
    print(text)
    if arguments.markdown:
        with open(arguments.markdown, "w", encoding="utf-8") as out:
            out.write(text)


if __name__ == "__main__":
    main()
