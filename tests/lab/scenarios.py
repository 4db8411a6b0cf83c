"""The table of scenarios: what is blocked, where and how, and what else goes on. Data, not code.

story.py plays a row; truth.py says what each capture of it can know.
"""

from dataclasses import dataclass, field

# service -> (profile, what servers and clients speak, port)
SERVICES = {
    "syncrify": ("syncrify", "http", 5800),
    "syncrify-tls": ("syncrify", "tls", 5443),
    "synaman": ("synaman", "http", 6060),
    "druva": ("druva", "tls", 443),
    "securidata": ("securidata", "tcp", 4401),
    "mtpip": ("mtpip", "mtpip", 8080),
    "peersync": ("peersync", "tcp", 7333),
    "smb": ("peersync", "smb", 445),
    "netbios": ("peersync", "smb", 139),
    "ftp": ("peersync", "ftp", 21),
    "openvpn": ("vpn", "openvpn", 1194),
    "wireguard": ("vpn", "wireguard", 51820),
    "ike": ("vpn", "ike", 500),
    "ipsec": ("vpn", "ipsec", 500),  # IKE, and ESP beside it
    "openvpn-443": ("vpn", "openvpn-tcp", 443),
    "sslvpn": ("vpn", "tls", 443),
    "nat-t": ("vpn", "nat-t", 4500),  # IKE, and ESP within the same UDP exchange
}

# how -> the nftables verdict (or iptables arguments) that does it
VERDICTS = {
    "drop": "drop",
    "rst": "reject with tcp reset",
    "icmp-port": "reject",
    "icmp-admin": "reject with icmpx admin-prohibited",
    "icmp-host": "reject with icmpx host-unreachable",
    "ipt-host-prohibited": "iptables:icmp-host-prohibited",
    "ipt-admin-prohibited": "iptables:icmp-admin-prohibited",
    "ipt-net-prohibited": "iptables:icmp-net-prohibited",
    "ipt-protocol": "iptables:icmp-proto-unreachable",
}

# controls: what else goes on, and works (or fails) -> (from, to, port or None for the service's, works)
CONTROLS = {
    "other-client": ("away", "server", None, True),
    "same-site": ("client2", "server", None, True),
    "inside": ("inside", "server", None, True),
    "other-port": ("client", "server", 80, True),
    "other-server": ("client", "other", None, True),
    "other-server-fails": ("client", "other", None, False),
    "web": ("client", "other", 80, True),
    "elsewhere": ("client", "other", 8022, True),
    "earlier": ("client", "server", None, True),
    "ping": ("client", "server", "ping", True),
    "ping-fails": ("client", "server", "ping", False),
    "other-port-fails": ("client", "server", 81, False),
    "other-client-fails": ("away", "server", None, False),
    "other-inside-fails": ("client", "server2", None, False),
    "master": ("master", "server", None, True),
    "storage": ("storage", "server", None, True),
}


@dataclass
class Scenario:
    """One row. `place` and `mechanism` are the truth, in the contract's words; None: healthy."""
    name: str
    topology: str
    service: str
    place: str = None
    mechanism: str = None
    how: str = "drop"             # key of VERDICTS, or a mechanism's own variation
    controls: tuple = ()
    play: str = "connect"
    behaviour: str = "serve"      # of the server
    options: dict = field(default_factory=dict)
    fast: bool = False            # part of the quick subset

    @property
    def profile(self):
        return SERVICES[self.service][0]

    @property
    def kind(self):
        return SERVICES[self.service][1]

    @property
    def port(self):
        return SERVICES[self.service][2]

    @property
    def proto(self):
        return "udp" if self.kind in ("mtpip", "openvpn", "wireguard", "ike", "ipsec", "nat-t") else "tcp"

    @property
    def healthy(self):
        return self.place is None


LOCAL, EDGE, EGRESS = "local-firewall", "edge-firewall", "egress-policy"
HOST, PATH, APP = "server-host", "network-path", "application"
S = Scenario

FAR = {"rtt": (25, 80)}
MTU_HOLE = {"wan": {"mtu": 1400}}
IDLE = {"gap": 32}


def forward(host, port):
    """A wrong port forward: `{net}` is the server's network."""
    return {"forward": (host, port)}


LAN = [
    S("lan-local-drop", "lan", "syncrify", LOCAL, "drop", fast=True),
    S("lan-local-drop-one-client", "lan", "securidata", LOCAL, "drop", controls=("same-site",)),
    S("lan-local-drop-other-port", "lan", "peersync", LOCAL, "drop", controls=("other-port",)),
    S("lan-local-drop-udp", "lan", "mtpip", LOCAL, "drop", fast=True),
    S("lan-local-rst", "lan", "synaman", LOCAL, "reject-rst", "rst", ("same-site",), fast=True),
    S("lan-local-rst-bare", "lan", "smb", LOCAL, "reject-rst", "rst"),
    S("lan-local-icmp", "lan", "securidata", LOCAL, "reject-icmp", "icmp-admin", fast=True),
    S("lan-local-icmp-port", "lan", "syncrify-tls", LOCAL, "reject-icmp", "icmp-port"),
    S("lan-local-icmp-ipt", "lan", "druva", LOCAL, "reject-icmp", "ipt-host-prohibited", ("same-site",)),
    S("lan-local-icmp-udp", "lan", "mtpip", LOCAL, "reject-icmp", "icmp-admin"),
    S("lan-local-dynamic", "lan", "syncrify", LOCAL, "dynamic-block", play="upload"),
    S("lan-closed", "lan", "syncrify", HOST, "not-listening", fast=True),
    S("lan-closed-other-port", "lan", "peersync", HOST, "not-listening", controls=("other-port",)),
    S("lan-closed-udp", "lan", "mtpip", HOST, "not-listening"),
    S("lan-backlog", "lan", "synaman", HOST, "backlog-full", behaviour="hung", controls=("other-port",)),
    S("lan-silent", "lan", "syncrify", HOST, "app-silent", behaviour="silent"),
    S("lan-silent-udp", "lan", "mtpip", HOST, "app-silent", behaviour="silent"),
    S("lan-abort", "lan", "securidata", APP, "app-abort", behaviour="abort"),
]

