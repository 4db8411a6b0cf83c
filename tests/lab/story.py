"""Plays one scenario: builds its site, starts servers and captures, lets things fail, returns the truth."""

import os
import random
import shutil
import socket
import subprocess
import threading
import time
import zlib

import forger
import misfits
import peers
import repeats
import tunnels
import truth
from net import Capture, LabError, settle
from scenarios import CONTROLS, EGRESS, PATH, VERDICTS
from sites import TOPOLOGIES, Plan

BOX_OF = {"local-firewall": "host", "edge-firewall": "edge", "egress-policy": "egress", "network-path": "isp"}
CHAIN_OF = {"host": ("block_input", "INPUT"), "client": ("block_input", "INPUT")}
FORWARD = ("block_forward", "FORWARD")
FTP_PORTS = (50000, 50020)
PROXY_PORT = 18443
REFUSED_TRIES = 3
REFUSED_PAUSE_S = 0.7
FORMATS = ("pcap", "pcap", "pcapng", "nano", "gz", "zst", "snap96")


class Story:
    """One scenario on its site, from the first packet to the truth."""

    def __init__(self, scenario, seed, wire_program, certificate, folder):
        self.scenario, self.seed = scenario, seed
        # a stable hash: Python's own differs from run to run
        self.own_seed = zlib.crc32(f"{seed}/{scenario.name}".encode())
        self.plan = Plan.draw(self.own_seed, far=scenario.topology != "lan")
        if "rtt" in scenario.options:
            self.plan.rtt_ms = self.plan.rng.uniform(*scenario.options["rtt"])
        self.choice = random.Random(self.own_seed + 1)
        self.certificate, self.folder = certificate, folder
        self.outcomes = {}
        self.pin, self._expired = None, None
        self.servers = []
        self.site = self._build(wire_program)

    # -- building --

    def _build(self, wire_program):
        """The site with the port forwards this scenario has, right or wrong."""
        scenario, options = self.scenario, self.scenario.options
        builder = TOPOLOGIES[scenario.topology]
        if scenario.topology == "lan":
            return builder(wire_program, self.plan)
        forwards = [("tcp", 80, "server", 80)]
        if scenario.mechanism != "no-port-forward" or scenario.kind == "ftp":
            host, port = options.get("forward", ("server", scenario.port))
            forwards.append((scenario.proto, scenario.port, host, port))
        if "inside" in options:
            forwards.append(("tcp" if options["inside"] == "openvpn-tcp" else "udp", 1194, "server", 1194))
        if scenario.kind == "ftp" and scenario.how.startswith("ftp-passive"):
            forwards.append(("tcp", f"{FTP_PORTS[0]}-{FTP_PORTS[1]}", "server", None))
        return builder(wire_program, self.plan, forwards=forwards, wan_options=options.get("wan"),
                       closed=VERDICTS.get(scenario.how, "drop") if scenario.mechanism == "no-port-forward" else "drop")

    def serve(self, host, kind, port, behaviour="serve"):
        node = self.site[host]
        everywhere = "::" if self.site.family == 6 else "0.0.0.0"
        if behaviour in ("hung", "hangs"):
            self.servers.append(peers.HungServer(node, port, room=0 if behaviour == "hung" else repeats.WAITING))
        elif kind == "mtpip":
            self.servers.append(peers.MtpipServer(node, port, everywhere, silent=behaviour == "silent",
                                                  answer_from=self._other_address() if behaviour == "other-address" else None))
        elif kind in ("openvpn", "openvpn-tcp"):
            self.vpn = tunnels.OpenVpn(self.certificate_folder(), port, tcp=kind == "openvpn-tcp")
            self.vpn.serve(node)
        elif kind == "ipsec":
            self.servers += [tunnels.Handshaker(node, "ike", port, everywhere), tunnels.EspEnd(node, everywhere)]
        elif kind == "nat-t":
            self.servers.append(tunnels.NatTraversalEnd(node, port, everywhere))
        elif kind in tunnels.MESSAGES:
            self.servers.append(tunnels.Handshaker(node, kind, port, everywhere))
        elif behaviour == "vsftpd":
            self.servers.append(peers.Vsftpd(node, self.certificate_folder(), port, announce=self._announced()))
        elif kind == "ftp":
            self.servers.append(peers.FtpServer(node, port, announce=self._announced(), family=self.site.family,
                                                certificate=self.certificate, tls=self.scenario.options.get("tls")))
        else:
            certificate = self.certificate if host == "other" else self.shown
            if host == "other" and kind == "tls":  # somebody else's, by another authority
                certificate = peers.make_issued_certificate(self.certificate_folder(), "Public Authority", "other.example")
            self.servers.append(peers.Server(node, kind, port, behaviour, certificate, address=everywhere,
                                             think_s=self.choice.uniform(0.001, 0.02),
                                             tls=self.scenario.options.get("tls")))

    def _other_address(self):
        """A second address of the server, of which its clients know nothing."""
        own = self.site.addresses["server"]
        cut = own.rfind(":" if ":" in own else ".")
        other = f"{own[:cut + 1]}{'99' if ':' in own else '239'}"
        self.site["server"].call("ip", "addr", "add", f"{other}/{'64' if ':' in own else '24'}", "dev", "eth0",
                                 *(["nodad"] if ":" in own else []))
        return other

    def _announced(self):
        """The address that PASV tells: the public one where the NAT was thought of, else the private one."""
        private = self.scenario.how == "ftp-private" or not self.site.nat  # over IPv6 none is told (EPSV)
        return self.site.addresses["server"] if private else self.site.public

    @property
    def shown(self):
        """The certificate that the server shows."""
        if self.scenario.options.get("expired") and not self._expired:
            self._expired = peers.make_expired_certificate(self.certificate_folder())
        return self._expired or self.certificate

    def certificate_folder(self):
        return os.path.dirname(self.certificate)

    def _start_servers(self):
        scenario = self.scenario
        if scenario.mechanism != "not-listening":
            self.serve("server", scenario.options.get("serves", scenario.kind), scenario.port, scenario.behaviour)
        self.serve("server", "http", 80)
        if scenario.how == "foreign-service":
            self.serve("server", "http", scenario.port, "ssh")
        if scenario.how == "other-service":
            self.serve("server", "http", scenario.options["forward"][1], "ssh")
        if scenario.options.get("client-any"):
            self.site.captures["client-any"] = ("client", "any")
        if "elsewhere" in scenario.controls:
            self.serve("other", "http", CONTROLS["elsewhere"][2])
        if "inside" in scenario.options:
            self.inside_vpn = tunnels.OpenVpn(self.certificate_folder(), tcp=scenario.options["inside"] == "openvpn-tcp")
            self.inside_vpn.serve(self.site["server"])
            for host in ("client", "server"):
                self.site.captures[f"{host}-any"] = (host, "any")
        if "other" in self.site.lab.nodes:
            if scenario.kind not in ("openvpn", "openvpn-tcp", "ftp"):
                self.serve("other", scenario.kind, scenario.port)
            self.serve("other", "http", 80)

    # -- the block --

    @property
    def box(self):
        return self.scenario.options.get("box", BOX_OF.get(self.scenario.place))

    def _match(self):
        """Only as narrow as the controls need it: what they show working must not be blocked."""
        scenario, site, match = self.scenario, self.site, []
        family = "ip6" if site.family == 6 else "ip"
        if self.box == "fw1":
            return []
        at = {"host": "server", "edge": "edge-lan", "isp": "isp"}.get(self.box, "client")
        client, server = site.names_at(at)[0]
        if {"other-client", "same-site", "inside", "master"} & set(scenario.controls):
            match.append((family, "saddr", client))
        if scenario.place == EGRESS and "other-server" in scenario.controls or scenario.place == PATH:
            match.append((family, "daddr", server))
        return match

    def mark(self):
        """The client's connections get a class of service (RFC 8622: for what may wait), as a host's policy gives it."""
        if self.scenario.options.get("marked"):
            self.site["client"].nft("table inet marked { chain out { type filter hook output priority mangle; "
                                    f"tcp dport {self.scenario.port} ip dscp set cs1; }}; }}")

    def block(self):
        """Put the rule in force. Mechanisms without a rule (no forward, closed port) need none."""
        rule = BLOCKS_BY_HOW.get(self.scenario.how) or BLOCKS.get(self.scenario.mechanism)
        if self.box == "bump":
            rule = misfits.bump
        if rule and self.scenario.place:
            rule(self)

    def add_rule(self, verdict, match=None, both=False):
        """Insert a blocking rule into the box's first chain, by nftables or iptables."""
        for port in filter(None, (self.scenario.port, self.scenario.options.get("also_port"))):
            self._add_rule(verdict, port, match, both)

    def _add_rule(self, verdict, port, match, both):
        node = self.site.boxes[self.box]
        chain, table = CHAIN_OF.get(self.box, FORWARD)
        match = self._match() if match is None else match
        proto = self.scenario.proto
        if verdict.startswith("iptables:"):
            words = [word for family, which, address in match for word in ("-s" if which == "saddr" else "-d", address)]
            node.call("iptables", "-I", table, "-p", proto, "--dport", str(port), *words,
                      "-j", "REJECT", "--reject-with", verdict.split(":")[1])
            return
        conditions = " ".join(" ".join(part) for part in match)
        node.nft(f"add rule inet lab {chain} {conditions} {proto} dport {port} counter {verdict}\n")
        if both:
            back = "block_output" if self.box == "host" else chain
            node.nft(f"add rule inet lab {back} {proto} sport {port} counter {verdict}\n")

    def rule(self, text):
        """A rule of the scenario's own wording in the box's first chain."""
        chain = CHAIN_OF.get(self.box, FORWARD)[0]
        self.site.boxes[self.box].nft(f"add rule inet lab {chain} {text}\n")

    @staticmethod
    def later(seconds, action):
        timer = threading.Timer(seconds, action)
        timer.daemon = True
        timer.start()
        return timer

    # -- the traffic --

    @property
    def flow(self):
        """Who talks to whom in the flow that the truth is about."""
        return self.scenario.options.get("flow", ("client", "server"))

    def session(self, **options):
        """An open connection of the main client."""
        return peers.Session(self.site["client"], self.scenario.kind, self.site.servers["server"], self.scenario.port,
                             **options)

    def attempt(self, origin="client", target="server", port=None, **options):
        """One client tries once, as its product does."""
        scenario, site = self.scenario, self.site
        node = site[origin]
        if port == "ping":
            return peers.ping(node, site.servers[target])
        inside = origin in ("inside", "storage", "master", "server") or scenario.topology == "lan"
        address = site.addresses[target] if inside else site.servers[target]
        if port not in (None, scenario.port):
            return peers.fetch(node, "http", address, port)
        if scenario.kind == "ipsec":
            return tunnels.through_esp(node, address, scenario.port)
        if scenario.kind == "nat-t":
            return tunnels.through_nat_traversal(node, address, scenario.port)
        if scenario.kind in tunnels.MESSAGES:
            return tunnels.handshake(node, scenario.kind, address, scenario.port)
        if scenario.kind == "mtpip":
            return peers.mtpip(node, address, scenario.port, **options)
        if scenario.kind == "ftp":
            return peers.ftp(node, address, scenario.port, **scenario.options.get("ftp", {}))
        return peers.fetch(node, scenario.kind, address, scenario.port, **{**options, **self.scenario.options.get("session", {})})

    def _control(self, name):
        origin, target, port, _ = CONTROLS[name]
        settle(self.choice.uniform(0.2, 1.0))
        self.outcomes[name] = self.attempt(origin, target, port)
        settle(1.5)
        if self.outcomes[name]:
            self.outcomes[name] = self.attempt(origin, target, port)

    def _main(self):
        self.outcomes["main"] = PLAYS[self.scenario.play](self)

    def _traffic(self):
        jobs = [threading.Thread(target=self._main, daemon=True)]
        jobs += [threading.Thread(target=self._control, args=(name,), daemon=True)
                 for name in self.scenario.controls if name != "earlier"]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()

    # -- captures --

    def _start_captures(self):
        """One tcpdump per vantage; each returns from wait() only when it really captures."""
        self.captures = {}
        for vantage, (host, interface) in self.site.captures.items():
            style = self.choice.choice(FORMATS)
            style = self.scenario.options.get("format", style)
            if style == "snap96" and self.scenario.topology in ("ipv6", "vpn"):
                style = "pcap"  # 96 bytes would cut the ports out of what is wrapped or quoted there
            path = os.path.join(self.folder, f"{self.scenario.name}.{vantage}.pcap")
            capture = Capture(self.site[host], interface, path, nano=style == "nano",
                              snaplen=96 if style == "snap96" else 0,
                              expression=self.scenario.options.get("filter", ""))
            self.captures[vantage] = (capture, style)
        for capture, _ in self.captures.values():
            capture.wait()

    def _stop_captures(self):
        settle(0.3)
        return {vantage: (capture.stop(), _convert(capture.path, style))[1]
                for vantage, (capture, style) in self.captures.items()}

    def play(self):
        """The whole story; returns the truth entries of its captures."""
        with self.site.lab:
            self.site.lab.up()
            self.mark()
            self._start_servers()
            early = "earlier" in self.scenario.controls or self.scenario.mechanism == "host-down"
            if self.scenario.options.get("pin") == "own":
                self.pin = self.shown
            if self.scenario.mechanism == "idle-timeout":
                _prepare_idle(self)
            if not early and self.scenario.mechanism not in LATE:
                self.block()
            if self.scenario.play in misfits.OLDER:
                self.early = self.session()
                self.early.ask()
            self._start_captures()
            if "earlier" in self.scenario.controls:
                self.outcomes["earlier"] = self.attempt()
                settle(0.5)
            if early:
                self.block()
            self._traffic()
            files = self._stop_captures()
            for server in self.servers:
                server.stop()
        self._must_be_as_told()
        return [self._entry(vantage, path) for vantage, path in files.items()]

    def _must_be_as_told(self):
        """A label is only true if what was meant to fail did, and nothing else."""
        expected = {name: CONTROLS[name][3] for name in self.scenario.controls}
        expected["main"] = self.scenario.healthy
        if self.outcomes != expected:
            raise LabError(f"played {self.outcomes}, expected {expected}")

    def _entry(self, vantage, path):
        scenario = self.scenario
        findings = truth.findings(scenario, self.site, vantage)
        return {"file": os.path.basename(path), "scenario": scenario.name, "topology": scenario.topology,
                "profile": scenario.profile, "vantage": truth.KIND.get(vantage, vantage),
                "proto": scenario.proto, "port": scenario.port, "healthy": scenario.healthy, "findings": findings, "seed": self.seed,
                "options": truth.options(scenario, self.site, vantage, self.pin and peers.fingerprint(self.pin)),
                "played": self.outcomes,
                "rtt_ms": self.plan.rtt_ms}


