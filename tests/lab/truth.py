"""What each capture of a scenario can show, and what an expert would make of it.

Everything follows from positions on the way (sites.py): a request is seen at the vantages before the
box that stops it, a refusal only at those its sender's answer passes, a control only where it passes.
"""

from expert import judge, judge_mechanism
from scenarios import CONTROLS
from tunnels import TUNNEL
from sites import BOX, POSITION

# Captures that have a name of their own in the lab and a common one in the contract.
KIND = {"server-any": "server", "client-any": "client", "master": "client", "fw1-lan": "egress-lan", "fw1-dmz": "egress-wan",
        "fw1-any": "egress-any"}
# The inner way of the DMZ: master - Firewall 1 - edge server.
INNER = {"master": (0,), "fw1-lan": (1,), "fw1-dmz": (5,), "fw1-any": (1, 5), "span": (5.5,), "server": (6,)}
# Where flows of the controls enter and leave the way.
ORIGIN = {"client": -1, "client2": 0.5, "away": 2.5, "inside": 5.2, "master": 5.2, "storage": 5.2}
TARGET = {"server": 7, "server2": 7, "other": 3.2}
BOX_OF = {"local-firewall": "host", "edge-firewall": "edge", "egress-policy": "egress", "network-path": "isp",
          "server-host": "host", "application": "host"}
SINKHOLE = "146.112.61.106"
MTU_HOLE = 2.5  # the cable between the two ISP routers
INSIDE_THE_EDGE = ("edge-lan", "span", "server")
WITHOUT_NAT = ("ipv6", "vpn")
BEHIND_NAT = ("internet", "dmz", "multihomed")


# Captures of all interfaces of an end.
ON_ANY = {"server-any": "server", "client-any": "client"}


def _base(vantage):
    return POSITION.get(ON_ANY.get(vantage, vantage), ())


INSIDE = {"client-any": (0,), "server-any": (6,)}  # what captures see the inside of a VPN between the two hosts


def positions(scenario, vantage):
    """Where on the way of the scenario's flow this capture stands; empty: beside it."""
    if scenario.options.get("flow") and scenario.topology != "lan":
        return INNER.get(vantage, ())
    if scenario.options.get("inside"):
        return INSIDE.get(vantage, ())
    return _base(vantage)


def passes(vantage, origin, target):
    """Does a control's flow pass this capture?"""
    return any(ORIGIN[origin] < p < TARGET[target] for p in _base(vantage))


CONTROL_EVIDENCE = {  # control -> evidence beside silence, evidence beside a refusal
    "other-client": ("other-client-works",) * 2,
    "same-site": ("other-client-works-same-site",) * 2,
    "inside": ("other-client-works-inside",) * 2,
    "master": ("other-client-works-inside",) * 2,
    "other-server": ("other-server-works",) * 2,
    "other-server-fails": ("other-server-fails",) * 2,
    "other-port": ("other-port-works", "other-port-works-refusal"),
    "earlier": ("worked-before", "worked-before-refusal"),
}


def controls_seen(scenario, vantage, refused=False):
    """Names of the control evidence that this capture holds."""
    if scenario.options.get("filter"):
        return []  # that they were answered does not show
    seen = [CONTROL_EVIDENCE[control][refused] for control in scenario.controls
            if control in CONTROL_EVIDENCE and passes(vantage, *CONTROLS[control][:2])]
    if scenario.topology in BEHIND_NAT:
        seen = [name.replace("same-site", "same-nat") for name in seen]
    return seen


def reach(scenario, vantage, box):
    """How far the packets are known to have come, as evidence names."""
    here = positions(scenario, vantage)
    if told_as_mirror(scenario, vantage):
        return []
    if scenario.topology == "lan":
        return ["at-host"] if vantage == "server" else ["same-lan"]
    if any(p > box for p in here):
        return ["died-in-egress" if box == BOX["egress"] else "died-in-edge"]
    if scenario.options.get("flow"):
        return ["one-firewall"]
    steps = ((6, "at-host"), (5, "crossed-edge"), (4, "crossed-path"), (2, "left-egress"))
    return [name for position, name in steps if max(here) >= position][:1]