INTERNET_LOCAL = [
    S("inet-local-drop", "internet", "syncrify", LOCAL, "drop", fast=True),
    S("inet-local-drop-other-port", "internet", "securidata", LOCAL, "drop", controls=("other-port",)),
    S("inet-local-drop-one-client", "internet", "synaman", LOCAL, "drop", controls=("other-client",)),
    S("inet-local-drop-inside", "internet", "peersync", LOCAL, "drop", controls=("inside",)),
    S("inet-local-drop-later", "internet", "syncrify", LOCAL, "drop", controls=("earlier", "other-server")),
    S("inet-local-drop-udp", "internet", "mtpip", LOCAL, "drop"),
    S("inet-local-rst", "internet", "synaman", LOCAL, "reject-rst", "rst", ("other-client",)),
    S("inet-local-rst-inside", "internet", "syncrify", LOCAL, "reject-rst", "rst", ("inside", "other-port")),
    S("inet-local-rst-bare", "internet", "druva", LOCAL, "reject-rst", "rst"),
    S("inet-local-icmp", "internet", "peersync", LOCAL, "reject-icmp", "icmp-port"),
    S("inet-local-icmp-other-port", "internet", "syncrify", LOCAL, "reject-icmp", "icmp-admin", ("other-port",)),
    S("inet-local-icmp-ipt", "internet", "securidata", LOCAL, "reject-icmp", "ipt-host-prohibited", ("other-client",)),
    S("inet-local-icmp-udp", "internet", "mtpip", LOCAL, "reject-icmp", "icmp-admin"),
    S("inet-local-idle", "internet", "synaman", LOCAL, "idle-timeout", play="idle", options=IDLE),
]

INTERNET_EDGE = [
    S("inet-edge-drop", "internet", "syncrify", EDGE, "drop", fast=True),
    S("inet-edge-drop-other-port", "internet", "synaman", EDGE, "drop", controls=("other-port", "other-server")),
    S("inet-edge-drop-one-client", "internet", "securidata", EDGE, "drop", controls=("other-client",)),
    S("inet-edge-drop-inside", "internet", "syncrify-tls", EDGE, "drop", controls=("inside",)),
    S("inet-edge-drop-later", "internet", "peersync", EDGE, "drop", controls=("earlier",)),
    S("inet-edge-drop-udp", "internet", "mtpip", EDGE, "drop", fast=True),
    S("inet-edge-drop-udp-inside", "internet", "mtpip", EDGE, "drop", controls=("inside", "other-port")),
    S("inet-edge-drop-expected", "internet", "syncrify", EDGE, "drop", options={"expect": True}),
    S("inet-edge-return", "internet", "synaman", EDGE, "drop", options={"return": True}),
    S("inet-edge-rst", "internet", "synaman", EDGE, "reject-rst", "rst", ("other-port",)),
    S("inet-edge-rst-bare", "internet", "druva", EDGE, "reject-rst", "rst", options=FAR),
    S("inet-edge-rst-later", "internet", "syncrify", EDGE, "reject-rst", "rst", ("earlier",)),
    S("inet-edge-icmp", "internet", "syncrify", EDGE, "reject-icmp", "icmp-admin", fast=True),
    S("inet-edge-icmp-ipt", "internet", "securidata", EDGE, "reject-icmp", "ipt-admin-prohibited", ("other-port",)),
    S("inet-edge-icmp-port", "internet", "peersync", EDGE, "reject-icmp", "icmp-port", ("inside",)),
    S("inet-edge-icmp-host", "internet", "syncrify", EDGE, "reject-icmp", "icmp-host"),
    S("inet-no-forward", "internet", "syncrify", EDGE, "no-port-forward", controls=("other-port",), fast=True),
    S("inet-no-forward-bare", "internet", "peersync", EDGE, "no-port-forward", controls=("inside",)),
    S("inet-no-forward-rst", "internet", "synaman", EDGE, "no-port-forward", "rst", ("other-port",)),
    S("inet-no-forward-rst-bare", "internet", "syncrify", EDGE, "no-port-forward", "rst"),
    S("inet-no-forward-icmp", "internet", "securidata", EDGE, "no-port-forward", "icmp-port"),
    S("inet-no-forward-udp", "internet", "mtpip", EDGE, "no-port-forward"),
    S("inet-no-forward-udp-icmp", "internet", "mtpip", EDGE, "no-port-forward", "icmp-port"),
    S("inet-forward-dead", "internet", "syncrify", EDGE, "wrong-forward", "dead", ("other-port",),
      options=forward("{net}.250", 5800)),
    S("inet-forward-dead-silent", "internet", "synaman", EDGE, "wrong-forward", "dead-silent",
      options=forward("{net}.250", 6060)),
    S("inet-forward-port", "internet", "syncrify", EDGE, "wrong-forward", "other-port", options=forward("server", 5801)),
    S("inet-forward-host", "internet", "peersync", EDGE, "wrong-forward", "other-host", ("inside",),
      options=forward("server2", 7333)),
    S("inet-edge-dynamic", "internet", "syncrify", EDGE, "dynamic-block", play="upload"),
    S("inet-edge-dynamic-rst", "internet", "peersync", EDGE, "dynamic-block", "rst", play="upload"),
    S("inet-edge-dynamic-udp", "internet", "mtpip", EDGE, "dynamic-block", play="udp-transfer"),
    S("inet-edge-idle", "internet", "syncrify", EDGE, "idle-timeout", play="idle", options=IDLE),
    S("inet-edge-idle-rst", "internet", "peersync", EDGE, "idle-timeout", "rst", play="idle", options=IDLE),
]

