"""Every row of the API, as the server itself names them, with a path that can be asked."""

import re

ROWS_MIN = 40
VERBS = {"read": "GET", "write": "POST", "create": "POST", "update": "POST", "login": "POST", "delete": "DELETE", "list": "LIST",
         "patch": "PATCH", "scan": "SCAN", "get": "GET", "put": "PUT", "post": "POST", "help": None}
SAMPLES = {"version": "1"}
WITHOUT_BODY = ("GET", "LIST", "DELETE", "HEAD", "SCAN")
MERGE_PATCH = ("Content-Type", "application/merge-patch+json")


class Row:
    def __init__(self, row):
        self.verb, self.public, self.sudo = row["verb"].lower(), row.get("public", False), row.get("sudo", False)
        self.mount, self.template = row.get("mount") or "", row["path"]
        self.method = VERBS.get(self.verb, self.verb.upper())
        self.full = f"{self.mount}{'/' if self.mount and not self.mount.endswith('/') else ''}{self.template}".strip("/")
        self.path = "/v1/" + re.sub(r"\{\*?(\w+)[^}]*\}", lambda found: SAMPLES.get(found.group(1), "x"), self.full)
        self.parameters = re.findall(r"\{\*?(\w+)[^}]*\}", self.full)
        self.takes_body = self.method not in WITHOUT_BODY
        self.headers = [MERGE_PATCH] if self.method == "PATCH" else []

    def filled(self, value):
        return "/v1/" + re.sub(r"\{[^}]*\}", value, self.full)

    def __str__(self):
        return f"{self.verb} {self.full}"


def of(world):
    found = world.must("GET", "/v1/sys/internal/specs/rows", world.root, None, (200,)).data["rows"]
    rows = [row for row in map(Row, found) if row.method]
    assert len(rows) >= ROWS_MIN, f"only {len(rows)} rows are named"
    return rows
