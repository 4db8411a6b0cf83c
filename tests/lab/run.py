#!/usr/bin/python3
"""Runs the lab: every scenario on namespaces of its own, many at once, captures and truth into a folder.

    run.py --out DIR [--seed N] [--only REGEX] [--fast] [--jobs N] [--build DIR]

Needs root. Waiting costs no processor time, so many more scenarios than cores run at once.
"""

import argparse
import concurrent.futures
import json
import os
import re
import signal
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
# an interrupted pool loses semaphores: the system frees them, and nobody needs to read about it
os.environ.setdefault("PYTHONWARNINGS", "ignore::UserWarning:multiprocessing.resource_tracker")

import net  # noqa: E402
import peers  # noqa: E402
from scenarios import SCENARIOS  # noqa: E402
from story import Story  # noqa: E402


CLEAN_UP_S = 15


def play(index, seed, wire_program, certificate, folder):
    """In a process of its own: one scenario. Errors come back as text, with their traceback."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    net.die_with_parent()
    story = None
    started = time.monotonic()
    try:
        story = Story(SCENARIOS[index], seed, wire_program, certificate, folder)
        entries = story.play()
        return SCENARIOS[index].name, entries, None, time.monotonic() - started
    except Exception:  # noqa: BLE001 - one broken scenario must not end the others
        return SCENARIOS[index].name, [], traceback.format_exc(), time.monotonic() - started
    finally:
        if story:
            story.site.lab.down()


def chosen(arguments):
    """Indexes of the scenarios asked for, the slow ones first so that nothing waits for them at the end."""
    pattern = re.compile(arguments.only or "")
    indexes = [i for i, s in enumerate(SCENARIOS) if pattern.search(s.name) and (s.fast or not arguments.fast)]
    return sorted(indexes, key=lambda i: -SCENARIOS[i].options.get("gap", 0))


def abandon(pool):
    """After Ctrl-C: every scenario takes down what it made, then this process ends at once.

    At once, because the pool's own way out waits for jobs that nobody will do any more.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print("lab: interrupted, cleaning up", file=sys.stderr, flush=True)
    children = list(pool._processes.values())
    for child in children:
        child.terminate()
    deadline = time.monotonic() + CLEAN_UP_S
    for child in children:
        child.join(max(0.1, deadline - time.monotonic()))
        child.kill()
        child.join()
    net.sweep()
    os._exit(130)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True, help="folder for captures and truth.json")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="regular expression: scenarios whose name matches")
    parser.add_argument("--fast", action="store_true", help="the quick subset")
    parser.add_argument("--jobs", type=int, default=24, help="scenarios at once")
    parser.add_argument("--build", help="where the wire program is built (default: OUT/.build)")
    return parser.parse_args()


def main():
    arguments = parse()
    if reason := net.able():
        print(f"lab: skipped, {reason}", file=sys.stderr)
        return 77
    net.sweep()
    os.makedirs(arguments.out, exist_ok=True)
    build = arguments.build or os.path.join(arguments.out, ".build")
    wire_program = net.build_wire(os.path.join(HERE, "wire.c"), os.path.join(build, "wire"))
    certificate = peers.make_certificate(build)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    started, entries, broken = time.monotonic(), [], []
    indexes = chosen(arguments)
    pool = concurrent.futures.ProcessPoolExecutor(arguments.jobs, max_tasks_per_child=1,
                                                  mp_context=__import__("multiprocessing").get_context("spawn"))
    try:
        jobs = [pool.submit(play, i, arguments.seed, wire_program, certificate, arguments.out) for i in indexes]
        for done, job in enumerate(concurrent.futures.as_completed(jobs), 1):
            name, more, error, took = job.result()
            entries += more
            if error:
                broken.append(name)
                print(f"{name}: BROKEN\n{error}", file=sys.stderr)
            print(f"[{done}/{len(jobs)}] {name}: {len(more)} captures, {took:.1f} s", flush=True)
    except (KeyboardInterrupt, concurrent.futures.process.BrokenProcessPool):
        abandon(pool)
    pool.shutdown()
    entries.sort(key=lambda entry: entry["file"])
    with open(os.path.join(arguments.out, "truth.json"), "w", encoding="utf-8") as file:
        json.dump(entries, file, indent=1)
    failing = sum(not entry["healthy"] for entry in entries)
    print(f"{len(indexes)} scenarios, {len(entries)} captures ({failing} of failing scenarios), "
          f"{len(broken)} broken, {time.monotonic() - started:.0f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