INTERNET_EGRESS = [
    S("inet-egress-drop", "internet", "syncrify", EGRESS, "drop", controls=("web",), fast=True),
    S("inet-egress-drop-everywhere", "internet", "synaman", EGRESS, "drop", controls=("other-server-fails", "web")),
    S("inet-egress-drop-one-client", "internet", "securidata", EGRESS, "drop", controls=("same-site",)),
    S("inet-egress-drop-one-server", "internet", "peersync", EGRESS, "drop", controls=("other-server",)),
    S("inet-egress-drop-other-client", "internet", "syncrify", EGRESS, "drop", controls=("other-client", "other-port")),
    S("inet-egress-drop-udp", "internet", "mtpip", EGRESS, "drop", controls=("web",)),
    S("inet-egress-expected", "internet", "securidata", EGRESS, "drop", options={"expect": True}),
    S("inet-egress-rst", "internet", "securidata", EGRESS, "reject-rst", "rst"),
    S("inet-egress-rst-far", "internet", "syncrify", EGRESS, "reject-rst", "rst", ("web",), options=FAR),
    S("inet-egress-rst-everywhere", "internet", "synaman", EGRESS, "reject-rst", "rst", ("other-server-fails",)),
    S("inet-egress-icmp", "internet", "syncrify", EGRESS, "reject-icmp", "icmp-port"),
    S("inet-egress-icmp-admin", "internet", "peersync", EGRESS, "reject-icmp", "icmp-admin", ("web",)),
    S("inet-egress-icmp-ipt", "internet", "securidata", EGRESS, "reject-icmp", "ipt-net-prohibited"),
    S("inet-egress-icmp-udp", "internet", "mtpip", EGRESS, "reject-icmp", "icmp-admin"),
    S("inet-egress-return", "internet", "syncrify", EGRESS, "drop", options={"return": True}),
    S("inet-egress-dynamic", "internet", "securidata", EGRESS, "dynamic-block", play="upload"),
    S("inet-egress-dynamic-rst", "internet", "synaman", EGRESS, "dynamic-block", "rst", play="upload"),
    S("inet-egress-idle", "internet", "securidata", EGRESS, "idle-timeout", play="idle", options=IDLE),
    S("inet-egress-idle-rst", "internet", "syncrify", EGRESS, "idle-timeout", "rst", play="idle", options=IDLE),
]

INTERNET_REST = [
    S("inet-closed", "internet", "securidata", HOST, "not-listening"),
    S("inet-closed-other-port", "internet", "syncrify", HOST, "not-listening", controls=("other-port",)),
    S("inet-closed-far", "internet", "synaman", HOST, "not-listening", options=FAR),
    S("inet-closed-udp", "internet", "mtpip", HOST, "not-listening"),
    S("inet-backlog", "internet", "syncrify", HOST, "backlog-full", behaviour="hung", controls=("other-port",)),
    S("inet-host-down", "internet", "synaman", HOST, "host-down", "icmp"),
    S("inet-host-down-silent", "internet", "syncrify", HOST, "host-down", "silent"),
    S("inet-host-down-later", "internet", "peersync", HOST, "host-down", "icmp", ("earlier",)),
    S("inet-silent", "internet", "synaman", HOST, "app-silent", behaviour="silent"),
    S("inet-silent-udp", "internet", "mtpip", HOST, "app-silent", behaviour="silent"),
    S("inet-abort", "internet", "peersync", APP, "app-abort", behaviour="abort"),
    S("inet-refuse", "internet", "syncrify", APP, "app-abort", behaviour="refuse"),
    S("inet-no-route", "internet", "syncrify", PATH, "no-route", "unreachable"),
    S("inet-no-route-silent", "internet", "securidata", PATH, "no-route", "blackhole", ("other-server",)),
    S("inet-no-route-udp", "internet", "mtpip", PATH, "no-route", "unreachable"),
    S("inet-loop", "internet", "synaman", PATH, "routing-loop", options={"wan": {"router": "198.19.7.1"}}),
    S("inet-loop-udp", "internet", "mtpip", PATH, "routing-loop", options={"wan": {"router": "198.19.7.1"}}),
    S("inet-loop-tls", "internet", "druva", PATH, "routing-loop", controls=("other-server",),
      options={"wan": {"router": "198.19.7.1"}}),
    S("inet-mtu-up", "internet", "syncrify", PATH, "mtu-black-hole", play="big-upload", options=MTU_HOLE),
    S("inet-mtu-down", "internet", "securidata", PATH, "mtu-black-hole", play="big-download", options=MTU_HOLE),
    S("inet-return", "internet", "syncrify", PATH, "return-path", options={"return": True}),
]

IPV6 = [
    S("v6-local-drop", "ipv6", "syncrify", LOCAL, "drop", fast=True),
    S("v6-local-icmp", "ipv6", "securidata", LOCAL, "reject-icmp", "icmp-admin"),
    S("v6-local-rst", "ipv6", "peersync", LOCAL, "reject-rst", "rst"),
    S("v6-edge-drop", "ipv6", "peersync", EDGE, "drop", controls=("same-site",)),
    S("v6-edge-icmp", "ipv6", "syncrify", EDGE, "reject-icmp", "icmp-admin"),
    S("v6-edge-rst", "ipv6", "synaman", EDGE, "reject-rst", "rst", ("other-port",)),
    S("v6-edge-udp", "ipv6", "mtpip", EDGE, "drop"),
    S("v6-egress-drop", "ipv6", "druva", EGRESS, "drop", controls=("web",)),
    S("v6-egress-rst", "ipv6", "syncrify", EGRESS, "reject-rst", "rst"),
    S("v6-local-dynamic", "ipv6", "synaman", LOCAL, "dynamic-block", play="upload"),
    S("v6-edge-dynamic", "ipv6", "syncrify", EDGE, "dynamic-block", play="upload"),
    S("v6-egress-dynamic", "ipv6", "securidata", EGRESS, "dynamic-block", play="upload"),
    S("v6-closed", "ipv6", "synaman", HOST, "not-listening"),
    S("v6-no-route", "ipv6", "syncrify", PATH, "no-route", "unreachable"),
]

