#!/usr/bin/env python3
"""What an operator lives through, done for real: the ten commands of the main job and three mistakes, typed at a
terminal; then trouble with disks, files, configuration and audit devices.

    run.py [PART…]       ten-commands config start disk audit; all where none is named
"""

import os
import sys

sys.path.insert(0, __file__.rsplit("/tests/", 1)[0])

from tests.operator import day, trouble  # noqa: E402

PARTS = {
    "ten-commands": day.ten_commands,
    "config": trouble.wrong_configuration,
    "start": trouble.refused_starts,
    "disk": trouble.full_disk,
    "audit": trouble.failing_audit_device,
}


class Check:
    def __init__(self):
        self.passed, self.failed = 0, 0

    def __call__(self, what, got, expected):
        if got == expected:
            self.passed += 1
        else:
            self.failed += 1
            print(f"    WRONG {what}: expected {expected!r}, got {got!r}", flush=True)


def main():
    for name in sys.argv[1:]:
        if name not in PARTS:
            sys.exit(f"there is no part {name}: {' '.join(PARTS)}")
    if os.geteuid() != 0 and "OPERATOR_UNSHARED" not in os.environ:
        # A small file system is mounted: where we are not root, in a namespace of our own.
        os.execvpe("unshare", ["unshare", "-rm", sys.executable, *sys.argv], os.environ | {"OPERATOR_UNSHARED": "1"})
    check = Check()
    for name in sys.argv[1:] or PARTS:
        before = check.passed, check.failed
        PARTS[name](check)
        print(f"{name}: {check.passed - before[0]} passed, {check.failed - before[1]} failed", flush=True)
    print(f"{check.passed} passed, {check.failed} failed")
    sys.exit(1 if check.failed else 0)


if __name__ == "__main__":
    main()
