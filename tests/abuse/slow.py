"""HTTP-01: connections that send nothing, or a byte now and then, or never read. All are closed in time, and a normal client does
not notice. The deadlines are the server's real ones.
"""

import os
import pathlib
import resource
import select
import time

from tests.abuse.wire import request
from tests.abuse.world import Wrong

CONNECTIONS = 2000
CLOSED_SECS_MAX = 15
SLACK_SECS = 3  # two cores, two thousand sockets, and this script beside the server
DRIP_SECS = 10
P99_SECS_MAX = 0.1
BIG_BYTES = 600_000
NEVER_READ = "an answer never read"
ESTABLISHED = "01"  # in /proc/net/tcp


def connections(world, _long):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8192)), hard))
    world.must("POST", "/v1/secret/data/big", world.root, {"data": {"k": "b" * BIG_BYTES}}, (200,))
    half_body = request("POST", "/v1/secret/data/x", [("X-Vault-Token", world.root)], b"x" * 1000)[:-999]
    kinds = [  # name, whether TLS is done first, what is sent at once, what drips
        ("nothing", False, b"", b""),
        ("a TLS hello, byte by byte", False, b"\x16", b"\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        ("nothing after the handshake", True, b"", b""),
        ("a request line, byte by byte", True, b"G", b"ET /v1/sys/health"),
        ("headers, byte by byte", True, b"GET /v1/sys/health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A", b": bcdefgh"),
        ("a body, byte by byte", True, half_body, b"yyyyyyyyyy"),
        (NEVER_READ, True, request("GET", "/v1/secret/data/big", [("X-Vault-Token", world.root)]) * 20, b""),
    ]
    each, open_wires = CONNECTIONS // (len(kinds) - 1) + 1, []
    context = {"receive_bytes": 4096}
    for name, tls, first, drip in kinds:
        for _ in range(each if name != NEVER_READ else 40):
            how = dict(handshake=tls) | (context if name == NEVER_READ else {})
            wire = world.wire(world.next_source(), **how)
            if first:
                wire.send(first)
            open_wires.append([name, wire, time.monotonic(), drip])
    normal = watch(world, open_wires)
    late = [entry for entry in open_wires if entry[1] is not None]
    if late:
        raise Wrong(f"{len(late)} connections are open after {CLOSED_SECS_MAX} s, the first sends {late[0][0]}")
    normal.sort()
    p99 = normal[int(len(normal) * 0.99)]
    print(f"    {len(open_wires)} slow connections closed; {len(normal)} normal requests, p99 {p99 * 1000:.1f} ms")
    if os.environ.get("STRONGROOM_TIMES") and p99 > P99_SECS_MAX:
        raise Wrong(f"p99 of a normal client {p99 * 1000:.0f} ms")
    return len(open_wires)


def watch(world, entries):
    """Drips, looks which connections ended, and asks like a normal client; answers the normal client's times."""
    normal, last_drip = [], time.monotonic()
    while any(entry[1] is not None for entry in entries):
        now = time.monotonic()
        started = time.monotonic()
        if world.call("GET", "/v1/sys/health").status != 200:
            raise Wrong("a normal client is refused")
        normal.append(time.monotonic() - started)
        if now - last_drip >= DRIP_SECS:
            last_drip = now
            for entry in entries:
                if entry[1] is not None and entry[3]:
                    drip_one(entry)
        look(world, entries)
        waiting = [entry for entry in entries if entry[1] is not None]
        overdue = [entry for entry in waiting if now - entry[2] > CLOSED_SECS_MAX + SLACK_SECS + (CLOSED_SECS_MAX if entry[0] == NEVER_READ else 0)]
        if overdue:
            return normal
        time.sleep(0.05)
    return normal


def drip_one(entry):
    try:
        entry[1].socket.setblocking(False)
        entry[1].socket.send(entry[3][:1])
        entry[3] = entry[3][1:]
    except OSError:
        pass


def look(world, entries):
    """Closes ours where the server ended its side. Who never reads is not told, so the kernel's table is asked for those."""
    poll, by_number, unread = select.poll(), {}, []
    for entry in entries:
        if entry[1] is None:
            continue
        if entry[0] == NEVER_READ:
            unread.append(entry)
            continue
        by_number[entry[1].socket.fileno()] = entry
        poll.register(entry[1].socket.fileno(), select.POLLIN)
    for number, event in poll.poll(0):
        entry = by_number[number]
        if event & (select.POLLERR | select.POLLHUP) or (event & select.POLLIN and has_ended(entry[1])):
            entry[1].close()
            entry[1] = None
    if unread:
        held = held_by_server(world.port)
        for entry in unread:
            if entry[1].socket.getsockname()[1] not in held:
                entry[1].close()
                entry[1] = None


def held_by_server(port):
    """The far ports of the server's established connections."""
    lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return {int(field[2].split(":")[1], 16) for field in fields
            if int(field[1].split(":")[1], 16) == port and field[3] == ESTABLISHED}


def has_ended(wire):
    """Reads what is there (a refusal, say) and tells whether the end came."""
    try:
        wire.socket.setblocking(False)
        for _ in range(64):
            if not wire.socket.recv(65536):
                return True
        return False
    except (BlockingIOError, TimeoutError):
        return False
    except OSError as error:
        return "want" not in str(type(error)).lower()