VPN = [
    S("vpn-local-drop", "vpn", "syncrify", LOCAL, "drop", fast=True),
    S("vpn-local-rst", "vpn", "smb", LOCAL, "reject-rst", "rst", ("same-site",)),
    S("vpn-edge-drop", "vpn", "synaman", EDGE, "drop", controls=("other-port",)),
    S("vpn-edge-icmp", "vpn", "peersync", EDGE, "reject-icmp", "icmp-admin"),
    S("vpn-egress-drop", "vpn", "securidata", EGRESS, "drop"),
    S("vpn-egress-icmp", "vpn", "syncrify", EGRESS, "reject-icmp", "icmp-port"),
    S("vpn-closed", "vpn", "syncrify", HOST, "not-listening"),
    S("vpn-tunnel-edge", "vpn", "syncrify", EDGE, "tunnel-blocked"),
    S("vpn-tunnel-egress", "vpn", "peersync", EGRESS, "tunnel-blocked"),
    S("vpn-tunnel-path", "vpn", "synaman", PATH, "tunnel-blocked"),
    S("vpn-tunnel-edge-two", "vpn", "syncrify", EDGE, "tunnel-blocked", controls=("other-inside-fails",)),
]

RELAYS = ("master", "storage")
MASTER = {"flow": ("master", "server"), "box": "fw1"}
BACKWARDS = {"flow": ("server", "master"), "box": "fw1"}  # the edge server never opens a connection
DMZ = [
    S("dmz-fw2-drop", "dmz", "druva", EDGE, "drop", controls=RELAYS),
    S("dmz-fw2-rst", "dmz", "druva", EDGE, "reject-rst", "rst", RELAYS),
    S("dmz-fw2-no-forward", "dmz", "druva", EDGE, "no-port-forward", controls=RELAYS),
    S("dmz-edge-local-drop", "dmz", "druva", LOCAL, "drop", controls=RELAYS),
    S("dmz-edge-closed", "dmz", "druva", HOST, "not-listening"),
    S("dmz-fw1-drop", "dmz", "druva", EGRESS, "drop", controls=("other-client",), options=MASTER),
    S("dmz-fw1-rst", "dmz", "druva", EGRESS, "reject-rst", "rst", ("other-client",), options=MASTER),
    S("dmz-wrong-direction", "dmz", "druva", APP, "unknown", "wrong-direction", RELAYS[:1] + ("other-client",),
      options=BACKWARDS),
    S("dmz-wrong-direction-drop", "dmz", "druva", APP, "unknown", "wrong-direction-drop", RELAYS[:1],
      options=BACKWARDS),
    S("dmz-fw1-icmp", "dmz", "druva", EGRESS, "reject-icmp", "icmp-admin", ("other-client",), options=MASTER),
]

# SecuriData's data centre never connects to a customer.
INWARDS = {"flow": ("server", "client")}
ROLES = [
    S("lan-wrong-direction", "lan", "securidata", APP, "unknown", "wrong-direction", ("same-site",), options=INWARDS),
]

MULTIHOMED = [
    S("multi-return", "multihomed", "securidata", PATH, "return-path", "other-gateway"),
    S("multi-return-inside", "multihomed", "syncrify", PATH, "return-path", "other-gateway", ("inside",)),
]

TLS_13 = {"tls": {"version": "1.3"}}
BY_NAME = {"by_name": True}

# What only the payload shows.
CONTENT = [
    S("inet-tls-intercepted", "internet", "druva", EGRESS, "tls-interception", play="trusting"),
    S("inet-tls-intercepted-syncrify", "internet", "syncrify-tls", EGRESS, "tls-interception", play="trusting"),
    S("inet-tls-intercepted-web", "internet", "syncrify-tls", EGRESS, "tls-interception", play="trusting",
      controls=("web",)),
    S("inet-tls-intercepted-one", "internet", "druva", EGRESS, "tls-interception", play="trusting",
      controls=("same-site",)),
    S("inet-tls-intercepted-13", "internet", "syncrify-tls", EGRESS, "tls-interception", play="trusting", options=TLS_13),
    S("inet-tls-version", "internet", "syncrify-tls", APP, "app-abort", "tls-server-alert",
      options={**TLS_13, "session": {"tls_version": "1.2"}}),
    S("inet-tls-client-certificate", "internet", "druva", APP, "app-abort", "tls-server-alert",
      options={"tls": {"wants_certificate": True}}),
    S("lan-tls-version", "lan", "druva", APP, "app-abort", "tls-server-alert",
      options={**TLS_13, "session": {"tls_version": "1.2"}}),
    S("inet-tls-wrong-root", "internet", "syncrify-tls", APP, "app-abort", "tls-wrong-root", play="wrong-root"),
    S("inet-portal", "internet", "syncrify", EGRESS, "block-page", "portal", play="page"),
    S("inet-block-page", "internet", "syncrify", EGRESS, "block-page", play="page"),
    S("inet-block-page-synaman", "internet", "synaman", EGRESS, "block-page", play="page", controls=("web",)),
    S("inet-filter-http-rst", "internet", "syncrify", EGRESS, "content-filter", "rst"),
    S("inet-filter-http-drop", "internet", "synaman", EGRESS, "content-filter", "drop"),
    S("inet-filter-tls-rst", "internet", "druva", EGRESS, "content-filter", "rst"),
    S("inet-filter-tls-drop", "internet", "syncrify-tls", EGRESS, "content-filter", "drop"),
    S("inet-filter-forged", "internet", "synaman", EGRESS, "content-filter", "forge"),
    S("inet-filter-forged-edge", "internet", "syncrify", EDGE, "content-filter", "forge"),
    S("inet-filter-sni-rst", "internet", "druva", EGRESS, "content-filter", "rst", options=BY_NAME),
    S("inet-filter-sni-drop", "internet", "druva", EDGE, "content-filter", "drop", options=BY_NAME),
    S("inet-filter-host-rst", "internet", "synaman", EGRESS, "content-filter", "rst", ("web",), options=BY_NAME),
    S("inet-filter-host-drop", "internet", "syncrify", EGRESS, "content-filter", "drop", options=BY_NAME),
    S("inet-filter-edge", "internet", "syncrify", EDGE, "content-filter", "rst"),
]

