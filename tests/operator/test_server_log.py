"""What the server's own log says. The audit log says who; this one says what, to whoever looks at it at night."""

import base64
import os
import subprocess
import time

import pytest

import servers


class Piped(servers.ConfiguredStrongroom):
    """A server whose output goes to somebody who goes away, as a terminal or a log collector does."""

    def launch(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.write_files()
        reader, writer = os.pipe()
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=writer, stderr=writer, cwd=self.folder, env=servers.plain_environment()
        )
        servers.running.add(self)
        os.close(writer)
        while b"started!" not in os.read(reader, 65536):
            pass
        os.close(reader)


def test_u12_what_was_refused_and_forgotten_stands_in_the_log_with_its_address(folder):
    with servers.Strongroom(folder / "server").open(shares=3, threshold=2) as server:
        server.api.ask("PUT", "sys/seal", {})
        wrong = base64.b64encode(b"\1" * 33).decode()
        assert server.ask("PUT", "sys/unseal", {"key": wrong}).status == 400
        server.api.ask("PUT", "sys/unseal", {"key": server.shares[0]})
        time.sleep(1.1)  # what strangers send has one line a second
        assert server.ask("PUT", "sys/unseal", {"reset": True}).status == 400
        server.api.ask("PUT", "sys/unseal", {"reset": True, "key": server.shares[1]})
        assert server.stop()
        lines = server.log_text().splitlines()
        for text in ["a share was refused", "a share was given: 1 of", "a reset of the unseal was refused", "are forgotten", "a seal is asked for", "a store was made"]:
            assert any(text in line and "127.0.0.1:" in line for line in lines), (text, server.log_text())
        assert any("stopping:" in line for line in lines) and any("stopped" in line for line in lines), server.log_text()
        assert wrong not in server.log_text() and server.shares[0] not in server.log_text()


def test_u8_a_server_whose_log_nobody_reads_goes_on(folder):
    with Piped(folder / "server").open() as server:
        server.api.ask("PUT", "sys/seal", {})
        server.unseal()
        assert server.ask("GET", "auth/token/lookup-self").status == 200
        assert server.stop()


@pytest.mark.parametrize("words", [["version"], ["--help"], ["read"], ["status", "-address=http://127.0.0.1:1"]], ids=" ".join)
def test_u8_a_command_whose_output_nobody_reads_ends_in_its_own_way(words):
    """101 is the exit code of a panic."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([servers.strongroom_path(), *words], stdout=writer, stderr=writer, timeout=30)
    os.close(writer)
    heard = subprocess.run([servers.strongroom_path(), *words], capture_output=True, timeout=30)
    assert done.returncode == heard.returncode != 101


def test_the_log_tells_of_init_shares_unseal_and_seal(folder):
    with servers.Strongroom(folder / "server").open(shares=3, threshold=2) as server:
        server.api.ask("PUT", "sys/seal", {})
        told = [
            "a store was made",
            "a share was given: 1 of the 2 that are needed",
            "unsealed: requests are served",
            "a seal is asked for",
            "sealed: the keys are wiped from memory",
        ]
        server.wait_for(lambda: told[-1] in server.log_text(), "the line of the seal")
        places = [server.log_text().find(text) for text in told]
        assert -1 not in places and places == sorted(places), server.log_text()
