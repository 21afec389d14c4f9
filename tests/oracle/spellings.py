"""Makes questions out of our API's own schemas: each field of each row, in the spellings that clients send.

spellings.toml says how a row is asked (what must be there before, what else is sent, and where the value is read back).
A row that reads a body and does not stand there fails the run, so a new field is asked from the day it is built.
"""

import functools
import json
import pathlib
import tomllib

from servers import ROOT

TABLE = pathlib.Path(__file__).parent / "spellings.toml"
DOCUMENT = ROOT / "data" / "openapi.json"

# What every field is sent, whatever its type.
ANY = [None, "", "abc", 0, 1, -1, 1.5, 2**64, 1e30, True, "true", "1h", "a,b", [], ["a"], {}, {"a": "b"}]
BY_TYPE = {
    "string": [" ", "ä", "a/b", "5", 5, 1.0, 2**53 + 1, 2**63, -(2**63) - 1, False, [""], {"a": 5}],
    "integer": [5, 1.0, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), "0", "1", "5", "-1", "+1", " 5", "1.0", "1.5", "1e3", "05", "0x10",
                "1_000", str(2**63), False, [5]],
    # None is so short that a token which has it could be gone before it is looked up.
    "seconds": [60, 61.0, 2**31, 2**32, 2**63 - 1, 2**63, "0", "60", "-1", "+90", " 90", "90 ", "61.5", "1e3", "0100", "60s", "90m", "1d", "1w", "0s",
                "-1s", "-1h", "1.5h", "1h30m", "5x", "1H", "s", "1d12h", " 1h", "100000h", "2562047h", "2562048h", "9223372036s", "9223372037s",
                "1e3s", "+1h", "+", False, ["60"]],
    "boolean": [False, "false", "True", "TRUE", "t", "F", "yes", "on", "0", "1", "2", 2, 1.0, [True]],
    "array": [" ", "5", 5, [""], ["a", "b"], ["a,b"], [" a "], [5], [1, 2], ["1", "2"], ["x", 1], [True], [1.5], [-1], [None], [["a"]], [{}], " a , b ",
              "a,,b", ",", "1,2", "1, 2", "1,x", "[\"a\"]"],
    "object": [{"a": 5}, {"a": 1.5}, {"a": True}, {"a": None}, {"a": ""}, {"": "b"}, {"a": ["b"]}, {"a": {"b": 1}}, {"a": 2**64}, ["a=b"],
               ["a=b", "c=d"], "a=b", "a=b,c=d", "{\"a\": \"b\"}", "{\"a\": 1}", "{", "null"],
}

# In a query everything is a text.
QUERY = ["", "0", "1", "2", "-1", "+1", "%201", "1.0", "1.5", "abc", "1e3", "01", "0x1", "true", "True", "t", "false", "yes", str(2**31),
         str(2**63), str(2**64), "1,2", "null", "%5B%5D"]


class Entry:
    """How one row is asked: an entry of spellings.toml."""

    KEYS = {"row", "label", "call", "before", "body", "read", "after", "capture", "vary", "fields", "as", "query", "shows"}

    def __init__(self, table):
        if table.keys() - self.KEYS:
            raise ValueError(f"{TABLE.name}: {table['row']} has unknown keys {sorted(table.keys() - self.KEYS)}")
        self.row, self.call = table["row"], table["call"]
        self.name = self.row + (f" {table['label']}" if "label" in table else "")
        self.before, self.after, self.read = table.get("before", []), table.get("after", []), table.get("read")
        self.body, self.capture, self.vary = table.get("body", {}), table.get("capture", {}), table.get("vary", [])
        self.shows = table.get("shows")
        self.query, self.token = table.get("query", False), table.get("as", "root")
        self.fields = table.get("fields") or fields_of(self.row, self.query)

    def questions_on(self, field):
        return [Question(self, field, value) for value in (QUERY if self.query else spellings(type_of(self.row, field)))]


def spellings(kind):
    """The spellings of a field of this type; a second is too short a life to be looked up for sure."""
    return [value for value in ANY if kind != "seconds" or value is True or value != 1] + BY_TYPE.get(kind, [])


class Question:
    """One call, with one field in one spelling."""

    def __init__(self, entry, field, value):
        self.entry, self.field, self.value = entry, field, value
        self.name = f"{entry.name}: {field} = {value if entry.query else json.dumps(value, ensure_ascii=False)}"

    def body(self, other):
        """What is sent: what the row needs, and the spelled field; `config.x` is the field `x` in the map `config`."""
        outer, _, inner = self.field.partition(".")
        return other | {outer: other.get(outer, {}) | {inner: self.value} if inner else self.value}


@functools.cache
def document():
    return json.loads(DOCUMENT.read_text())


def schema_of(document, operation):
    content = operation.get("requestBody", {}).get("content", {})
    schema = next(iter(content.values()), {}).get("schema", {})
    return document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema


def type_of(row, field):
    """The type that the schema gives a field, `seconds` for a duration; None where it gives none."""
    method, path = row.split(" ")
    whole = document()
    schema = schema_of(whole, whole["paths"][path][method.lower()])
    for name in field.split("."):
        schema = schema.get("properties", {}).get(name, {})
    return "seconds" if schema.get("format") == "seconds" else schema.get("type")


def fields_of(row, query=False):
    method, path = row.split(" ")
    whole = document()
    operation = whole["paths"][path][method.lower()]
    if query:
        return [parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
    return list(schema_of(whole, operation).get("properties", {}))


def rows_with_input():
    """Each row of the document with a field, as `POST /path`, and `GET /path` for those with a query."""
    whole = document()
    for path, operations in whole["paths"].items():
        for method, operation in operations.items():
            if isinstance(operation, dict):
                row = f"{method.upper()} {path}"
                if schema_of(whole, operation).get("properties"):
                    yield row, False
                if fields_of(row, query=True):
                    yield row, True


class Table:
    def __init__(self):
        with open(TABLE, "rb") as file:
            table = tomllib.load(file)
        self.setup = [call for row in table["setup"] for call in row["calls"]]
        self.entries = [Entry(row) for row in table["row"]]
        self.not_asked = {(name, entry["query"]): entry["reason"] for entry in table["not_asked"] for name in entry["rows"]}

    def gaps(self):
        """Rows and fields that nobody asks, and reasons that nobody needs."""
        asked = {}
        for entry in self.entries:
            asked.setdefault((entry.row, entry.query), set()).update(field.partition(".")[0] for field in entry.fields)
        found = []
        for row in rows_with_input():
            missing = set(fields_of(*row)) - asked.get(row, set())
            if row in self.not_asked:
                found += [f"{row[0]} is asked, and stands under not_asked"] if row in asked else []
            elif missing:
                found.append(f"{row[0]}: nobody asks {sorted(missing)}")
        gone = self.not_asked.keys() - set(rows_with_input())
        return found + [f"{row} stands under not_asked, and is no row" for row, _ in sorted(gone)]