def told_as_mirror(scenario, vantage):
    """The user says: from a mirror port, of which side I do not know."""
    return scenario.options.get("mirror") and vantage == "span"


def _while(scenario, box):
    """A firewall's forward chain comes after the TTL was lowered; a host, and a gateway that keeps the packet, do not
    lower it. The quote shows which."""
    kept = box in (BOX["host"], BOX["bump"]) or scenario.mechanism == "no-port-forward"
    return ["refused-arriving" if kept else "refused-forwarding"]


def sender(scenario, vantage, box, by_icmp, baseline=False):
    """Who can be seen to have refused. `baseline`: the server's own packets are there to compare with."""
    here = positions(scenario, vantage)
    baseline = baseline or any(control in scenario.controls and passes(vantage, *CONTROLS[control][:2])
                               for control in ("other-port", "earlier", "other-client", "inside"))
    if vantage in ("server", "server-any") and box == BOX["host"]:
        return ["at-host-refused"] + _left_to_the_card(scenario, by_icmp, baseline)
    if scenario.how == "sensor":
        if scenario.topology == "lan":
            return ["other-card-link"]
        return ["other-card-inside"] if 5 in here else ["sender-not-host"]
    if scenario.topology == "lan":
        return ["sender-host"]
    if box in (BOX["egress"], BOX["bump"]):
        return ["sender-near"]
    if box in (BOX["isp1"], BOX["isp"]):
        return ["sender-path"]
    by_rule = scenario.how == "rst" and scenario.mechanism in ("reject-rst", "no-port-forward") and scenario.topology in BEHIND_NAT
    rule = ["rule-of-this-box"] if by_rule else []
    if box == BOX["edge"] and vantage == "edge-any":
        return ["sender-at-edge"] + rule
    if box == BOX["edge"] and vantage == "edge-wan":
        # A public address with a fresh TTL is the edge's where packets of the address pass that have come one hop
        # further, where the error was made while forwarding, or where it is a router's own; else a server of a
        # public address would look the same.
        forwarding = by_icmp and _while(scenario, box) == ["refused-forwarding"]
        known = baseline or forwarding or scenario.topology in WITHOUT_NAT
        return ["sender-at-edge" if known else "sender-at-address"] + rule
    if box == BOX["edge"] and by_icmp and scenario.topology in WITHOUT_NAT:
        return ["sender-gateway-address"]
    if box == BOX["edge"]:
        return ["sender-not-host" if baseline else "sender-far"]
    return ["sender-host" if max(here) >= 4 or baseline else "sender-far"]


def _left_to_the_card(scenario, by_icmp, baseline):
    """What the checksum of a RST shows on the host that sent it: whose making it is, where there are others."""
    if by_icmp or scenario.topology == "ipv6":
        return []
    if scenario.mechanism == "reject-rst" and scenario.how == "rst":
        return ["refused-by-rule"]
    return ["refused-by-stack"] if scenario.mechanism == "not-listening" and baseline else []


def finding(scenario, site, vantage, symptoms, evidence, server=None, client=None, **extra):
    """One entry of the truth, with the names the flow has at this vantage."""
    main_client, main_server = scenario.options.get("flow", ("client", "server"))
    if scenario.options.get("inside"):
        pairs = [TUNNEL[::-1]]
    else:
        pairs = site.names_at(ON_ANY.get(vantage, vantage), client or main_client,
                              server or main_server)
    if scenario.how == "told-private":
        pairs = [(who, site.addresses["server"]) for who, _ in pairs]
    if scenario.how == "sinkhole":
        pairs = list(dict.fromkeys((who, SINKHOLE) for who, _ in pairs))
    entry = {"proto": scenario.proto, "client_ip": pairs[0][0], "server_ip": pairs[0][1], "port": scenario.port,
             "failure_point": scenario.place, "mechanism": scenario.mechanism, "symptoms": symptoms,
             "evidence": evidence, "expert": judge(symptoms[0], evidence),
             "expert_mechanism": judge_mechanism(symptoms[0], evidence, scenario.topology in BEHIND_NAT)}
    if len(pairs) > 1:
        entry["also"] = [{"client_ip": c, "server_ip": s} for c, s in pairs[1:]]
    return {**entry, **extra}