def _convert(path, style):
    """Store the capture in the format that was drawn for it."""
    base = path[:-len(".pcap")]
    if style == "pcapng":
        subprocess.run(["editcap", "-F", "pcapng", path, base + ".pcapng"], check=True, capture_output=True)
        os.remove(path)
        return base + ".pcapng"
    if style == "gz":
        subprocess.run(["gzip", "-f", path], check=True)
        return path + ".gz"
    if style == "zst" and shutil.which("zstd"):
        subprocess.run(["zstd", "-q", "-f", "--rm", path], check=True)
        return path + ".zst"
    return path


# ---- blocks: mechanism -> what puts it in force ----

def _by_rule(story):
    scenario = story.scenario
    verdict = VERDICTS.get(scenario.how, "drop")
    if scenario.how.startswith("ftp-passive"):
        verdict = VERDICTS.get(scenario.how.removeprefix("ftp-passive-"), "drop")
        story.rule(f"tcp dport {FTP_PORTS[0]}-{FTP_PORTS[1]} {verdict}")
    elif scenario.how == "ftp-active":
        _client_side(story)
    elif scenario.options.get("return"):
        story.rule(f"tcp sport {scenario.port} {verdict}")
    else:
        story.add_rule(verdict)
    if scenario.how == "no-ping":
        story.rule("icmp type echo-request drop")


