"""Counts what held for the Python clients; the first thing that does not hold ends the script."""

import sys

passed = 0


def same(what, got, expected):
    global passed
    if got != expected:
        print(f"WRONG {what}: expected {expected!r}, got {got!r}")
        finish(failed=1)
    passed += 1


def holds(what, claim):
    same(what, bool(claim), True)


def raises(what, error, call, *arguments, **named):
    try:
        answer = call(*arguments, **named)
    except error:
        return same(what, True, True)
    except Exception as other:  # noqa: BLE001: another error is the finding itself
        return same(what, f"{type(other).__name__}: {other}", error.__name__)
    return same(what, answer, error.__name__)


def finish(failed=0):
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
