"""Hosts, routers and cables in network namespaces, made for one scenario and removed after it.

A Lab is a set of Nodes (one network namespace each) and links between their interfaces. Every link
runs through the `wire` program (see wire.c), which gives it a delay and finishes checksums as a real
network card would. Nothing of the machine's own network is touched.

Namespaces are called fwl-PID-SERIAL-NODE. The process id says whose they are: `sweep()` removes those
whose maker is dead, and never anything else.
"""

import ctypes
import itertools
import os
import re
import signal
import subprocess
import threading
import time

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
NAME = re.compile(r"fwl-(\d+)-\d+-\w+$")
_libc = ctypes.CDLL(None, use_errno=True)
_serial = itertools.count(1)


class LabError(RuntimeError):
    """The lab could not be built: a bug of the lab or a machine that cannot do it."""


def setns(fd):
    """Move this thread, and only this thread, into a network namespace."""
    if _libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def die_with_parent():
    """Have SIGTERM sent to this process when its parent dies, however it dies."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def run(*command, stdin=None):
    """Run a set-up command; what it complains about is the error message."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True)
    if done.returncode:
        raise LabError(f"{' '.join(command)}: {done.stderr.strip()}\n{stdin or ''}")
    return done.stdout


class Node:
    """One host: `with node:` puts the calling thread into its network."""

    def __init__(self, lab, name, forward=False, ttl=64, sysctls=None):
        self.lab, self.name, self.forward, self.ttl = lab, name, forward, ttl
        self.netns = f"fwl-{os.getpid()}-{lab.serial}-{name}"
        self.sysctls = dict(sysctls or {})
        self.commands = ["link set lo up"]
        self.rules = ""
        self.offload = True
        self.interfaces = []
        self.addresses = {}
        self.fd = None
        self._outside = threading.local()

    def __enter__(self):
        self._outside.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        setns(self.fd)
        return self

    def __exit__(self, *_):
        setns(self._outside.fd)
        os.close(self._outside.fd)

    def ip(self, command):
        """Remember an `ip` command for when the lab comes up."""
        self.commands.append(command)
        return self

    def address(self, interface, cidr, *more):
        """Give an interface its addresses; the first one is what `self.addresses` remembers."""
        self.addresses.setdefault(interface, cidr.split("/")[0])
        for each in (cidr, *more):
            self.ip(f"addr add {each} dev {interface}" + (" nodad" if ":" in each else ""))
        return self

    def route(self, route):
        """Add a route; IPv6's default is written ::/0."""
        return self.ip(f"route add {route}")

    def firewall(self, rules):
        """Add nftables text, loaded when the lab comes up."""
        self.rules += rules + "\n"
        return self

    def call(self, *command, stdin=None):
        """Run a program inside this node."""
        with self:
            return run(*command, stdin=stdin)

    def nft(self, rules):
        """Change the running firewall."""
        self.call("nft", "-f", "-", stdin=rules)

    def start(self, command, **options):
        """Start a program inside this node that lives until the lab goes down."""
        with self:
            process = subprocess.Popen(command, **options)
        self.lab.processes.append(process)
        return process

    def set(self, name, value):
        """Write a sysctl; unknown ones are skipped, since kernels differ."""
        path = "/proc/sys/" + name.replace(".", "/")
        with self:
            try:
                with open(path, "w", encoding="ascii") as file:
                    file.write(str(value))
            except FileNotFoundError:
                pass

    def up(self):
        """Bring the node to life: sysctls first, so that the first packet already obeys them."""
        defaults = {
            "net.ipv4.ip_forward": int(self.forward),
            "net.ipv6.conf.all.forwarding": int(self.forward),
            "net.ipv4.ip_default_ttl": self.ttl,
            "net.ipv6.conf.all.hop_limit": self.ttl,
            "net.ipv6.conf.default.hop_limit": self.ttl,
            "net.ipv4.conf.all.rp_filter": 0,
            "net.ipv4.conf.default.rp_filter": 0,
            "net.ipv4.conf.all.send_redirects": 0,
            "net.ipv6.conf.default.accept_dad": 0,
        }
        for name, value in {**defaults, **self.sysctls}.items():
            self.set(name, value)
        run("ip", "-n", self.netns, "-batch", "-", stdin="\n".join(self.commands) + "\n")
        if not self.offload:
            for interface in self.interfaces:
                self.call("ethtool", "-K", interface, "tx", "off")
        if self.rules:
            self.nft(self.rules)