# What a play shows beside the failure itself.
PLAYED = {"filled": "service-hangs", "flapping": "served-between-refusals", "stopping": "stopped-for-all", "outage": "served-between",
          "opened": "worked-after", "starting": "worked-after", "banned": "worked-before-and-after", "timers": "repeated", "cuts": "repeated", "aged": "repeated"}


# ---- shapes: how a mechanism looks from one vantage; each returns one finding or None ----

class View:
    """One scenario from one vantage: what the shapes below ask for."""

    def __init__(self, scenario, site, vantage):
        self.scenario, self.site, self.vantage = scenario, site, vantage
        self.box = BOX[scenario.options.get("box", BOX_OF[scenario.place])]
        self.here = positions(scenario, vantage)
        self.udp = scenario.proto == "udp"

    def before(self, box=None):
        return bool(self.here) and min(self.here) < (self.box if box is None else box)

    def behind(self, box=None):
        return bool(self.here) and not self.before(box)

    def reach(self, box=None):
        one_way = ["one-way"] if self.scenario.options.get("filter") else []
        return reach(self.scenario, self.vantage, self.box if box is None else box) + one_way

    def sender(self, by_icmp=False, baseline=False, box=None):
        seen = sender(self.scenario, self.vantage, self.box if box is None else box, by_icmp, baseline)
        # A server that leaves nothing to its card sums up a rule's RST as well.
        card = self.site.plan.offload.get("server", True)
        return seen if card else [one for one in seen if one not in ("refused-by-rule", "refused-by-stack")]

    def controls(self, refused=False):
        return controls_seen(self.scenario, self.vantage, refused) + self.played()

    def played(self):
        """What the way it was tried shows by itself."""
        play = self.scenario.play
        if play != "traced":
            return [PLAYED[play]] if play in PLAYED else []
        if self.box == BOX["egress"]:
            return ["probes-end-near"] if self.vantage in ("client", "egress-lan") else []
        if self.box == BOX["isp1"]:
            return ["probes-end-midway"] if self.before() else []
        return ["probes-reach-edge"] if self.before(BOX["edge"]) else []

    def finding(self, symptoms, evidence, **extra):
        return finding(self.scenario, self.site, self.vantage, symptoms, evidence, **extra)


def _silent(view, more=()):
    """Requests vanish in the box."""
    if not view.before():
        return None
    evidence = view.reach() + view.controls() + list(more)
    return view.finding(["udp-no-response" if view.udp else "syn-timeout"], evidence)


def _return_lost(view):
    """Requests arrive, the answers vanish in the box."""
    if view.before():
        here = [p for p in view.here if p < view.box]
        if len(here) == len(view.here):
            return view.finding(["syn-timeout"], reach(view.scenario, view.vantage, 99))
        without_nat = view.scenario.topology in WITHOUT_NAT  # one connection then, on both sides of the box
        return view.finding(["synack-unanswered" if without_nat else "syn-timeout"], view.reach())
    if view.scenario.options.get("box") == "client":
        on_link = view.vantage == "client" or (view.vantage == "span" and view.scenario.topology == "lan")
        return view.finding(["synack-unanswered"], ["answer-came-back"] if on_link else
                            ["answer-crossed-path"] if min(view.here) < BOX["isp"] else
                            ["answer-left-edge"] if min(view.here) < BOX["edge"] else [])
    crossed = [] if told_as_mirror(view.scenario, view.vantage) else (["answer-crossed-path"] if min(view.here) < BOX["isp"] else
               ["answer-left-edge"] if min(view.here) < BOX["edge"] else [])
    open_way = [name for name in view.controls() if name == "other-port-works"]
    return view.finding(["synack-unanswered"], crossed + open_way)


def _drop(view):
    if view.scenario.how.startswith("ftp-"):
        return _ftp(view)
    if view.scenario.how == "no-dns":
        return _looked_up(view, "looked-up-unanswered", BOX["egress"])
    if view.scenario.options.get("return"):
        return _return_lost(view)
    return _silent(view)


CODES = {"icmp-host": "code-host-at-once"}


