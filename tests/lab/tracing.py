"""Traceroute as its users run it, with nothing but ordinary sockets: TCP SYNs to the service's port and UDP
datagrams to ports from 33434 on, with hop limits that grow."""

import socket
import time

HOPS = 14
PAUSE_S = 0.12
FIRST_UDP_PORT = 33434


def _limited(node, address, kind, hops):
    v6 = ":" in address
    with node:
        sock = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, kind)
    if v6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hops)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
    return sock


def tcp(node, address, port):
    """A socket for each hop, all kept until the end: to close one early would show as nothing anyway."""
    sockets = []
    for hops in range(1, HOPS + 1):
        sock = _limited(node, address, socket.SOCK_STREAM, hops)
        sock.setblocking(False)
        sock.connect_ex((address, port))
        sockets.append(sock)
        time.sleep(PAUSE_S)
    for sock in sockets:
        sock.close()


def udp(node, address, port=None):
    """To growing ports where none is given, as traceroute does; to one port, as mtping -t does."""
    for hops in range(1, HOPS + 1):
        with _limited(node, address, socket.SOCK_DGRAM, hops) as sock:
            sock.sendto(b"\0" * 32, (address, port or FIRST_UDP_PORT + hops))
        time.sleep(PAUSE_S)
