#!/usr/bin/python3
"""How long two captures of one time take together, against one after the other. Judges nothing: it prints.

    pairs.py --fwsniff PROGRAM [--packets N]

The captures are made up: connections of many clients through two NATs, of which the second capture misses
every tenth port, with a clock of its own. Both hold about N packets; the best of three runs counts.
"""
import argparse
import os
import random
import struct
import subprocess
import sys
import tempfile
import time

PORTS = (5800, 443, 80, 6060, 7333, 22, 8443, 4401, 993, 8000)
LOST_PORT = 4401
AHEAD_US = 3_250_000  # the second capture's clock
HOPS = 5
FLAGS = {"S": 2, "SA": 18, "A": 16, "PA": 24, "FA": 17}


def frame(names, from_client, seq, ack, flags, length, ttl, ip_id):
    client, client_port, server, port = names
    source, destination = (client, server) if from_client else (server, client)
    ports = (client_port, port) if from_client else (port, client_port)
    mac = b"\2\0\0\0\0\1\2\0\0\0\0\2" if from_client else b"\2\0\0\0\0\2\2\0\0\0\0\1"
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + length, ip_id, 0x4000, ttl, 6, 0, source, destination)
    tcp = struct.pack(">HHIIBBHHH", *ports, seq & 0xffffffff, ack & 0xffffffff, 0x50, FLAGS[flags], 500, 0, 0)
    return mac + b"\x08\x00" + ip + tcp + bytes(length)


def connection(number):
    """(offset in us, from the client, flags, length) of each packet of one connection."""
    yield from ((0, True, "S", 0), (20000, False, "SA", 0), (20100, True, "A", 0))
    at = 21000
    for _ in range(3 + number % 8):
        yield from ((at, True, "PA", 200), (at + 20000, False, "PA", 1200), (at + 20100, True, "A", 0))
        at += 30000
    yield from ((at, True, "FA", 0), (at + 20000, False, "FA", 0), (at + 20100, True, "A", 0))


def packets_of(number, rnd):
    """What both captures hold of one connection: (time, frame) for each."""
    port = PORTS[number % len(PORTS)]
    inside = (bytes((10, 1, number >> 8 & 7, number & 0xff)), 20000 + number % 40000, bytes((203, 0, 113, 2)), port)
    outside = (bytes((198, 51, 100, 7)), 20000 + number % 40000, bytes((10, 2, 0, 10)), port)
    isn, begun = (rnd.getrandbits(32), rnd.getrandbits(32)), number * 1000
    if port == LOST_PORT:
        for retry in (0, 1_000_000, 3_000_000, 7_000_000):
            yield begun + retry, frame(inside, True, isn[0], 0, "S", 0, 64, number & 0xffff), None
        return
    sent = [0, 0]
    for offset, forth, flags, length in connection(number):
        side = 0 if forth else 1
        numbers = (isn[side] + sent[side], 0 if flags == "S" else isn[1 - side] + sent[1 - side])
        sent[side] += length + (flags[0] in "SF")
        near = (64, 64 - HOPS) if forth else (64 - HOPS, 64)
        ip_id = rnd.getrandbits(16) | 1
        yield (begun + offset, frame(inside, forth, *numbers, flags, length, near[0], ip_id),
               frame(outside, forth, *numbers, flags, length, near[1], ip_id))


def make(paths, wanted):
    rnd, made, number = random.Random(1), ([], []), 0
    while len(made[1]) < wanted:
        for at, one, other in packets_of(number, rnd):
            made[0].append((at, one))
            if other:
                made[1].append((at + AHEAD_US + 10000, other))
        number += 1
    for path, frames in zip(paths, made):
        frames.sort(key=lambda packet: packet[0])
        with open(path, "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
            for at, data in frames:
                seconds, micros = divmod(1_700_000_000_000_000 + at, 1_000_000)
                file.write(struct.pack("<IIII", seconds, micros, len(data), len(data)) + data)
    return [len(frames) for frames in made]


def seconds(program, paths):
    words = [program, "-q", "--json=/dev/null"] + [word for path in paths for word in ("-r", path)]
    best = None
    for _ in range(3):
        started = time.monotonic()
        done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        took = time.monotonic() - started
        if done.returncode > 1:
            sys.exit(f"{' '.join(words)}: exit status {done.returncode}: {done.stderr.strip()}")
        best = took if best is None else min(best, took)
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fwsniff", required=True)
    parser.add_argument("--packets", type=int, default=1_000_000)
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.fwsniff)
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("a.pcap", "b.pcap")]
        counts = make(paths, arguments.packets)
        alone = [seconds(program, [path]) for path in paths]
        together = seconds(program, paths)
    print(f"{counts[0]:,} and {counts[1]:,} packets: alone {alone[0]:.2f} s and {alone[1]:.2f} s, "
          f"together {together:.2f} s: {together / sum(alone):.2f} times one after the other")
    return 0


if __name__ == "__main__":
    sys.exit(main())