def _refused(view, box=None, **extra):
    """The box, or the host, answers with a RST or an ICMP error."""
    scenario = view.scenario
    by_icmp = view.udp or scenario.how.startswith(("icmp", "ipt"))
    evidence = view.sender(by_icmp, box=box) + view.controls(refused=True)
    box = view.box if box is None else box
    if by_icmp and not {"at-host-refused", "sender-host", "sender-at-address"} & set(evidence):
        evidence += _while(scenario, box)
    if by_icmp:
        own_port = view.udp and scenario.how in ("icmp-port", "drop")
        evidence.append("code-port-udp" if own_port else CODES.get(scenario.how, "code-policy"))
    elif scenario.topology == "ipv6":
        evidence.append("rst-with-label" if scenario.mechanism == "not-listening" else "rst-without-label")
    if scenario.options.get("marked"):
        evidence += ["class-as-asked"] if scenario.mechanism == "not-listening" else \
            ["class-not-as-asked"] if min(view.here) >= 5 or scenario.topology == "lan" else []
    return view.finding(["icmp-unreachable" if by_icmp else "syn-reset"], evidence, **extra)


def _rejected(view):
    if view.scenario.how == "foreign-service":
        return _foreign(view)
    if view.scenario.how.startswith("ftp-"):
        return _ftp(view)
    return _refused(view) if view.before() else None


def _no_forward(view):
    if view.scenario.how == "ftp-private":
        return _ftp(view)
    return _silent(view) if view.scenario.how == "drop" else _rejected(view)


# Beside a host that does not answer ARP, a port that works is another host's, and what worked before was this one's.
DEAD_CONTROLS = {"other-port-works": "other-port-alive", "worked-before": "was-there-before"}


def _dead(view, silent):
    """The edge asks for an address that nobody owns: ARP in vain, host unreachable after three seconds."""
    if not view.before(BOX["edge"]):
        return None
    asked = ["arp-unanswered"] if view.vantage == "edge-any" else []
    if silent:
        return view.finding(["syn-timeout"], (asked or view.reach(BOX["edge"])) + view.controls())
    controls = [DEAD_CONTROLS.get(name, name) for name in view.controls()]
    return view.finding(["icmp-unreachable", "syn-timeout"], ["code-host-late"] + asked + controls)


def _judge_again(view, found):
    found["expert"] = judge(found["symptoms"][0], found["evidence"])
    found["expert_mechanism"] = judge_mechanism(found["symptoms"][0], found["evidence"],
                                                view.scenario.topology in BEHIND_NAT)


def _foreign(view):
    """Another program than the product answers. Who sends the RST at the end is that program's host, which says nothing
    of who led there: the program has the port, or a forward leads to it. Both sides of the edge show which."""
    forwarded = view.scenario.how == "other-service" and view.vantage == "edge-any"
    reached = ["port-changed"] if forwarded else reach(view.scenario, view.vantage, 99)
    return view.finding(["reset-midstream", "stall-midstream"], reached + ["foreign-protocol"])


def _wrong_forward(view):
    how = view.scenario.how
    if how == "other-service":
        return _foreign(view) if view.before(BOX["edge"]) else None
    if how.startswith("dead"):
        return _dead(view, how == "dead-silent")
    if view.before(BOX["edge"]):
        seen = _refused(view, BOX["host"], server="server2" if how == "other-host" else None)
        if how == "other-port" and view.vantage == "edge-any":
            seen["evidence"].append("port-changed")
            _judge_again(view, seen)
        return seen
    if how == "other-host" and view.vantage in ("edge-lan", "span"):
        return _refused(view, BOX["host"], server="server2")
    return None


def _host_down(view):
    if view.scenario.topology == "lan":
        return None if view.vantage == "server" else view.finding(
            ["syn-timeout", "icmp-unreachable"], ["same-lan", "arp-unanswered"] + ["was-there-before"])
    return _dead(view, view.scenario.how == "silent")


