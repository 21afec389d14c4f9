"""curl as scripts in the field call the API: no content type, -X PUT or POST, status by -w."""

import json

import pytest

from tests.clients.process import environment, run


class Curl:
    """Each call answers the body; `code` the status, `json` the document."""

    def __init__(self, server, home, token):
        self.server, self.headers = server, ["-H", f"X-Vault-Token: {token}"] if token else []
        self.environment = environment(server, home)

    def run(self, path, *options):
        words = ["curl", "-sS", *self.headers, *options, f"{self.server.address}/v1/{path}"]
        return run(words, self.environment)

    def __call__(self, path, *options):
        done = self.run(path, *options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, path, *options):
        return json.loads(self(path, *options))

    def code(self, path, *options):
        return int(self(path, "-o", "/dev/null", "-w", "%{http_code}", *options))


@pytest.fixture
def curl(server, folder):
    return Curl(server, folder, server.root_token)


@pytest.fixture
def stranger(server, folder):
    return Curl(server, folder, None)


def test_the_state_is_told_to_everybody(stranger):
    assert stranger.json("sys/health")["sealed"] is False
    assert stranger.code("sys/health") == 200
    assert stranger.json("sys/seal-status")["initialized"] is True
    assert stranger.json("sys/init") == {"initialized": True}


def test_no_answer_is_to_be_stored(stranger):
    assert "cache-control: no-store" in stranger("sys/health", "-I").replace("\r", "").lower().splitlines()


def test_without_a_token_nothing_is_told(stranger):
    assert stranger.json("sys/mounts") == {"errors": ["permission denied"]}


def test_a_bearer_token_is_taken(stranger, server):
    answer = stranger.json("auth/token/lookup-self", "-H", f"Authorization: Bearer {server.root_token}")
    assert answer["data"]["policies"] == ["root"]


def test_a_mount_is_made_with_204(curl, name):
    assert curl.code(f"sys/mounts/{name}", "-X", "POST", "-d", '{"type":"kv","options":{"version":"2"}}') == 204
    assert curl.json(f"sys/mounts/{name}")["data"]["options"] == {"version": "2"}


def test_post_and_put_write_alike(curl, secrets_at):
    path = f"{secrets_at}/data/new"
    assert curl.json(path, "-X", "POST", "-d", '{"data":{"password":"p"}}')["data"]["version"] == 1
    assert curl.json(path, "-X", "PUT", "-d", '{"data":{"password":"q"}}')["data"]["version"] == 2
    assert curl.json(path)["data"]["data"] == {"password": "q"}
    assert curl.json(f"{path}?version=1")["data"]["data"] == {"password": "p"}


@pytest.mark.parametrize(("query", "options"), [("", ["-X", "LIST"]), ("?list=true", [])], ids=["by verb", "by query"])
def test_names_are_listed(curl, secrets_at, query, options):
    assert curl.json(f"{secrets_at}/metadata{query}", *options)["data"]["keys"] == ["db", "dir/"]


def test_a_merge_patch_changes_one_key(curl, secrets_at):
    patch = ["-X", "PATCH", "-H", "Content-Type: application/merge-patch+json", "-d", '{"data":{"host":"h"}}']
    assert curl.json(f"{secrets_at}/data/db", *patch)["data"]["version"] == 2
    assert curl.json(f"{secrets_at}/data/db")["data"]["data"] == {"host": "h", "user": "u", "password": "p"}


def test_what_is_not_there_is_404(curl, secrets_at):
    assert curl.code(f"{secrets_at}/data/none") == 404


def test_a_deleted_secret_reads_as_null(curl, secrets_at):
    assert curl.code(f"{secrets_at}/data/db", "-X", "DELETE") == 204
    assert curl.json(f"{secrets_at}/data/db")["data"]["data"] is None


def test_a_stale_cas_is_told(curl, secrets_at):
    answer = curl.json(f"{secrets_at}/data/db", "-d", '{"data":{"a":1},"options":{"cas":9}}')
    assert answer["errors"][0] == "check-and-set parameter did not match the current version"


def test_a_service_logs_in_reads_and_is_revoked(curl, stranger, server, folder, role, reader):
    answer = stranger.json(role.path("login"), "-d", json.dumps({"role_id": role.role_id, "secret_id": role.secret_id}))
    service = Curl(server, folder, answer["auth"]["client_token"])
    assert service.code("sys/mounts") == 403
    assert service.code(f"{reader}/data/none") == 404
    capabilities = service.json("sys/capabilities-self", "-d", json.dumps({"path": f"{reader}/data/db"}))
    assert capabilities["data"]["capabilities"] == ["read"]
    assert service.code("auth/token/revoke-self", "-X", "POST") == 204
    assert service.code(f"{reader}/data/db") == 403


def test_an_unknown_authority_is_refused(stranger, against_openbao):
    stranger.environment.pop("CURL_CA_BUNDLE", None)
    assert stranger.run("sys/health").returncode == (0 if against_openbao else 60)


def test_plain_http_to_the_tls_port_is_told_as_such(stranger, server, against_openbao):
    address = server.address.replace("https", "http")
    done = run(["curl", "-sS", f"{address}/v1/sys/health"], stranger.environment)
    assert against_openbao or done.returncode != 0 or "HTTPS" in done.stdout or "TLS" in done.stdout
