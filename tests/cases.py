"""What tests made of a class Cases have in common: each of its test_ methods is one test."""


def run(title, cases, left_out=()):
    """Runs all of them and prints what tests/run.py reads; the exit status. An error of one does not hide the others;
    `left_out` are the exceptions that say that something a test needs is not here."""
    names = [name for name in dir(cases) if name.startswith("test_")]
    failed = left = 0
    for name in names:
        try:
            getattr(cases, name)()
        except left_out as reason:
            left += 1
            print(f"left out {name}: {reason}")
        except Exception as problem:  # pylint: disable=broad-exception-caught
            failed += 1
            print(f"FAIL {name}: {type(problem).__name__} {problem}")
    print(f"{title}: {len(names) - failed - left} of {len(names) - left} passed")
    return 1 if failed else 0
