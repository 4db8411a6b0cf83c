#!/usr/bin/python3
"""How many packets a second a live fwsniff takes without losing one.

    live.py --build DIR --fwsniff PROGRAM [--seconds 5] [--rates 200000,500000,1000000,0]

Two network namespaces and a veth pair; fwsniff listens at one end of it: to what is a product's, as it
does by itself (the kernel's filter made of the profiles), or to every port that the capture uses, so
that nothing is left out in the kernel. Packets come, at each rate (0: as fast as it goes),
  - from `receive`, which has the kernel receive them at fwsniff's end: one core makes more than a million
    a second, and every time round the clients are others;
  - from tcpreplay at the other end, which pays for sending and receiving, and repeats the same packets.
The CPU is fwsniff's own while they come; its start and its final report are left out. Needs root; for
the first Linux 5.18, for the second tcpreplay.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from measure import generate, has  # noqa: E402

PACKETS = 600000
NEAR, FAR = "fwsniff-bench-a", "fwsniff-bench-b"
MTU = "1600"  # the generator's IPv6 packets are 20 bytes longer than its IPv4 ones
# What the web capture holds beside the ports of products.
EVERY_PORT = {"name": "others", "title": "Everything else", "services": [
    {"name": "HTTP", "proto": "tcp", "ports": [80], "initiator": "client", "responder": "server"},
    {"name": "DNS", "proto": "udp", "ports": [53], "initiator": "client", "responder": "server"}]}


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def make_net():
    for name in (NEAR, FAR):
        run("ip", "netns", "add", name)
    run("ip", "link", "add", "bench0", "netns", NEAR, "type", "veth", "peer", "name", "bench1", "netns", FAR)
    for name, link in ((NEAR, "bench0"), (FAR, "bench1")):
        run("ip", "netns", "exec", name, "sysctl", "-q", "-w", "net.ipv6.conf.%s.disable_ipv6=1" % link)
        run("ip", "-n", name, "link", "set", link, "mtu", MTU, "up", "arp", "off")


def remove_net():
    for name in (NEAR, FAR):
        subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL, check=False)


def replay(arguments, path, rate):
    """Packets sent and the seconds that took."""
    speed = ["--pps=%d" % rate] if rate else ["--topspeed"]
    loops = max(1, int((rate or 500000) * arguments.seconds / PACKETS))
    told = subprocess.run(["ip", "netns", "exec", FAR, "tcpreplay", "-i", "bench1", "--preload-pcap", "-q",
                           "--loop=%d" % loops] + speed + [path], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=True).stdout
    found = re.search(r"Actual: (\d+) packets .* sent in ([\d.]+) seconds", told)
    return int(found.group(1)), float(found.group(2))


def receive(arguments, path, rate):
    told = subprocess.run(["ip", "netns", "exec", NEAR, os.path.join(arguments.build, "tests/bench/receive"),
                           "bench0", path, str(rate), str(arguments.seconds)], stdout=subprocess.PIPE,
                          text=True, check=True).stdout.split()
    return int(told[0]), float(told[1])


def cpu_s(pid):
    """What a process has used, as far as the clock's ticks tell."""
    with open("/proc/%d/stat" % pid, encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def settled_cpu_s(pid):
    """Once what was queued up is worked off: then only looks cost something."""
    last_s = cpu_s(pid)
    for _ in range(60):
        time.sleep(0.5)
        now_s = cpu_s(pid)
        if now_s - last_s < 0.2:
            break
        last_s = now_s
    return now_s


def one(arguments, folder, kind, path, source, rate, every_port):
    report = os.path.join(folder, "report.json")
    options = ["--profile-file=" + os.path.join(folder, "others.json")] if every_port else []
    watcher = subprocess.Popen(["ip", "netns", "exec", NEAR, arguments.fwsniff, "-i", "bench0", "-q",
                                "--json=" + report] + options, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    time.sleep(1.5)
    try:
        begun_s = cpu_s(watcher.pid)
        sent, seconds = source(arguments, path, rate)
        used_s = settled_cpu_s(watcher.pid) - begun_s
    finally:
        watcher.send_signal(2)
        watcher.wait(60)
    with open(report, encoding="utf-8") as file:
        capture = json.load(file)["captures"][0]
    if every_port and capture["packets"] + capture["dropped"] != sent:
        sys.exit("%d packets sent, of which fwsniff knows %d" % (sent, capture["packets"] + capture["dropped"]))
    print("| %s | %s | %s | %d | %d | %d | %.2f |"
          % (kind, source.__name__, "all ports" if every_port else "kernel filter", sent / seconds,
             capture["packets"], capture["dropped"], used_s / sent * 1e6), flush=True)


def all_of(arguments, folder):
    rates = [int(rate) for rate in arguments.rates.split(",")]
    top = [0] if 0 in rates else []
    plan = [("web", receive, rates, False), ("web", receive, rates, True), ("small", receive, rates, False),
            ("bulk", receive, rates, False)]
    if has("tcpreplay"):
        plan += [("web", replay, top, False), ("web", replay, top, True)]
    captures = arguments.captures or os.path.join(arguments.build, "bench")
    for kind, source, some_rates, every_port in plan:
        path = generate(arguments.build, captures, kind, PACKETS)
        for rate in some_rates:
            one(arguments, folder, kind, path, source, rate, every_port)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--fwsniff", required=True)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rates", default="200000,500000,1000000,0")
    parser.add_argument("--captures", help="folder for the captures; kept. Default: BUILD/bench")
    arguments = parser.parse_args()
    arguments.fwsniff = os.path.abspath(arguments.fwsniff)
    if os.geteuid() != 0:
        sys.exit("needs root")
    print("| traffic | from | listens to | packets/s | taken | dropped | CPU a packet sent, microseconds |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    remove_net()
    try:
        make_net()
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o777)
            with open(os.path.join(folder, "others.json"), "w", encoding="utf-8") as file:
                json.dump(EVERY_PORT, file)
            all_of(arguments, folder)
    finally:
        remove_net()


if __name__ == "__main__":
    main()
