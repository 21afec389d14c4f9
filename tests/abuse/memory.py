"""MEM-04 and what of INVARIANT 31 a client can plant: after requests, and after a seal in the middle of 64 of them, no
secret value, token or share stands in the memory of the process. The name of a policy in force, which stands nowhere but
on the heap, must be found while it is open.

Only root reads the memory of a process that is not dumpable; for anybody else the case is that he is refused.
"""

import base64
import collections
import os
import secrets
import threading
import time

from tests.abuse.world import Wrong

WRITERS = 64
SETTLE_SECS = 5
HEAP_BYTES_MIN = 2 << 20


def image(world, _long):
    value = "example-" + secrets.token_urlsafe(24)
    token, _ = world.token('path "secret/*" { capabilities = ["create", "read", "update"] }')
    policies = world.must("LIST", "/v1/sys/policies/acl", world.root, None, (200,)).find("/data/keys")
    control = next(name for name in policies if name.startswith("case-")).encode()
    planted = {"a value": value, "a token": token, "the root token": world.root}
    planted |= {f"share {n + 1} in base64": share for n, share in enumerate(world.shares)}
    bytes_of = {name: text.encode() for name, text in planted.items()}
    bytes_of |= {f"share {n + 1}": base64.b64decode(share) for n, share in enumerate(world.shares)}
    statuses = collections.Counter()

    def use(number, until):
        while not until.is_set():
            path = f"/v1/secret/data/memory/{number}"
            try:
                statuses[state, world.call("POST", path, token, {"data": {"key": value}}).status] += 1
                statuses[state, world.call("GET", path, token).status] += 1
            except OSError:
                statuses[state, "broken"] += 1

    for state in ("open", "sealed"):
        until = threading.Event()
        writers = [threading.Thread(target=use, args=(number, until)) for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        time.sleep(1)
        if state == "sealed":
            world.must("PUT", "/v1/sys/seal", world.root, {}, (204,))
        until.set()
        for writer in writers:
            writer.join()
        expected = {("open", 200), ("sealed", 200), ("sealed", 503)}
        if not {key for key in expected if key[0] == state} <= set(statuses) or set(statuses) - expected:
            raise Wrong(f"the requests did not do what they were to do: {dict(statuses)}")
        time.sleep(SETTLE_SECS)
        look(world, bytes_of, control, state)
    world.unseal()
    return statuses.total()


def look(world, bytes_of, control, state):
    try:
        found, heap_bytes = search(world.pid, bytes_of | {"the control": control})
    except PermissionError:
        if os.geteuid() == 0:
            raise
        return  # as it must be: not even the same user may look
    if heap_bytes < HEAP_BYTES_MIN:
        raise Wrong(f"only {heap_bytes} bytes of the heap were read")
    if not found.pop("the control", 0) and state == "open":
        raise Wrong("the search of the memory image does not find what is there")
    if found:
        raise Wrong(f"in memory while {state}: {found}")


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
