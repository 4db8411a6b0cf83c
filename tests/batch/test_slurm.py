#!/usr/bin/python3
"""The same batch on Slurm and here: a cluster of one machine, an array of shares, then the merge.

    test_slurm.py --fwsniff PROGRAM [--captures 300] FOLDER ...

munged, slurmctld and slurmd run as ordinary processes of this test, with a configuration of its own
in a temporary folder, on loopback. Needs slurm-wlm and munge, and to be root (as slurmd does).
"""

import argparse
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from bench import choose, deal
from common import ROOT, RUN_TIME, dump, tree

SHARES = 4
WAIT_LIMIT_S = 240  # for a hung cluster; nothing is decided by it

CONFIGURATION = """\
ClusterName=fwsniff
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
StateSaveLocation={folder}/controller
SlurmdSpoolDir={folder}/node
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,batch_sched_delay=0
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
ReturnToService=2
MinJobAge=300
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    """Processes of our own, ended by their numbers."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        self.environment = {**os.environ, "SLURM_CONF": os.path.join(folder, "slurm.conf")}
        os.chmod(folder, 0o755)
        for name in ("controller", "node"):
            os.mkdir(os.path.join(folder, name))
        with open(os.path.join(folder, "slurm.conf"), "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(folder=folder, host=socket.gethostname().split(".")[0],
                                            controller_port=free_port(), node_port=free_port()))
        with open(os.open(self.path("munge.key"), os.O_WRONLY | os.O_CREAT, 0o400), "wb") as file:
            file.write(os.urandom(1024))

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, *command):
        with open(self.path(f"{os.path.basename(command[0])}.out"), "wb") as out:
            self.processes.append(subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL,
                                                   stdout=out, stderr=subprocess.STDOUT))

    def __enter__(self):
        try:
            self.bring_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def bring_up(self):
        self.start("munged", "--foreground", "--force", f"--key-file={self.path('munge.key')}",
                   f"--socket={self.path('munge.socket')}", f"--pid-file={self.path('munge.pid')}",
                   f"--log-file={self.path('munge.log')}", f"--seed-file={self.path('munge.seed')}")
        self.wait("munged's socket", lambda: os.path.exists(self.path("munge.socket")))
        self.start("slurmctld", "-D", "-c", "-f", self.environment["SLURM_CONF"])
        self.start("slurmd", "-D", "-c", "-N", "node1", "-f", self.environment["SLURM_CONF"])
        self.wait("an idle node", lambda: "idle" in self.ask("sinfo", "-h", "-o", "%T"))

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def ask(self, *command):
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60,
                              check=False).stdout

    def wait(self, what, condition):
        deadline = time.monotonic() + WAIT_LIMIT_S
        while not condition():
            dead = [process.args[0] for process in self.processes if process.poll() is not None]
            if dead or time.monotonic() > deadline:
                logs = "".join(open(self.path(name), errors="replace").read()[-1500:]
                               for name in os.listdir(self.folder) if name.endswith((".log", ".out")))
                raise AssertionError(f"no {what}; ended: {dead}\n{logs}")
            time.sleep(0.2)

    def job(self, number):
        text = self.ask("scontrol", "show", "job", number)
        return dict(word.split("=", 1) for word in text.split() if "=" in word)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fwsniff", required=True)
    parser.add_argument("--captures", type=int, default=300)
    parser.add_argument("--sites", type=int, default=40)
    parser.add_argument("folders", nargs="+")
    arguments = parser.parse_args()
    missing = [name for name in ("munged", "slurmctld", "slurmd", "sbatch") if not shutil.which(name)]
    if missing or os.geteuid() != 0:
        print(f"needs root and slurm-wlm, munge ({', '.join(missing) or 'not root'})")
        return 77
    program = os.path.abspath(arguments.fwsniff)
    random.seed(2)
    work = tempfile.mkdtemp(prefix="fwsniff-slurm-")
    checks = []
    try:
        captures, calm, state = (os.path.join(work, name) for name in ("captures", "calm", "state"))
        deal(choose(arguments.folders, arguments.captures), arguments.sites, captures)
        local = subprocess.run([program, "batch", "-q", "--time", RUN_TIME, "--state", calm, captures], check=False)
        os.mkdir(os.path.join(work, "cluster"))
        with Cluster(os.path.join(work, "cluster")) as cluster:
            environment = {**cluster.environment, "FWSNIFF": program, "FWSNIFF_MERGE_OPTIONS": f"--time {RUN_TIME}"}
            done = subprocess.run([os.path.join(ROOT, "packaging", "slurm", "fwsniff-slurm"), str(SHARES), state,
                                   os.path.join(work, "shares"), captures], env=environment, capture_output=True,
                                  text=True, check=False)
            assert done.returncode == 0, done.stderr
            number = done.stdout.strip()
            cluster.wait("end of the merge", lambda: cluster.job(number).get("JobState") in
                         ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL"))
            job = cluster.job(number)
        results = [name for name in os.listdir(os.path.join(work, "shares")) if name.endswith(".json")]
        checks.append((len(results) == SHARES + 1, f"{SHARES} shares ran as an array: {sorted(results)}"))
        checks.append((job["ExitCode"] == f"{local.returncode}:0",
                       f"the merge's job ended as the local run: {job['ExitCode']}, {local.returncode}"))
        checks.append((dump(state) == dump(calm), "the same database"))
        checks.append((tree(os.path.join(state, "report")) == tree(os.path.join(calm, "report")), "the same report"))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    for good, text in checks:
        print(("ok    " if good else "FAIL  ") + text)
    print(f"slurm: {sum(good for good, _ in checks)} of {len(checks)} passed")
    return 0 if all(good for good, _ in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
