"""What a careful expert would say from one capture alone: probabilities over the six failure points,
and over the mechanisms.

The expert knows nothing of the scenario; they know what is VISIBLE: the symptom, how far the packets
are known to have come, who sent a refusal, and the controls. Each is a row of multipliers here, so the
same view always gets the same numbers. These are judgements, tried against the lab as a whole (score.py
prints the expert's own calibration), not derived from the single scenario's truth.
"""

PLACES = ("local-firewall", "edge-firewall", "egress-policy", "server-host", "network-path", "application")


def _row(local=1.0, edge=1.0, egress=1.0, host=1.0, path=1.0, app=1.0):
    return dict(zip(PLACES, (local, edge, egress, host, path, app)))


# Before anything else is looked at.
PRIOR = {
    "syn-timeout": _row(.26, .30, .20, .10, .14, .002),
    "synack-unanswered": _row(.03, .20, .26, .01, .49, .01),
    "syn-reset": _row(.20, .28, .12, .37, .01, .02),
    "icmp-unreachable": _row(.30, .30, .22, .05, .12, .01),
    "udp-no-response": _row(.26, .32, .18, .12, .11, .01),
    "udp-stall": _row(.10, .35, .25, .10, .15, .05),
    "reset-midstream": _row(.05, .25, .25, .05, .02, .38),
    "stall-midstream": _row(.08, .30, .22, .12, .23, .05),
    "tls-failure": _row(.01, .05, .60, .01, .02, .31),
    "http-blocked": _row(.01, .10, .80, .01, .01, .07),
    "ftp-data-failed": _row(.20, .60, .15, .03, .01, .01),
    "no-traffic": _row(.06, .42, .38, .02, .11, .01),
}

