"""What each capture of a scenario can show, and what an expert would make of it.

Everything follows from positions on the way (sites.py): a request is seen at the vantages before the
box that stops it, a refusal only at those its sender's answer passes, a control only where it passes.
"""

from expert import judge
from scenarios import CONTROLS, EGRESS, LOCAL, PATH, HOST
from sites import BOX, POSITION

KIND = {"server-any": "server", "master": "client", "fw1-lan": "egress-lan", "fw1-dmz": "egress-wan",
        "fw1-any": "egress-any"}
# Where flows of the controls enter and leave the way.
ORIGIN = {"client": -1, "client2": 0.5, "away": 2.5, "inside": 5.2}
TARGET = {"server": 7, "server2": 5.7, "other": 3.2, "inside": 5.2}
BOX_OF = {"local-firewall": "host", "edge-firewall": "edge", "egress-policy": "egress", "network-path": "isp",
          "server-host": "host", "application": "host"}
ROUTED = ("ipv6", "vpn")


def positions(vantage):
    return POSITION.get({"server-any": "server"}.get(vantage, vantage), (6,))


def passes(vantage, origin, target):
    """Does a flow between these two pass this capture?"""
    return any(ORIGIN[origin] < p < TARGET[target] for p in positions(vantage))


def controls_seen(scenario, vantage, refused):
    """Names of the control evidence that this capture holds."""
    names = {"other-client": "other-client-works", "same-site": "other-client-works-same-site",
             "inside": "other-client-works-inside", "other-server": "other-server-works",
             "other-server-fails": "other-server-fails",
             "other-port": "other-port-works-refusal" if refused else "other-port-works",
             "earlier": "worked-before-refusal" if refused else "worked-before"}
    seen = []
    for control in scenario.controls:
        origin, target = CONTROLS[control][:2]
        if control in names and passes(vantage, origin, target):
            seen.append(names[control])
    return seen


def reach(scenario, vantage, box):
    """How far the packets are known to have come, as evidence names."""
    seen = [p for p in positions(vantage)]
    if scenario.topology == "lan":
        return ["at-host"] if vantage == "server" else ["same-lan"]
    if any(p > box for p in seen):
        return ["died-in-egress" if box == BOX["egress"] else "died-in-edge"]
    last = max(seen)
    steps = ((6, "at-host"), (5, "crossed-edge"), (4, "crossed-path"), (2, "left-egress"))
    return [next((name for position, name in steps if last >= position), None)] if last >= 2 else []


def sender(scenario, vantage, box, by_icmp):
    """Who can be seen to have refused."""
    here = positions(vantage)
    baseline = {"other-port", "earlier", "other-client", "inside"} & {
        control for control in scenario.controls
        if passes(vantage, *CONTROLS[control][:2]) and CONTROLS[control][1] == "server"}
    if scenario.topology == "lan":
        return ["at-host-refused"] if vantage == "server" else ["sender-host"]
    if box == BOX["egress"]:
        return ["sender-near"]
    if box == BOX["isp"]:
        return ["sender-path"]
    if box == BOX["edge"]:
        if vantage in ("edge-wan", "edge-any"):
            return ["sender-at-edge"]
        if by_icmp and scenario.topology in ROUTED:
            return ["sender-gateway-address"]
        return ["sender-not-host" if baseline else "sender-far"]
    if vantage == "server":
        return ["at-host-refused"]
    if max(here) >= 4 or baseline:
        return ["sender-host"]
    return ["sender-far"]


CODES = {"icmp-host": "code-host"}


def finding(scenario, site, vantage, symptoms, evidence, client="client", server="server", port=None, **extra):
    """One entry of the truth, with the names the flow has at this vantage."""
    pairs = site.names_at({"server-any": "server"}.get(vantage, vantage), client, server)
    entry = {"proto": scenario.proto, "client_ip": pairs[0][0], "server_ip": pairs[0][1],
             "port": port or scenario.port, "failure_point": scenario.place, "mechanism": scenario.mechanism,
             "symptoms": symptoms, "evidence": evidence, "expert": judge(symptoms[0], evidence)}
    if len(pairs) > 1:
        entry["also"] = [{"client_ip": c, "server_ip": s, "port": entry["port"]} for c, s in pairs[1:]]
    return {**entry, **extra}


def _silent(scenario, site, vantage, box):
    symptom = "udp-no-response" if scenario.proto == "udp" else "syn-timeout"
    evidence = reach(scenario, vantage, box) + controls_seen(scenario, vantage, False)
    return [finding(scenario, site, vantage, [symptom], evidence)]


def _refused(scenario, site, vantage, box):
    by_icmp = scenario.mechanism == "reject-icmp" or scenario.proto == "udp" or scenario.how.startswith(("icmp", "ipt"))
    evidence = sender(scenario, vantage, box, by_icmp) + controls_seen(scenario, vantage, True)
    if by_icmp:
        udp_port = scenario.proto == "udp" and scenario.how in ("icmp-port", "drop")
        evidence.append("code-port-udp" if udp_port else CODES.get(scenario.how, "code-policy"))
    return [finding(scenario, site, vantage, ["icmp-unreachable" if by_icmp else "syn-reset"], evidence)]


SHAPES = {"drop": _silent, "reject-rst": _refused, "reject-icmp": _refused, "not-listening": _refused}


def findings(scenario, site, vantage):
    """Every failure that this capture shows."""
    if scenario.healthy:
        return []
    box = BOX[scenario.options.get("box", BOX_OF[scenario.place])]
    shape = SHAPES[scenario.mechanism]
    if min(positions(vantage)) > box:
        return []
    return shape(scenario, site, vantage, box)