def _client_side(story):
    """Active FTP: the server's connection is not let in on the client's side. Behind a NAT that knows nothing of
    FTP nothing need be done for that."""
    if story.scenario.topology == "lan":
        story.site["client"].nft("add rule inet lab block_input tcp flags & (syn | ack) == syn tcp dport 1024-65535 drop\n")
    elif not story.site.nat:
        server = story.site.servers["server"]
        story.rule("tcp sport != 21 tcp flags & (syn | ack) == syn "
                   f"{'ip6' if ':' in server else 'ip'} saddr {server} drop")


def _dynamic(story):
    if limit := story.scenario.options.get("throttle"):
        story.rule(f"udp {story.scenario.options.get('throttled', 'dport')} {story.scenario.port} counter {limit}")
        return
    if story.scenario.how == "deaf":
        story.rule(f"tcp sport {story.scenario.port} counter drop")
        return
    story.add_rule(VERDICTS[story.scenario.how], match=[], both=story.scenario.how == "drop")


def _forget(story):
    """A state table forgets a connection; what comes after has no state and is treated as the box likes."""
    story.site.boxes[story.box].call("conntrack", "-D", "-p", "tcp", "--dport", str(story.scenario.port))


def _prepare_idle(story):
    """Before the connection starts: the box keeps state, is strict, and has its rule for what has none."""
    node, verdict = story.site.boxes[story.box], VERDICTS[story.scenario.how]
    chain = "block_forward" if story.box == "egress" else "block_input"
    node.nft(f"add rule inet lab {chain} ct state invalid tcp dport {story.scenario.port} counter {verdict}\n")
    node.set("net.netfilter.nf_conntrack_tcp_loose", 0)


