#!/usr/bin/python3
"""What listening to product connections costs: instructions of speech_listen() as a share of all.

    listening.py --build DIR --fwsniff PROGRAM [CAPTURE:PORT ...]

PROGRAM is to be linked from objects as they are (make BUILD=build-plain LTO=-fno-lto): where the program is optimised
as a whole, functions are no more to be found by name.

The made-up captures are those of generate.c. A CAPTURE holds one TCP connection over IPv4 and Ethernet; it is
repeated, each time by another client with other sequence numbers, on PORT of a product. Callgrind counts at two
lengths, so that the start is left out.
"""
import argparse
import os
import re
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from measure import generate  # noqa: E402

FEW, MANY = 4500, 8500  # connections: beyond those that are kept whole (docs/architecture.md, Caps)
MADE_UP = {"web": (20000, 220000), "bulk": (20000, 220000)}  # packets
GAP_US = 1500
HEADER, RECORD, ETHERNET = 24, 16, 14


def connection(path, folder):
    """The packets of a capture: (microseconds, frame)."""
    plain = os.path.join(folder, "plain.pcap")
    subprocess.run(["editcap", "-F", "pcap", path, plain], check=True)
    with open(plain, "rb") as file:
        head, data = file.read(HEADER), file.read()
    packets, at = [], 0
    while at < len(data):
        seconds, microseconds, length, _ = struct.unpack_from("<IIII", data, at)
        packets.append((seconds * 1000000 + microseconds, data[at + RECORD:at + RECORD + length]))
        at += RECORD + length
    return head, packets


def as_other(frame, client, number, port):
    """The same packet of another client's connection."""
    frame, tcp = bytearray(frame), ETHERNET + (frame[ETHERNET] & 15) * 4
    forth = bytes(frame[ETHERNET + 12:ETHERNET + 16]) == client
    address = ETHERNET + (12 if forth else 16)
    frame[address:address + 4] = struct.pack(">I", 0x0a000001 + number % 500)
    ports = (20000 + number % 40000, port)
    frame[tcp:tcp + 4] = struct.pack(">HH", *(ports if forth else ports[::-1]))
    sequence, acknowledgment = struct.unpack_from(">II", frame, tcp + 4)
    shift = number * 829348951
    frame[tcp + 4:tcp + 12] = struct.pack(">II", sequence + shift & 0xffffffff,
                                          acknowledgment + shift & 0xffffffff if frame[tcp + 13] & 0x10 else 0)
    return bytes(frame)


def repeated(path, port, times, folder):
    head, packets = connection(path, folder)
    begin, client = packets[0][0], packets[0][1][ETHERNET + 12:ETHERNET + 16]
    order = sorted((time - begin + number * GAP_US, number, at)
                   for number in range(times) for at, (time, _) in enumerate(packets))
    out = os.path.join(folder, f"{times}.pcap")
    with open(out, "wb") as file:
        file.write(head)
        for after, number, at in order:
            frame, time = as_other(packets[at][1], client, number, port), begin + after
            file.write(struct.pack("<IIII", time // 1000000, time % 1000000, len(frame), len(frame)) + frame)
    return out


def counted(program, path, folder):
    """Instructions in all, and those of listening with what it calls."""
    out = os.path.join(folder, "callgrind")
    subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=" + out, program, "-n", "-q", "--json=/dev/null",
                    "-r", path], check=False, capture_output=True)
    lines = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", out], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    total, listening = 0, {}
    for line in lines:
        number = re.match(r"\s*([\d,]+)", line)
        if number and "PROGRAM TOTALS" in line:
            total = int(number[1].replace(",", ""))
        elif number and (found := re.search(r":(speech_listen|speech_forget)\b", line)):
            so_far = listening.get(found[1], 0)  # one line for each source file that was inlined
            listening[found[1]] = max(so_far, int(number[1].replace(",", "")))
    return total, sum(listening.values())


def tell(name, program, paths, units, unit):
    with tempfile.TemporaryDirectory() as folder:
        few, many = (counted(program, path, folder) for path in paths)
    total, listening = many[0] - few[0], many[1] - few[1]
    print(f"{name}: {total / units:.0f} instructions a {unit}, {100 * listening / total:.1f} % of them to listen")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--fwsniff", required=True)
    parser.add_argument("captures", nargs="*", metavar="CAPTURE:PORT")
    arguments = parser.parse_args()
    os.environ.setdefault("FWSNIFF_RULES", os.path.join(HERE, "..", "..", "rules"))
    with tempfile.TemporaryDirectory() as folder:
        for kind, lengths in MADE_UP.items():
            paths = [generate(os.path.abspath(arguments.build), folder, kind, length) for length in lengths]
            tell(kind, arguments.fwsniff, paths, lengths[1] - lengths[0], "packet")
        for capture in arguments.captures:
            path, port = capture.rsplit(":", 1)
            paths = [repeated(path, int(port), times, folder) for times in (FEW, MANY)]
            tell(os.path.basename(path), arguments.fwsniff, paths, MANY - FEW, "connection")


if __name__ == "__main__":
    main()
