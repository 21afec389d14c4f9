"""Findings C1, C2, C6, C7 and C9 as clients meet them: names with signs, numbers for texts, and bodies where none is needed."""

import hvac
import pytest

from tests.clients.process import Bao, environment, run

NAMES = ["my app/db", "a#b", "a%b", "100%", "café", "日本/db", "a+b", "a&b=c", "a:b@c", "a?b"]


@pytest.fixture
def bao(server, folder):
    return Bao(server, folder, server.root_token)


@pytest.fixture
def ours(server, folder, against_openbao):
    """Our own command line."""
    assert not against_openbao, "our command line is for our server: leave this out"

    def command(*words):
        return server.client(*words)

    return command


@pytest.fixture
def client(server):
    return hvac.Client(url=server.address, token=server.root_token, verify=str(server.ca_file) if server.ca_file else True)


# C1. The question that command lines ask before each KV call took a decoded path for a raw one.


@pytest.mark.parametrize("odd", NAMES)
def test_c1_bao_puts_and_gets_a_secret_of_any_name(bao, secrets_at, odd):
    assert bao.json("kv put", f"{secrets_at}/{odd}", "k=v")["data"]["version"] == 1
    assert bao("kv get", "-field=k", f"{secrets_at}/{odd}") == "v"
    bao("kv metadata delete", f"{secrets_at}/{odd}")
    bao.refusal("kv get", f"{secrets_at}/{odd}")


@pytest.mark.parametrize("odd", NAMES)
def test_c1_our_command_line_puts_and_gets_a_secret_of_any_name(ours, secrets_at, odd):
    put = ours("kv", "put", f"{secrets_at}/{odd}", "k=v")
    assert put.returncode == 0, put.stderr
    got = ours("kv", "get", "-format=json", f"{secrets_at}/{odd}")
    assert got.returncode == 0 and '"k"' in got.stdout, got.stdout + got.stderr


@pytest.mark.parametrize("odd", NAMES)
def test_c1_capabilities_of_any_name_are_told(bao, secrets_at, odd):
    assert bao("token capabilities", f"{secrets_at}/data/{odd}") == "root"


@pytest.mark.parametrize("odd", ["my app", "a#b", "café"])
def test_c1_who_may_read_a_name_reads_it_by_bao(bao, secrets_at, odd):
    """A service's token, so that the question before the call is judged too."""
    bao("kv put", f"{secrets_at}/{odd}/db", "k=v")
    bao("policy write", f"{secrets_at}-p", "-", stdin=f'path "{secrets_at}/data/{odd}/*" {{ capabilities = ["read"] }}')
    token = bao("token create", "-field=token", f"-policy={secrets_at}-p")
    assert bao.with_token(token)("kv get", "-field=k", f"{secrets_at}/{odd}/db") == "v"


# C6. `version` as a number: 84 of hvac's own tests fail for this alone.


@pytest.mark.parametrize("options", [{"version": 2}, {"version": "2"}], ids=["number", "text"])
def test_c6_a_mounts_version_may_be_a_number(client, name, options):
    client.sys.enable_secrets_engine("kv", path=name, options=options)
    assert client.sys.list_mounted_secrets_engines()["data"][f"{name}/"]["options"] == {"version": "2"}


def test_c6_metadata_of_a_token_may_be_numbers(client):
    made = client.auth.token.create(policies=["default"], ttl="1h", meta={"n": 1, "b": True})["auth"]["client_token"]
    assert client.auth.token.lookup(made)["data"]["meta"] == {"n": "1", "b": "1"}


def test_c6_numbers_and_booleans_may_be_texts(server, secrets_at):
    answer = server.ask("POST", f"{secrets_at}/metadata/db", {"max_versions": "4", "cas_required": "false"})
    assert answer.status == 204, answer.text
    assert server.ask("GET", f"{secrets_at}/metadata/db").data["max_versions"] == 4


