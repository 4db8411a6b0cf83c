"""What the tests of fwsniff batch share: captures made byte by byte, and the database as text."""

import os
import signal
import sqlite3
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path.insert(0, os.path.join(HERE, "..", "cli"))
from test_cli import ACK, SYN, frame  # noqa: E402

PSH = 0x08

HEALTHY, FAILURES, USAGE, UNREAD = 0, 1, 2, 3
RUN_TIME = "2026-11-21T02:30:00Z"


def records_only(records):
    """What a growing file gets behind what it has."""
    return b"".join(struct.pack("<IIII", 1795255200 + int(at), int(at % 1 * 1e6), len(data), len(data)) + data
                    for at, data in records)


def pcap(records):
    """Records are (seconds, bytes)."""
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1) + records_only(records)


def client(number):
    return (10, 2, number >> 8 & 255, number & 255)


def silent(start, number=10, sport=40000, server=(203, 0, 113, 2), port=5800):
    """One attempt: a SYN and three retries, never answered."""
    return [(start + at, frame(client(number), server, sport, port, SYN, sequence=sport, ip_id=10 + i))
            for i, at in enumerate((0, 1, 3, 7))]


def works(start, number=10, sport=41000, server=(203, 0, 113, 2), port=5800):
    me = client(number)
    return [(start, frame(me, server, sport, port, SYN, sport)),
            (start + 0.02, frame(server, me, port, sport, SYN | ACK, 5000, sport + 1, 57)),
            (start + 0.03, frame(me, server, sport, port, ACK, sport + 1, 5001))]


def blocked(start, number=10, sport=45000, server=(203, 0, 113, 2), port=5800):
    """A request that is answered by 403: six frames."""
    me = client(number)
    request, answer = b"GET /sync HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"
    records = works(start, number, sport, server, port)
    for at, data, payload in ((0.04, frame(me, server, sport, port, ACK | PSH, sport + 1, 5001), request),
                              (0.06, frame(server, me, port, sport, ACK | PSH, 5001, sport + 1 + len(request), 57), answer),
                              (0.07, frame(me, server, sport, port, ACK, sport + 1 + len(request), 5001 + len(answer)), b"")):
        length = struct.pack(">H", 40 + len(payload))
        records.append((start + at, data[:16] + length + data[18:] + payload))
    return records


def dump(state):
    """Every row of every table, in an order of its own: what counts is what is said."""
    database = sqlite3.connect(os.path.join(state, "history.db"))
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
    text = [f"version {database.execute('PRAGMA user_version').fetchone()[0]}"]
    for table in tables:
        rows = sorted(repr(row) for row in database.execute(f"SELECT * FROM {table}"))
        text += [f"-- {table}", *rows]
    database.close()
    return "\n".join(text)


def tree(folder):
    """Every file below a folder with its bytes."""
    files = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                files[os.path.relpath(path, folder)] = file.read()
    return files


def run_killed(command, seconds, **more):
    """Starts a command and kills it after so long, unless it has ended; its status, or None."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return None


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    return path
