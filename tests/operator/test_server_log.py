"""What the server's own log says. The audit log says who; this one says what, to whoever looks at it at night."""

import servers


def test_the_log_tells_of_init_shares_unseal_and_seal(folder):
    with servers.Strongroom(folder / "server").open(shares=3, threshold=2) as server:
        server.api.ask("PUT", "sys/seal", {})
        told = [
            "a store was made",
            "a share was given: 1 of the 2 that are needed",
            "unsealed: requests are served",
            "sealed: the keys are wiped from memory",
        ]
        server.wait_for(lambda: told[-1] in server.log_text(), "the line of the seal")
        places = [server.log_text().find(text) for text in told]
        assert -1 not in places and places == sorted(places), server.log_text()