# C7. A body on GET, LIST or DELETE was read, and refused or merged.


@pytest.mark.parametrize("body", ['{"version": 1}', '{"a": 1}', "{", "ping", "[]"])
@pytest.mark.parametrize(("method", "below", "status"), [("GET", "data/db", "200"), ("LIST", "metadata", "200"), ("DELETE", "data/none", "204")])
def test_c7_a_needless_body_is_ignored(server, folder, secrets_at, body, method, below, status):
    options = ["-X", method, "-H", "Content-Type: application/json", "-H", f"X-Vault-Token: {server.root_token}", "-d", body, "-o", "/dev/null", "-w", "%{http_code}"]
    done = run(["curl", "-sS", *options, f"{server.address}/v1/{secrets_at}/{below}"], environment(server, folder))
    assert done.stdout == status, done.stdout + done.stderr


@pytest.mark.parametrize("body", ["{}", '{"a": 1}', "ping"])
def test_c7_a_health_probe_may_have_a_body(server, folder, body):
    options = ["-X", "GET", "-H", "Content-Type: application/json", "-d", body, "-o", "/dev/null", "-w", "%{http_code}"]
    assert run(["curl", "-sS", *options, f"{server.address}/v1/sys/health"], environment(server, folder)).stdout == "200"


# C2. Go's client sends an empty text for each lease time that its user left out, and both were reset.


@pytest.mark.parametrize(("family", "kind"), [("secrets", "kv-v2"), ("auth", "approle")])
def test_c2_bao_tunes_one_thing_and_leaves_the_others(server, bao, name, family, kind):
    bao(f"{family} enable", f"-path={name}", "-default-lease-ttl=1h", "-max-lease-ttl=2h", kind)
    tuned = f"sys/{'mounts' if family == 'secrets' else 'auth'}/{name}/tune"
    for flag, lives in [("-description=x", (3600, 7200)), ("-max-lease-ttl=3h", (3600, 10800)),
                        ("-default-lease-ttl=30m", (1800, 10800)), ("-listing-visibility=hidden", (1800, 10800))]:
        bao(f"{family} tune", flag, name)
        data = server.ask("GET", tuned).data
        assert (data["default_lease_ttl"], data["max_lease_ttl"]) == lives, flag
    assert (data["description"], data["listing_visibility"]) == ("x", "hidden")


# C9. What is not supported is refused by name, as clients send it, and nothing of the request is done.


@pytest.mark.parametrize("flag", ["-audit-non-hmac-request-keys=a", "-audit-non-hmac-response-keys=a", "-passthrough-request-headers=X-A",
                                  "-allowed-response-headers=X-A", "-listing-visibility=unauth"])
@pytest.mark.parametrize(("family", "kind"), [("secrets", "kv-v2"), ("auth", "approle")])
def test_c9_bao_is_told_what_is_not_supported(bao, name, against_openbao, family, kind, flag):
    assert not against_openbao, "OpenBao has these: leave this out"
    field = flag.strip("-").split("=")[0].replace("-", "_")
    assert field in bao.refusal(f"{family} enable", f"-path={name}", flag, kind)
    assert f"{name}/" not in bao.json(f"{family} list")
    bao(f"{family} enable", f"-path={name}", "-description=kept", kind)
    assert field in bao.refusal(f"{family} tune", "-description=lost", flag, name)
    assert bao.json(f"{family} list")[f"{name}/"]["description"] == "kept"


def test_c9_a_lockout_of_users_is_refused_by_name(server, name, against_openbao):
    assert not against_openbao, "OpenBao has it: leave this out"
    server.ask("POST", f"sys/auth/{name}", {"type": "approle"})
    answer = server.ask("POST", f"sys/auth/{name}/tune", {"user_lockout_config": {"lockout_threshold": "3"}})
    assert answer.status == 400 and "user_lockout_config" in str(answer.document), answer
