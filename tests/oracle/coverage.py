"""Counts from our rows what the oracle's calls cover: for each row a good call, a bad one, one without rights, one without a token.

Which call is which is read off our answer: good is 2xx (or a row's own word, such as 3xx or 404 of a listing), bad is any
other 4xx with a token that may; without rights is 403 with a token; without a token is a call that sent none. A public row needs no rights.
What cannot be is listed in coverage_exempt.toml with its reason, and an entry that is not needed fails.
"""

import pathlib
import re
import tomllib

KINDS = ("good", "bad", "without rights", "without token")
SYNONYMS = {"GET": "read", "POST": "write", "PUT": "write", "DELETE": "delete", "LIST": "list", "PATCH": "patch",
            "SCAN": "scan", "HEAD": "read"}
WORDS = {"login": "write", "update": "write", "create": "write", "get": "read", "post": "write", "put": "write"}
EXEMPT = pathlib.Path(__file__).parent / "coverage_exempt.toml"


class Row:
    def __init__(self, row):
        verb = row["verb"].lower()
        self.verb, self.public = WORDS.get(verb, verb), row.get("public", False)
        self.name = f"{self.verb} {row.get('mount', '')}{row['path']}"
        path = (row.get("mount") or "") + row["path"]
        self.fixed = len(re.sub(r"\{[^}]*\}", "", path))
        pattern = re.sub(r"\\\{\\?\*[^}]*\\\}|\\\{[^}]*\\\.\\\.\\\.\\\}|\\\{[^}]*\\\*\\\}", ".+", re.escape(path.strip("/")))
        self.pattern = re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", pattern))
        self.counts = dict.fromkeys(KINDS, 0)


class Coverage:
    def __init__(self):
        self.rows, self.calls = [], []

    def ask(self, server):
        """The rows of a server that has everything mounted that OpenBao has as well."""
        server.api.ask("POST", "sys/auth/approle", {"type": "approle"})
        self.rows = [Row(row) for row in server.api.ask("GET", "sys/internal/specs/rows").data["rows"]]

    def count(self, step, target, status):
        self.calls.append((step.method, target, step.token, status))

    def sort_out(self):
        for method, target, token, status in self.calls:
            path, _, query = target.partition("?")
            verb = SYNONYMS.get(method, "")
            if verb == "read" and re.search(r"(^|&)list=(true|1|t|T)", query):
                verb = "list"
            path = path.removeprefix("/v1/").rstrip("/").lower()
            rows = [row for row in self.rows if row.verb == verb and row.pattern.fullmatch(path)]
            if rows:
                kind = kind_of(token, status)
                best = max(rows, key=lambda row: row.fixed)
                best.counts[kind] += 1
                if kind == "without token" and best.public and status < 400:
                    best.counts["good"] += 1
                if kind == "without token" and best.public and 400 <= status < 500:
                    best.counts["bad"] += 1

    def missing(self):
        """What no call covers, and what is exempt without need."""
        self.sort_out()
        with open(EXEMPT, "rb") as file:
            exempt = {(name, kind) for entry in tomllib.load(file).get("exempt", []) if entry["reason"]
                      for name in entry["rows"] for kind in entry["kinds"]}
        gaps, needed = [], set()
        for row in self.rows:
            for kind, times in row.counts.items():
                if times or (row.public and kind == "without rights"):
                    continue
                if (row.name, kind) in exempt:
                    needed.add((row.name, kind))
                else:
                    gaps.append(f"{row.name}: no call {kind}" if kind.startswith("with") else f"{row.name}: no {kind} call")
        return gaps + [f"exempt without need: {name} ({kind})" for name, kind in sorted(exempt - needed)]


def kind_of(token, status):
    if token == "none":
        return "without token"
    if status == 403:
        return "without rights"
    return "bad" if status >= 400 else "good"
