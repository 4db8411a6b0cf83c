"""The topologies: which hosts stand where, which way packets take, where captures can be taken.

Every topology has the same way from the initiator to the responder, of which some know only a part:

    client | egress-lan EGRESS egress-wan | isp | edge-wan EDGE edge-lan | span | server HOST

Vantages and boxes have a position on that way (POSITION, BOX): a packet dropped in a box was seen at
the vantages before it and at none behind it. The truth of every capture follows from that.
"""

import random
from dataclasses import dataclass, field

from net import Lab

POSITION = {"client": (0,), "egress-lan": (1,), "egress-wan": (2,), "isp": (3,), "edge-wan": (4,),
            "edge-lan": (5,), "span": (5.5,), "server": (6,), "egress-any": (1, 2), "edge-any": (4, 5)}
BOX = {"egress": 1.5, "client": -0.5, "bump": 0.5, "fw1": 1.5, "isp1": 2.5, "isp": 3.5, "edge": 4.5, "sensor": 5.4,
       "host": 6.5}

HOSTS = ("client", "client2", "server", "server2", "other", "away")  # those whose habits vary

# Firewall frame of every box and host: scenarios add to the chains called "block_*", which come first.
FRAME = """
table inet lab {
  chain block_raw { type filter hook prerouting priority -300; }
  chain block_forward { }
  chain block_input { }
  chain block_output { }
  chain forward { type filter hook forward priority 0; jump block_forward; %(forward)s; }
  chain input { type filter hook input priority 0; jump block_input; %(input)s; }
  chain output { type filter hook output priority 0; jump block_output; }
}
"""
OPEN = FRAME % {"forward": "accept", "input": "accept"}
# A gateway: connections from inside pass, from outside only what is forwarded.
GATEWAY = FRAME % {
    "forward": 'ct state established,related accept; iifname "lan0" accept; ct status dnat accept; drop',
    "input": 'ct state established,related accept; iifname "lan0" accept; meta l4proto { icmp, ipv6-icmp } accept; '
             'jump closed'}
# What a gateway answers on a port that nothing is forwarded for; {} is the rule.
CLOSED = "table inet lab {{ chain closed {{ {}; }}; }}\n"


@dataclass
class Plan:
    """The variations of one run of one scenario, all drawn from the seed."""
    rng: random.Random
    rtt_ms: float
    hops: int
    ttl: dict = field(default_factory=dict)
    linear_retries: int = 0
    offload: dict = field(default_factory=dict)

    @classmethod
    def draw(cls, seed, far=True):
        """Draw in a fixed order: a new variation goes to the end, so that old labels stay."""
        rng = random.Random(seed)
        plan = cls(rng, rtt_ms=round(rng.choice((rng.uniform(0.5, 10), rng.uniform(10, 80))), 1) if far else 0,
                   hops=rng.randint(0, 9))
        plan.ttl = {name: rng.choice((64, 64, 128)) for name in HOSTS}
        plan.linear_retries = rng.choice((0, 0, 0, 4))
        plan.offload = {name: rng.random() < 0.6 for name in plan.ttl}
        return plan


class Site:
    """A lab with names for what matters in it."""

    def __init__(self, wire_program, plan):
        self.lab, self.plan = Lab(wire_program), plan
        self.captures = {}       # vantage -> (node, interface)
        self.addresses = {}      # host -> address in its own network
        self.public = None       # the edge's public address, where there is NAT
        self.egress_public = None
        self.nat = False
        self.family = 4
        self.boxes = {}          # box name -> node
        self.servers = {}        # what a client outside calls them: name -> address

    def __getitem__(self, name):
        return self.lab[name]

    def host(self, name, **options):
        """An end system: its own initial TTL, its own firewall."""
        node = self.lab.node(name, ttl=self.plan.ttl.get(name, 64), **options)
        node.sysctls["net.ipv4.tcp_syn_linear_timeouts"] = self.plan.linear_retries
        node.offload = self.plan.offload.get(name, True)
        return node.firewall(OPEN)

    def names_at(self, vantage, client="client", server="server"):
        """(client address, server address) pairs under which a capture at `vantage` sees the flow.

        A capture on both sides of a NAT sees both pairs.
        """
        if client in ("master", "storage") or server in ("master", "storage"):
            return [(self.addresses[client], self.addresses[server])]
        pairs = []
        for position in POSITION[vantage]:
            outside = self.nat and position > BOX["egress"]
            inside = self.nat and position > BOX["edge"]
            who = self.egress_public if outside and client in ("client", "client2") else self.addresses[client]
            to = self.addresses[server] if inside or not self.nat else self.servers[server]
            if (who, to) not in pairs:
                pairs.append((who, to))
        return pairs