# FTP: the control connection works, its data connection does not.
FTP_ACTIVE = {"ftp": {"passive": False}}
FTP_TLS = {"ftp": {"encrypted": True}}
FTP_ANONYMOUS = {"ftp": {"user": "anonymous"}}
FTP = [
    S("inet-vsftpd-private", "internet", "ftp", EDGE, "no-port-forward", "ftp-private", play="ftp", behaviour="vsftpd",
      options=FTP_ANONYMOUS),
    S("inet-vsftpd-passive", "internet", "ftp", EDGE, "drop", "ftp-passive", play="ftp", behaviour="vsftpd",
      options=FTP_ANONYMOUS),
    S("inet-vsftpd-fine", "internet", "ftp", how="ftp-passive", play="ftp", behaviour="vsftpd", options=FTP_ANONYMOUS),
    S("inet-ftp-private", "internet", "ftp", EDGE, "no-port-forward", "ftp-private", play="ftp"),
    S("inet-ftp-passive", "internet", "ftp", EDGE, "drop", "ftp-passive", play="ftp"),
    S("inet-ftp-passive-rst", "internet", "ftp", EDGE, "reject-rst", "ftp-passive-rst", play="ftp"),
    S("inet-ftp-passive-icmp", "internet", "ftp", EDGE, "reject-icmp", "ftp-passive-icmp-port", play="ftp"),
    S("inet-ftp-passive-local", "internet", "ftp", LOCAL, "drop", "ftp-passive", play="ftp"),
    S("inet-ftp-passive-egress", "internet", "ftp", EGRESS, "drop", "ftp-passive", play="ftp"),
    S("inet-ftp-tls-passive", "internet", "ftp", EDGE, "drop", "ftp-passive", play="ftp", options=FTP_TLS),
    S("inet-ftp-active", "internet", "ftp", EGRESS, "drop", "ftp-active", play="ftp", options=FTP_ACTIVE),
    S("lan-ftp-active-client", "lan", "ftp", EGRESS, "drop", "ftp-active", play="ftp", options=FTP_ACTIVE),
    S("lan-ftp-passive", "lan", "ftp", LOCAL, "drop", "ftp-passive", play="ftp"),
    S("lan-ftp-passive-rst", "lan", "ftp", LOCAL, "reject-rst", "ftp-passive-rst", play="ftp"),
    S("lan-ftp-tls-passive", "lan", "ftp", LOCAL, "drop", "ftp-passive", play="ftp", options=FTP_TLS),
    S("lan-ftp-tls", "lan", "ftp", options=FTP_TLS),
    S("inet-ftp-fine", "internet", "ftp", how="ftp-passive", play="ftp"),
    S("inet-ftp-tls-filter-rst", "internet", "ftp", EGRESS, "content-filter", "rst", options=FTP_TLS),
    S("inet-ftp-tls-filter-drop", "internet", "ftp", EDGE, "content-filter", "drop", options=FTP_TLS),
    S("inet-ftp-tls-version", "internet", "ftp", APP, "app-abort", "tls-server-alert",
      options={"tls": {"version": "1.3"}, "ftp": {"encrypted": True, "tls_version": "1.2"}}),
]

# 445 and 139 are tried together; one of them is enough.
BOTH = {"also_port": 139}
SMB = [
    S("lan-smb-both-drop", "lan", "smb", LOCAL, "drop", play="smb-pair", options=BOTH),
    S("inet-smb-both-egress", "internet", "smb", EGRESS, "drop", play="smb-pair", options=BOTH),
    S("inet-smb-both-edge-rst", "internet", "smb", EDGE, "reject-rst", "rst", play="smb-pair", options=BOTH),
    S("lan-smb-139-works", "lan", "netbios", play="smb-139"),
]

# On the web's own port: stopped by what is said.
DPI = {"dpi": True}
GATEWAY = "eu-west-a-example.gpexample.gw.gpcloudservice.com"
SSL_VPN = {"by_name": GATEWAY, "session": {"server_name": GATEWAY}}

# Tunnels that do not come up, and what fails inside one that does.
TUNNELS = [
    S("inet-openvpn-edge", "internet", "openvpn", EDGE, "tunnel-blocked", play="openvpn"),
    S("inet-openvpn-egress", "internet", "openvpn", EGRESS, "tunnel-blocked", play="openvpn"),
    S("lan-openvpn-local", "lan", "openvpn", LOCAL, "tunnel-blocked", play="openvpn"),
    S("inet-openvpn-icmp", "internet", "openvpn", EGRESS, "tunnel-blocked", "icmp-admin", play="openvpn"),
    S("inet-wireguard-edge", "internet", "wireguard", EDGE, "tunnel-blocked"),
    S("inet-wireguard-egress", "internet", "wireguard", EGRESS, "tunnel-blocked", controls=("web",)),
    S("v6-ike-edge", "ipv6", "ike", EDGE, "tunnel-blocked"),
    S("inet-openvpn-inside", "internet", "syncrify", LOCAL, "drop", play="openvpn-inside", options={"inside": "openvpn"}),
    S("inet-openvpn-inside-closed", "internet", "syncrify", HOST, "not-listening", play="openvpn-inside",
      options={"inside": "openvpn"}),
    S("inet-openvpn-tcp-inside", "internet", "mtpip", LOCAL, "drop", play="openvpn-inside",
      options={"inside": "openvpn-tcp"}),
    S("inet-openvpn-fine", "internet", "openvpn", play="openvpn"),
    S("inet-wireguard-fine", "internet", "wireguard"),
    S("lan-ike-fine", "lan", "ike"),
    S("v6-esp-edge", "ipv6", "ipsec", EDGE, "tunnel-blocked", "esp"),
    S("v6-esp-egress", "ipv6", "ipsec", EGRESS, "tunnel-blocked", "esp"),
    S("lan-esp-local", "lan", "ipsec", LOCAL, "tunnel-blocked", "esp"),
    S("v6-esp-fine", "ipv6", "ipsec"),
    S("lan-esp-fine", "lan", "ipsec"),
    S("inet-esp-udp-edge", "internet", "nat-t", EDGE, "tunnel-blocked", "esp-udp"),
    S("inet-esp-udp-egress", "internet", "nat-t", EGRESS, "tunnel-blocked", "esp-udp"),
    S("lan-esp-udp-local", "lan", "nat-t", LOCAL, "tunnel-blocked", "esp-udp"),
    S("inet-openvpn-443-drop", "internet", "openvpn-443", EGRESS, "tunnel-blocked", "drop", play="openvpn", options=DPI),
    S("inet-openvpn-443-edge", "internet", "openvpn-443", EDGE, "tunnel-blocked", "drop", play="openvpn", options=DPI),
    S("inet-openvpn-443-fine", "internet", "openvpn-443", play="openvpn"),
    S("inet-sslvpn-drop", "internet", "sslvpn", EGRESS, "tunnel-blocked", "drop", options=SSL_VPN),
    S("inet-sslvpn-rst", "internet", "sslvpn", EGRESS, "tunnel-blocked", "rst", options=SSL_VPN),
    S("inet-sslvpn-fine", "internet", "sslvpn", options={"session": SSL_VPN["session"]}),
    S("inet-esp-udp-fine", "internet", "nat-t"),
]

