"""Boxes that answer in others' names.

Forger, an inspecting box that forges: it drops the first words of a connection (a rule beside this) and sends a RST to both ends, each in
the other's name, with the IP-ID and window of the packet that set it off, as simple injectors do (Weaver, Sommer,
Paxson: Detecting Forged TCP Reset Packets, NDSS 2009).

Sensor, on a switch, looks on and sends the same from a network card of its own (Snort's active response). Bump, a
firewall that is no router, holds back what a rule beside this drops and refuses it in the server's name and with the
server's own MAC address: no hop shows it."""

import socket
import struct
import threading

ETH_P_IP = 0x0800
RST, ACK = 0x04, 0x10
HOPS = 64


def _sum(data):
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def _head(source, destination, protocol, length, ip_id, hops):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, ip_id, 0, hops, protocol, 0, source, destination)
    return head[:10] + struct.pack("!H", _sum(head)) + head[12:]


def _reset(source, destination, ports, sequence, acknowledgment, ip_id, window, hops=HOPS):
    head = _head(source, destination, socket.IPPROTO_TCP, 20, ip_id, hops)
    tcp = struct.pack("!HHIIBBHHH", *ports, sequence, acknowledgment, 5 << 4, RST | ACK, window, 0, 0)
    check = _sum(source + destination + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(tcp)) + tcp)
    return head + tcp[:16] + struct.pack("!H", check) + tcp[18:]


class Forger(threading.Thread):
    """Watches an interface of a gateway for what clients say first on a port."""

    def __init__(self, node, interface, port, hops=HOPS, own_id=None):
        """`own_id`: what it puts there in place of a copied IP-ID."""
        super().__init__(daemon=True)
        self.port, self.hops, self.own_id, self.done = port, hops, own_id, set()
        with node:
            self.seen = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
            self.seen.bind((interface, ETH_P_IP))
            self.out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.seen.settimeout(0.2)
        self.running = True
        self.start()

    def run(self):
        while self.running:
            try:
                self._look(self.seen.recv(65535))
            except TimeoutError:
                continue
            except OSError:
                return

    def _look(self, packet):
        offset = (packet[0] & 15) * 4
        if packet[9] != socket.IPPROTO_TCP:
            return
        length, ip_id = struct.unpack("!HH", packet[2:6])
        source, destination = packet[12:16], packet[16:20]
        sport, dport, sequence, acknowledgment, size, _, window = struct.unpack("!HHIIBBH", packet[offset:offset + 16])
        payload = length - offset - (size >> 4) * 4
        if dport != self.port or payload <= 0 or (source, sport) in self.done:
            return
        self.done.add((source, sport))
        ip_id = self.own_id or ip_id
        end = (sequence + payload) & 0xffffffff
        self._send(destination, source, (dport, sport), acknowledgment, end, ip_id, window)
        self._send(source, destination, (sport, dport), sequence, acknowledgment, ip_id, window)

    def _send(self, source, destination, ports, sequence, acknowledgment, ip_id, window):
        packet = _reset(source, destination, ports, sequence, acknowledgment, ip_id, window, self.hops)
        self.out.sendto(packet, (socket.inet_ntoa(destination), 0))

    def stop(self):
        self.running = False
        self.join()
        self.seen.close()
        self.out.close()


class _OnLink(threading.Thread):
    """Looks at the frames of a switch; what answers them is said by `answer(frame, ip, tcp)`."""

    PROMISCUOUS = struct.Struct("iHH8s")  # struct packet_mreq, packet(7)
    SOL_PACKET, ADD_MEMBERSHIP, MR_PROMISC = 263, 1, 1

    def __init__(self, node, interface, port):
        super().__init__(daemon=True)
        self.port, self.done = port, set()
        with node:
            self.link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
            self.link.bind((interface, ETH_P_IP))
            index = socket.if_nametoindex(interface)
        self.link.setsockopt(self.SOL_PACKET, self.ADD_MEMBERSHIP, self.PROMISCUOUS.pack(index, self.MR_PROMISC, 0, b""))
        self.own_mac = self.link.getsockname()[4]
        self.link.settimeout(0.2)
        self.running = True
        self.start()

    def run(self):
        while self.running:
            try:
                frame = self.link.recv(65535)
            except TimeoutError:
                continue
            except OSError:
                return
            ip = frame[14:]
            offset = (ip[0] & 15) * 4
            if ip[9] == socket.IPPROTO_TCP and struct.unpack("!H", ip[offset + 2:offset + 4])[0] == self.port:
                self.answer(frame, ip, ip[offset:struct.unpack("!H", ip[2:4])[0]])

    def stop(self):
        self.running = False
        self.join()
        self.link.close()


class Sensor(_OnLink):
    """Resets both ends once a client has said something."""

    def answer(self, frame, ip, tcp):
        sport, dport, sequence, acknowledgment, size, _, window = struct.unpack("!HHIIBBH", tcp[:16])
        payload = len(tcp) - (size >> 4) * 4
        if payload <= 0 or (ip[12:16], sport) in self.done:
            return
        self.done.add((ip[12:16], sport))
        ip_id, = struct.unpack("!H", ip[4:6])
        end = (sequence + payload) & 0xffffffff
        ether = struct.pack("!H", ETH_P_IP)
        self.link.send(frame[6:12] + self.own_mac + ether
                       + _reset(ip[16:20], ip[12:16], (dport, sport), acknowledgment, end, ip_id, window))
        self.link.send(frame[:6] + self.own_mac + ether
                       + _reset(ip[12:16], ip[16:20], (sport, dport), end, acknowledgment, ip_id, window))


ADMINISTRATIVELY_PROHIBITED = (3, 13)


class Bump(_OnLink):
    """Refuses what asks for a connection."""

    def __init__(self, node, interface, port, by_icmp):
        self.by_icmp = by_icmp
        super().__init__(node, interface, port)

    def answer(self, frame, ip, tcp):
        sport, dport, sequence, _, _, flags = struct.unpack("!HHIIBB", tcp[:14])
        if flags & 0x12 != 0x02:
            return
        packet = self._error(ip) if self.by_icmp else _reset(ip[16:20], ip[12:16], (dport, sport), 0,
                                                             (sequence + 1) & 0xffffffff, 0, 0)
        self.link.send(frame[6:12] + frame[:6] + struct.pack("!H", ETH_P_IP) + packet)

    @staticmethod
    def _error(ip):
        """RFC 792: the header and as much of the rest as RFC 1812 4.3.2.3 asks for."""
        error = struct.pack("!BBHI", *ADMINISTRATIVELY_PROHIBITED, 0, 0) + ip[:struct.unpack("!H", ip[2:4])[0]]
        error = error[:2] + struct.pack("!H", _sum(error)) + error[4:]
        return _head(ip[16:20], ip[12:16], socket.IPPROTO_ICMP, len(error), 0, HOPS) + error