def _private(rng):
    """A private /24 as 'a.b.c' prefix."""
    return rng.choice((f"10.{rng.randint(1, 250)}.{rng.randint(1, 250)}", f"192.168.{rng.randint(1, 250)}",
                       f"172.{rng.randint(16, 31)}.{rng.randint(1, 250)}"))


def lan(wire_program, plan):
    """Client, second client and server in one network; no box between them."""
    site, rng = Site(wire_program, plan), plan.rng
    net = _private(rng)
    switch = site.lab.switch("swA")
    for index, name in enumerate(("client", "client2", "server", "server2")):
        node = site.host(name)
        site.lab.link(f"{name}:eth0", f"swA:p{index}", delay=round(rng.uniform(0.02, 0.3), 3))
        site.addresses[name] = f"{net}.{10 + index * 20 + rng.randint(0, 15)}"
        node.address("eth0", site.addresses[name] + "/24")
    site.servers = {name: site.addresses[name] for name in ("server", "server2")}
    site.boxes = {"host": site["server"], "client": site["client"]}
    site.captures = {"client": ("client", "eth0"), "server": ("server", "eth0"), "span": (switch.name, "br0")}
    return site


def _backbone(site, wan_a, wan_b, addresses):
    """egress - isp1 - (more hops) - isp2 - edge, with a third party at each ISP router."""
    lab, plan = site.lab, site.plan
    delay = plan.rtt_ms / 2
    v6 = site.family == 6
    length = "64" if v6 else "24"
    join = "::" if v6 else "."
    core = "2001:db8:ffff" if v6 else "198.18.0"
    for name in ("isp1", "isp2"):
        lab.node(name, forward=True).firewall(OPEN)
    lab.link("egress:wan0", "isp1:left", delay=round(delay * 0.2, 3))
    lab.link("isp1:right", "isp2:left", delay=round(delay * 0.5, 3), hops=plan.hops, **site.wan_options)
    lab.link("isp2:right", "edge:wan0", delay=round(delay * 0.3, 3))
    lab.link("isp1:away", "away:eth0", delay=round(delay * 0.2, 3))
    lab.link("isp2:other", "other:eth0", delay=round(delay * 0.2, 3))
    site["isp1"].address("left", f"{wan_a}{join}1/{length}").address("right", f"{core}{join}1/{length}")
    site["isp2"].address("left", f"{core}{join}2/{length}").address("right", f"{wan_b}{join}1/{length}")
    for isp, host, net in (("isp1", "away", addresses["away"]), ("isp2", "other", addresses["other"])):
        site[isp].address(host, f"{net}{join}1/{length}")
        site[host].address("eth0", f"{net}{join}10/{length}").route(f"default via {net}{join}1")
        site.addresses[host] = f"{net}{join}10"
    default = "::/0" if v6 else "default"
    site["isp1"].route(f"{default} via {core}{join}2")
    for net in (wan_a, addresses["away"]):
        site["isp2"].route(f"{net}{'::' if v6 else '.0'}/{length} via {core}{join}1")
    site["isp2"].route(f"blackhole {default}")  # nobody routes private addresses


def _office(site, switch, gateway, hosts, net, v6=False):
    """A LAN behind a gateway's lan0."""
    join, length = ("::", "64") if v6 else (".", "24")
    site.lab.switch(switch)
    site.lab.link(f"{gateway}:lan0", f"{switch}:p0", delay=0.05)
    site[gateway].address("lan0", f"{net}{join}1/{length}")
    for index, name in enumerate(hosts, 1):
        site.host(name)
        site.lab.link(f"{name}:eth0", f"{switch}:p{index}", delay=round(site.plan.rng.uniform(0.02, 0.3), 3))
        site.addresses[name] = f"{net}{join}{index * 20 + site.plan.rng.randint(0, 15)}"
        site[name].address("eth0", f"{site.addresses[name]}/{length}")
        site[name].route(f"{'::/0' if v6 else 'default'} via {net}{join}1")


