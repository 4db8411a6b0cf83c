#!/usr/bin/python3
"""What is shipped beside the program: systemd units, the Slurm script, the Kubernetes manifest.

    test_packaging.py --fwsniff PROGRAM

Units go through systemd-analyze, and are held against a limit of exposure. The manifest of docs/scale.md is
checked against the types of Kubernetes' own Python client, and its command is run as 16 pods would run it; no
cluster is needed. What is not installed is left out, and said.
"""

import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "batch")]
from cases import run as run_cases  # noqa: E402
from common import RUN_TIME, dump, pcap, silent, tree, works, write  # noqa: E402

EXPOSURE_MAX = 10  # of 100; shown as 1.0 of 10. A unit without any hardening has 96
NEWER = {"backoffLimitPerIndex"}  # since Kubernetes 1.28; Debian's client is of 1.22
HEALTHY, FAILURES = 0, 1


def run(*command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, **more)
    return done.returncode, done.stdout


class Left(Exception):
    """What cannot be tested here."""


class Cases:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    # --- systemd ---

    def units(self):
        """The units as make install makes them, for a program in a folder of its own."""
        if not shutil.which("systemd-analyze"):
            raise Left("no systemd-analyze")
        place = os.path.join(self.folder, "units")
        os.makedirs(os.path.join(place, "bin"), exist_ok=True)
        shutil.copy(self.program, os.path.join(place, "bin", "fwsniff"))
        for path in glob.glob(os.path.join(ROOT, "packaging", "systemd", "*")):
            with open(path, encoding="utf-8") as file:
                write(os.path.join(place, os.path.basename(path)), file.read().replace("@PREFIX@", place).encode())
        return place, sorted(glob.glob(os.path.join(place, "*.service")) + glob.glob(os.path.join(place, "*.timer")))

    def test_systemd_understands_the_units(self):
        _, units = self.units()
        status, said = run("systemd-analyze", "verify", "--man=no", *units)
        said = [line for line in said.splitlines() if "fwsniff" in line]
        assert status == 0 and not said, said

    def test_the_service_is_locked_up(self):
        _, units = self.units()
        status, said = run("systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE_MAX}",
                           units[0])
        if "offline" in said and "unrecognized" in said:
            raise Left("a systemd-analyze without --offline")
        assert status == 0, said[-2000:]

    # --- scripts ---

    def test_the_slurm_script_is_a_script(self):
        script = os.path.join(ROOT, "packaging", "slurm", "fwsniff-slurm")
        with open(script, encoding="utf-8") as file:
            shell = file.readline().strip().removeprefix("#!").split()[-1]
        status, said = run(shell, "-n", script)
        assert status == 0, said

    # --- Kubernetes ---

    def manifest(self):
        try:
            import yaml
        except ImportError:
            raise Left("no python3-yaml") from None
        with open(os.path.join(ROOT, "docs", "scale.md"), encoding="utf-8") as file:
            text = file.read()
        begin = text.index("    apiVersion: batch/v1")
        return yaml.safe_load(textwrap.dedent(re.match(r"(?:    .*\n|\n)+", text[begin:]).group()))

    def test_kubernetes_knows_every_field(self):
        manifest = self.manifest()
        try:
            from kubernetes import client
        except ImportError:
            raise Left("no python3-kubernetes") from None
        wrong = []

        def check(kind, value, path):
            if kind.startswith("list["):
                for i, item in enumerate(value):
                    check(kind[5:-1], item, f"{path}[{i}]")
            elif kind in ("str", "int", "bool"):
                if not isinstance(value, {"str": str, "int": int, "bool": bool}[kind]):
                    wrong.append(f"{path} is no {kind}")
            elif hasattr(client, kind):
                model = getattr(client, kind)
                names = {name: attribute for attribute, name in model.attribute_map.items()}
                wrong.extend(f"{path}.{name} is unknown" for name in value if name not in names and name not in NEWER)
                known = {name: item for name, item in value.items() if name in names}
                model(**{names[name]: item for name, item in known.items()})  # what is required is there, or ValueError
                for name, item in known.items():
                    check(model.openapi_types[names[name]], item, f"{path}.{name}")
        check("V1Job", manifest, "job")
        assert not wrong, wrong

    def test_the_pods_do_what_one_machine_does(self):
        spec = self.manifest()["spec"]
        container, = spec["template"]["spec"]["containers"]
        results, captures = os.path.join(self.folder, "results"), os.path.join(self.folder, "captures")
        os.makedirs(results)
        for site in range(5):
            write(f"{captures}/site-{site}/a.pcap", pcap(silent(0, number=site) + works(20, number=site + 50)))
        environment = {**os.environ, "PATH": os.path.dirname(self.program) + ":" + os.environ["PATH"]}

        def call(expected, *words):
            status, said = run(self.program, *words)
            assert status == expected, (words, status, said)
        call(HEALTHY, "batch", "--state", f"{results}/state", f"--plan={results}/plan.json", captures)
        for index in range(spec["completions"]):
            words = [*container["command"], *container["args"]]
            words = [word.replace("/results", results) for word in words]
            status, said = run(*words, env={**environment, "JOB_COMPLETION_INDEX": str(index)})
            assert status == HEALTHY, (words, status, said)
        call(FAILURES, "merge", "--time", RUN_TIME, "--state", f"{results}/state", *glob.glob(f"{results}/share-*.json"))
        call(FAILURES, "batch", "--time", RUN_TIME, "--state", f"{self.folder}/local", captures)
        assert dump(f"{results}/state") == dump(f"{self.folder}/local")
        assert tree(f"{results}/state/report") == tree(f"{self.folder}/local/report")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fwsniff", required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fwsniff-packaging-") as folder:
        return run_cases("packaging", Cases(os.path.abspath(arguments.fwsniff), folder), left_out=Left)


if __name__ == "__main__":
    sys.exit(main())
