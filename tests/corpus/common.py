"""What the corpus checks share: the files, and running a program over them."""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def environment():
    """A binary built elsewhere does not find its rules; a sanitizer's word must be told from ours."""
    env = dict(os.environ)
    env.setdefault("FWSNIFF_RULES", os.path.join(REPOSITORY, "rules"))
    env.setdefault("ASAN_OPTIONS", "exitcode=99")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1:exitcode=99")
    return env


ENVIRONMENT = environment()


def run(arguments, timeout_s=300):
    """(exit status, negative for a signal; stdout; stderr), both as bytes."""
    result = subprocess.run(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, timeout=timeout_s, env=ENVIRONMENT)
    return result.returncode, result.stdout, result.stderr


def files(directory):
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(directory)
                  for name in names if not name.endswith(".md"))


def each(function, items):
    """function(item) of every item, as many at once as there are processors, in order."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from zip(items, pool.map(function, items))


def conclude(failures, total, told):
    """`failures`: (file, what); several may be of one file."""
    for path, what in failures:
        print("FAIL %s: %s" % (path, what))
    print(told)
    print("corpus: %d of %d passed" % (total - len({path for path, _ in failures}), total))
    sys.exit(1 if failures else 0)