def _two_offices(wire_program, plan, wan_options, family=4):
    site, rng = Site(wire_program, plan), plan.rng
    site.wan_options, site.family = wan_options or {}, family
    for name in ("egress", "edge"):
        site.lab.node(name, forward=True, sysctls={"net.netfilter.nf_conntrack_tcp_loose": 0,
                                                   "net.netfilter.nf_conntrack_tcp_be_liberal": 0})
    for name in ("away", "other"):
        site.host(name)
    site.captures = {"client": ("client", "eth0"), "egress-lan": ("egress", "lan0"), "egress-wan": ("egress", "wan0"),
                     "isp": ("isp2", "left"), "edge-wan": ("edge", "wan0"), "edge-lan": ("edge", "lan0"),
                     "server": ("server", "eth0"), "span": ("swB", "br0"), "egress-any": ("egress", "any"),
                     "edge-any": ("edge", "any")}
    return site, rng


def _distinct_nets(rng):
    first = _private(rng)
    second = _private(rng)
    while second == first:
        second = _private(rng)
    return first, second


def internet(wire_program, plan, forwards=(), closed="drop", wan_options=None):
    """Two offices behind NAT. `forwards`: (proto, public port, host, host's port) of the edge."""
    site, rng = _two_offices(wire_program, plan, wan_options)
    net_a, net_b = _distinct_nets(rng)
    wan_a, wan_b = f"198.51.{rng.randint(1, 250)}", f"203.0.{rng.randint(1, 250)}"
    site.nat = True
    site.egress_public, site.public = f"{wan_a}.{rng.randint(2, 250)}", f"{wan_b}.{rng.randint(2, 250)}"
    _backbone(site, wan_a, wan_b, {"away": f"192.0.{rng.randint(3, 120)}", "other": f"192.0.{rng.randint(121, 250)}"})
    _office(site, "swA", "egress", ("client", "client2"), net_a)
    _office(site, "swB", "edge", ("server", "server2", "inside"), net_b)
    for name, public, wan in (("egress", site.egress_public, wan_a), ("edge", site.public, wan_b)):
        site[name].address("wan0", f"{public}/24").route(f"default via {wan}.1")
        site[name].firewall(CLOSED.format(closed if name == "edge" else "drop") + GATEWAY)
        site[name].firewall('table ip nat { chain post { type nat hook postrouting priority 100; oifname "wan0" masquerade; }; }')
    site.lan_b = net_b
    rules = "".join(f'iifname "wan0" {proto} dport {port} dnat to {site.addresses.get(host, host)}{f":{to}" if to else ""}; '
                    for proto, port, host, to in forwards)
    site["edge"].firewall("table ip nat { chain pre { type nat hook prerouting priority -100; %s }; }"
                          % rules.replace("{net}", net_b))
    site.servers = {"server": site.public, "server2": site.public, "other": site.addresses["other"],
                    "inside": site.public}
    _set_boxes(site)
    return site


def _set_boxes(site):
    site.boxes = {"egress": site["egress"], "isp1": site["isp1"], "isp": site["isp2"], "edge": site["edge"],
                  "host": site["server"], "client": site["client"]}


def ipv6(wire_program, plan, forwards=(), closed="drop", wan_options=None):
    """Two offices with global addresses: no NAT, the gateways only filter."""
    del forwards, closed
    site, rng = _two_offices(wire_program, plan, wan_options, family=6)

    def net():
        return f"2001:db8:{rng.randint(1, 0xfffe):x}:{rng.randint(1, 0xffff):x}"

    wan_a, wan_b, net_a, net_b = net(), net(), net(), net()
    _backbone(site, wan_a, wan_b, {"away": net(), "other": net()})
    _office(site, "swA", "egress", ("client", "client2"), net_a, v6=True)
    _office(site, "swB", "edge", ("server", "server2", "inside"), net_b, v6=True)
    for name, wan in (("egress", wan_a), ("edge", wan_b)):
        site[name].address("wan0", f"{wan}::2/64").route(f"::/0 via {wan}::1").firewall(OPEN)
    site["isp1"].route(f"{net_a}::/64 via {wan_a}::2")
    site["isp2"].route(f"{net_b}::/64 via {wan_b}::2").route(f"{net_a}::/64 via 2001:db8:ffff::1")
    site.servers = {name: site.addresses[name] for name in ("server", "server2", "other", "inside")}
    _set_boxes(site)
    return site


