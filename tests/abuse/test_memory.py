"""MEM-04 and what of INVARIANT 31 a client can plant: after requests, and after a seal in the middle of 64 of them, no
secret value, token or share stands in the memory of the process. The name of a policy in force, which stands nowhere but
on the heap, must be found while it is open.
"""

import base64
import collections
import os
import secrets
import subprocess
import threading

import pytest

import servers
from tests.abuse.world import NOBODY

pytestmark = pytest.mark.parametrize("case", ["MEM-04"])
WRITERS = 64
CLEAN_SECS_MAX = 15
HEAP_BYTES_MIN = 2 << 20


class Planted:
    """What must not be found, by its name, and a control that must be."""

    def __init__(self, world):
        self.value = "example-" + secrets.token_urlsafe(24)
        self.token, _ = world.token('path "secret/*" { capabilities = ["create", "read", "update"] }')
        policies = world.must("LIST", "/v1/sys/policies/acl", world.root, None, (200,)).data["keys"]
        self.control = next(name for name in policies if name.startswith("case-")).encode()
        texts = {"a value": self.value, "a token": self.token, "the root token": world.root}
        texts |= {f"share {n + 1} in base64": share for n, share in enumerate(world.shares)}
        self.bytes_of = {name: text.encode() for name, text in texts.items()}
        self.bytes_of |= {f"share {n + 1}": base64.b64decode(share) for n, share in enumerate(world.shares)}


class Load:
    """64 threads that write and read the planted value until they are stopped."""

    def __init__(self, world, planted):
        self.world, self.planted, self.stop, self.statuses = world, planted, threading.Event(), collections.Counter()
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(WRITERS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        servers.until(lambda: self.statuses[200] > 4 * WRITERS, what="requests under way")
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def run(self, number):
        path, body = f"/v1/secret/data/memory/{number}", {"data": {"key": self.planted.value}}
        while not self.stop.is_set():
            try:
                self.statuses[self.world.call("POST", path, self.planted.token, body).status] += 1
                self.statuses[self.world.call("GET", path, self.planted.token).status] += 1
            except OSError:
                self.statuses["broken"] += 1


@pytest.fixture
def planted(fresh_world):
    assert os.geteuid() == 0, "only root may read the memory of the server: run this as root"
    return Planted(fresh_world)


def is_clean(world, planted):
    """Whether nothing planted is in memory; some of it may stay a moment behind the last answer."""
    found, heap_bytes = search(world.pid, planted.bytes_of)
    assert heap_bytes >= HEAP_BYTES_MIN, f"only {heap_bytes} bytes of the heap were read"
    planted.found = found
    return not found


def becomes_clean(world, planted):
    try:
        servers.until(lambda: is_clean(world, planted), CLEAN_SECS_MAX)
    except servers.Trouble:
        pytest.fail(f"in memory: {planted.found}")


def test_no_planted_value_stays_in_memory(fresh_world, planted, case):
    with Load(fresh_world, planted) as load:
        pass
    assert set(load.statuses) == {200}
    becomes_clean(fresh_world, planted)
    assert search(fresh_world.pid, {"control": planted.control})[0], "the search does not find what is there"


def test_a_seal_amid_requests_leaves_nothing_in_memory(fresh_world, planted, case):
    with Load(fresh_world, planted) as load:
        fresh_world.must("PUT", "/v1/sys/seal", fresh_world.root, {}, (204,))
        servers.until(lambda: load.statuses[503] > WRITERS, what="requests refused by the sealed server")
    assert set(load.statuses) == {200, 503}
    becomes_clean(fresh_world, planted)
    fresh_world.server.unseal()
    fresh_world.server.hang_up()


def test_who_is_not_root_may_not_read_the_memory_of_the_server(world, case):
    """The server's own user is refused too, though it may read that of any other process of its own."""
    drop = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}

    def look(file):
        return subprocess.run(["sh", "-c", f"exec 3<{file}"], capture_output=True, text=True, **drop).stderr

    other = subprocess.Popen(["sleep", "60"], **drop)
    try:
        assert look(f"/proc/{other.pid}/maps") == ""
    finally:
        other.kill()
        other.wait()
    for file in ("maps", "mem"):
        assert "Permission denied" in look(f"/proc/{world.pid}/{file}")


def search(process, bytes_of):
    """How often each text stands in what the process has mapped; and how much of that was no file's."""
    found, heap_bytes = {}, 0
    with open(f"/proc/{process}/maps") as maps, open(f"/proc/{process}/mem", "rb", 0) as memory:
        for line in maps:
            place, rights, *_ = line.split()
            if "r" not in rights or "[v" in line:
                continue
            start, end = (int(number, 16) for number in place.split("-"))
            try:
                memory.seek(start)
                piece = memory.read(end - start)
            except OSError:
                continue  # gone meanwhile, or never filled
            heap_bytes += len(piece) if "w" in rights and "/" not in line else 0
            for name, text in bytes_of.items():
                if count := piece.count(text):
                    found[name] = found.get(name, 0) + count
    return found, heap_bytes