def _cut(view, why, silent_symptom, refused_symptoms):
    """An established exchange ends in the box: silence before it, or a reset; behind it just quiet."""
    if not view.here:
        return None
    if view.scenario.how == "deaf":
        return view.finding(silent_symptom, _answers_seen(view) + [why])
    if view.scenario.how in ("forge", "sensor") and not view.before():
        evidence, symptoms = ["forged-as-client"], refused_symptoms
    elif view.scenario.how in ("rst", "forge", "sensor"):
        evidence, symptoms = view.sender(baseline=True), refused_symptoms
    else:
        evidence, symptoms = view.reach() if view.before() else [], silent_symptom  # behind it only quiet is seen
    found = view.finding(symptoms, evidence + [why] + view.controls())
    return found if view.before() else {**found, "optional": True}


def _answers_seen(view):
    """How far towards a client that takes no more what the server sends is seen to come."""
    if view.vantage in ("client", "span") and (view.vantage == "client" or view.scenario.topology == "lan"):
        return ["data-came-back"]
    return (["answer-crossed-path"] if min(view.here) < BOX["isp"] else
            ["answer-left-edge"] if min(view.here) < BOX["edge"] else [])


def _dynamic(view):
    stall = ["udp-stall"] if view.udp else ["stall-midstream"]
    return _cut(view, "mid-transfer", stall, ["reset-midstream", "stall-midstream"])


def _idle(view):
    return _cut(view, "after-idle", ["stall-midstream"], ["reset-midstream", "stall-midstream"])


def _sinkhole(view):
    """Told a wrong address, the client goes there in vain: the look-up shows it wherever it passes."""
    if max(view.here) > BOX["isp"]:
        return None
    return view.finding(["syn-timeout"], ["told-a-sinkhole"])


def _content(view):
    if view.scenario.how == "sinkhole":
        return _sinkhole(view)
    return _cut(view, "after-request", ["stall-midstream", "tls-failure"], ["reset-midstream", "tls-failure"])


def _not_answering(view):
    if view.udp:
        return _silent(view)
    return view.finding(["stall-midstream", "reset-midstream"], ["acked-but-silent"] + view.controls())


def _handshake_refused(view):
    """One of the programs ends the TLS handshake; the certificate is the server's own."""
    return view.finding(["tls-failure", "reset-midstream"],
                        view.sender(baseline=True) + [view.scenario.how] + view.controls())


HTTP_SEEN = ((BOX["edge"], "page-inside"), (BOX["egress"], "page-outside"))


def _aborted(view):
    if view.scenario.how.startswith("tls-"):
        return _handshake_refused(view)
    if view.scenario.how == "client-restarted":
        return view.finding(["reset-midstream"], ["client-reset-late"])
    if view.scenario.how == "http-refused":
        where = next((name for box, name in HTTP_SEEN if min(view.here) > box), "page-plain")
        return view.finding(["http-blocked"], [where])
    return view.finding(["reset-midstream"], view.sender(baseline=True) + ["refused-after-accept"] + view.controls())


def _told_private(view):
    """Sent to an address that only the server's own network knows."""
    return view.finding(["syn-timeout"], ["told-private"]) if max(view.here) <= 3 else None


def _gateway_down(view):
    """Nothing leaves the client any more."""
    return view.finding(["syn-timeout", "icmp-unreachable"], ["gateway-silent"]) if min(view.here) == 0 else None


def _no_route(view):
    if view.scenario.how == "told-private":
        return _told_private(view)
    if view.scenario.how == "gateway-down":
        return _gateway_down(view)
    if view.scenario.how == "blackhole":
        return _silent(view)
    if not view.before():
        return None
    symptoms = ["icmp-unreachable", "udp-no-response" if view.udp else "syn-timeout"]
    near = view.scenario.options.get("box") == "egress"
    return view.finding(symptoms, ["gateway-without-route" if near else "sender-path", "code-host-at-once"]
                        + view.controls(refused=True))


def _loop(view):
    if not view.before():
        return None
    found = view.finding(["icmp-unreachable", "syn-timeout"], ["sender-path", "code-net"])
    # inside the loop the error may take the other way
    return {**found, "optional": True} if view.vantage == "isp" else found