# MTP/IP held back, and answered from an address that was not asked.
THROTTLED = {"throttle": "limit rate over 2/second burst 2 packets drop"}
MTPIP = [
    S("lan-udp-throttled", "lan", "mtpip", LOCAL, "dynamic-block", play="udp-throttled", options=THROTTLED),
    S("inet-edge-throttled", "internet", "mtpip", EDGE, "dynamic-block", play="udp-throttled", options=THROTTLED),
    S("inet-egress-throttled", "internet", "mtpip", EGRESS, "dynamic-block", play="udp-throttled", options=THROTTLED),
    S("lan-udp-other-address", "lan", "mtpip", PATH, "return-path", "other-address", behaviour="other-address"),
    S("v6-udp-other-address", "ipv6", "mtpip", PATH, "return-path", "other-address", behaviour="other-address"),
    S("inet-udp-loss", "internet", "mtpip", play="udp-transfer-ok", options={"wan": {"loss": 3}}),
    S("lan-udp-twice", "lan", "mtpip", play="udp-transfer-ok"),
]

# Names: the client was told where to go, and not by the product.
NAMES = [
    S("inet-dns-sinkhole", "internet", "syncrify", EGRESS, "content-filter", "sinkhole", play="by-name"),
    S("inet-dns-sinkhole-druva", "internet", "druva", EGRESS, "content-filter", "sinkhole", play="by-name"),
    S("inet-dns-fine", "internet", "synaman", play="by-name"),
]

# What shows by repetition, and by looking into it.
REPEATED = [
    S("inet-egress-traced", "internet", "syncrify", EGRESS, "drop", play="traced"),
    S("inet-egress-traced-udp", "internet", "mtpip", EGRESS, "drop", play="traced"),
    S("inet-edge-traced", "internet", "synaman", EDGE, "drop", play="traced", controls=("other-port",)),
    S("inet-isp-traced", "internet", "smb", PATH, "drop", play="traced", controls=("other-port",),
      options={"box": "isp1"}),
    S("inet-local-traced", "internet", "securidata", LOCAL, "drop", play="traced", controls=("other-port",)),
    S("inet-edge-timer", "internet", "syncrify", EDGE, "idle-timeout", play="timers", options=IDLE),
    S("inet-egress-timer", "internet", "securidata", EGRESS, "idle-timeout", play="timers", options=IDLE),
    S("inet-edge-timer-rst", "internet", "peersync", EDGE, "idle-timeout", "rst", play="timers", options=IDLE),
    S("inet-egress-quota", "internet", "syncrify", EGRESS, "dynamic-block", play="cuts"),
    S("inet-edge-quota", "internet", "synaman", EDGE, "dynamic-block", play="cuts"),
    S("inet-egress-aged", "internet", "peersync", EGRESS, "dynamic-block", play="aged"),
    S("inet-edge-idle-others", "internet", "synaman", EDGE, "idle-timeout", play="idle", controls=("other-client",),
      options=IDLE),
    S("inet-egress-bulk-udp", "internet", "mtpip", EGRESS, "dynamic-block", play="udp-bulk"),
    S("inet-local-banned", "internet", "syncrify", LOCAL, "drop", play="banned"),
    S("lan-starting", "lan", "synaman", HOST, "not-listening", play="starting"),
    S("inet-starting", "internet", "securidata", HOST, "not-listening", play="starting"),
    S("lan-client-deaf", "lan", "syncrify", EGRESS, "drop", options={"return": True, "box": "client"}),
    S("inet-client-deaf", "internet", "peersync", EGRESS, "drop", options={"return": True, "box": "client"}),
    S("inet-edge-expected-others", "internet", "syncrify", EDGE, "drop", controls=("other-client",),
      options={"expect": True}),
    S("lan-flapping", "lan", "syncrify", HOST, "not-listening", play="flapping"),
    S("inet-flapping", "internet", "synaman", HOST, "not-listening", play="flapping"),
    S("lan-stopping", "lan", "securidata", HOST, "not-listening", play="stopping", options={"also": ("client2",)}),
    S("lan-opened", "lan", "syncrify", LOCAL, "drop", play="opened"),
    S("inet-opened", "internet", "peersync", LOCAL, "drop", play="opened"),
    S("inet-outage", "internet", "syncrify", PATH, "no-route", "blackhole", play="outage"),
    S("lan-backlog-filled", "lan", "synaman", HOST, "backlog-full", behaviour="hangs", play="filled"),
    S("inet-backlog-filled", "internet", "syncrify", HOST, "backlog-full", behaviour="hangs", play="filled"),
    S("lan-local-drop-ping", "lan", "syncrify", LOCAL, "drop", controls=("ping",)),
    S("lan-local-drop-no-ping", "lan", "synaman", LOCAL, "drop", "no-ping", controls=("ping-fails",)),
    S("inet-edge-drop-ping", "internet", "securidata", EDGE, "drop", controls=("ping",)),
    S("inet-local-drop-all", "internet", "syncrify", LOCAL, "drop", controls=("other-port-fails", "other-client-fails")),
    S("inet-edge-drop-all", "internet", "synaman", EDGE, "drop", controls=("other-client-fails",)),
]