def _silence_edge(story):
    story.site["edge"].nft("add rule inet lab block_output icmp type destination-unreachable drop\n")


def _wrong_forward(story):
    if story.scenario.how == "dead-silent":
        _silence_edge(story)


def _host_down(story):
    if story.scenario.how == "silent":
        _silence_edge(story)
    if story.scenario.topology == "lan":
        misfits.dead_on_a_lan(story)
        return
    story.site["server"].call("ip", "link", "set", "eth0", "down")
    story.site["edge"].call("ip", "neigh", "flush", "dev", "lan0")  # it went down long ago


def _no_route(story):
    address = story.site.servers["server"]
    words = ["-6"] if ":" in address else []
    if story.scenario.how == "told-private":
        return  # nobody routes private addresses
    if story.scenario.how == "gateway-down":
        misfits.gateway_dead(story)
        return
    story.site.boxes[story.box].call("ip", *words, "route", "add", story.scenario.how, address)


def _loop(story):
    story.site["isp2"].call("ip", "route", "add", story.site.servers["server"], "via", "198.18.0.1")


def _return_path(story):
    if story.scenario.how == "other-router":
        misfits.other_router(story)
    elif story.scenario.how == "other-gateway":
        story.site["server"].call("ip", "route", "replace", "default", "via", "10.255.7.1", "dev", "eth1")
    elif story.scenario.how != "other-address":
        story.rule(f"tcp sport {story.scenario.port} drop")


