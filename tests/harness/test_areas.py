"""scripts/test itself: an area that failed, ran nothing or left something out must not pass."""

import os
import subprocess

import pytest

import servers

GOOD = {
    "cargo": "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0.00s",
    "pytest": "============ 3 passed in 0.12s ============",
    "pytest, quiet": "3 passed in 0.12s",
    "pytest, after minutes": "======= 3 passed in 65.12s (0:01:05) =======",
    "a program of ours": "3 passed, 0 failed",
    "cargo, and a program of ours around it": "test result: ok. 9 passed; 0 failed; 0 ignored\n3 passed, 0 failed",
}
BAD = {
    "no count": ("all is well", "printed no count"),
    "nothing ran": ("no tests ran in 0.01s", "printed no count"),
    "cargo ran nothing": ("test result: ok. 0 passed; 0 failed; 0 ignored", "ran nothing"),
    "cargo failed": ("test result: FAILED. 3 passed; 1 failed; 0 ignored", "1 failed"),
    "cargo ignored": ("test result: ok. 3 passed; 0 failed; 1 ignored", "left out 1 tests"),
    "ignored below a program of ours": ("test result: ok. 9 passed; 0 failed; 2 ignored\n3 passed, 0 failed", "left out 2 tests"),
    "pytest failed": ("=== 2 failed, 3 passed in 0.12s ===", "2 failed"),
    "pytest could not set up": ("=== 3 passed, 1 error in 0.12s ===", "1 failed"),
    "pytest skipped": ("=== 3 passed, 1 skipped in 0.12s ===", "left out 1 tests"),
    "pytest expected a failure": ("=== 3 passed, 2 xfailed in 0.12s ===", "left out 2 tests"),
    "pytest was told to leave out": ("=== 3 passed, 4 deselected in 0.12s ===", "left out 4 tests"),
    "a program of ours failed": ("3 passed, 1 failed", "1 failed"),
}


def run_area(folder, said, code=0):
    """Runs scripts/test with one area, whose command says that and ends with that code."""
    (folder / "said").write_text(said + "\n")
    areas = folder / "areas"
    areas.write_text(f"pretend | 1 | | cat {folder}/said; exit {code} |\n")
    environment = os.environ | {"STRONGROOM_AREAS": str(areas), "STRONGROOM_BIN": "/bin/true"}
    command = [servers.ROOT / "scripts" / "test", "pretend"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("said", GOOD.values(), ids=GOOD.keys())
def test_an_area_that_passed_passes(folder, said):
    done = run_area(folder, said)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed\n1 passed, 0 failed\n" in done.stdout


@pytest.mark.parametrize(("said", "why"), BAD.values(), ids=BAD.keys())
def test_an_area_that_did_not_pass_fails(folder, said, why):
    done = run_area(folder, said)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"FAILED pretend: {why} " in done.stdout


def test_a_good_count_does_not_hide_a_bad_end(folder):
    done = run_area(folder, GOOD["pytest"], code=3)
    assert done.returncode == 1
    assert "FAILED pretend: ended with 3 " in done.stdout


def test_the_end_of_a_failed_areas_log_stands_at_the_end(folder):
    """A build machine may keep nothing else of the output."""
    done = run_area(folder, "the reason of it\n" + BAD["pytest failed"][0])
    end = done.stdout[done.stdout.index("== the end of var/log/pretend.log") :]
    assert "the reason of it\n" in end
