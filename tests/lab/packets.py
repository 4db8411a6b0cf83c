"""Captures as tshark reads them: the second opinion that labels are checked with and a baseline is made of."""

import hashlib
import json
import os
import subprocess
from collections import namedtuple

FIELDS = ("frame.time_epoch", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport", "tcp.flags",
          "tcp.seq_raw", "tcp.len", "udp.srcport", "udp.dstport", "icmp.type", "icmp.code", "icmpv6.type",
          "icmpv6.code", "http.response.code", "tls.alert_message.desc", "sll.pkttype")
TUNNEL_PORT = "4789"
HTTP_PORTS = (5800, 6060)  # tshark takes 6060 for X11

# One packet. `outer` is the source of the packet that carries an ICMP error; src .. seq are then the quoted ones.
Packet = namedtuple("Packet", "time src dst proto sport dport flags seq length icmp outer http alert")

SYN, ACK, RST, FIN = 0x02, 0x10, 0x04, 0x01


def _number(text, base=10):
    return int(text, base) if text else 0


def _packet(row):
    """A row of tshark's fields, in which tunnels and quotes repeat a field: the last one is the inner one."""
    value = dict(zip(FIELDS, row))
    first = {name: text.split(",")[0] for name, text in value.items()}
    last = {name: text.split(",")[-1] for name, text in value.items()}
    proto = "tcp" if last["tcp.srcport"] else "udp" if last["udp.srcport"] else ""
    if not proto or not (last["ip.src"] or last["ipv6.src"]):
        return None
    if proto == "udp" and last["udp.dstport"] == TUNNEL_PORT:
        return None
    error = None
    if value["icmp.type"]:
        error = (4, _number(first["icmp.type"]), _number(first["icmp.code"]))
    elif value["icmpv6.type"]:
        error = (6, _number(first["icmpv6.type"]), _number(first["icmpv6.code"]))
    family = "ip" if last["ip.src"] else "ipv6"
    sources = value[f"{family}.src"].split(",")
    return Packet(float(value["frame.time_epoch"]), last[f"{family}.src"], last[f"{family}.dst"], proto,
                  _number(last[f"{proto}.srcport"]), _number(last[f"{proto}.dstport"]),
                  _number(last["tcp.flags"], 16), _number(last["tcp.seq_raw"]), _number(last["tcp.len"]), error,
                  sources[-2] if error and len(sources) > 1 else None, first["http.response.code"],
                  first["tls.alert_message.desc"])


def read(path, cache=None):
    """All TCP and UDP packets of a capture, and the ICMP errors that quote such. Cached by content."""
    with open(path, "rb") as file:
        name = hashlib.sha1(file.read()).hexdigest()
    stored = os.path.join(cache, name + ".json") if cache else None
    if stored and os.path.exists(stored):
        with open(stored, encoding="utf-8") as file:
            return [Packet(*row) for row in json.load(file)]
    source = _unpacked(path)
    command = ["tshark", "-n", "-r", source, "-T", "fields", "-E", "separator=\t", "-E", "occurrence=a",
               "-o", "tcp.desegment_tcp_streams:FALSE"]
    for port in HTTP_PORTS:
        command += ["-d", f"tcp.port=={port},http"]
    for field in FIELDS:
        command += ["-e", field]
    text = subprocess.run(command, capture_output=True, text=True).stdout
    if source != path:
        os.remove(source)
    packets = [packet for line in text.splitlines() if (packet := _packet(line.split("\t")))]
    if stored:
        os.makedirs(cache, exist_ok=True)
        with open(stored, "w", encoding="utf-8") as file:
            json.dump(packets, file)
    return packets


def _unpacked(path):
    """tshark reads gzip by itself; zstd only in some builds."""
    if not path.endswith(".zst"):
        return path
    plain = f"{path}.{os.getpid()}.pcap"
    subprocess.run(["zstd", "-q", "-d", "-f", path, "-o", plain], check=True)
    return plain


class Flow:
    """What one connection or datagram exchange looks like, seen from its initiator."""

    def __init__(self):
        self.syns, self.synacks, self.requests, self.answers = [], [], [], []
        self.resets, self.fins, self.errors = [], [], []
        self.data, self.answer_data, self.acks = [], [], []
        self.http, self.alerts = set(), 0

    @property
    def retried(self):
        """SYN again, not merely seen twice on both sides of a box."""
        return bool(self.syns) and self.syns[-1] - self.syns[0] > 0.5

    @property
    def established(self):
        return bool(self.synacks) and bool(self.acks or self.data)

    @property
    def retransmitted(self):
        """Some data was sent again, later than a copy on another interface could be."""
        first, again = {}, False
        for when, seq, _ in self.data + self.answer_data:
            again |= when - first.setdefault(seq, when) > 0.19
        return again


def _note(flow, packet, forth):
    """File one packet under what it means for its flow."""
    if packet.proto == "udp":
        (flow.requests if forth else flow.answers).append(packet.time)
    elif packet.flags & SYN:
        (flow.synacks if packet.flags & ACK else flow.syns).append(packet.time)
    else:
        if packet.flags & RST:
            flow.resets.append((packet.time, forth))
        if packet.flags & FIN:
            flow.fins.append((packet.time, forth))
        if packet.length:
            (flow.data if forth else flow.answer_data).append((packet.time, packet.seq, packet.length))
        elif forth and packet.flags & ACK and not packet.flags & RST:
            flow.acks.append(packet.time)
    if packet.http:
        flow.http.add(int(packet.http))
    flow.alerts += bool(packet.alert)


def _initiator_first(packet, known):
    """The flow's key as its initiator has it, and whether this packet goes forth."""
    forth = (packet.proto, packet.src, packet.sport, packet.dst, packet.dport)
    back = (packet.proto, packet.dst, packet.dport, packet.src, packet.sport)
    if forth in known:
        return forth, True
    if back in known:
        return back, False
    if packet.proto == "tcp" and packet.flags & (SYN | ACK) == SYN | ACK:
        return back, False
    if packet.proto == "tcp" and not packet.flags & SYN and packet.sport < packet.dport:
        return back, False  # joined in the middle: the lower port is the server's
    return forth, True


def flows(packets):
    """{(proto, client, client port, server, port): Flow}"""
    found = {}
    for packet in packets:
        key, forth = _initiator_first(packet, found)
        flow = found.setdefault(key, Flow())
        if packet.icmp:
            flow.errors.append((packet.time, packet.icmp, packet.outer))
        else:
            _note(flow, packet, forth)
    return found
