"""An inspecting box that forges: it drops the first words of a connection (a rule beside this) and sends a RST to both ends, each in
the other's name, with the IP-ID and window of the packet that set it off, as simple injectors do (Weaver, Sommer,
Paxson: Detecting Forged TCP Reset Packets, NDSS 2009)."""

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


def _reset(source, destination, ports, sequence, acknowledgment, ip_id, window):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, ip_id, 0, HOPS, socket.IPPROTO_TCP, 0, source, destination)
    tcp = struct.pack("!HHIIBBHHH", *ports, sequence, acknowledgment, 5 << 4, RST | ACK, window, 0, 0)
    check = _sum(source + destination + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(tcp)) + tcp)
    return head + tcp[:16] + struct.pack("!H", check) + tcp[18:]


class Forger(threading.Thread):
    """Watches an interface of a gateway for what clients say first on a port."""

    def __init__(self, node, interface, port):
        super().__init__(daemon=True)
        self.port, self.done = port, set()
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
        end = (sequence + payload) & 0xffffffff
        self._send(destination, source, (dport, sport), acknowledgment, end, ip_id, window)
        self._send(source, destination, (sport, dport), sequence, acknowledgment, ip_id, window)

    def _send(self, source, destination, ports, sequence, acknowledgment, ip_id, window):
        packet = _reset(source, destination, ports, sequence, acknowledgment, ip_id, window)
        self.out.sendto(packet, (socket.inet_ntoa(destination), 0))

    def stop(self):
        self.running = False
        self.join()
        self.seen.close()
        self.out.close()
