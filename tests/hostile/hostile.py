"""Captures, file names and profiles of somebody who wants to get out of a report: markup, quotes,
terminal escapes, control bytes and bidi overrides wherever a name can stand."""

import collections
import json
import os
import struct
import subprocess

CLIENT, SERVER = (10, 2, 0, 10), (203, 0, 113, 2)
SYN, ACK, RST, PSH = 0x02, 0x10, 0x04, 0x08
START = 1795255200

MARKUP = "<script>alert(1)</script>"
SERVER_NAME = "x.example-onerror"  # what must be found again; the rest of the name is hostile
SERVER_FIELD = "box-onerror"  # the same of HTTP's fields
ISSUER = "issuer-onerror"  # and of certificates
ESCAPES = "\x1b[2J\x1b]0;owned\x07"
BIDI = "\u202etxt.exe\u2066"
EVERYTHING = MARKUP + "\"'><img src=x onerror=alert(2)>&lt;`|[a](javascript:alert(3))" + ESCAPES + BIDI

Paths = collections.namedtuple("Paths", "capture profile")


def frame(source, destination, sport, dport, flags, sequence=1000, acknowledgment=0, ttl=64, ip_id=7, data=b""):
    """Ethernet, IPv4 and TCP headers; checksums are left out, as with offload."""
    ethernet = bytes.fromhex("020000000001020000000002" "0800")
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(data), ip_id, 0x4000, ttl, 6, 0, bytes(source), bytes(destination))
    tcp = struct.pack(">HHIIBBHHH", sport, dport, sequence, acknowledgment, 0x50, flags, 64240, 0, 0)
    return ethernet + ip + tcp + data


def write_pcap(path, records):
    """Records are (seconds, bytes)."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for seconds, data in records:
            whole = int(seconds)
            file.write(struct.pack("<IIII", START + whole, int((seconds - whole) * 1e6), len(data), len(data)) + data)


def silent(port=5800, ttl=64):
    """A SYN, three retries, and nothing else."""
    return [(at, frame(CLIENT, SERVER, 40000, port, SYN, ttl=ttl, ip_id=10 + i)) for i, at in enumerate((0, 1, 3, 7))]


def healthy(port=5800):
    return [(0.00, frame(CLIENT, SERVER, 40001, port, SYN)),
            (0.02, frame(SERVER, CLIENT, port, 40001, SYN | ACK, 5000, 1001, 57)),
            (0.03, frame(CLIENT, SERVER, 40001, port, ACK, 1001, 5001))]


def stranger():
    """Somebody else's packet, so that frame numbers differ."""
    return [(0, frame((192, 0, 2, 1), (192, 0, 2, 2), 1000, 2000, ACK))]


def client_hello(name):
    """RFC 8446 4.1.2 with the server name extension, RFC 6066 3."""
    name = name.encode()
    entry = b"\x00" + struct.pack(">H", len(name)) + name
    names = struct.pack(">H", len(entry)) + entry
    extensions = struct.pack(">HH", 0, len(names)) + names
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00" + struct.pack(">H", len(extensions)) + extensions
    handshake = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack(">H", len(handshake)) + handshake


def refused_hello(name):
    """A connection that is reset right after a ClientHello with this server name, three times."""
    hello, records = client_hello(name), []
    for i in range(3):
        at, port = i * 2.0, 41000 + i
        records += [
            (at, frame(CLIENT, SERVER, port, 8443, SYN)),
            (at + 0.020, frame(SERVER, CLIENT, 8443, port, SYN | ACK, 5000, 1001, 57)),
            (at + 0.021, frame(CLIENT, SERVER, port, 8443, ACK, 1001, 5001)),
            (at + 0.022, frame(CLIENT, SERVER, port, 8443, PSH | ACK, 1001, 5001, data=hello)),
            (at + 0.025, frame(SERVER, CLIENT, 8443, port, RST, 5001, 0, 63)),
        ]
    return records


def opened(at, sport, port):
    return [(at, frame(CLIENT, SERVER, sport, port, SYN)),
            (at + 0.020, frame(SERVER, CLIENT, port, sport, SYN | ACK, 5000, 1001, 57)),
            (at + 0.021, frame(CLIENT, SERVER, sport, port, ACK, 1001, 5001))]


