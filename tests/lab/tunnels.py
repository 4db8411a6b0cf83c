"""VPNs and names for the lab: OpenVPN as it is, the handshakes of WireGuard and IKE and what ESP carries as datagrams, a name server."""

import itertools
import os
import socket
import struct
import subprocess
import threading
import time

from peers import fingerprint, make_certificate

TUNNEL = ("10.233.7.1", "10.233.7.2")  # server, client
UP_S = 9  # OpenVPN repeats its first packet after 2, 4, 8 s


class OpenVpn:
    """Both ends of a point-to-point tunnel; each knows the other by its certificate."""

    def __init__(self, folder, port=1194, tcp=False):
        self.folder, self.port, self.tcp = folder, port, tcp
        self.certificates = [make_certificate(folder, f"vpn-{os.getpid()}-{end}.example") for end in ("server", "client")]

    def _start(self, node, index, *options):
        inside, outside = TUNNEL[index], TUNNEL[1 - index]
        own, other = self.certificates[index], self.certificates[1 - index]
        return node.start(["openvpn", "--dev", "tun77", "--dev-type", "tun", "--ifconfig", inside, outside,
                           "--cert", own + ".crt", "--key", own + ".key", "--peer-fingerprint", fingerprint(other + ".crt"),
                           "--verb", "3", *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def serve(self, node):
        proto = "tcp-server" if self.tcp else "udp"
        self._read(self._start(node, 0, "--proto", proto, "--port", str(self.port), "--tls-server", "--dh", "none"))

    def connect(self, node, address, patience=UP_S):
        """True once the tunnel is up."""
        proto = "tcp-client" if self.tcp else "udp"
        process = self._start(node, 1, "--proto", proto, "--remote", address, str(self.port), "--nobind", "--tls-client")
        up = self._read(process)
        return up.wait(patience)

    @staticmethod
    def _read(process):
        up = threading.Event()

        def read():
            for line in process.stdout:
                if b"Initialization Sequence Completed" in line:
                    up.set()
        threading.Thread(target=read, daemon=True).start()
        return up


# ---- handshakes whose first message is all that matters here ----

def _wireguard(first):
    return struct.pack("<I", 1) + os.urandom(144) if first else struct.pack("<I", 4) + os.urandom(60)


_SPI = os.urandom(8)


def _ike(first):
    if first:
        return _SPI + bytes(8) + bytes([33, 0x20, 34, 0x08]) + struct.pack("!II", 0, 228) + os.urandom(200)
    return b"\x01\x02\x03\x04" + os.urandom(80)  # ESP in UDP


MESSAGES = {"wireguard": _wireguard, "ike": _ike}
REPEAT_S = {"wireguard": 5.0, "ike": 2.0}
TRIES = 3


class Handshaker:
    """Answers a first message, and takes what is then sent one way without a word."""

    def __init__(self, node, kind, port, address="0.0.0.0"):
        with node:
            self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, port))
        self.first = len(MESSAGES[kind](True))
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                data, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            if len(data) == self.first:
                self.socket.sendto(b"\x02\0\0\0" + os.urandom(88), peer)

    def stop(self):
        self.socket.close()


def handshake(node, kind, address, port):
    """Ask to be let in, again and again; once in, send in one direction for a while."""
    with node:
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((address, port))
    for _ in range(TRIES):
        try:
            sock.settimeout(REPEAT_S[kind])
            sock.send(MESSAGES[kind](True))
            sock.recv(4096)
        except TimeoutError:
            continue
        except OSError:
            time.sleep(REPEAT_S[kind])
            continue
        for _ in range(12):
            sock.send(MESSAGES[kind](False))
            time.sleep(0.5)
        return True
    return False


# ---- ESP, IP protocol 50, beside an IKE that works ----

ESP = 50
TRIED_AFTER_S = (0, 1, 3, 7)  # as a SYN inside is repeated, RFC 6298


def _raw(node, address):
    with node:
        return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_RAW, ESP)


def _esp(spi, sequence, length=88):
    return struct.pack("!II", spi, sequence) + os.urandom(length)


class EspEnd:
    """The far end of a tunnel: each packet of ESP is answered by one."""

    def __init__(self, node, address="0.0.0.0"):
        self.socket = _raw(node, address)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        for sequence in itertools.count(1):
            try:
                _, peer = self.socket.recvfrom(4096)
                self.socket.sendto(_esp(0xc0ffee02, sequence), peer)
            except OSError:
                return

    def stop(self):
        self.socket.close()


def through_esp(node, address, port, programs=2):
    """Agree on a tunnel, then let some programs connect through it: True when what comes back is ESP."""
    with node:
        ike = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    ike.connect((address, port))
    ike.settimeout(3)
    ike.send(MESSAGES["ike"](True))
    ike.recv(4096)
    esp, sequence, begun = _raw(node, address), 0, time.monotonic()
    for after in sorted(start + wait for start in range(0, 5 * programs, 5) for wait in TRIED_AFTER_S):
        esp.settimeout(max(0.01, begun + after - time.monotonic()))
        try:
            esp.recvfrom(4096)
            return True
        except TimeoutError:
            sequence += 1
            esp.sendto(_esp(0xc0ffee01, sequence), (address, 0))
    return False


# ---- ESP within UDP 4500, beside the IKE of the same exchange (RFC 3948) ----

NO_ESP = bytes(4)  # that what follows is IKE


class NatTraversalEnd:
    """Answers IKE with IKE and ESP with ESP."""

    def __init__(self, node, port, address="0.0.0.0"):
        with node:
            self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, port))
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        for sequence in itertools.count(1):
            try:
                data, peer = self.socket.recvfrom(4096)
                self.socket.sendto(self._answer(data, sequence), peer)
            except OSError:
                return

    @staticmethod
    def _answer(data, sequence):
        if not data.startswith(NO_ESP):
            return _esp(0xc0ffee02, sequence)
        request = data[len(NO_ESP):]
        header = request[:8] + os.urandom(8) + bytes([33, 0x20, request[18], 0x20]) + request[20:24]
        return NO_ESP + header + struct.pack("!I", 128) + os.urandom(100)

    def stop(self):
        self.socket.close()


def through_nat_traversal(node, address, port, programs=2):
    """Agree on a tunnel, then let some programs connect through it: True when what comes back is ESP."""
    with node:
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((address, port))
    sock.settimeout(3)
    sock.send(NO_ESP + MESSAGES["ike"](True))
    if not sock.recv(4096).startswith(NO_ESP):
        return False
    begun, sequence = time.monotonic(), 0
    for after in sorted(start + wait for start in range(0, 5 * programs, 5) for wait in TRIED_AFTER_S):
        sock.settimeout(max(0.01, begun + after - time.monotonic()))
        try:
            sock.recv(4096)
            return True
        except TimeoutError:
            sequence += 1
            sock.send(_esp(0xc0ffee01, sequence))
    return False


# ---- names ----

def name_server(node, answers):
    """dnsmasq with nothing but these names: name -> address; what is not among them does not exist."""
    node.start(["dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--user=root",
                "--pid-file=", *[f"--address=/{name}/{address}" for name, address in answers.items()]],
               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def look_up(node, server, name, patience=3):
    """The address a name server tells for a name; None: none."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    question = struct.pack("!HHHHHH", 4711, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)
    with node:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(1)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            sock.sendto(question, (server, 53))
            answer = sock.recv(4096)
            count = struct.unpack("!H", answer[6:8])[0]
            return socket.inet_ntoa(answer[-4:]) if count else None
        except OSError:
            time.sleep(0.3)
    return None
