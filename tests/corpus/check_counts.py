#!/usr/bin/python3
"""What fwsniff counts in every capture of a directory, against a computation on tshark's fields.

    check_counts.py DIRECTORY FWSNIFF [--verbose]

Counted, of the innermost IP packet of each frame and never of one that an ICMP error quotes:

    packets           frames
    tcp_syn           frames with SYN and without ACK
    syn_unanswered    attempts with neither of the two below; an attempt is a distinct pair of
                      5-tuple and initial sequence number (ISN) of a SYN without ACK
    syn_reset         attempts whose first answer is a RST with ACK, acknowledging ISN + 1
    icmp_unreachable  ICMP type 3 except code 4 (that one is path MTU discovery, RFC 1191), and
                      ICMPv6 type 1

An attempt is answered by a SYN-ACK in the other direction that acknowledges ISN + 1.
Every difference that is no fault of fwsniff stands in EXPLAINED; any other one fails.
"""
import argparse
import collections
import json
import re
import shutil
import sys

from common import conclude, each, files, run

# (pattern of the file's path, counters, why they may differ)
EXPLAINED = [
    # tshark stops at a section header of version 2; draft-ietf-opsawg-pcapng 4.1 has a reader that
    # does not know a version pass over its section, and the one behind it is read.
    (r"pcapgo/tests/[bl]e/test901\.pcapng$", {"packets"},
     "a section of an unknown version is passed over"),
    # Issue 2 names the link types to be read; these two are not among them.
    (r"/arcnet-rfc\d+-arp-icmp-http\.pcap$", {"tcp_syn"}, "ARCnet is counted, not dissected"),
    (r"/tests/ipoib\.pcap$", {"tcp_syn", "syn_unanswered"}, "IPoIB is counted, not dissected"),
    # Ethernet over IP of MikroTik, GRE protocol 0x6400: tshark has no name of its own for it.
    (r"/eoip/\d+_ipv[46]_eoip_inner_[^/]*_tcp\.pcap$", {"tcp_syn", "syn_unanswered"},
     "EoIP is none of the tunnels that are looked into"),
]

# Layers that tshark looks into and fwsniff does not: RFC 2661 (L2TP) is none of issue 2's tunnels.
FOREIGN_TUNNELS = {"l2tp"}

# Wireshark shows pcapng's custom blocks in its list of frames. They are no packets.
BLOCK = "PCAPNG"

FIELDS = ["frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport",
          "tcp.dstport", "tcp.flags", "tcp.seq_raw", "tcp.ack_raw", "icmp.type", "icmp.code",
          "icmpv6.type", "_ws.col.Protocol"]
TSHARK = ["tshark", "-n", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,",
          "-o", "tcp.relative_sequence_numbers:FALSE", "-o", "ip.defragment:FALSE",
          "-o", "ipv6.defragment:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE",
          "-o", "ip.check_checksum:FALSE", "-o", "tcp.check_checksum:FALSE"]
COUNTERS = ("packets", "tcp_syn", "syn_unanswered", "syn_reset", "icmp_unreachable")
SYN, RST, ACK = 0x02, 0x04, 0x10
OPEN, ANSWERED, RESET = range(3)
SKIPPED = 77


class Frame:
    """One line of tshark: the layers by name, and the values of a field by the layer's number."""

    def __init__(self, line):
        values = line.split("\t")
        self.values = {name: value.split(",") if value else []
                       for name, value in zip(FIELDS, values)}
        self.layers = values[0].split(":")
        for i, layer in enumerate(self.layers):
            if layer in FOREIGN_TUNNELS:
                self.layers = self.layers[:i]
                break
        for i, layer in enumerate(self.layers):  # what follows is quoted
            if layer in ("icmp", "icmpv6"):
                self.layers = self.layers[:i + 1]
                break

    def value(self, name, number):
        values = self.values[name]
        return values[number] if number < len(values) else None

    def ends(self, position):
        """Addresses of the IP layer that carries the one at `position`."""
        for i in range(position - 1, -1, -1):
            if self.layers[i] in ("ip", "ipv6"):
                layer = self.layers[i]
                number = self.layers[:i].count(layer)
                return self.value(layer + ".src", number), self.value(layer + ".dst", number)
        return None, None

    def is_packet(self):
        return self.values["_ws.col.Protocol"] != [BLOCK]

    def innermost(self):
        """(name, position) of the transport in the innermost IP packet."""
        for i in range(len(self.layers) - 1, -1, -1):
            if self.layers[i] in ("tcp", "icmp", "icmpv6"):
                return self.layers[i], i
        return None, None