# Evidence: name -> what it does to each place.
EVIDENCE = {
    # how far the packets came, and where they were seen to end
    "same-lan": _row(edge=.002, egress=.06, path=.1),
    "left-egress": _row(egress=.02),
    "crossed-path": _row(egress=.02, path=.15),
    "crossed-edge": _row(edge=.03, egress=.02, path=.2),
    "at-host": _row(edge=.015, egress=.015, path=.12),
    "at-host-refused": _row(edge=.005, egress=.005, path=.005),
    "refused-by-rule": _row(local=4, host=.2),                # the RST's checksum is left to the card: Linux does so for a rule,
    "refused-by-stack": _row(local=.15),                      # and not for a closed port, whatever it does with other packets
    "rule-of-this-box": _row(local=.4, edge=1.5, host=.1),    # ... and was captured where it was made
    "rst-without-label": _row(local=2, edge=1.5, egress=1.5, host=.4),  # IPv6: Linux labels its own RST, and not a rule's
    "class-as-asked": _row(local=.15, edge=.6, egress=.5),    # a marked SYN: Linux marks its own RST alike, and not a rule's
    "class-not-as-asked": _row(local=1.3, host=.5),           # ... told where no provider can have taken the mark off
    "rst-with-label": _row(local=.35, edge=.5, egress=.5),
    "answer-left-edge": _row(local=.3, edge=.1),
    "answer-crossed-path": _row(local=.3, edge=.1, path=.15),
    "died-in-egress": _row(.01, .01, 1, .01, .01, .01),
    "died-in-edge": _row(.01, 1, .01, .03, .01, .01),
    "gone-before-host": _row(local=.02, host=.1, app=.02),    # a second capture, on the host, never saw it
    "answer-left-elsewhere": _row(.01, .03, .01, .01, 1, .01),
    # who sent the refusal
    "sender-near": _row(.01, .02, 1, .02, .02, .01),          # the first gateway of the initiator's side
    "sender-gateway-address": _row(.02, 1, .01, .02, .05, .01),  # ICMP from a router next to the server
    "sender-path": _row(.005, .03, .01, .03, 1, .01),
    "sender-at-edge": _row(.02, 1, .02, .03, .02, .02),       # fresh TTL on the WAN side of what is known to be a NAT
    "sender-at-address": _row(.6, 1, .02, .6, .02, .05),      # fresh TTL, but the public address may be the server's own
    "sender-not-host": _row(.06, 1, .12, .06, .1, .05),       # its TTL differs from the host's own
    "sender-host": _row(1, .03, .01, 1, .03, 1),              # its TTL or MAC is the host's own
    "forged-as-client": _row(.1, 1.5, .7, .03, .1, .03),        # a RST in the client's name, not of its TTL, and yet it goes on
    "sender-far": _row(egress=.08),                           # TTL has come a long way, nothing to compare
    "other-card-link": _row(.02, .7, 1, .02, .1, .03),        # in the server's name, from another network card of the link
    "other-card-inside": _row(.05, 1, .02, .03, .1, .05),     # ... of the server's network
    "gateway-without-route": _row(.01, .02, .7, .02, 1.5, .01),  # the client's own gateway says so
    "gateway-silent": _row(.02, .02, .8, .02, 3, .05),        # and it was there before
    # ICMP codes
    "code-policy": _row(host=.02, path=.25, app=.02),         # administratively prohibited; port unreachable quoting TCP
    "code-host-at-once": _row(local=.3, edge=1.5, egress=.5, host=.3, path=3),  # host unreachable, no ARP was waited for
    "code-host-late": _row(local=.02, edge=1.5, egress=.05, host=12, path=.3),  # after the three seconds ARP takes
    "code-net": _row(.02, .1, .05, .05, 3, .01),              # network unreachable, TTL exceeded
    "code-port-udp": _row(host=12, path=.02),                  # quoting UDP: closed port or reject
    "refused-forwarding": _row(local=.06, host=.06, app=.06),  # the quote passed one hop more than the error: a router
    "refused-arriving": _row(edge=.4, egress=.4),             # as many: whom it was for, or before the router counted
    # controls
    "other-client-works": _row(local=1.5, edge=1.2, egress=2, host=.1, path=.8),
    "other-client-works-same-site": _row(local=1.2, edge=1, egress=3, host=.15, path=.1),
    "other-client-works-same-nat": _row(local=.1, edge=.1, egress=4, host=.1, path=.1),  # one address outside for both
    "other-client-works-inside": _row(local=.6, edge=3, egress=1.5, host=.1, path=1),
    "other-port-works": _row(local=1.3, edge=1.3, egress=1, host=.5, path=.08),
    "other-port-works-refusal": _row(path=.1),                # a host that is up may well have closed ports
    "other-server-works": _row(egress=.25),
    "other-server-fails": _row(local=.05, edge=.05, egress=4, host=.05, path=.5),
    "other-port-alive": _row(host=.12),                       # beside a host that is not there: not the same host
    "was-there-before": _row(edge=.4, host=2),
    "worked-before": _row(host=.7, path=.7),
    "worked-before-refusal": _row(local=1.2, edge=1.2, egress=1.2, host=.8),
    "arp-unanswered": _row(.05, 1, .01, 1.5, .05, .01),
    "probes-end-near": _row(.04, .05, 1, .04, .25, .04),      # a traceroute of the port ends at the first router
    "probes-end-midway": _row(.1, .4, .5, .1, 2, .1),         # ... between the two edges
    "probes-reach-edge": _row(egress=.05, path=.15),          # ... at the last router before the server
    "one-way": _row(local=.5, edge=1.3, egress=1.2, host=.6, path=2),  # one direction of everything only
    "foreign-protocol": _row(.1, 2, .3, 6, .1, .1),           # neither the product nor a filter speaks it
    # time and size
    "served-between": _row(local=.5, edge=.5, egress=.4, host=2.5, path=2),
    "served-between-refusals": _row(local=.6, edge=.6, egress=.4, host=2),
    "service-hangs": _row(local=.1, edge=.1, egress=.05, host=10, path=.1),  # accepted, acknowledged, never answered
    "stopped-for-all": _row(egress=.1, host=2.5, path=.7),
    "data-came-back": _row(local=.03, edge=.05, host=.05, path=.1, egress=1.5, app=2),  # ... in a running transfer
    "client-reset-late": _row(local=.1, edge=.5, egress=1, host=.1, path=.1, app=3),  # its own RST to a late answer
    "answer-came-back": _row(local=.05, edge=.1, path=.25),   # seen on the client's own interface
    "worked-before-and-after": _row(egress=.7, host=2, path=1.5),
    "worked-after": _row(egress=.8, host=1.5, path=1.3),
    "repeated": _row(host=.3, path=.2, app=.5),
    "after-idle": _row(local=.8, edge=2, egress=2, host=.15, path=.2, app=.1),
    "mid-transfer": _row(host=.4, app=.1),
    "only-big-lost": _row(local=.02, edge=.1, egress=.1, host=.02, path=8, app=.02),
    "acked-but-silent": _row(local=.02, edge=.05, egress=.05, host=4, path=.02, app=1.6),
    "after-request": _row(local=.2, edge=.9, egress=3, host=.2, path=.4, app=1),
    "refused-after-accept": _row(local=.1, edge=.3, egress=.3, host=.3, app=4),
    "tunnel-silent": _row(local=.5, edge=1.2, host=.5, path=1.3),  # the tunnel's far end says nothing at all
    "tunnel-kept": _row(local=.02, host=.02),                 # both sides of the far end: nothing leaves the tunnel
    "tls-server-alert": _row(egress=.15, edge=.4, app=4),     # version, cipher or client certificate: the server says so
    "tls-expired": _row(egress=.3, host=2, app=3),
    "tls-old-server": _row(egress=.3, edge=.6, app=3),        # the client refuses the server's version
    "tls-to-clear": _row(egress=.2, edge=.8, host=2, app=3),  # TLS asked, clear HTTP answered
    "tls-wrong-root": _row(egress=.8),                        # the client does not know the issuer: which of the two is new?
    "one-firewall": _row(edge=1.2, egress=1.6, path=.1),      # the same box ends both networks
    "never-this-way": _row(.1, .1, .1, .1, .1, 60),
    # a refusal in HTTP without any sign of a filter
    "page-inside": _row(local=2, edge=.3, egress=.01, app=5),
    "page-outside": _row(edge=2, egress=.05, app=5),
    "page-plain": _row(egress=.4, app=5),
    "told-private": _row(.1, .1, .15, .1, 4, 3),
    "looked-up-in-vain": _row(local=.2, edge=.1, egress=.6, path=.5, app=60),
    "looked-up-unanswered": _row(local=.1, edge=.1, egress=2, path=2),
    "told-a-sinkhole": _row(.02, .05, 8, .02, .2, .3),
    # FTP: places are those of the control connection
    "ftp-control-works": _row(host=.3, path=.1),
    "ftp-never-came": _row(local=.02, edge=1.2, egress=1, host=.1),
    "ftp-private-address": _row(.03, 3, .03, .1, .1, 4),
    "ftp-active-not-sent": _row(local=2, edge=.02, egress=.02, app=30),  # no SYN of the server, seen in its own network
    "ftp-active-not-out": _row(egress=.05, app=10),           # ... outside of it
    "ftp-active-not-come": _row(local=.7, edge=.8, egress=3, app=5),
    # no SYN of the client's own host, and yet it waits, as for a connection attempt that hangs: its own rules, which need
    # no router ("same-lan") to stand in its way
    "ftp-not-sent": _row(local=.02, edge=.02, egress=30, host=.02, path=.02, app=14),
    "ftp-active": _row(local=.1, edge=.3, egress=6, host=.1),
    "port-changed": _row(.02, 6, .02, .1, .02, .02),          # both sides of the edge are seen to disagree
}