# What some rule waits for and nothing above shows.
BUMP = {"box": "bump"}
ISP = {"box": "isp1"}
MARKED = {"marked": True}  # the client asks in a class of service of its own
MIRROR = {"mirror": True}  # the span capture is told as such, and not which side it is on
FORBIDDEN = {"behaviour": "forbidden", "play": "page"}
RARER = [
    S("inet-egress-bump-rst", "internet", "syncrify", EGRESS, "reject-rst", "rst", options=BUMP),
    S("inet-egress-bump-icmp", "internet", "securidata", EGRESS, "reject-icmp", "icmp-admin", options=BUMP),
    S("inet-egress-icmp-other-port", "internet", "syncrify", EGRESS, "reject-icmp", "icmp-admin", ("other-port",)),
    S("inet-egress-drop-usual", "internet", "druva", EGRESS, "drop", controls=("other-server-fails", "web")),
    S("inet-egress-drop-elsewhere", "internet", "syncrify", EGRESS, "drop", controls=("other-server-fails", "elsewhere")),
    S("inet-isp-icmp", "internet", "smb", PATH, "reject-icmp", "icmp-admin", options=ISP),
    S("inet-isp-rst", "internet", "smb", PATH, "reject-rst", "rst", ("other-port",), options=ISP),
    S("inet-local-icmp-protocol", "internet", "peersync", LOCAL, "reject-icmp", "ipt-protocol"),
    S("lan-local-icmp-other-port", "lan", "securidata", LOCAL, "reject-icmp", "icmp-admin", ("other-port",)),
    S("vpn-local-icmp", "vpn", "syncrify", LOCAL, "reject-icmp", "icmp-admin"),
    S("lan-host-down", "lan", "syncrify", HOST, "host-down", "icmp", ("earlier",), options={"client-any": True}),
    S("v6-host-down", "ipv6", "peersync", HOST, "host-down", "icmp"),
    S("inet-no-route-gateway", "internet", "securidata", PATH, "no-route", "unreachable", options={"box": "egress"}),
    S("inet-gateway-down", "internet", "syncrify", PATH, "no-route", "gateway-down", ("earlier",),
      options={"box": "client", "client-any": True}),
    S("v6-edge-return", "ipv6", "synaman", EDGE, "drop", controls=("other-port",), options={"return": True}),
    S("v6-egress-return", "ipv6", "syncrify", EGRESS, "drop", controls=("other-port",), options={"return": True}),
    S("inet-return-other-router", "internet", "securidata", PATH, "return-path", "other-router"),
    S("inet-local-drop-mirror", "internet", "syncrify", LOCAL, "drop", options=MIRROR),
    S("inet-return-mirror", "internet", "securidata", PATH, "return-path", options={"return": True, **MIRROR}),
    S("inet-one-way-drop", "internet", "syncrify", LOCAL, "drop", controls=("other-client", "other-port"),
      options={"filter": "tcp and (dst port 5800 or dst port 80)"}),
    S("inet-sensor", "internet", "synaman", EDGE, "content-filter", "sensor", options={"box": "sensor"}),
    S("lan-sensor", "lan", "syncrify", EGRESS, "content-filter", "sensor", options={"box": "sensor"}),
    S("inet-filter-forged-odd", "internet", "syncrify", EGRESS, "content-filter", "forge", options={"forged-ttl": 41, "forged-id": 7777}),
    S("lan-client-deaf-later", "lan", "synaman", EGRESS, "dynamic-block", "deaf", play="download-cut",
      options={"box": "client"}),
    S("inet-client-deaf-later", "internet", "syncrify", EGRESS, "dynamic-block", "deaf", play="download-cut",
      options={"box": "client"}),
    S("lan-client-restarted", "lan", "securidata", APP, "app-abort", "client-restarted", play="client-restarted"),
    S("inet-client-restarted", "internet", "synaman", APP, "app-abort", "client-restarted", play="client-restarted"),
    S("inet-edge-idle-older", "internet", "peersync", EDGE, "idle-timeout", "rst", play="idle-older", options=IDLE),
    S("inet-local-throttled", "internet", "mtpip", LOCAL, "dynamic-block", play="udp-throttled", options=THROTTLED),
    S("inet-egress-throttled-replies", "internet", "mtpip", EGRESS, "dynamic-block", play="udp-throttled",
      options={**THROTTLED, "throttled": "sport"}),
    S("inet-tls-intercepted-known", "internet", "druva", EGRESS, "tls-interception", play="trusting",
      options={"authority": "FortiGate CA", "format": "pcap"}),
    S("inet-tls-intercepted-pinned", "internet", "druva", EGRESS, "tls-interception", play="trusting",
      options={"pin": "own"}),
    S("inet-tls-intercepted-everywhere", "internet", "druva", EGRESS, "tls-interception", play="trusting",
      controls=("other-server",)),
    S("inet-tls-renewed", "internet", "druva", APP, "app-abort", "tls-wrong-root", play="wrong-root",
      options={"pin": "other"}),
    S("inet-tls-client-certificate-pinned", "internet", "druva", APP, "app-abort", "tls-server-alert",
      options={"tls": {"wants_certificate": True}, "pin": "own"}),
    S("inet-tls-wrong-name", "internet", "syncrify-tls", APP, "app-abort", "tls-wrong-root", play="wrong-name"),
    S("inet-tls-expired", "internet", "druva", APP, "app-abort", "tls-expired", play="trusting-shown",
      options={"expired": True}),
    S("inet-tls-old-server", "internet", "syncrify-tls", APP, "app-abort", "tls-old-server",
      options={"tls": {"version": "1.1"}, "session": {"tls_version": "1.2"}}),
    S("inet-tls-name-refused", "internet", "druva", APP, "app-abort", "tls-server-alert",
      options={"tls": {"refuses_name": True}}),
    S("inet-tls-to-clear", "internet", "syncrify-tls", APP, "app-abort", "tls-to-clear", behaviour="clear",
      options={"serves": "http"}),
    S("inet-closed-marked", "internet", "syncrify", HOST, "not-listening", options=MARKED),
    S("lan-local-rst-marked", "lan", "securidata", LOCAL, "reject-rst", "rst", options=MARKED),
    S("inet-http-refused", "internet", "syncrify", APP, "app-abort", "http-refused", **FORBIDDEN),
    S("inet-http-shield", "internet", "syncrify", LOCAL, "block-page", behaviour="waf", play="page"),
    S("inet-block-page-unknown", "internet", "synaman", EGRESS, "block-page", "block-page-via", play="page"),
    S("inet-block-page-proxy", "internet", "syncrify", EGRESS, "block-page", "proxy-page", play="page"),
    S("inet-proxy-login", "internet", "synaman", EGRESS, "block-page", "proxy-login", play="page"),
    S("inet-portal-wispr", "internet", "syncrify", EGRESS, "block-page", "portal-wispr", play="page"),
    S("inet-forward-other-service", "internet", "syncrify-tls", EDGE, "wrong-forward", "other-service",
      options=forward("server", 22)),
    S("inet-foreign-service", "internet", "syncrify-tls", HOST, "not-listening", "foreign-service"),
    S("lan-foreign-service", "lan", "syncrify-tls", HOST, "not-listening", "foreign-service"),
    S("dmz-no-relay", "dmz", "druva", APP, "app-abort", behaviour="abort"),
    S("inet-dns-private", "internet", "syncrify", PATH, "no-route", "told-private", play="by-name"),
    S("inet-dns-no-name", "internet", "syncrify", APP, "unknown", "no-name", play="looks-up-in-vain",
      options={"expect": True, "told": True}),
    S("inet-dns-stopped", "internet", "synaman", EGRESS, "drop", "no-dns", play="looks-up-in-vain",
      options={"expect": True}),
    S("inet-edge-expected-elsewhere", "internet", "securidata", EDGE, "drop", controls=("other-port",),
      options={"expect": True}),
    S("lan-ftp-active-server", "lan", "ftp", LOCAL, "drop", "ftp-active-out", play="ftp", options=FTP_ACTIVE),
    S("v6-ftp-active-server", "ipv6", "ftp", LOCAL, "drop", "ftp-active-out", play="ftp", options=FTP_ACTIVE),
    S("v6-ftp-active-edge", "ipv6", "ftp", EDGE, "drop", "ftp-active-edge", play="ftp", options=FTP_ACTIVE),
    S("v6-ftp-active", "ipv6", "ftp", EGRESS, "drop", "ftp-active", play="ftp", options=FTP_ACTIVE),
    S("v6-ftp-passive-icmp", "ipv6", "ftp", EDGE, "reject-icmp", "ftp-passive-icmp-port", play="ftp"),
    S("lan-ftp-passive-icmp", "lan", "ftp", LOCAL, "reject-icmp", "ftp-passive-icmp-port", play="ftp"),
    S("lan-ftp-passive-client", "lan", "ftp", EGRESS, "drop", "ftp-passive-client", play="ftp",
      options={"box": "client"}),
    S("vpn-ftp-passive", "vpn", "ftp", EDGE, "drop", "ftp-passive", play="ftp"),
]

