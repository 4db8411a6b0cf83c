"""Blocks and plays where no plain rule of a firewall is at fault, or no plain client is turned away.

Blocks are called by story.BLOCKS, by `how`; plays return whether the main client's exchange worked.
"""

import time

import forger
import peers
import tunnels
from net import LabError, settle

AWAY_S = 13  # longer than what fwsniff takes for a silence


# ---- blocks ----

def bump(story):
    """A firewall without an address, in the cable between the client's switch and its gateway."""
    switch, scenario = story.site["swA"], story.scenario
    switch.nft("table bridge lab { chain pre { type filter hook forward priority 0; "
               f"tcp dport {scenario.port} drop; }}; }}\n")
    story.servers.append(forger.Bump(switch, "br0", scenario.port, by_icmp=scenario.mechanism == "reject-icmp"))


def sensor(story):
    """An intrusion sensor at a mirror port of the server's switch, of the only one on a LAN."""
    switch = story.site["swB" if "swB" in story.site.lab.nodes else "swA"]
    story.servers.append(forger.Sensor(switch, "br0", story.scenario.port))


def server_sends_no_syn(story):
    """The server's own filter lets it open no connections."""
    story.site["server"].nft("add rule inet lab block_output tcp flags & (syn | ack) == syn tcp dport 1024-65535 drop\n")


def edge_lets_nobody_out(story):
    story.site["edge"].nft('add rule inet lab block_forward iifname "lan0" tcp flags & (syn | ack) == syn drop\n')


def client_sends_no_data_syn(ports):
    def block(story):
        story.site["client"].nft(f"add rule inet lab block_output tcp dport {ports[0]}-{ports[1]} drop\n")
    return block


def no_names(story):
    """The client's gateway lets no look-ups out."""
    story.site["egress"].nft("add rule inet lab block_forward udp dport 53 drop\n")


# What takes a client half a minute to notice shall take it two seconds.
NEIGHBOURS = {"delay_first_probe_time": 1, "retrans_time_ms": 250}


def _doubt_neighbour(node, address):
    for name, value in NEIGHBOURS.items():
        node.set(f"net.ipv4.neigh.eth0.{name}", value)
    node.call("ip", "neigh", "change", address, "dev", "eth0", "nud", "stale")


def dead_on_a_lan(story):
    """Down a moment after it was there: the client still knows its MAC address, for a second."""
    _doubt_neighbour(story.site["client"], story.site.addresses["server"])
    story.site["server"].call("ip", "link", "set", "eth0", "down")


def gateway_dead(story):
    _doubt_neighbour(story.site["client"], story.site["egress"].addresses["lan0"])
    story.site["egress"].call("ip", "link", "set", "lan0", "down")


def other_router(story):
    """The server's default gateway is another box of its network, which knows nothing of the connection."""
    story.site["server"].call("ip", "route", "replace", "default", "via", story.site.addresses["inside"])


# ---- plays ----

def download_cut(story):
    """A download of some seconds; the client's own filter turns against it after 1.5 s."""
    session = story.session(timeout=6)
    timer = story.later(1.5, story.block)
    worked = session.ask("/stream/4")
    timer.join()
    story.kept = session  # the program waits on
    return worked


def client_restarted(story):
    """The client asks, loses its power, comes back, and knows nothing of the answer that is still to come."""
    session, client = story.session(), story.site["client"]
    if not session.ask():
        raise LabError("the first request failed")
    session.send(f"/slow/{AWAY_S}")
    settle(1)
    client.nft(f"add rule inet lab block_output tcp dport {story.scenario.port} drop\n")
    session.close(reset=True)
    settle(0.5)
    client.nft("flush chain inet lab block_output\n")
    settle(AWAY_S)
    return False


def idle_older(story):
    """As `idle`, on a connection that is older than the capture."""
    worked = story.early.ask()
    settle(story.scenario.options["gap"] - 1)
    story.block()
    settle(1)
    worked = story.early.ask(verb="PUT", body=600) and worked
    story.early.close()
    return worked


def wrong_name(story):
    """A client that knows the certificate and expects another name in it."""
    return any(story.attempt(trusted=story.certificate, expects="files.example") for _ in range(2))


def looks_up_in_vain(story):
    """The client is told no address, so it never tries."""
    tunnels.name_server(story.site["other"], {"backup.example.com": ""})  # for dnsmasq: no such name
    time.sleep(0.5)
    if tunnels.look_up(story.site["client"], story.site.addresses["other"], "backup.example.com"):
        raise LabError("the name was told")
    settle(2)
    return False


BLOCKS = {"sensor": sensor, "ftp-active-out": server_sends_no_syn,
          "ftp-active-edge": edge_lets_nobody_out, "no-dns": no_names}
PLAYS = {"download-cut": download_cut, "client-restarted": client_restarted, "idle-older": idle_older,
         "wrong-name": wrong_name, "looks-up-in-vain": looks_up_in_vain}
OLDER = ("midstream", "idle-older")  # the connection begins before the captures