TUNNEL_CHAIN = {"edge": "block_raw", "egress": "block_output", "isp": "block_forward"}


def _tunnel(story):
    node = story.site.boxes[story.box]
    if story.scenario.how == "esp":
        story.rule("meta l4proto esp counter drop")
        return
    if story.scenario.how == "esp-udp":  # a box that looks behind the UDP header: four zeros are IKE's (RFC 3948 2.2)
        story.rule("udp dport 4500 @th,64,32 != 0 counter drop")
        return
    if story.scenario.options.get("dpi"):  # OpenVPN over TCP: a length, then "client's reset"
        story.rule(f"tcp dport {story.scenario.port} @ih,16,8 0x38 {VERDICTS[story.scenario.how]}")
        return
    if story.scenario.options.get("by_name"):
        _content_filter(story)
        return
    if story.scenario.profile == "vpn":
        _by_rule(story)
        return
    node.nft(f"add rule inet lab {TUNNEL_CHAIN[story.box]} udp dport 4789 counter drop\n")


def _redirect(story):
    """What the egress gateway takes out of the way: the product's connections, of one client or of all."""
    one = f'ip saddr {story.site.addresses["client"]} ' if "same-site" in story.scenario.controls else ""
    story.site["egress"].nft('table ip proxy { chain pre { type nat hook prerouting priority -110; '
                             f'iifname "lan0" {one}tcp dport {story.scenario.port} redirect to :{PROXY_PORT}; }}; }}\n')


