"""What a run of a program costs: time, memory, instructions."""
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

# A process begins with the peak of the one that started it, so a small one has to.
MEASURE = """
import os, signal, sys, time
quiet = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1, 2)]
started = time.monotonic()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
signal.signal(signal.SIGALRM, lambda *_: os.kill(pid, signal.SIGKILL))
signal.alarm(TIME_LIMIT_S)
_, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), time.monotonic() - started,
      usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
""".replace("TIME_LIMIT_S", "1800")


class Run:
    """Exit status, seconds by the wall, seconds of CPU, peak megabytes."""

    def __init__(self, command, folder=None):
        told = subprocess.run([sys.executable, "-c", MEASURE] + command, cwd=folder, check=True,
                              stdout=subprocess.PIPE, text=True).stdout.split()
        self.status = int(told[0])
        self.wall_s, self.cpu_s, self.megabytes = map(float, told[1:])


def median(runs, field):
    return statistics.median(getattr(run, field) for run in runs)


def instructions(command):
    """Executed in user mode, counted by callgrind: the same from run to run to 0.01 %."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["valgrind", "--tool=callgrind", "--callgrind-out-file=" + folder + "/out"]
        done = subprocess.run(words + command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, errors="replace")
    counted = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
    if not counted:
        raise RuntimeError("callgrind counted nothing: " + done.stderr[-400:])
    return int(counted.group(1))


def generate(build, folder, kind, packets):
    """The path of a made-up capture, made when it is not there yet."""
    path = os.path.join(folder, "%s-%d.pcap" % (kind, packets))
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        with open(path + ".new", "wb") as out:
            subprocess.run([os.path.join(build, "tests/bench/generate"), kind, str(packets)],
                           stdout=out, check=True)
        os.rename(path + ".new", path)
    return path


def slope(command_of, build, folder, kind, few=20000, many=220000):
    """Instructions per packet, start-up left out: command_of(path) is what is run."""
    counted = [instructions(command_of(generate(build, folder, kind, n))) for n in (few, many)]
    return (counted[1] - counted[0]) / (many - few)


def has(program):
    return shutil.which(program) is not None
