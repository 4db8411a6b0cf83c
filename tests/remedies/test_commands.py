#!/usr/bin/python3
"""The nftables and iptables commands of the remedies are accepted by those programs.

    test_commands.py [--fwsniff PROGRAM]

Every command of rules/remedies is filled with addresses of both IP versions and given to the real
program in a network namespace of its own, which goes when the program ends. Needs root.
"""

import argparse
import glob
import json
import os
import re
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SKIPPED = 77
TABLES = """
add table inet filter
add chain inet filter input { type filter hook input priority 0; }
add chain inet filter forward { type filter hook forward priority 0; }
add chain inet filter output { type filter hook output priority 0; }
add table ip nat
add chain ip nat prerouting { type nat hook prerouting priority -100; }
"""
TRIED = r"(nft|ip6?tables) "
COMMON = {"port": "5800", "proto": "tcp", "profile": "syncrify", "client_port": "40000"}
V4 = {**COMMON, "client": "198.51.100.7", "server": "203.0.113.2", "client_v4": "198.51.100.7", "server_v4": "203.0.113.2",
      "ip": "ip", "family": "ipv4", "iptables": "iptables"}
V6 = {**COMMON, "client": "2001:db8::7", "server": "2001:db8:1::2", "client_v6": "2001:db8::7", "server_v6": "2001:db8:1::2",
      "ip": "ip6", "family": "ipv6", "iptables": "ip6tables"}


def commands():
    """(file, command) of the platforms that are tried here."""
    for path in sorted(glob.glob(os.path.join(ROOT, "rules", "remedies", "*.json"))):
        with open(path, encoding="utf-8") as file:
            text = re.sub(r"^\s*//.*$", "", file.read(), flags=re.M)
        for remedy in json.loads(text).get("remedies", []):
            for entry in remedy.get("commands", []):
                if re.match(TRIED + r"|\{iptables\} ", entry["command"]):
                    yield os.path.basename(path), entry["command"]


def filled(command, values):
    """The command with its names filled in; None where a value is missing, as fwsniff does."""
    names = re.findall(r"(?<!\{)\{([a-z][a-z0-9._-]*)\}", command)
    if any(name not in values for name in names):
        return None
    for name in names:
        command = command.replace("{" + name + "}", values[name])
    inside = "2001:db8:2::10" if "ip6" in command else "192.168.1.10"
    return command.replace("{{", "{").replace("WAN", "lo").replace("INSIDE_ADDRESS", inside)


def accepted(command):
    """None, or what the program says."""
    script = f"nft -f - <<'END'\n{TABLES}END\nset -e\n" + "\n".join(part for part in command.split("; ") if re.match(TRIED, part))
    done = subprocess.run(["unshare", "--net", "sh", "-c", script], capture_output=True, text=True, timeout=60)
    return None if done.returncode == 0 else done.stderr.strip() or f"exit status {done.returncode}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fwsniff", help="not used: the commands are data")
    parser.parse_args()
    if os.geteuid() != 0:
        print("remedies: needs root for a network namespace")
        return SKIPPED
    tried, failed = set(), 0
    for file, template in commands():
        for values in (V4, V6):
            command = filled(template, values)
            if not command or command in tried:
                continue
            tried.add(command)
            problem = accepted(command)
            if problem:
                failed += 1
                print(f"FAIL {file}: {command}: {problem}")
    if len(tried) < 10:
        print(f"FAIL only {len(tried)} commands found")
        return 1
    print(f"remedies: {len(tried) - failed} of {len(tried)} passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