def judge(symptom, evidence):
    """Prior times every multiplier, as probabilities that sum to 1."""
    weights = dict(PRIOR[symptom])
    for name in evidence:
        for place, factor in EVIDENCE[name].items():
            weights[place] *= factor
    total = sum(weights.values())
    rounded = {place: round(weight / total, 3) for place, weight in weights.items()}
    top = max(rounded, key=rounded.get)
    rounded[top] = round(rounded[top] + 1 - sum(rounded.values()), 3)
    return rounded


# ---- how it fails ----

SILENT = ("syn-timeout", "udp-no-response", "synack-unanswered", "no-traffic", "ftp-data-failed")
SERVED = {"worked-before", "worked-before-refusal", "other-client-works", "other-client-works-same-nat"}


def _died(evidence):
    """Of a connection that worked."""
    for name, mechanism in (("only-big-lost", "mtu-black-hole"), ("after-idle", "idle-timeout"),
                            ("mid-transfer", "dynamic-block"), ("after-request", "content-filter")):
        if name in evidence:
            return {mechanism: 1}
    return {"dynamic-block": .5, "content-filter": .5}


def _filter(symptom, evidence):
    """A packet filter anywhere."""
    if symptom in SILENT:
        return {"drop": 1}
    return {"syn-reset": {"reject-rst": 1}, "icmp-unreachable": {"reject-icmp": 1},
            "tls-failure": {"tls-interception": 1}, "http-blocked": {"block-page": 1}}.get(symptom) or _died(evidence)