def _intercept(story):
    """The egress gateway opens TLS with an authority of its own."""
    authority = story.scenario.options.get("authority", "Filter Gateway CA")
    certificate = peers.make_issued_certificate(story.certificate_folder(), authority)
    other = peers.make_issued_certificate(story.certificate_folder(), authority, "other.example")
    story.servers.append(peers.InterceptingProxy(story.site["egress"], PROXY_PORT, certificate,
                                                 tls=story.scenario.options.get("tls"),
                                                 others={story.site.addresses["other"]: other}))
    _redirect(story)


def _block_page(story):
    """The egress gateway answers in the server's place."""
    if story.box == "host":
        return  # the server's own shield gives it: its behaviour
    behaviour = story.scenario.how if story.scenario.how in peers.BEHAVIOURS else "block-page"
    story.servers.append(peers.Server(story.site["egress"], "http", PROXY_PORT, behaviour))
    _redirect(story)


STRING_VERDICTS = {"rst": ("REJECT", "--reject-with", "tcp-reset"), "drop": ("DROP",)}


def _content_filter(story):
    """Match what a client says first: "GET " in clear text, a handshake record in TLS; or look for the server's name
    in it, as filters by name do."""
    scenario = story.scenario
    if scenario.how == "sinkhole":
        return  # the name server does it
    name = scenario.options.get("by_name")
    if name:
        story.site.boxes[story.box].call("iptables", "-I", CHAIN_OF.get(story.box, FORWARD)[1], "-p", "tcp", "--dport",
                                         str(scenario.port), "-m", "string", "--string", peers.SERVER_NAME if name is True else name,
                                         "--algo", "bm", "-j", *STRING_VERDICTS[scenario.how])
        return
    if scenario.how == "forge":
        box, interface = {"egress": ("egress", "lan0"), "edge": ("edge", "wan0")}[story.box]
        story.servers.append(forger.Forger(story.site[box], interface, scenario.port,
                                           scenario.options.get("forged-ttl", forger.HOPS),
                                           scenario.options.get("forged-id")))
    in_tls = scenario.kind in ("tls", "ftp")  # FTP begins TLS after AUTH
    first = "@ih,0,8 0x16" if in_tls else "@ih,0,32 0x47455420"
    story.rule(f"tcp dport {scenario.port} {first} {VERDICTS.get(scenario.how, 'drop')}")


def _wrong_direction(story):
    """Nobody listens inside; or Firewall 1 lets nothing in, as it should."""
    if story.scenario.how.endswith("drop"):
        story.site.boxes["fw1"].nft(f"add rule inet lab block_forward ip daddr {story.site.addresses['master']} "
                                    f"tcp dport {story.scenario.port} drop\n")


BLOCKS = {
    "unknown": _wrong_direction, "drop": _by_rule, "reject-rst": _by_rule,
    "reject-icmp": _by_rule, "dynamic-block": _dynamic,
    "idle-timeout": _forget, "wrong-forward": _wrong_forward, "host-down": _host_down, "no-route": _no_route,
    "routing-loop": _loop, "return-path": _return_path, "tunnel-blocked": _tunnel,
    "tls-interception": _intercept, "block-page": _block_page,
    "content-filter": _content_filter,
}
BLOCKS_BY_HOW = {**misfits.BLOCKS, "ftp-passive-client": misfits.client_sends_no_data_syn(FTP_PORTS)}
LATE = ("dynamic-block", "idle-timeout")  # the play puts these in force in the middle


# ---- plays: what the main client does; each returns whether it worked ----

def _connect(story):
    """Try as an application does: once where nothing answers, again where it is refused."""
    for _ in range(REFUSED_TRIES):
        started = time.monotonic()
        if story.attempt(*story.flow):
            return True
        if time.monotonic() - started > peers.GIVE_UP_S / 2:
            return False
        settle(REFUSED_PAUSE_S)
    return False


def _upload(story):
    """A paced upload of some seconds, cut after 1.5 s."""
    session = story.session(timeout=4)
    timer = story.later(1.5, story.block)
    worked = session.ask(verb="PUT", body=120 * peers.CHUNK, paced=True)
    timer.join()
    session.close()
    return worked


