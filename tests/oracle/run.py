#!/usr/bin/env python3
"""The oracle as an area of scripts/test: all scenarios with coverage and proof, then runs with one answer spoiled, which must fail."""

import pathlib
import re
import subprocess
import sys

RUNNER = [sys.executable, str(pathlib.Path(__file__).parent / "runner.py")]
SPOILED = (7, 100, 801)


def main():
    whole = subprocess.run([*RUNNER, "--prove", "--coverage", "-"], stdout=subprocess.PIPE, text=True)
    print(whole.stdout, end="", flush=True)
    counts = re.findall(r"^(\d+) passed, (\d+) failed$", whole.stdout, re.MULTILINE)
    passed, failed = (int(count) for count in counts[-1]) if counts else (0, 1)
    failed = max(failed, int(whole.returncode != 0))
    for number in SPOILED:
        spoiled = subprocess.run([*RUNNER, "--spoil", str(number)], stdout=subprocess.PIPE, text=True)
        if spoiled.returncode == 1 and f"answer {number} spoiled" in spoiled.stdout and "FAILED" in spoiled.stdout:
            passed += 1
            print(f"with answer {number} spoiled the run fails, as it must")
        else:
            failed += 1
            print(f"FAILED: with answer {number} spoiled the run ended with {spoiled.returncode}:\n{spoiled.stdout}")
    page = subprocess.run([sys.executable, str(pathlib.Path(__file__).parent / "document.py")], text=True)
    passed, failed = (passed + 1, failed) if page.returncode == 0 else (passed, failed + 1)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