def blocked_page(port=8444):
    """A page that refuses, every field of it hostile. What a terminal does not show, HTTP does not allow either:
    control bytes in fields are the sender's malice."""
    wicked = (MARKUP + "\"'<img src=x onerror=alert(6)>" + ESCAPES.replace("\x07", "") + BIDI).encode()
    request = b"GET /" + wicked.replace(b" ", b"") + b" HTTP/1.1\r\nHost: " + SERVER_FIELD.encode() + wicked + b"\r\n\r\n"
    answer = (b"HTTP/1.1 403 " + wicked + b"\r\nServer: " + SERVER_FIELD.encode() + wicked + b"\r\nVia: 1.1 " + wicked +
              b"\r\nLocation: http://" + wicked.replace(b"/", b"|") + b"/\r\nContent-Length: 0\r\n\r\n")
    records = []
    for i in range(3):
        at, sport = 20 + i * 2.0, 42000 + i
        records += opened(at, sport, port) + [
            (at + 0.022, frame(CLIENT, SERVER, sport, port, PSH | ACK, 1001, 5001, data=request)),
            (at + 0.025, frame(SERVER, CLIENT, port, sport, PSH | ACK, 5001, 1001 + len(request), 57, data=answer)),
            (at + 0.026, frame(SERVER, CLIENT, port, sport, RST, 5001 + len(answer), 0, 57))]
    return records


def hostile_certificate(folder):
    """DER of a certificate whose names are markup and escapes."""
    wicked = ISSUER + MARKUP.replace("/", "|") + "\"'<img src=x onerror=alert(7)>" + BIDI[:4]
    key, certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "certificate.der")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-utf8", "-subj", f"/O={wicked[:60]}/CN=\x1b[2J{wicked[:50]}", "-days", "1", "-outform", "DER",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    with open(certificate, "rb") as file:
        return file.read()


def intercepted(certificate, port=8445):
    """TLS 1.2 (RFC 5246 7.4): the client refuses that certificate with the alert unknown_ca."""
    def record(kind, data):
        return bytes([kind]) + b"\x03\x03" + struct.pack(">H", len(data)) + data

    def handshake(kind, data):
        return bytes([kind]) + len(data).to_bytes(3, "big") + data
    hello = client_hello("backup.example")
    chain = len(certificate).to_bytes(3, "big") + certificate
    answer = record(22, handshake(2, b"\x03\x03" + bytes(32) + b"\x00" + b"\xc0\x2b" + b"\x00") +
                    handshake(11, len(chain).to_bytes(3, "big") + chain) + handshake(14, b""))
    alert, records = record(21, b"\x02\x30"), []
    for i in range(3):
        at, sport = 40 + i * 2.0, 43000 + i
        records += opened(at, sport, port) + [
            (at + 0.022, frame(CLIENT, SERVER, sport, port, PSH | ACK, 1001, 5001, data=hello)),
            (at + 0.025, frame(SERVER, CLIENT, port, sport, PSH | ACK, 5001, 1001 + len(hello), 57, data=answer)),
            (at + 0.027, frame(CLIENT, SERVER, sport, port, PSH | ACK, 1001 + len(hello), 5001 + len(answer), data=alert)),
            (at + 0.028, frame(CLIENT, SERVER, sport, port, RST | ACK, 1008 + len(hello), 5001 + len(answer)))]
    return records


def write_all(folder):
    """A capture with a hostile name of its own, and a profile that is no better."""
    capture = os.path.join(folder, "a\"'<b>&" + ESCAPES.replace("/", "") + BIDI + ".pcap")
    write_pcap(capture, refused_hello(SERVER_NAME + "<script>\"'><img src=x onerror=alert(1)>") + blocked_page() +
               intercepted(hostile_certificate(folder)))
    profile = os.path.join(folder, "hostile.json")
    with open(profile, "w", encoding="utf-8") as file:
        json.dump({"name": "hostile", "title": EVERYTHING[:70], "labels": {"edge-firewall": EVERYTHING[:70], "egress-policy": EVERYTHING[:70]},
                   "services": [{"name": EVERYTHING[:70], "proto": "tcp", "ports": [8443, 8444, 8445],
                                 "initiator": EVERYTHING[:70], "responder": EVERYTHING[:70]}]}, file)
    return Paths(capture, profile)