def _udp_transfer(story):
    timer = story.later(1.5, story.block)
    worked = story.attempt(blocks=100)
    timer.join()
    return worked


def _udp_throttled(story):
    timer = story.later(2.5, story.block)
    worked = story.attempt(blocks=400, size=1000, patience=12)
    timer.join()
    return worked


def _openvpn(story):
    return story.vpn.connect(story.site["client"], story.site.servers["server"])


def _openvpn_inside(story):
    """The tunnel comes up; what fails is behind it."""
    if not story.inside_vpn.connect(story.site["client"], story.site.servers["server"], 20):
        raise LabError("the tunnel did not come up")
    for _ in range(REFUSED_TRIES):
        started = time.monotonic()
        address, port = tunnels.TUNNEL[0], story.scenario.port
        if story.scenario.kind == "mtpip":
            return peers.mtpip(story.site["client"], address, port)
        if peers.fetch(story.site["client"], story.scenario.kind, address, port):
            return True
        if time.monotonic() - started > peers.GIVE_UP_S / 2:
            return False
        settle(REFUSED_PAUSE_S)
    return False


def _by_name(story):
    """Look the server up, go where one is told."""
    name, told = "backup.example.com", truth.SINKHOLE
    if story.scenario.healthy or story.scenario.how == "told-private":
        told = (story.site.servers if story.scenario.healthy else story.site.addresses)["server"]
    tunnels.name_server(story.site["other"], {name: told})
    address = tunnels.look_up(story.site["client"], story.site.addresses["other"], name)
    if not address:
        raise LabError("the name server does not answer")
    return peers.fetch(story.site["client"], story.scenario.kind, address, story.scenario.port)


def _idle(story):
    """Talk, be quiet for long, lose the state in between, talk again."""
    session = story.session()
    session.ask()
    settle(story.scenario.options["gap"] - 1)
    story.block()
    settle(1)
    worked = session.ask(verb="PUT", body=600)
    session.close()
    return worked


def _ask_once(story, path="/small", verb="GET", body=0):
    session = story.session()
    worked = session.ask(path, verb, body)
    session.close()
    return worked


def _trusting(story):
    """A client that knows its server's certificate."""
    return any(story.attempt(trusted=story.certificate) for _ in range(2))


def _trusting_shown(story):
    """A client that knows the certificate, which is not good any more."""
    return any(story.attempt(trusted=story.shown) for _ in range(2))


def _wrong_root(story):
    """A client that was given another certificate than its server has."""
    other = peers.make_certificate(story.certificate_folder(), f"{story.scenario.name}.example")
    if story.scenario.options.get("pin"):
        story.pin = other
    return any(story.attempt(trusted=other) for _ in range(2))


def _page(story):
    """It gets an answer, only not its server's."""
    return not story.attempt()


def _login(story):
    """The first request is turned down, the second, with a password, is served."""
    session = story.session()
    worked = session.ask() and session.ask()
    session.close()
    return worked


def _smb_both(story):
    """Both ports are tried, as Windows does; that one of them is closed does no harm."""
    other = peers.connect(story.site["client"], story.site.servers["server"], 139, 2)
    return other is None and story.attempt()


def _smb_pair(story):
    """Both ports at once, and neither answers."""
    second = threading.Thread(target=story.attempt, args=("client", "server", 139))
    second.start()
    worked = _connect(story)
    second.join()
    return worked


def _smb_139(story):
    """445 is filtered, 139 serves: the session comes about."""
    story.site["server"].nft("add rule inet lab block_input tcp dport 445 drop\n")
    first = threading.Thread(target=peers.connect, args=(story.site["client"], story.site.servers["server"], 445, 8))
    first.start()
    settle(0.3)
    worked = story.attempt()
    first.join()
    return worked


def _happy_eyeballs(story):
    """IPv6 and IPv4 at once; IPv6 gets no answer and is given up when IPv4 works."""
    for name, address in (("client", "fd00::1"), ("server", "fd00::2")):
        story.site[name].call("ip", "addr", "add", f"{address}/64", "dev", "eth0", "nodad")
    story.site["server"].nft(f"add rule inet lab block_input meta nfproto ipv6 tcp dport {story.scenario.port} drop\n")
    slow = threading.Thread(target=peers.connect, args=(story.site["client"], "fd00::2", story.scenario.port, 1.4))
    slow.start()
    settle(0.25)
    worked = story.attempt()
    slow.join()
    return worked