def _edge(symptom, evidence, nat):
    """A filter, or a NAT that forwards the port to nobody, or to the wrong one. Whoever has been served was forwarded."""
    if "tunnel-kept" in evidence:
        return {"tunnel-blocked": 1}
    if {"port-changed", "code-host-late", "foreign-protocol"} & set(evidence):
        return {"wrong-forward": 1}
    if not nat or SERVED & set(evidence) or symptom not in SILENT + ("syn-reset", "icmp-unreachable"):
        return _filter(symptom, evidence)
    if symptom in SILENT:
        return {"drop": .6, "no-port-forward": .3, "wrong-forward": .1}
    if symptom == "syn-reset" and "rule-of-this-box" in evidence:
        return {"reject-rst": .55, "no-port-forward": .45}
    if symptom == "syn-reset":
        return {"no-port-forward": .6, "reject-rst": .35, "wrong-forward": .05}
    if "refused-forwarding" in evidence:
        return {"reject-icmp": 1}
    taken = .8 if "code-port-udp" in evidence else .7 if "refused-arriving" in evidence else .2
    return {"no-port-forward": taken, "reject-icmp": 1 - taken}


def _host(symptom, evidence):
    if "foreign-protocol" in evidence:
        return {"not-listening": 1}  # not the product
    if "service-hangs" in evidence:
        return {"backlog-full": 1}
    if symptom == "syn-timeout":
        here = {"at-host", "same-lan", "crossed-edge", "other-port-works", "worked-before"} & set(evidence)
        return {"backlog-full": .8, "host-down": .2} if here else {"host-down": .6, "backlog-full": .4}
    if symptom == "icmp-unreachable" and any(name.startswith("code-host") for name in evidence):
        return {"host-down": 1}
    return {"syn-reset": {"not-listening": 1}, "icmp-unreachable": {"not-listening": 1}, "reset-midstream": {"app-abort": 1},
            "udp-no-response": {"app-silent": .6, "not-listening": .2, "host-down": .2},
            "stall-midstream": {"app-silent": 1} if "acked-but-silent" in evidence else {"host-down": 1},
            }.get(symptom, {"host-down": 1})


def _path(symptom, evidence):
    if "only-big-lost" in evidence:
        return {"mtu-black-hole": 1}
    if "answer-left-elsewhere" in evidence:
        return {"return-path": 1}
    if symptom == "icmp-unreachable":
        return {"routing-loop": 1} if "code-net" in evidence else {"no-route": 1}
    if symptom == "synack-unanswered":
        return {"return-path": .9, "no-route": .1}
    if "tunnel-silent" in evidence:
        return {"tunnel-blocked": .8, "no-route": .2}
    return {"no-route": .7, "return-path": .3} if symptom in SILENT else {"unknown": 1}


def _application(symptom, _):
    return {"app-silent": 1} if symptom in ("stall-midstream", "udp-stall", "udp-no-response") else {"app-abort": 1}


def judge_mechanism(symptom, evidence, nat):
    """Probabilities of the mechanisms: those of each place, weighed by the place's probability. `nat`: the
    addresses say that the server is behind one."""
    total = {}
    for place, share in judge(symptom, evidence).items():
        ways = {"edge-firewall": lambda: _edge(symptom, evidence, nat), "server-host": lambda: _host(symptom, evidence),
                "network-path": lambda: _path(symptom, evidence),
                "application": lambda: _application(symptom, evidence)}.get(place, lambda: _filter(symptom, evidence))()
        for mechanism, part in ways.items():
            total[mechanism] = total.get(mechanism, 0) + share * part
    return {mechanism: round(share, 3) for mechanism, share in sorted(total.items(), key=lambda one: -one[1])}