class Count:
    def __init__(self):
        self.packets = self.tcp_syn = self.icmp_unreachable = 0
        self.attempts = {}

    def add(self, frame):
        self.packets += frame.is_packet()
        layer, position = frame.innermost()
        if layer == "tcp":
            self.add_tcp(frame, position)
        elif layer == "icmp":
            self.icmp_unreachable += (frame.value("icmp.type", 0) == "3" and
                                      frame.value("icmp.code", 0) != "4")
        elif layer == "icmpv6":
            self.icmp_unreachable += frame.value("icmpv6.type", 0) == "1"

    def add_tcp(self, frame, position):
        number = frame.layers[:position].count("tcp")
        source, destination = frame.ends(position)
        names = ("tcp.srcport", "tcp.dstport", "tcp.flags", "tcp.seq_raw", "tcp.ack_raw")
        fields = [frame.value(name, number) for name in names]
        if source is None or None in fields[:4]:
            return
        flags, sequence, acknowledged = int(fields[2], 16), int(fields[3]), int(fields[4] or 0)
        if flags & (SYN | ACK) == SYN:
            self.tcp_syn += 1
            self.attempts.setdefault((source, fields[0], destination, fields[1], sequence), OPEN)
            return
        isn = (acknowledged - 1) & 0xffffffff
        key = (destination, fields[1], source, fields[0], isn)
        if flags & ACK and flags & (SYN | RST) and self.attempts.get(key) == OPEN:
            self.attempts[key] = RESET if flags & RST else ANSWERED

    def counters(self):
        states = collections.Counter(self.attempts.values())
        return {"packets": self.packets, "tcp_syn": self.tcp_syn, "syn_unanswered": states[OPEN],
                "syn_reset": states[RESET], "icmp_unreachable": self.icmp_unreachable}


def theirs(path):
    """None where tshark does not read the file."""
    arguments = TSHARK + ["-r", path] + [word for name in FIELDS for word in ("-e", name)]
    status, out, err = run(arguments)
    count = Count()
    for line in out.decode("utf-8", "replace").splitlines():
        count.add(Frame(line))
    return count.counters() if status == 0 or count.packets else None


def ours(fwsniff, path):
    """None where fwsniff cannot open the file; RuntimeError where it does not end properly."""
    status, out, err = run([fwsniff, "-r", path, "-n", "--json"])
    if not out and status == 3:
        return None
    if status not in (0, 1, 3):
        raise RuntimeError("exit status %d: %s" % (status, err.decode("utf-8", "replace")[:300]))
    capture = json.loads(out)["captures"][0]
    return {name: capture["packets"] if name == "packets" else capture["counters"][name]
            for name in COUNTERS}


def explanation(path, counter):
    for pattern, counters, reason in EXPLAINED:
        if counter in counters and re.search(pattern, path):
            return reason
    return None


def check(fwsniff, path):
    """(kind, differences not explained, differences explained, sums)"""
    try:
        expected, found = theirs(path), ours(fwsniff, path)
    except RuntimeError as problem:
        return "broken", [str(problem)], [], {}
    if expected is None or found is None:
        who = "neither reads" if expected is found else "tshark does not read" \
            if expected is None else "fwsniff does not read"
        return who, [], [], {}
    differences, explained = [], []
    for counter in COUNTERS:
        if found[counter] == expected[counter]:
            continue
        text = "%s %d, tshark %d" % (counter, found[counter], expected[counter])
        reason = explanation(path, counter)
        if reason:
            explained.append("%s (%s)" % (text, reason))
        else:
            differences.append(text)
    kind = "different" if differences else "explained" if explained else "equal"
    return kind, differences, explained, found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory")
    parser.add_argument("fwsniff")
    parser.add_argument("--verbose", action="store_true", help="list what is explained, too")
    arguments = parser.parse_args()
    if not shutil.which("tshark"):
        print("tshark is not installed")
        sys.exit(SKIPPED)
    kinds, sums, failures = collections.Counter(), collections.Counter(), []
    for path, (kind, differences, explained, found) in each(
            lambda path: check(arguments.fwsniff, path), files(arguments.directory)):
        kinds[kind] += 1
        sums.update(found)
        failures += [(path, difference) for difference in differences]
        if arguments.verbose:
            print("\n    ".join(["%s: %s" % (path, found)] + explained))
    total = sum(kinds.values())
    conclude(failures, total, "%d files: %s; compared: %s" % (
        total, ", ".join("%d %s" % (n, k) for k, n in kinds.most_common()),
        ", ".join("%d %s" % (sums[name], name) for name in COUNTERS)))


if __name__ == "__main__":
    main()