def _mtu(view):
    """The sender of the big segments sees them unacknowledged; the other end sees less than that."""
    sending_side = view.before(MTU_HOLE) == (view.scenario.play == "big-upload")
    found = view.finding(["stall-midstream"], ["only-big-lost"])
    return found if sending_side else {**found, "optional": True}


def _other_address(view):
    """Answers come, from an address that was not asked; a NAT or the client itself throws them away."""
    seen = view.finding(["udp-no-response", "icmp-unreachable"], ["answer-left-elsewhere"])
    return seen


def _return_path(view):
    if view.scenario.how == "other-address":
        return _other_address(view)
    if view.scenario.how == "other-router":
        elsewhere = view.vantage in ("server", "span")
        return view.finding(["synack-unanswered" if elsewhere else "syn-timeout"], ["answer-left-elsewhere"] if elsewhere
                            else reach(view.scenario, view.vantage, 99))
    if view.scenario.how != "other-gateway":
        return _return_lost(view)
    if view.vantage == "server-any":
        return view.finding(["synack-unanswered", "syn-timeout"], ["answer-left-elsewhere"])
    return view.finding(["syn-timeout"], reach(view.scenario, view.vantage, 99) + view.controls())


def _vpn(view):
    """The tunnel's own handshake goes unanswered, or is refused."""
    if view.scenario.how.startswith("icmp"):
        return _rejected(view)
    if view.scenario.options.get("dpi") or view.scenario.options.get("by_name"):
        return _content(view)
    if view.scenario.how in ("esp", "esp-udp"):
        return view.finding(["udp-stall"], view.reach() + view.controls()) if view.before() else None
    return _silent(view)


def _tunnel(view):
    """One blocked direction of a tunnel looks, before the block, like any other silence behind it: its far end goes on
    sending. Only where both directions end, nothing of the far end comes; and the far end's own two sides show that
    nothing leaves the tunnel."""
    if view.scenario.profile == "vpn":
        return _vpn(view)
    if view.vantage == "edge-any":
        return _silent(view, ["tunnel-kept"])
    both_ways = view.box == BOX["isp"] and view.vantage in ("egress-wan", "isp", "egress-any")
    return _silent(view, ["tunnel-silent"] if both_ways else [])


def _in_the_middle(symptoms):
    def shape(view):
        return view.finding(symptoms, view.sender()) if view.before() else None
    return shape


def _ftp(view):
    """The data connection fails; where its SYNs do not come, only the control connection tells."""
    how = view.scenario.how
    if how == "ftp-active":
        return _ftp_active(view)
    if how in FTP_NOT_SENT:
        return FTP_NOT_SENT[how](view)
    private = how == "ftp-private"
    found = view.finding(["ftp-data-failed"], _ftp_evidence(view), any_port=True)
    if private:
        found.setdefault("also", []).append({"client_ip": found["client_ip"],
                                             "server_ip": view.site.addresses["server"]})
    return found if view.before(BOX["isp"] if private else None) else {**found, "optional": True}


def _ftp_server_sends_none(view):
    """Active mode, and the server's own host lets no SYN out."""
    inside = view.scenario.topology == "lan" or min(view.here) > BOX["edge"]
    outside = min(view.here) > BOX["egress"]
    return view.finding(["ftp-data-failed"], ["ftp-active-not-sent" if inside else "ftp-active-not-out" if outside
                                              else "ftp-active-not-come"], any_port=True)


def _ftp_edge_keeps(view):
    """Active mode, and the edge of the server's network lets no SYN out."""
    if view.behind():
        return view.finding(["ftp-data-failed"], ["ftp-active"], any_port=True)
    if view.vantage == "edge-any":
        return view.finding(["ftp-data-failed"], ["died-in-edge"], any_port=True)
    return _ftp_server_sends_none(view)


def _ftp_client_sends_none(view):
    return view.finding(["ftp-data-failed"], ["ftp-not-sent" if view.vantage == "client" else "ftp-never-came",
                                              "same-lan"], any_port=True)


FTP_NOT_SENT = {"ftp-active-out": _ftp_server_sends_none, "ftp-active-edge": _ftp_edge_keeps,
                "ftp-passive-client": _ftp_client_sends_none}