HEALTHY = [
    S("lan-fine", "lan", "syncrify", controls=("same-site", "other-port"), fast=True),
    S("lan-smb", "lan", "smb", play="smb-both"),
    S("lan-udp", "lan", "mtpip", play="udp-transfer-ok"),
    S("lan-ftp", "lan", "ftp"),
    S("lan-ftp-active", "lan", "ftp", options={"ftp": {"passive": False}}),
    S("lan-happy-eyeballs", "lan", "syncrify", play="happy-eyeballs", fast=True),
    S("lan-restart", "lan", "synaman", play="restart"),
    S("lan-scan", "lan", "syncrify", play="scan", fast=True),
    S("inet-fine", "internet", "synaman", controls=("other-client", "web", "other-server"), fast=True),
    S("inet-fine-tls", "internet", "druva", controls=("other-client",)),
    S("inet-fine-tls-13", "internet", "syncrify-tls", controls=("other-server", "web"), options=TLS_13),
    S("inet-fine-tls-pinned", "internet", "druva", play="trusting", controls=("other-server",)),
    S("inet-fine-login", "internet", "syncrify", behaviour="challenge", play="login"),
    S("inet-fine-udp", "internet", "mtpip", play="udp-transfer-ok"),
    S("inet-fine-smb", "internet", "smb", play="upload-ok"),
    S("inet-browse", "internet", "syncrify", play="browse"),
    S("inet-scan", "internet", "syncrify", play="scan"),
    S("inet-client-aborts", "internet", "synaman", play="client-aborts"),
    S("inet-late-synack", "internet", "syncrify", play="late", fast=True),
    S("inet-lost-datagram", "internet", "mtpip", play="late"),
    S("inet-keepalive", "internet", "securidata", play="keepalive"),
    S("inet-slow-server", "internet", "synaman", play="slow"),
    S("inet-reordering", "internet", "syncrify", play="download-ok", options={"wan": {"reorder": 8}}),
    S("inet-loss", "internet", "peersync", play="download-ok", options={"wan": {"loss": 2}}),
    S("inet-upload", "internet", "securidata", play="upload-ok"),
    S("inet-one-way-out", "internet", "syncrify", options={"filter": "tcp and dst port 5800"}),
    S("inet-one-way-back", "internet", "syncrify", options={"filter": "tcp and src port 5800"}),
    S("inet-syn-only", "internet", "synaman", options={"filter": "tcp[13]==2"}),
    S("inet-midstream", "internet", "securidata", play="midstream"),
    S("inet-ends-early", "internet", "syncrify", play="ends-early", fast=True),
    S("inet-idle", "internet", "peersync", play="idle-ok", options={"gap": 12}),
    S("inet-server-rst-after", "internet", "synaman", play="server-rst-after", behaviour="reset-after"),
    S("inet-unwatched", "internet", "syncrify", play="unwatched"),
    S("v6-fine", "ipv6", "syncrify", controls=("other-client", "web")),
    S("vpn-fine", "vpn", "peersync", controls=("same-site",)),
    S("dmz-fine", "dmz", "druva", controls=RELAYS + ("other-client",)),
    S("multi-fine", "multihomed", "securidata"),
]

SCENARIOS = (LAN + INTERNET_LOCAL + INTERNET_EDGE + INTERNET_EGRESS + INTERNET_REST + IPV6 + VPN + DMZ + ROLES + MULTIHOMED
             + CONTENT + FTP + SMB + TUNNELS + MTPIP + NAMES + REPEATED + RARER + HEALTHY)
