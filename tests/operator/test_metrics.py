"""Metrics as an operator's Prometheus meets them: what promtool says of them, and of the alert rules that use them."""

import http.client
import re
import socket
import subprocess

import pytest

import servers
from tests.conftest import open_with_secret
from tests.operator.program import run

PROMTOOL = servers.ROOT / "var" / "tools" / "prometheus" / "promtool"
RULES = servers.ROOT / "contrib" / "prometheus" / "alerts.yml"
PLAYED = servers.ROOT / "tests" / "operator" / "alerts_played.yml"
GUIDE = servers.ROOT / "docs" / "guides" / "operating.md"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"


def promtool(*arguments, stdin=None):
    """Exit code and all that it prints."""
    if not PROMTOOL.exists():
        pytest.fail(f"{PROMTOOL} is missing: scripts/test operator installs it")
    done = subprocess.run([PROMTOOL, *arguments], input=stdin, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def telemetry(port):
    return f'telemetry {{\n  address = "127.0.0.1:{port}"\n}}\n'


def with_metrics(folder, **more):
    """An open server with a secret in `secret/a`, and its metrics at `metrics_port`."""
    port = servers.free_port()
    server = servers.ConfiguredStrongroom(folder, tail=telemetry(port), **more)
    server.metrics_port = port
    return open_with_secret(server)


@pytest.fixture
def measured(folder):
    with with_metrics(folder) as server:
        yield server


def scrape(server, accept=None):
    wire = http.client.HTTPConnection("127.0.0.1", server.metrics_port, timeout=30)
    try:
        wire.request("GET", "/metrics", headers={"Accept": accept} if accept else {})
        answer = wire.getresponse()
        assert answer.status == 200, answer.status
        return answer.read().decode()
    finally:
        wire.close()


def samples(text):
    """The numbers of a scrape by their series."""
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {series: float(number) for series, _, number in lines}


def requests(kind, operation, outcome):
    return f'strongroom_requests_total{{mount_kind="{kind}",operation="{operation}",outcome="{outcome}"}}'


def test_promtool_finds_nothing_to_say(measured):
    text = scrape(measured)
    assert len(samples(text)) > 300
    assert promtool("check", "metrics", stdin=text) == (0, "")


def test_promtool_would_say_what_is_wrong(measured):
    """Shows that the check above can fail: without its help, and with a unit that is not a base unit."""
    text = scrape(measured)
    without_help = re.sub(r"# HELP strongroom_sealed .*\n", "", text)
    assert without_help != text
    code, told = promtool("check", "metrics", stdin=without_help)
    assert code != 0 and "strongroom_sealed no help text" in told
    code, told = promtool("check", "metrics", stdin=text.replace("cpu_seconds_total", "cpu_milliseconds_total"))
    assert code != 0 and "milliseconds" in told


def test_counters_are_exact(measured):
    before = samples(scrape(measured))
    for _ in range(3):
        assert measured.ask("GET", "secret/data/a").status == 200
    for _ in range(2):
        assert measured.ask("GET", "secret/data/a", token="s.nobody").status == 403
    assert measured.ask("GET", "secret/data/none").status == 404
    assert measured.ask("LIST", "secret/metadata").status == 200
    after = samples(scrape(measured))
    grown = {series: after[series] - before[series] for series in after if "requests_total" in series}
    expected = {
        requests("kv", "read", "ok"): 3,
        requests("kv", "read", "denied"): 2,
        requests("kv", "read", "missing"): 1,
        requests("kv", "list", "ok"): 1,
    }
    assert {series: number for series, number in grown.items() if number} == expected
    timed = 'strongroom_request_duration_seconds_count{operation="read"}'
    assert after[timed] - before[timed] == 6
    # Those with a live token have a line for the request and one for its outcome, strangers one for their refusal.
    lines = "strongroom_audit_lines_total"
    assert after[lines] - before[lines] == 5 * 2 + 2


def test_the_process_and_its_connections_are_measured(measured):
    before = samples(scrape(measured))
    assert before['strongroom_open_connections{listener="metrics"}'] >= 1
    api = 'strongroom_open_connections{listener="api"}'
    with socket.create_connection(("127.0.0.1", measured.port)):
        servers.until(lambda: samples(scrape(measured))[api] == before[api] + 1, what="one more connection")
    servers.until(lambda: samples(scrape(measured))[api] == before[api], what="its end")
    resident = before["strongroom_process_resident_memory_bytes"]
    assert measured.resident_bytes() / 4 < resident < measured.resident_bytes() * 4
    assert 0 < before["strongroom_process_cpu_seconds_total"] <= measured.cpu_secs() + 1
    assert 10 < before["strongroom_process_open_fds"] < before["strongroom_process_max_fds"]
    assert before["strongroom_store_size_bytes"] > 0 and before["strongroom_store_commits_total"] > 0


def test_a_sealed_server_says_so(measured):
    assert measured.ask("PUT", "sys/seal").status == 204
    sealed = samples(scrape(measured))
    assert (sealed["strongroom_sealed"], sealed["strongroom_ready"], sealed["strongroom_store_open"]) == (1, 0, 1)
    assert promtool("check", "metrics", stdin=scrape(measured)) == (0, "")
    measured.unseal()
    opened = samples(scrape(measured))
    assert (opened["strongroom_sealed"], opened["strongroom_ready"]) == (0, 1)


def test_an_audit_disk_that_is_full_is_told_until_it_has_room(folder, make_disk):
    disk = make_disk("1m")
    with with_metrics(folder, audit=disk.path / "audit.log") as server:
        disk.fill()
        # The file system still has room in the last page of the log: it is used up by requests.
        servers.until(lambda: server.ask("POST", "secret/data/a", {"data": {}}).status == 503, what="a refusal")
        full = samples(scrape(server))
        assert (full["strongroom_ready"], full["strongroom_audit_ready"], full["strongroom_sealed"]) == (0, 0, 0)
        states = [full[f'strongroom_audit_devices{{state="{state}"}}'] for state in ("up", "behind", "down")]
        assert (states[0], sum(states)) == (0, 1)
        assert full["strongroom_audit_write_failures_total"] > 0
        assert full[requests("kv", "update", "unavailable")] > 0
        disk.make_room()
        servers.until(lambda: samples(scrape(server))["strongroom_ready"] == 1, what="a server that is ready")
        assert samples(scrape(server))['strongroom_audit_devices{state="up"}'] == 1


def test_a_store_without_room_is_told(folder, make_disk):
    disk = make_disk("64m")
    with with_metrics(folder, data=disk.path / "data") as server:
        assert samples(scrape(server))["strongroom_store_has_room"] == 1
        disk.fill(leave=2 << 20)
        full = samples(scrape(server))
        assert (full["strongroom_store_has_room"], full["strongroom_store_open"]) == (0, 1)
        disk.make_room()
        assert samples(scrape(server))["strongroom_store_has_room"] == 1


def test_no_planted_name_and_no_token_is_shown(measured):
    """HTTP-16."""
    canary = "cnry-planted"
    api = measured.api
    api.ask("POST", f"sys/mounts/{canary}-mount", {"type": "kv", "options": {"version": "2"}, "description": canary})
    api.ask("POST", f"{canary}-mount/data/{canary}-path", {"data": {canary: canary}})
    rules = f'path "{canary}-mount/*" {{ capabilities = ["read"] }}'
    api.ask("POST", f"sys/policies/acl/{canary}-policy", {"policy": rules})
    api.ask("POST", f"sys/auth/{canary}-auth", {"type": "approle"})
    role = f"auth/{canary}-auth/role/{canary}-role"
    api.ask("POST", role, {"token_policies": f"{canary}-policy"})
    role_id = api.ask("GET", f"{role}/role-id").document["data"]["role_id"]
    secret_id = api.ask("POST", f"{role}/secret-id", {}).document["data"]["secret_id"]
    login = api.ask("POST", f"auth/{canary}-auth/login", {"role_id": role_id, "secret_id": secret_id}).document["auth"]
    assert measured.ask("GET", f"{canary}-mount/data/{canary}-path", token=login["client_token"]).status == 200
    assert measured.ask("GET", f"{canary}/refused", token=f"s.{canary}").status == 403
    assert measured.call("GET", f"/{canary}-target").status == 404
    told = scrape(measured) + scrape(measured, OPEN_METRICS)
    secrets = [measured.root_token, login["client_token"], login["accessor"], role_id, secret_id, *measured.shares]
    for planted in [canary, "127.0.0.1", str(measured.data), *secrets]:
        assert planted not in told, planted
    assert canary in measured.audit_file().read_text(), "nothing was planted"


def test_requests_make_no_series(measured):
    before = set(samples(scrape(measured)))
    for number in range(200):
        method = ("GET", "POST", "LIST", "DELETE")[number % 4]
        token = measured.root_token if number % 10 else f"s.nobody-{number}"
        measured.ask(method, f"secret/data/name-{number}", {} if method == "POST" else None, token=token)
        measured.ask("GET", f"mount-{number}/a")
    assert set(samples(scrape(measured))) == before


def test_both_forms_tell_the_same_metrics(measured):
    def types(text):
        told = re.findall(r"^# TYPE (\w+?)(?:_total)? (\w+)$", text, re.MULTILINE)
        return dict(told)

    plain, open_metrics = scrape(measured), scrape(measured, OPEN_METRICS)
    assert open_metrics.endswith("# EOF\n") and "# EOF" not in plain
    assert types(plain) == types(open_metrics) and len(types(plain)) > 20


def test_the_start_says_where_metrics_are(measured):
    assert f"Metrics: http://127.0.0.1:{measured.metrics_port}/metrics" in measured.log_text()


def test_without_telemetry_there_are_no_metrics(configured):
    assert "Metrics:" not in configured.log_text()
    assert configured.call("GET", "/metrics").status == 404


def test_a_taken_port_stops_the_start_with_its_line(folder):
    file = folder / "strongroom.hcl"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listener = servers.listener_stanza(servers.free_port())
        file.write_text(listener + servers.storage_stanza(folder / "data") + telemetry(port))
        told = run("server", f"-config={file}")
    assert told.code == 1, told
    line = file.read_text()[: file.read_text().index("address = \"127.0.0.1:%d" % port)].count("\n") + 1
    for words in (f"strongroom.hcl:{line}: ", f"127.0.0.1:{port}", "choose another `address` in `telemetry`"):
        assert words in told.text, told


def test_promtool_accepts_the_alert_rules():
    code, told = promtool("check", "rules", RULES)
    assert code == 0 and "8 rules found" in told, told


def test_each_alert_fires_when_it_must_and_is_silent_on_a_server_that_is_well():
    code, told = promtool("test", "rules", PLAYED)
    assert code == 0 and "SUCCESS" in told, told


def test_an_alert_that_never_fires_is_found(folder):
    """Shows that the play above can fail."""
    spoiled = folder / "alerts.yml"
    spoiled.write_text(RULES.read_text().replace("strongroom_sealed == 1", "strongroom_sealed == 2"))
    played = folder / "played.yml"
    played.write_text(PLAYED.read_text().replace("../../contrib/prometheus/alerts.yml", str(spoiled)))
    code, told = promtool("test", "rules", played)
    assert code != 0 and "StrongroomSealed" in told, told


def test_alerts_ask_for_metrics_that_there_are(measured):
    told = scrape(measured)
    # A metric without a value now (a certificate, where nothing speaks TLS) is told by its type.
    names = {re.match(r"\w+", series).group() for series in samples(told)} | set(re.findall(r"# TYPE (\w+)", told))
    asked = set(re.findall(r"\bstrongroom_\w+", "\n".join(re.findall(r"(?s)expr:(.*?)\n +(?:for|labels):", RULES.read_text()))))
    assert len(asked) == 7 and asked <= names, asked - names


def test_the_guides_configuration_of_prometheus_is_one(folder):
    block = re.search(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL).group(1)
    assert "scrape_configs:" in block
    file = folder / "prometheus.yml"
    file.write_text(block.replace("/etc/prometheus/strongroom-alerts.yml", str(RULES)))
    code, told = promtool("check", "config", file)
    assert code == 0 and "8 rules found" in told, told
