#!/usr/bin/python3
"""How fast fwsniff batch is and what it survives, on many real captures over made-up sites.

    bench.py --fwsniff PROGRAM [--captures 2000] [--sites 40] [--kills 20] FOLDER ...

Takes captures from the folders (the same ones every time), deals them to sites and measures: one
worker against two, a second run with nothing new, runs that are killed at random moments, and shares
that are merged. Fails below the bars it names.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

from common import RUN_TIME, dump, run_killed, tree

CAPTURE_NAMES = (".pcap", ".pcapng", ".cap", ".gz", ".zst", ".xz", ".lz4", ".dmp")
SPEEDUP_MIN, NOTHING_NEW_MAX_S = 1.5, 2.0
CALM = 0.15  # processors that others may keep busy


def choose(folders, count):
    """The same number from each folder, as far as there are so many."""
    chosen = []
    for i, folder in enumerate(folders):
        found = sorted(os.path.join(place, name) for place, _, names in os.walk(folder)
                       for name in names if name.endswith(CAPTURE_NAMES))
        random.shuffle(found)
        chosen += found[:(count - len(chosen)) // (len(folders) - i)]
    return chosen


def deal(captures, sites, folder):
    for i, path in enumerate(captures):
        target = os.path.join(folder, f"site-{i % sites:02}")
        os.makedirs(target, exist_ok=True)
        shutil.copyfile(path, os.path.join(target, f"{i:04}x-{os.path.basename(path)}"))


def timed(command):
    started = time.monotonic()
    status = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
    return time.monotonic() - started, status


def machine_busy_s():
    """What all processors of this machine have worked so far."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, irq, softirq, steal = (int(word) for word in file.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def measured(*groups):
    """Runs groups of commands one after the other, those of a group at the same time. Returns the time, the
    processor time of the commands, and how many processors others kept busy meanwhile."""
    started, busy, spent = time.monotonic(), machine_busy_s(), os.times()
    for group in groups:
        for process in [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in group]:
            process.wait()
    took, ended = time.monotonic() - started, os.times()
    own = ended.children_user - spent.children_user + ended.children_system - spent.children_system
    return took, own, max(0, machine_busy_s() - busy - own) / took


def median(numbers):
    return sorted(numbers)[len(numbers) // 2]


def compare(name, tries, ways):
    """Each way in turns, as others may be busy for a while. Returns, by way, the median time of the calm tries
    (of all, where fewer than three are calm)."""
    runs = {way: [] for way in ways}
    for i in range(tries):
        for way, commands in ways.items():
            runs[way].append(measured(*commands(i)))
    times = {}
    for way, all_runs in runs.items():
        calm = [run for run in all_runs if run[2] < CALM]
        chosen = calm if len(calm) >= 3 else all_runs
        times[way] = median([run[0] for run in chosen])
        print(f"      {name} {way}: {times[way]:.2f} s, {median([run[1] for run in chosen]):.2f} s of processors "
              f"(median of {len(chosen)}; calm {len(calm)} of {len(all_runs)}, others kept "
              f"{median([run[2] for run in chosen]):.2f} processors busy)", flush=True)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fwsniff", required=True)
    parser.add_argument("--captures", type=int, default=2000)
    parser.add_argument("--sites", type=int, default=40)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--tries", type=int, default=5)
    parser.add_argument("folders", nargs="+")
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.fwsniff)
    random.seed(1)
    work = tempfile.mkdtemp(prefix="fwsniff-bench-")
    failed = []

    def bar(text, good):
        print(("ok    " if good else "FAIL  ") + text, flush=True)
        if not good:
            failed.append(text)

    def state(name):
        return os.path.join(work, name)

    def batch(name, *options):
        return [program, "batch", "--time", RUN_TIME, "--state", state(name), *options, captures]

    try:
        captures = os.path.join(work, "captures")
        chosen = choose(arguments.folders, arguments.captures)
        deal(chosen, arguments.sites, captures)
        size = sum(os.path.getsize(path) for path in chosen)
        print(f"{len(chosen)} captures, {size / 1e6:.1f} MB, {arguments.sites} sites")
        timed(batch("warm"))  # everything is in the page cache from here on
        seconds = compare("fwsniff batch", arguments.tries, {
            f"-j {jobs}": lambda i, jobs=jobs: [[batch(f"j{jobs}-{i}", "-j", str(jobs))]] for jobs in (1, 2)})
        halves = [[f"{captures}/site-{site:02}" for site in range(arguments.sites) if site % 2 == half] for half in (0, 1)]

        def half(i, which, way):
            return [*batch(f"half-{which}-{way}-{i}", "-j", "1")[:-1], *halves[which]]
        bare = compare("two halves", arguments.tries, {
            "in turn": lambda i: [[half(i, 0, "turn")], [half(i, 1, "turn")]],
            "at once": lambda i: [[half(i, 0, "once"), half(i, 1, "once")]]})
        ratio, bare_ratio = seconds["-j 1"] / seconds["-j 2"], bare["in turn"] / bare["at once"]
        print(f"      two processes that share nothing are {bare_ratio:.2f} times as fast at once")
        bar(f"-j 2 is {ratio:.2f} times as fast as -j 1 (at least {SPEEDUP_MIN})", ratio >= SPEEDUP_MIN)
        calm = dump(state("j1-0"))
        bar("-j 1 and -j 2: the same database", dump(state("j2-0")) == calm)
        took, _ = timed(batch("j1-0"))
        bar(f"nothing new: {took:.2f} s (below {NOTHING_NEW_MAX_S})", took < NOTHING_NEW_MAX_S)
        bar("nothing new: nothing changed", dump(state("j1-0")) == calm)

        killed, finished, same = 0, 0, True
        while killed < arguments.kills:  # a run that came through is compared, and another begun
            if run_killed(batch("killed", "-j", "2"), random.uniform(0, seconds["-j 2"] * 0.9)) is None:
                killed += 1
                continue
            same &= dump(state("killed")) == calm
            shutil.rmtree(state("killed"))
            finished += 1
        timed(batch("killed", "-j", "2"))
        bar(f"killed {killed} times in {finished + 1} runs: the same database", same and dump(state("killed")) == calm)
        bar("killed: the same report", tree(state("killed") + "/report") == tree(state("j1-0") + "/report"))

        plan, shares = state("plan.json"), [state(f"share-{k}.json") for k in range(1, 6)]
        timed(batch("merged", f"--plan={plan}"))
        for k, share in enumerate(shares, 1):
            timed([program, "batch", "--shard", f"{k}/5", "--result", share, plan])
        timed([program, "merge", "--time", RUN_TIME, "--state", state("merged"), *shares])
        bar("5 shares merged: the same database", dump(state("merged")) == calm)
        bar("5 shares merged: the same report", tree(state("merged") + "/report") == tree(state("j1-0") + "/report"))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
