#!/usr/bin/python3
"""Makes the captures in samples/ anew: the chosen scenarios, played in the lab, one capture of each.

    samples.py --out DIR [--seed N]

File names say product and place of the capture, never what was wrong. Made anew, their bytes differ
(times, ports, sequence numbers): the expected reports beside them have to be made anew as well.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import net  # noqa: E402
import peers  # noqa: E402
import score  # noqa: E402
from scenarios import SCENARIOS  # noqa: E402
from story import Story  # noqa: E402

SIZE_LIMIT = 50 * 1024
# scenario, vantage, format, what was done
CHOSEN = (
    ("inet-local-drop", "server", "pcap", "The server's own nftables drops tcp/5800."),
    ("inet-edge-rst", "client", "pcap", "The edge of the server's network rejects tcp/6060 with RST; port 80 of the "
                                        "same address is forwarded and works."),
    ("dmz-fw2-drop", "edge-any", "pcapng", "Firewall 2 drops clients on tcp/443; the master and storage servers inside "
                                           "reach the edge server. Taken on both sides of Firewall 2."),
    ("inet-egress-drop-one-client", "egress-any", "pcap", "The client's gateway drops tcp/4401 of this client; a "
                                                          "neighbour may. Taken on both sides of that gateway."),
    ("inet-edge-drop-udp", "edge-any", "pcapng", "The edge of the server's network drops udp/8080 after translating the "
                                                 "address. Taken on both sides of it."),
    ("inet-egress-icmp-admin", "client", "pcap", "The client's gateway refuses tcp/7333 with ICMP administratively "
                                                 "prohibited; the web works."),
    ("inet-no-route", "client", "nano", "A router of the provider has no route to the server's public address."),
    ("inet-abort", "server", "pcap", "The server's application resets every connection after the first request."),
    ("inet-closed", "span", "pcap", "Nothing listens on tcp/4401. Taken at a mirror port beside the server."),
    ("v6-egress-rst", "client", "pcapng", "The client's IPv6 gateway rejects tcp/5800 with RST."),
    ("inet-edge-idle", "client", "pcap", "The edge forgets the connection after 32 s of silence and drops what follows."),
    ("vpn-edge-icmp", "client", "pcap", "Inside a VXLAN tunnel: the far gateway refuses tcp/7333 with ICMP."),
    ("inet-fine", "client", "pcap", "Nothing is wrong; other servers and the web are used as well."),
    ("dmz-fine", "server", "pcapng", "Nothing is wrong: edge server with master, storage and clients."),
    ("inet-ftp-private", "client", "pcap", "FTP: the server announces its private address for the data connection."),
    ("inet-ftp-passive", "egress-lan", "snap96", "FTP: the edge drops the passive port range. The capture kept 96 bytes "
                                                 "of each packet, so that the port agreed on is cut off."),
    ("inet-wireguard-edge", "edge-any", "pcapng", "The edge of the server's network drops a VPN's handshake, udp/51820. "
                                                  "Taken on both sides of it."),
    ("inet-dns-sinkhole", "client", "pcap", "The client's name server answers with a filtering service's block page, "
                                            "which is not reachable."),
    ("lan-ftp-active", "client", "pcap", "Nothing is wrong: FTP in active mode."),
    ("inet-tls-intercepted-web", "client", "pcap", "The client's gateway opens TLS on tcp/5443 with an authority of its "
                                                   "own; the client knows the server's certificate."),
    ("inet-portal", "client", "pcap", "The client's gateway answers tcp/5800 itself and sends the client to a login page."),
    ("inet-filter-sni-rst", "egress-lan", "pcapng", "The client's gateway resets TLS connections that ask for the "
                                                    "server's name."),
    ("inet-tls-version", "server", "snap96", "The server wants TLS 1.3, the client offers 1.2. Cut after 96 bytes of "
                                             "each packet."),
    ("v6-esp-edge", "edge-any", "pcapng", "IPsec: the edge of the server's network lets IKE on udp/500 pass and drops ESP. "
                                          "Taken on both sides of it."),
    ("lan-esp-local", "server", "snap96", "IPsec: the server's own nftables lets IKE pass and drops ESP. Cut after 96 bytes "
                                          "of each packet."),
    ("inet-vsftpd-private", "client", "pcap", "FTP with vsftpd: it announces its private address for the data connection."),
    ("inet-forward-other-service", "client", "pcap",
     "The edge forwards the TLS port to another service of the server, which answers the hello with a banner of its own and resets."),
    ("inet-esp-udp-egress", "egress-any", "pcapng", "IPsec through NAT: the client's gateway lets IKE on udp/4500 pass and "
                                                    "drops the ESP in it. Taken on both sides of that gateway."),
    ("inet-tls-client-certificate", "edge-wan", "snap96", "The server wants a certificate of the client, which has none. "
                                                          "Cut after 96 bytes of each packet."),
    ("inet-ftp-tls-filter-rst", "client", "snap96", "FTP: the client's gateway answers the TLS ClientHello behind AUTH TLS "
                                                    "with RST. Cut after 96 bytes of each packet."),
    ("inet-ftp-active", "edge-any", "snap96", "FTP: the server cannot connect back to the client (active mode). Cut after "
                                              "96 bytes of each packet, within the PORT command."),
    ("inet-openvpn-443-drop", "egress-any", "pcapng", "The client's gateway drops what begins as OpenVPN does, on tcp/443. "
                                                      "Taken on both sides of that gateway."),
    ("inet-sslvpn-drop", "client", "pcap", "The client's gateway drops TLS that asks for the name of an SSL VPN service."),
    ("inet-local-rst-bare", "server", "pcap", "The server's own nftables rejects tcp/443 with RST; the network card is to fill in "
                                              "its checksum."),
    ("lan-backlog-filled", "client", "pcap", "The server's program hangs: two connections wait in its queue, and there is no "
                                             "room for a third."),
    ("v6-local-rst", "client", "pcap", "The server's own nftables rejects tcp/7333 with RST, over IPv6."),
    ("inet-closed-marked", "client", "pcap", "Nothing listens on tcp/5800; the client asks in a class of service (DSCP)."),
    ("inet-no-forward-icmp", "edge-wan", "pcap", "The edge has no forward for tcp/4401 and refuses what comes to itself with "
                                                 "ICMP."),
    ("lan-ftp-passive-client", "client", "pcap", "FTP: the client's own nftables drops its data connections."),
)
# Two captures of one time: scenario, vantages, what was done. They go to samples/pairs/.
PAIRS = (
    ("inet-edge-drop-other-port", ("edge-wan", "edge-lan"), "The edge of the server's network drops tcp/6060; port 80 of "
                                                            "the same address is forwarded and works."),
    ("inet-local-drop-other-port", ("client", "server"), "The server's own nftables drops the port; port 80 works."),
    ("inet-edge-idle-rst", ("client", "server"), "The edge forgets the connection after a silence and answers what "
                                                 "follows with RST."),
    ("inet-forward-port", ("client", "server"), "The edge forwards tcp/5800 to a port where nothing listens."),
    ("inet-fine", ("client", "server"), "Nothing is wrong; other servers and the web are used as well."),
    ("lan-local-rst-bare", ("client", "server"), "On one LAN, the server's own nftables rejects tcp/445 with RST."),
)


def make_pair(number, seed, wire_program, certificate, folder):
    """Play one scenario, keep two captures; returns the truth of the pair."""
    name, vantages, told = PAIRS[number]
    scenario = next(each for each in SCENARIOS if each.name == name)
    scenario = dataclasses.replace(scenario, options={**scenario.options, "format": "pcap"})
    with tempfile.TemporaryDirectory() as work:
        entries = Story(scenario, seed, wire_program, certificate, work).play()
        both = [next(each for each in entries if each["file"].split(".")[1] == vantage) for vantage in vantages]
        pair = dict(next(score.pair_entries(both), both[0]))
        pair.update(file=f"{number + 1:02d}-{pair['profile']}", files=[], done=told)
        for entry, vantage in zip(both, vantages):
            target = f"{pair['file']}-at-{vantage}.pcap"
            shutil.copy(os.path.join(work, entry["file"]), os.path.join(folder, target))
            os.chmod(os.path.join(folder, target), 0o644)
            pair["files"].append(target)
    return pair


def make_pairs(seed, wire_program, certificate, folder):
    os.makedirs(folder, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(len(PAIRS)) as pool:
        made = list(pool.map(lambda n: make_pair(n, seed, wire_program, certificate, folder), range(len(PAIRS))))
    with open(os.path.join(folder, "truth.json"), "w", encoding="utf-8") as file:
        json.dump(made, file, indent=1)
        file.write("\n")
    lines = ["# Pairs of captures", "", "Two captures of the same time at two places, made like the samples above "
             f"(seed {seed}). `fwsniff -r A -r B` holds them against each other.", "",
             "| captures | what was done | real failure point |", "| --- | --- | --- |"]
    lines += ["| " + ", ".join(f"`{name}`" for name in pair["files"]) + f" | {pair['done']} | "
              + (pair["findings"][0]["failure_point"] if pair["findings"] else "none: healthy") + " |" for pair in made]
    with open(os.path.join(folder, "README.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def make(number, seed, wire_program, certificate, folder):
    """Play one chosen scenario, keep one capture; returns its truth and its line for the README."""
    name, vantage, style, told = CHOSEN[number]
    scenario = next(each for each in SCENARIOS if each.name == name)
    scenario = dataclasses.replace(scenario, options={**scenario.options, "format": style})
    with tempfile.TemporaryDirectory() as work:
        entries = Story(scenario, seed, wire_program, certificate, work).play()
        entry = next(each for each in entries if each["file"].split(".")[1] == vantage)
        ending = entry["file"].rsplit(".", 1)[1]
        source, entry["file"] = entry["file"], f"{number + 1:02d}-{entry['profile']}-at-{vantage}.{ending}"
        target = os.path.join(folder, entry["file"])
        shutil.copy(os.path.join(work, source), target)
        os.chmod(target, 0o644)
    if os.path.getsize(target) > SIZE_LIMIT:
        raise net.LabError(f"{target}: too big for a sample")
    return entry, told


def kept(folder, count):
    """The truth of the first captures, as it stands, with what was done."""
    if not count:
        return []
    with open(os.path.join(folder, "truth.json"), encoding="utf-8") as file:
        return [(entry, CHOSEN[number][3]) for number, entry in enumerate(json.load(file)[:count])]


def readme(made, seed):
    """What each capture is, for people."""
    lines = ["# Sample captures", "",
             "Each was made by `tests/lab/samples.py`: real hosts, routers and firewalls (nftables) in network "
             f"namespaces, real TCP and UDP, captured by tcpdump (seed {seed}). `truth.json` holds the same for "
             "programs, with the probabilities that a careful expert would give from the capture alone: where the "
             "wire cannot tell, they are shared. File names say product and place of the capture only.", "",
             "| capture | what was done | real failure point | mechanism | expert, from this capture alone |",
             "| --- | --- | --- | --- | --- |"]
    for entry, told in made:
        found = entry["findings"][0] if entry["findings"] else None
        odds = sorted(found["expert"].items(), key=lambda item: -item[1]) if found else []
        lines.append(f"| `{entry['file']}` | {told} | {found['failure_point'] if found else 'none: healthy'} | "
                     f"{found['mechanism'] if found else '-'} | "
                     + (", ".join(f"{place} {odd:.2f}" for place, odd in odds if odd >= .05) or "-") + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True, help="folder to write to")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--pairs-only", action="store_true", help="leave the single captures as they are")
    parser.add_argument("--begin", type=int, default=1, help="leave the single captures before this number as they are")
    arguments = parser.parse_args()
    if reason := net.able():
        print(f"samples: skipped, {reason}", file=sys.stderr)
        return 77
    with tempfile.TemporaryDirectory() as build:
        wire_program = net.build_wire(os.path.join(HERE, "wire.c"), os.path.join(build, "wire"))
        certificate = peers.make_certificate(build)
        if arguments.begin == 1:
            make_pairs(arguments.seed, wire_program, certificate, os.path.join(arguments.out, "pairs"))
        if arguments.pairs_only:
            return 0
        with concurrent.futures.ThreadPoolExecutor(len(CHOSEN)) as pool:
            made = list(pool.map(lambda n: make(n, arguments.seed, wire_program, certificate, arguments.out),
                                 range(arguments.begin - 1, len(CHOSEN))))
    made = kept(arguments.out, arguments.begin - 1) + made
    with open(os.path.join(arguments.out, "truth.json"), "w", encoding="utf-8") as file:
        json.dump([entry for entry, _ in made], file, indent=1)
        file.write("\n")
    with open(os.path.join(arguments.out, "README.md"), "w", encoding="utf-8") as file:
        file.write(readme(made, arguments.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
