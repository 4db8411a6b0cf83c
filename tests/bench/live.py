#!/usr/bin/python3
"""How many packets a second a live fwsniff takes without losing one.

    live.py --build DIR --fwsniff PROGRAM [--seconds 5] [--rates 200000,500000,1000000,0]

Two network namespaces and a veth pair. tcpreplay plays a made-up web capture at each rate (0: as fast
as it goes) into one end, fwsniff listens at the other: once to everything that is a product's, as it
does by itself (the kernel's filter made of the profiles), and once to a product on every port that the
capture uses, so that nothing is left out in the kernel. Needs root and tcpreplay.
"""
import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from measure import generate, has  # noqa: E402

PACKETS = 300000
NEAR, FAR = "fwsniff-bench-a", "fwsniff-bench-b"
EVERY_PORT = ["--port", "druva=tcp/80", "--port", "mtpip=udp/53"]


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def make_net():
    for name in (NEAR, FAR):
        run("ip", "netns", "add", name)
    run("ip", "link", "add", "bench0", "netns", NEAR, "type", "veth", "peer", "name", "bench1", "netns", FAR)
    for name, link in ((NEAR, "bench0"), (FAR, "bench1")):
        run("ip", "netns", "exec", name, "sysctl", "-q", "-w", "net.ipv6.conf.%s.disable_ipv6=1" % link)
        run("ip", "-n", name, "link", "set", link, "up", "arp", "off")


def remove_net():
    for name in (NEAR, FAR):
        subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL, check=False)


def replay(path, rate, seconds):
    """Packets sent and the seconds that took."""
    speed = ["--pps=%d" % rate] if rate else ["--topspeed"]
    loops = max(1, int((rate or 1000000) * seconds / PACKETS))
    told = subprocess.run(["ip", "netns", "exec", FAR, "tcpreplay", "-i", "bench1", "--preload-pcap", "-q",
                           "--loop=%d" % loops] + speed + [path], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=True).stdout
    found = re.search(r"Actual: (\d+) packets .* sent in ([\d.]+) seconds", told)
    return int(found.group(1)), float(found.group(2))


def one(arguments, path, rate, options):
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.json")
        os.chmod(folder, 0o777)
        watcher = subprocess.Popen(["ip", "netns", "exec", NEAR, arguments.fwsniff, "-i", "bench0", "-q",
                                    "--json=" + report] + options, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(1.5)
        sent, seconds = replay(path, rate, arguments.seconds)
        time.sleep(1)
        middle = resource.getrusage(resource.RUSAGE_CHILDREN)
        watcher.send_signal(2)
        watcher.wait(60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        with open(report, encoding="utf-8") as file:
            capture = json.load(file)["captures"][0]
    cpu_s = after.ru_utime + after.ru_stime - middle.ru_utime - middle.ru_stime
    print("| %s | %d | %d | %d | %.2f |" % ("all ports" if options else "kernel filter", sent / seconds,
                                          capture["packets"], capture["dropped"], cpu_s / sent * 1e6), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--fwsniff", required=True)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rates", default="200000,500000,1000000,0")
    parser.add_argument("--captures", help="folder for the capture; kept. Default: BUILD/bench")
    arguments = parser.parse_args()
    arguments.fwsniff = os.path.abspath(arguments.fwsniff)
    if os.geteuid() != 0 or not has("tcpreplay"):
        sys.exit("needs root and tcpreplay")
    path = generate(arguments.build, arguments.captures or os.path.join(arguments.build, "bench"), "web", PACKETS)
    print("| listens to | sent, packets/s | taken | dropped | CPU a packet sent, microseconds |")
    print("| --- | --- | --- | --- | --- |")
    remove_net()
    try:
        make_net()
        for options in ([], EVERY_PORT):
            for rate in map(int, arguments.rates.split(",")):
                one(arguments, path, rate, options)
    finally:
        remove_net()


if __name__ == "__main__":
    main()
