"""Reads scenarios: ordered calls as data, one TOML file an area.

    about   = "one line"
    server  = "dev"                  # or "sealed": neither initialised nor unsealed
    include = ["people"]             # steps of other files, run first

    [[step]]
    name    = "a version that is not there"         # unique in its file; the call itself where absent
    call    = "GET /v1/secret/data/a?version=99"    # sent as written, never cleaned
    token   = "root"                                # a captured name; "none" sends no token
    headers = { X-Example = "1" }
    body    = '{"a": "${captured}"}'                # sent as written after captured names are put in
    capture = { role_id = "/data/role_id" }         # name = JSON pointer into the answer
    vary    = ["/data/policy"]                      # values, never keys or status, that are free to differ
    until   = 200                                   # ask again, for ten seconds at most, until this is the status

    [[sweep]]                                       # every call with every token
    calls   = ["GET /v1/sys/mounts"]
    tokens  = ["none", "nobody"]
"""

import pathlib
import re
import tomllib

FOLDER = pathlib.Path(__file__).parent / "scenarios"
STEP_KEYS = {"name", "call", "token", "headers", "body", "capture", "vary", "until"}


class Step:
    def __init__(self, area, row):
        unknown = row.keys() - STEP_KEYS
        if unknown:
            raise ValueError(f"{area}: step {row.get('name') or row.get('call')!r} has unknown keys {sorted(unknown)}")
        self.area, self.call = area, row["call"]
        self.method, self.target = row["call"].split(" ", 1)
        self.token, self.headers = row.get("token", "root"), row.get("headers", {})
        self.body, self.capture = row.get("body"), row.get("capture", {})
        self.vary, self.until = row.get("vary", []), row.get("until")
        self.name = row.get("name") or default_name(self)
        if any(not pointer.startswith("/") for pointer in self.vary):
            raise ValueError(f"{area}: {self.name!r}: `vary` holds JSON pointers to values; a status never varies")

    def filled(self, text, known):
        """The text with `${name}` replaced by what was captured under that name."""
        def put(found):
            name = found.group(1)
            if name not in known:
                raise ValueError(f"{self.area}: {self.name!r} uses ${{{name}}}, which no step before it captured")
            return known[name]
        return re.sub(r"\$\{(\w+)\}", put, text)


def default_name(step):
    body = f" {step.body[:60]}" if step.body else ""
    return f"{step.call}{body}" + ("" if step.token == "root" else f" ({step.token})")


class Scenario:
    def __init__(self, area):
        path = FOLDER / f"{area}.toml"
        with open(path, "rb") as file:
            table = tomllib.load(file)
        self.area, self.about, self.server = area, table["about"], table.get("server", "dev")
        self.steps = []
        for other in table.get("include", []):
            self.steps += [step for step in Scenario(other).steps]
        own = [Step(area, row) for row in table.get("step", [])]
        for sweep in table.get("sweep", []):
            for call in sweep["calls"]:
                for token in sweep["tokens"]:
                    own.append(Step(area, {"call": call, "token": token, "body": sweep.get("body")
                                           if call.startswith(("POST", "PUT", "PATCH")) else None,
                                           "headers": sweep.get("headers", {})}))
        number_repeats(own)
        self.steps += own


def number_repeats(steps):
    seen = {}
    for step in steps:
        seen[step.name] = seen.get(step.name, 0) + 1
        if seen[step.name] > 1:
            step.name = f"{step.name} #{seen[step.name]}"


def areas():
    """All areas that stand for themselves; files that are only included begin with an underscore."""
    return sorted(path.stem for path in FOLDER.glob("*.toml") if not path.stem.startswith("_"))