def _ftp_evidence(view):
    """The control connection works, so what would stop both is out; the SYN of the data connection tells how far
    it came, and a private address announced to somebody outside tells all."""
    if view.scenario.how == "ftp-private":
        return ["ftp-private-address"] if min(view.here) < BOX["edge"] else ["ftp-never-came"]
    if view.behind():
        return ["ftp-never-came"]
    refused = view.scenario.how.startswith("ftp-passive-")
    return ["ftp-control-works"] + (view.sender(view.scenario.how.endswith("port"), baseline=True) if refused
                                    else view.reach())


def _ftp_active(view):
    """The server connects to the client. Its SYN is seen up to the client's side, where it ends; in front of that
    only the control connection is."""
    found = view.finding(["ftp-data-failed"], ["ftp-active"], any_port=True)
    arrives = view.scenario.topology == "lan" or max(view.here) > BOX["isp"]
    return found if arrives else {**found, "optional": True}


def _looked_up(view, what, until=BOX["isp"]):
    """Nothing but a look-up in vain, where that passes."""
    return view.finding(["no-traffic"], [what] if min(view.here) < until else [], any_port=True)


def _unknown(view):
    return _looked_up(view, "looked-up-in-vain") if view.scenario.how == "no-name" else _backwards(view)


def _backwards(view):
    """The edge server tries to connect inwards. That it is the edge server shows where clients or the master are
    seen to use it."""
    drop = view.scenario.how.endswith("drop")
    if drop and view.vantage in ("master", "fw1-lan"):
        return None
    symptoms = ["syn-timeout"] if drop else ["syn-reset"]
    shown = view.scenario.topology != "lan" or passes(view.vantage, *CONTROLS["same-site"][:2])
    return view.finding(symptoms, ["never-this-way"] if shown else ["sender-host"])


SHAPES = {
    "unknown": _unknown, "drop": _drop, "reject-rst": _rejected, "reject-icmp": _rejected, "not-listening": _rejected,
    "no-port-forward": _no_forward, "wrong-forward": _wrong_forward, "idle-timeout": _idle,
    "dynamic-block": _dynamic, "content-filter": _content, "mtu-black-hole": _mtu, "backlog-full": _silent,
    "app-silent": _not_answering, "app-abort": _aborted, "host-down": _host_down, "no-route": _no_route,
    "routing-loop": _loop, "return-path": _return_path, "tunnel-blocked": _tunnel,
    "tls-interception": _in_the_middle(["tls-failure", "reset-midstream"]),
    "block-page": _in_the_middle(["http-blocked"]),
}


def _expected_client(view):
    """Silence where the user says that a client should appear."""
    return view.finding(["no-traffic"], [], any_port=True)


def findings(scenario, site, vantage):
    """Every failure that this capture shows."""
    view = View(scenario, site, vantage) if not scenario.healthy else None
    if view is None or not view.here:
        return []
    found = SHAPES[scenario.mechanism](view)
    if found is None:
        return [_expected_client(view)] if scenario.options.get("expect") else []
    return [found] + list(_others(scenario, site, vantage, found))


def _others(scenario, site, vantage, found):
    """The same failure of other pairs; what fails on a port that is no product's is not reported."""
    for name in scenario.controls:
        origin, target, port, works = CONTROLS[name]
        if works or port is not None or (origin != "client" and not passes(vantage, origin, target)):
            continue
        yield finding(scenario, site, vantage, found["symptoms"], found["evidence"], server=target, client=origin)
    for client in scenario.options.get("also", ()):
        if passes(vantage, client, "server"):
            yield finding(scenario, site, vantage, found["symptoms"], found["evidence"], client=client)


def options(scenario, site, vantage, pin=None):
    """What the user would tell fwsniff beside the capture. `pin`: fingerprint of the product's own certificate."""
    if pin:
        return ["--pin", f"{scenario.profile}=sha256:{pin}"]
    if told_as_mirror(scenario, vantage):
        return ["--vantage", "span"]
    if not scenario.options.get("expect"):
        return []
    client, server = site.names_at(vantage)[0]
    told = ["--vantage", KIND.get(vantage, vantage)] if scenario.options.get("told") else []
    return ["--expect", f"{client}:{server}", *told]