def _restart(story):
    worked = story.attempt()
    story.servers[0].stop()
    settle(1)
    story.serve("server", story.scenario.kind, story.scenario.port)
    return worked and story.attempt()


SCANNED = tuple(range(20, 30)) + (53, 110, 135, 139, 143, 443, 445, 993, 1433, 3306, 3389, 4401, 4403, 5432, 5443,
                                  5900, 6060, 7333, 8080, 8443, 9000)


def _scan(story):
    """Somebody knocks at many ports while the service goes on."""
    scanner = "client2" if story.scenario.topology == "lan" else "away"
    for port in SCANNED:
        sock = peers.connect(story.site[scanner], story.site.servers["server"], port, 0.12)
        if sock:
            sock.close()
    return story.attempt()


def _browse(story):
    pages = [peers.fetch(story.site["client"], "http", story.site.servers["other"], 80, f"/size/{size}", 3)
             for size in (300, 20000, 90000)]
    return all(pages) and story.attempt()


def _client_aborts(story):
    session = story.session()
    worked = session.ask()
    session.close(reset=True)
    return worked


def _late(story):
    """The first try is lost, the kernel's or the product's own retry succeeds."""
    node = story.site["server"]
    node.nft(f"add rule inet lab block_input {story.scenario.proto} dport {story.scenario.port} drop\n")
    timer = story.later(0.7, lambda: node.nft("flush chain inet lab block_input\n"))
    worked = story.attempt()
    timer.join()
    return worked


def _keepalive(story):
    session = story.session()
    for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1)):
        session.sock.setsockopt(socket.IPPROTO_TCP, option, value)
    session.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    worked = session.ask()
    settle(7)
    session.close()
    return worked


def _midstream(story):
    """The connection is older than the capture."""
    worked = story.early.ask() and story.early.ask("/stream/1")
    story.early.close()
    return worked


def _ends_early(story):
    """The capture stops before the first retry: nothing can be said, so nothing must be."""
    story.site["server"].nft(f"add rule inet lab block_input tcp dport {story.scenario.port} drop\n")
    peers.connect(story.site["client"], story.site.servers["server"], story.scenario.port, 0.4)
    return True


def _idle_ok(story):
    session = story.session()
    first = session.ask()
    settle(story.scenario.options["gap"])
    worked = first and session.ask()
    session.close()
    return worked


def _unwatched(story):
    """Something else of the same client fails; the product works."""
    peers.connect(story.site["client"], story.site.servers["server"], 9999, 3.5)
    return story.attempt()


PLAYS = {
    "connect": _connect, **repeats.PLAYS, **misfits.PLAYS, "upload": _upload, "udp-transfer": _udp_transfer, "idle": _idle, "trusting": _trusting,
    "wrong-root": _wrong_root, "trusting-shown": _trusting_shown, "page": _page, "login": _login, "ftp": lambda story: story.attempt(),
    "smb-both": _smb_both, "smb-pair": _smb_pair, "smb-139": _smb_139, "restart": _restart,
    "udp-throttled": _udp_throttled, "openvpn": _openvpn, "openvpn-inside": _openvpn_inside, "by-name": _by_name,
    "scan": _scan,
    "big-upload": lambda story: _ask_once(story, verb="PUT", body=40000),
    "big-download": lambda story: _ask_once(story, "/size/40000"),
    "udp-transfer-ok": lambda story: story.attempt(blocks=40),
    "happy-eyeballs": _happy_eyeballs, "browse": _browse, "client-aborts": _client_aborts, "late": _late,
    "keepalive": _keepalive, "slow": lambda story: _ask_once(story, "/slow/4"),
    "download-ok": lambda story: _ask_once(story, "/stream/3"),
    "upload-ok": lambda story: _ask_once(story, verb="PUT", body=200000),
    "midstream": _midstream, "ends-early": _ends_early, "idle-ok": _idle_ok,
    "server-rst-after": lambda story: story.attempt(), "unwatched": _unwatched,
}
