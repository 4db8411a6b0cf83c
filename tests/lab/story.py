"""Plays one scenario: builds its site, starts servers and captures, lets things fail, returns the truth."""

import os
import random
import shutil
import subprocess
import threading
import time
import zlib

import peers
import truth
from net import Capture, settle
from scenarios import CONTROLS, EGRESS, PATH, VERDICTS
from sites import TOPOLOGIES, Plan

BOX_OF = {"local-firewall": "host", "edge-firewall": "edge", "egress-policy": "egress", "network-path": "isp"}
CHAIN_OF = {"host": ("block_input", "INPUT"), "client-host": ("block_output", "OUTPUT")}
FORWARD = ("block_forward", "FORWARD")
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
        if scenario.mechanism != "no-port-forward":
            host, port = options.get("forward", ("server", scenario.port))
            forwards.append((scenario.proto, scenario.port, host, port))
        forwards += options.get("more_forwards", ())
        return builder(wire_program, self.plan, forwards=forwards, wan_options=options.get("wan"),
                       closed=VERDICTS[scenario.how] if scenario.mechanism == "no-port-forward" else "drop")

    def _serve(self, host, kind, port, behaviour="serve"):
        node = self.site[host]
        everywhere = "::" if self.site.family == 6 else "0.0.0.0"
        if behaviour == "hung":
            self.servers.append(peers.HungServer(node, port))
        elif kind == "mtpip":
            self.servers.append(peers.MtpipServer(node, port, everywhere, silent=behaviour == "silent"))
        elif kind == "ftp":
            self.servers.append(peers.FtpServer(node, port, announce=self.scenario.options.get("announce")))
        else:
            self.servers.append(peers.Server(node, kind, port, behaviour, self.certificate, address=everywhere,
                                             think_s=self.choice.uniform(0.001, 0.02)))

    def _start_servers(self):
        scenario = self.scenario
        if scenario.mechanism != "not-listening":
            self._serve("server", scenario.kind, scenario.port, scenario.behaviour)
        self._serve("server", "http", 80)
        for name in ("other", "server2"):
            if name in self.site.lab.nodes:
                self._serve(name, scenario.kind, scenario.port)
        if "other" in self.site.lab.nodes:
            self._serve("other", "http", 80)

    # -- the block --

    @property
    def box(self):
        return self.scenario.options.get("box", BOX_OF.get(self.scenario.place))

    def _match(self):
        """Only as narrow as the controls need it: what they show working must not be blocked."""
        scenario, site, match = self.scenario, self.site, []
        family = "ip6" if site.family == 6 else "ip"
        at = {"host": "server", "edge": "edge-lan", "isp": "isp"}.get(self.box, "client")
        client, server = site.names_at(at)[0]
        if {"other-client", "same-site", "inside"} & set(scenario.controls) or scenario.options.get("per_client"):
            match.append((family, "saddr", client))
        if scenario.place == EGRESS and "other-server" in scenario.controls or scenario.place == PATH:
            match.append((family, "daddr", server))
        return match

    def block(self):
        """Put the rule in force. Mechanisms without a rule (no forward, closed port) need none."""
        rule = BLOCKS.get(self.scenario.mechanism)
        if rule and self.scenario.place:
            rule(self)

    def add_rule(self, verdict, match=None, both=False):
        """Insert a blocking rule into the box's first chain, by nftables or iptables."""
        node = self.site.boxes[self.box]
        chain, table = CHAIN_OF.get(self.box, FORWARD)
        match = self._match() if match is None else match
        proto, port = self.scenario.proto, self.scenario.port
        port = self.scenario.options.get("forward", (None, port))[1] if self.box in ("host", "edge") else port
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

    # -- the traffic --

    def attempt(self, origin="client", target="server", port=None, **options):
        """One client tries once, as its product does."""
        scenario, site = self.scenario, self.site
        node = site[origin]
        inside = origin in ("inside", "storage", "master") or scenario.topology == "lan"
        address = site.addresses[target] if inside else site.servers[target]
        if port not in (None, scenario.port):
            return peers.fetch(node, "http", address, port)
        if scenario.kind == "mtpip":
            return peers.mtpip(node, address, scenario.port, **options)
        if scenario.kind == "ftp":
            return peers.ftp(node, address, scenario.port, **scenario.options.get("ftp", {}))
        return peers.fetch(node, scenario.kind, address, scenario.port, **options)

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
        jobs = [threading.Thread(target=self._main)]
        jobs += [threading.Thread(target=self._control, args=(name,))
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
            self._start_servers()
            early = "earlier" in self.scenario.controls
            if not early:
                self.block()
            self._start_captures()
            if early:
                self.outcomes["earlier"] = self.attempt()
                settle(0.5)
                self.block()
            self._traffic()
            files = self._stop_captures()
            for server in self.servers:
                server.stop()
        return [self._entry(vantage, path) for vantage, path in files.items()]

    def _entry(self, vantage, path):
        scenario = self.scenario
        findings = truth.findings(scenario, self.site, vantage)
        return {"file": os.path.basename(path), "scenario": scenario.name, "topology": scenario.topology,
                "profile": scenario.profile, "vantage": truth.KIND.get(vantage, vantage),
                "healthy": scenario.healthy, "findings": findings, "seed": self.seed,
                "options": scenario.options.get("fwsniff", []), "played": self.outcomes,
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
    story.add_rule(VERDICTS[story.scenario.how])


BLOCKS = {"drop": _by_rule, "reject-rst": _by_rule, "reject-icmp": _by_rule}


# ---- plays: what the main client does; each returns whether it worked ----

def _connect(story):
    """Try as an application does: once where nothing answers, again where it is refused."""
    for _ in range(REFUSED_TRIES):
        started = time.monotonic()
        if story.attempt():
            return True
        if time.monotonic() - started > peers.GIVE_UP_S / 2:
            return False
        settle(REFUSED_PAUSE_S)
    return False


PLAYS = {"connect": _connect}