def vpn(wire_program, plan, forwards=(), closed="drop", wan_options=None):
    """Two offices joined by a VXLAN tunnel between their gateways; private addresses end to end."""
    del forwards
    site, rng = _two_offices(wire_program, plan, wan_options)
    net_a, net_b = _distinct_nets(rng)
    wan_a, wan_b = f"198.51.{rng.randint(1, 250)}", f"203.0.{rng.randint(1, 250)}"
    _backbone(site, wan_a, wan_b, {"away": f"192.0.{rng.randint(3, 120)}", "other": f"192.0.{rng.randint(121, 250)}"})
    _office(site, "swA", "egress", ("client", "client2"), net_a)
    _office(site, "swB", "edge", ("server", "server2", "inside"), net_b)
    ends = {"egress": (f"{wan_a}.2", f"{wan_b}.2", "169.254.77.1", net_b, wan_a),
            "edge": (f"{wan_b}.2", f"{wan_a}.2", "169.254.77.2", net_a, wan_b)}
    for name, (own, peer, inner, far_net, wan) in ends.items():
        far_inner = "169.254.77.2" if name == "egress" else "169.254.77.1"
        node = site[name]
        node.address("wan0", f"{own}/24").route(f"default via {wan}.1")
        node.ip(f"link add tun0 type vxlan id 77 local {own} remote {peer} dstport 4789")
        mac, far_mac = (f"02:00:00:00:77:0{last}" for last in ("12" if name == "egress" else "21"))
        node.ip(f"link set tun0 address {mac} mtu 1450 up").ip(f"neigh add {far_inner} lladdr {far_mac} dev tun0")
        node.address("tun0", f"{inner}/30")
        node.ip(f"route add {far_net}.0/24 via {far_inner} dev tun0").firewall(OPEN)
    site.servers = {name: site.addresses[name] for name in ("server", "server2", "other", "inside")}
    _set_boxes(site)
    return site


def multihomed(wire_program, plan, forwards=(), closed="drop", wan_options=None):
    """The internet topology, where the server has a second interface whose gateway gets its replies."""
    site = internet(wire_program, plan, forwards, closed, wan_options)
    net = "10.255.7"
    gateway = site.lab.node("gw2", forward=True)
    site.lab.link("server:eth1", "gw2:lan0", delay=0.1)
    site.lab.link("gw2:wan0", "isp2:gw2", delay=1)
    gateway.address("lan0", f"{net}.1/24").address("wan0", "203.113.9.2/24").route("default via 203.113.9.1")
    gateway.firewall(CLOSED.format("drop") + GATEWAY)
    gateway.firewall('table inet lab { chain block_forward { ct state invalid drop; '
                     'tcp flags & (syn | ack) == syn | ack ct state new drop; }; }')
    site["isp2"].address("gw2", "203.113.9.1/24")
    site["server"].address("eth1", f"{net}.9/24")
    site.captures["server-any"] = ("server", "any")
    return site


def dmz(wire_program, plan, forwards=(), closed="drop", wan_options=None):
    """Druva: master and storage inside, Firewall 1, edge server in the DMZ, Firewall 2, clients outside.

    In lab words the edge server is "server", Firewall 2 is "edge"; Firewall 1 is "fw1" with the
    inside hosts "master" and "storage" behind it.
    """
    site = internet(wire_program, plan, forwards, closed, wan_options)
    dmz_net = site.lan_b
    inside = f"10.99.{plan.rng.randint(1, 250)}"
    fw1 = site.lab.node("fw1", forward=True)
    fw1.address("wan0", f"{dmz_net}.254/24").route(f"default via {dmz_net}.1").firewall(OPEN)
    site.lab.link("fw1:wan0", "swB:p9", delay=0.05)
    _office(site, "swC", "fw1", ("master", "storage"), inside)
    for name in ("server", "server2", "edge"):
        site[name].route(f"{inside}.0/24 via {dmz_net}.254")
    site.boxes["fw1"] = fw1
    site.captures.update({"master": ("master", "eth0"), "fw1-lan": ("fw1", "lan0"), "fw1-dmz": ("fw1", "wan0"),
                          "fw1-any": ("fw1", "any")})
    return site


TOPOLOGIES = {"lan": lan, "internet": internet, "ipv6": ipv6, "vpn": vpn, "multihomed": multihomed, "dmz": dmz}