class Lab:
    """All namespaces of one scenario. Use as context manager: leaving removes everything."""

    def __init__(self, wire_program):
        self.serial = next(_serial)
        self.wire_program = wire_program
        self.nodes, self.links, self.processes = {}, [], []
        self.wire = self.node("wire", sysctls={"net.ipv6.conf.all.disable_ipv6": 1,
                                               "net.ipv6.conf.default.disable_ipv6": 1})

    def __getitem__(self, name):
        return self.nodes[name]

    def node(self, name, **options):
        self.nodes[name] = Node(self, name, **options)
        return self.nodes[name]

    def switch(self, name):
        """A LAN: a bridge without protocols of its own; `tcpdump -i br0` on it is a mirror port."""
        node = self.node(name, sysctls={"net.ipv6.conf.all.disable_ipv6": 1,
                                        "net.ipv6.conf.default.disable_ipv6": 1})
        return node.ip("link add br0 type bridge stp_state 0 mcast_snooping 0").ip("link set br0 up")

    def link(self, end_a, end_b, **options):
        """Join "node:interface" with "node:interface" by a wire with these options (see wire.c)."""
        ends = [end.split(":") for end in (end_a, end_b)]
        self.links.append((ends, options))
        for name, interface in ends:
            self.nodes[name].interfaces.append(interface)
            if any(command.startswith("link add br0") for command in self.nodes[name].commands):
                self.nodes[name].ip(f"link set {interface} master br0")
            self.nodes[name].ip(f"link set {interface} up")

    def _plumbing(self):
        """The commands that make all interfaces, and the wire program's arguments."""
        commands, wires = [], []
        for index, (ends, options) in enumerate(self.links):
            sides = [f"w{index}{letter}" for letter in "ab"]
            for side, (name, interface) in zip(sides, ends):
                commands.append(f"link add {interface} netns {self.nodes[name].netns} type veth "
                                f"peer name {side} netns {self.wire.netns}")
                self.wire.ip(f"link set {side} up")
            wires.append(",".join(sides + [f"{key}={value}" for key, value in options.items()]))
        return commands, wires

    def up(self):
        """Make namespaces and links, start the wires, configure every node."""
        run("ip", "-batch", "-", stdin="".join(f"netns add {node.netns}\n" for node in self.nodes.values()))
        for node in self.nodes.values():
            node.fd = os.open(f"/run/netns/{node.netns}", os.O_RDONLY | os.O_CLOEXEC)
        # addresses belong after interfaces: commands given before their link are moved behind it
        for node in self.nodes.values():
            node.commands.sort(key=_order)
        commands, wires = self._plumbing()
        run("ip", "-batch", "-", stdin="\n".join(commands) + "\n")
        self.wire.up()
        if wires:
            process = self.wire.start([self.wire_program, *wires], stdout=subprocess.PIPE)
            if process.stdout.readline() != b"ready\n":
                raise LabError("the wire program did not start")
        for name, node in self.nodes.items():
            if name != "wire":
                node.up()
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.down()

    def down(self):
        """End what runs inside, then remove the namespaces (and with them every interface)."""
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for node in self.nodes.values():
            if node.fd is not None:
                os.close(node.fd)
                node.fd = None
        remove([node.netns for node in self.nodes.values()])


def _order(command):
    """Interfaces before addresses before routes."""
    if command.startswith("route"):
        return 2
    return 1 if command.startswith("addr") else 0


def remove(names):
    """Delete namespaces that exist, ending what still runs inside them."""
    there = set(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else set()
    names = [name for name in names if name in there]
    if names:
        subprocess.run(["ip", "-batch", "-", "-force"], capture_output=True, text=True,
                       input="".join(f"netns del {name}\n" for name in names))


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def sweep():
    """Remove namespaces which a killed lab left behind. Labs that still run are left alone."""
    if not os.path.isdir("/run/netns"):
        return
    for name in os.listdir("/run/netns"):
        match = NAME.match(name)
        if not match or _alive(int(match[1])):
            continue
        inside = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True).stdout.split()
        for pid in inside:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        remove([name])


class Capture:
    """tcpdump on one interface of a node; `wait()` returns once it really captures."""

    def __init__(self, node, interface, path, nano=False, snaplen=0, expression=""):
        self.path = path
        command = ["tcpdump", "-U", "-n", "-Z", "root", "-i", interface, "-w", path, "--immediate-mode"]
        command += ["--time-stamp-precision=nano"] if nano else []
        command += ["-s", str(snaplen)] if snaplen else []
        command += expression.split()
        self.process = node.start(command, stderr=subprocess.PIPE)

    def wait(self):
        """tcpdump says "listening on" when its socket is open."""
        while True:
            line = self.process.stderr.readline()
            if not line:
                raise LabError(f"tcpdump ended early: {self.path}")
            if b"listening on" in line:
                return self

    def stop(self):
        """End it; what was captured is complete on disk afterwards."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()


def build_wire(source, target):
    """Compile wire.c unless a newer program is there already."""
    if not os.path.exists(target) or os.path.getmtime(target) < os.path.getmtime(source):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        temporary = f"{target}.{os.getpid()}"
        run(os.environ.get("CC", "cc"), "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-o", temporary, source)
        os.replace(temporary, target)
    return target


def able():
    """Why no lab can be made here, or None. Asked first, so that a test can skip with a clear word."""
    if os.geteuid() != 0:
        return "not root"
    for program in ("ip", "nft", "tcpdump", "cc"):
        if subprocess.run(["which", program], capture_output=True).returncode:
            return f"{program} is not installed"
    name = f"fwl-{os.getpid()}-0-probe"
    try:
        run("ip", "netns", "add", name)
        remove([name])
    except LabError as error:
        return f"no network namespaces: {error}"
    return None


def settle(seconds):
    """A pause in the story: real time, because kernels' timers are real."""
    time.sleep(seconds)
