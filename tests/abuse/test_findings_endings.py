"""A sibling that no finding names: a refused request with a body ended its connection without saying so, and a client that
sent its next request on it got no answer.
"""

import socket

import pytest

from tests.abuse.wire import request

BODY = b'{"data": {"k": "v"}}'
TIMES = 30
REFUSED = {
    "no token": [],
    "a token that is none": [("X-Vault-Token", "srs.nosuchtoken")],
}


def goes_on(world, headers, body):
    """Whether a connection is kept after a refusal, or its end was announced in the answer."""
    wire = world.wire(world.next_source())
    try:
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head, _, payload = request("POST", "/v1/secret/data/x", headers, body).partition(b"\r\n\r\n")
        wire.send(head + b"\r\n\r\n")
        if payload:  # as most clients send it: after the head, in a packet of its own
            wire.send(payload)
        refused = wire.read()
        assert refused.status == 403
        if (refused.header("connection") or "").lower() == "close":
            return True
        wire.send(request("GET", "/v1/sys/health"))
        return wire.read().status == 200
    except OSError:
        return False
    finally:
        wire.close()


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("body", [BODY, b"", b"x" * 10_000], ids=["a body", "no body", "a longer body"])
def test_a_refusal_says_when_its_connection_ends(world, headers, body):
    assert [goes_on(world, headers, body) for _ in range(TIMES)] == [True] * TIMES
