"""What a careful expert would say from one capture alone: probabilities over the six failure points.

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
    "sender-at-edge": _row(.02, 1, .02, .03, .02, .02),       # its TTL, seen on the edge's WAN side, is fresh
    "sender-not-host": _row(.06, 1, .12, .06, .1, .05),       # its TTL differs from the host's own
    "sender-host": _row(1, .03, .01, 1, .03, 1),              # its TTL or MAC is the host's own
    "sender-far": _row(egress=.08),                           # TTL has come a long way, nothing to compare
    # ICMP codes
    "code-policy": _row(host=.02, path=.25, app=.02),         # administratively prohibited; port unreachable quoting TCP
    "code-host-at-once": _row(local=.3, edge=1.5, egress=.5, host=.3, path=3),  # host unreachable, no ARP was waited for
    "code-host-late": _row(local=.02, edge=1.5, egress=.05, host=12, path=.3),  # after the three seconds ARP takes
    "code-net": _row(.02, .1, .05, .05, 3, .01),              # network unreachable, TTL exceeded
    "code-port-udp": _row(host=12, path=.02),                  # quoting UDP: closed port or reject
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
    # time and size
    "after-idle": _row(local=.8, edge=2, egress=2, host=.15, path=.2, app=.1),
    "mid-transfer": _row(host=.4, app=.1),
    "only-big-lost": _row(local=.02, edge=.1, egress=.1, host=.02, path=8, app=.02),
    "acked-but-silent": _row(local=.02, edge=.05, egress=.05, host=4, path=.02, app=1.6),
    "after-request": _row(local=.2, edge=.9, egress=3, host=.2, path=.4, app=1),
    "refused-after-accept": _row(local=.1, edge=.3, egress=.3, host=.3, app=4),
    "tls-server-alert": _row(egress=.15, edge=.4, app=4),     # version, cipher or client certificate: the server says so
    "tls-wrong-root": _row(egress=.8),                        # the client does not know the issuer: which of the two is new?
    "tunnel-silent": _row(local=.01, edge=1.5, egress=1, host=.02, path=1),
    "one-firewall": _row(edge=1.2, egress=1.6, path=.1),      # the same box ends both networks
    "never-this-way": _row(.1, .1, .1, .1, .1, 60),
    "told-a-sinkhole": _row(.02, .05, 8, .02, .2, .3),
    # FTP: places are those of the control connection
    "ftp-control-works": _row(host=.3, path=.1),
    "ftp-never-came": _row(local=.02, edge=1.2, egress=1, host=.1),
    "ftp-private-address": _row(.03, 3, .03, .1, .1, 4),
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
