"""The OpenAPI document: a second reader accepts it, and what it says of a path is what OpenBao says of the same path.
So does the help of a path, which has such a document in it.

Vault's programs that generate clients read such a document, so its form is part of the API.
"""

import copy
import json
import re

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator, validate
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError

import servers

DOCUMENT = "sys/internal/specs/openapi"
METHODS = ("get", "post", "patch", "delete")
GOLDEN = servers.ROOT / "data" / "openapi.json"

# What OpenBao says otherwise, with the reason.
FLAGS_DIFFER = {
    "/auth/token/revoke-orphan": "asks for sudo here and there, and OpenBao's document does not say so",
    "/sys/audit-hash/{path}": "asks for sudo here",
    "/sys/seal": "asks for sudo here and there, and OpenBao's document does not say so",
    "/secret/config": "a write is always an update here",
    "/secret/delete/{path}": "a write is always an update here",
    "/secret/destroy/{path}": "a write is always an update here",
    "/secret/undelete/{path}": "a write is always an update here",
}
HELPED = {  # paths, and the parameters that the help of both servers explains, if not all of them are the same
    "secret/data/a": None,
    "auth/approle/role/r": None,
    "sys/policies/acl/p": {"name", "policy", "cas", "cas_required", "expiration", "ttl"},
    "sys/capabilities": {"paths", "path", "token"},
}
PARAMETERS_DIFFER = {"/sys/internal/specs/openapi": "OpenBao names a parameter of the query as one of the path"}


def asked(server, query=""):
    server.api.ask("POST", "sys/auth/approle", {"type": "approle"}, expect=(200, 204))
    return server.api.ask("GET", f"{DOCUMENT}{query}").document


def helped(server):
    return {path: server.api.ask("GET", f"{path}?help=1").document for path in HELPED}


@pytest.fixture(scope="module")
def ours():
    with servers.DevStrongroom(servers.fresh_folder("openapi-ours")) as server:
        server.api.ask("POST", "sys/mounts/service_tokens", {"type": "service_tokens"}, expect=(200, 204))
        server.api.ask("POST", "sys/mounts/team/kv", {"type": "kv", "options": {"version": "2"}}, expect=(200, 204))
        generic = server.api.ask("GET", f"{DOCUMENT}?generic_mount_paths=true").document
        yield {"real": asked(server), "generic": generic, "help": helped(server)}


@pytest.fixture(scope="module")
def theirs():
    with servers.DevOpenBao(servers.fresh_folder("openapi-theirs")) as server:
        yield asked(server) | {"help": helped(server)}


def in_common(ours, theirs):
    paths = ours["real"]["paths"].keys() & theirs["paths"].keys()
    assert len(paths) > 50, sorted(paths)
    return sorted(paths)


@pytest.mark.parametrize("form", ["real", "generic"])
def test_a_second_reader_accepts_what_a_server_answers(ours, form):
    assert len(ours[form]["paths"]) > 50
    validate(ours[form], cls=OpenAPIV30SpecValidator)


def test_a_second_reader_accepts_the_golden_file():
    validate(json.loads(GOLDEN.read_text()), cls=OpenAPIV30SpecValidator)


def spoil_name(document):
    operations = [item["get"] for item in document["paths"].values() if "get" in item]
    operations[0]["operationId"] = operations[1]["operationId"]


def spoil_parameter(document):
    document["paths"]["/kv/data/{path}"]["parameters"] = []


def spoil_type(document):
    document["components"]["schemas"]["KvWriteDataPathRequest"]["properties"]["data"]["type"] = ["object", "string"]


def spoil_answer(document):
    del document["paths"]["/sys/health"]["get"]["responses"]


@pytest.mark.parametrize("spoil", [spoil_name, spoil_parameter, spoil_type, spoil_answer])
def test_the_second_reader_refuses_a_spoiled_document(spoil):
    document = copy.deepcopy(json.loads(GOLDEN.read_text()))
    spoil(document)
    with pytest.raises(OpenAPIValidationError):
        validate(document, cls=OpenAPIV30SpecValidator)


def test_the_document_has_the_keys_of_openbaos(ours, theirs):
    assert ours["real"].keys() == theirs.keys() - {"help"}
    assert ours["real"]["openapi"] == theirs["openapi"]
    assert ours["real"]["info"].keys() == theirs["info"].keys()
    assert ours["real"]["components"].keys() == theirs["components"].keys()


def test_every_method_of_a_path_is_one_of_openbaos(ours, theirs):
    for path in in_common(ours, theirs):
        have, known = ours["real"]["paths"][path], theirs["paths"][path]
        assert {method for method in METHODS if method in have} <= known.keys(), path


def test_parameters_of_a_path_have_openbaos_names(ours, theirs):
    names = lambda item: [parameter["name"] for parameter in item.get("parameters", [])]  # noqa: E731
    differ = {path for path in in_common(ours, theirs) if names(ours["real"]["paths"][path]) != names(theirs["paths"][path])}
    assert differ == PARAMETERS_DIFFER.keys()


def test_who_may_use_a_path_is_said_as_openbao_says_it(ours, theirs):
    flags = lambda item: {key for key in item if key.startswith("x-vault")}  # noqa: E731
    differ = {path for path in in_common(ours, theirs) if flags(ours["real"]["paths"][path]) != flags(theirs["paths"][path])}
    assert differ == FLAGS_DIFFER.keys()


def explained(answer):
    """The names below `## PARAMETERS`."""
    text = answer["help"].partition("## PARAMETERS")[2].partition("## DESCRIPTION")[0]
    return set(re.findall(r"^    (\w+) \(", text, re.MULTILINE))


@pytest.mark.parametrize("path", HELPED)
def test_the_help_of_a_path_has_openbaos_form(ours, theirs, path):
    have, known = ours["help"][path], theirs["help"][path]
    assert have.keys() == known.keys()
    assert have["see_also"] is None and known["see_also"] is None
    assert have["openapi"]["paths"].keys() == known["openapi"]["paths"].keys()
    for form in ("Request: ", "Matching Route: ", "## PARAMETERS"):
        assert form in have["help"] and form in known["help"], form
    if HELPED[path] is None:
        assert explained(have) == explained(known)
    else:
        assert explained(have) & explained(known) == HELPED[path]


@pytest.mark.parametrize("path", HELPED)
def test_a_second_reader_accepts_the_document_in_a_help(ours, path):
    validate(ours["help"][path]["openapi"], cls=OpenAPIV30SpecValidator)
