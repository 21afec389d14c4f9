"""The fields of each row with their types, from the server's own OpenAPI document: for bodies that are meant to be wrong."""

import re

NAMES_MIN = 80
METHODS = ("get", "post", "patch", "delete")


class Fields:
    def __init__(self, world):
        document = world.must("GET", "/v1/sys/internal/specs/openapi", world.root, None, (200,)).document
        self.paths, self.schemas = document["paths"], document["components"]["schemas"]
        self.names = sorted(set(self.every_name()))
        assert len(self.names) >= NAMES_MIN, f"the document names {len(self.names)} fields"

    def every_name(self):
        for item in self.paths.values():
            for part in [item, *(item[method] for method in METHODS if method in item)]:
                yield from (parameter["name"] for parameter in part.get("parameters", []))
        for schema in self.schemas.values():
            for name, field in schema["properties"].items():
                yield from (name, *field.get("properties", {}))

    def of(self, row):
        """The fields that the row reads from a body: name and schema. Empty if it reads none."""
        if not row.takes_body:
            return {}
        item = self.paths["/" + re.sub(r"\{\*?(\w+)[^}]*\}", r"{\1}", row.full)]
        body = item[row.method.lower()].get("requestBody")
        if body is None:
            return {}
        (content,) = body["content"].values()
        return self.schemas[content["schema"]["$ref"].rsplit("/", 1)[1]]["properties"]


def fitting(rng, schema):
    """A value of the type that a schema asks for."""
    kind = schema.get("type")
    if kind == "array":
        return [fitting(rng, schema["items"]) for _ in range(rng.randint(0, 3))]
    if kind == "object":
        known = {name: fitting(rng, field) for name, field in schema.get("properties", {}).items() if rng.random() < 0.5}
        return known or {rng.choice("abc"): rng.choice(["x", "1"])}
    return {
        "integer": rng.choice([0, 1, 2, 60, 3600, "30s"] if schema.get("format") == "seconds" else [0, 1, 2, 7, 100]),
        "boolean": rng.random() < 0.5,
        "string": rng.choice(["x", "default", "app", "kv", "2", ""]),
    }.get(kind, rng.choice(["x", 1, None, [], {}]))
