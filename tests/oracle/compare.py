"""Compares two answers: status, headers that clients read, keys and JSON types at every depth, then values.

A value that must differ from server to server (a time, a uuid, a token) is compared by its shape; everything else by
what it is. Names of captured values are put in place of the values first, so that a text which quotes one still compares.
"""

import json
import re

HEADERS = ("content-type", "cache-control", "location", "retry-after")

# The first shape that fits both values makes them equal. A shape is narrow enough that no ordinary text fits it.
SHAPES = [
    ("time", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")),
    ("uuid", re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")),
    ("token", re.compile(r"(s|b|hvs|hvb|srs|srb)\.[A-Za-z0-9_-]{20,}")),
    ("mount accessor", re.compile(r"(auth_)?[a-z_]+_[0-9a-f]{8}")),
    ("opaque", re.compile(r"[A-Za-z0-9]{24,}={0,2}|[A-Za-z0-9+/]{43}=")),
    ("share", re.compile(r"[0-9a-f]{66}|[A-Za-z0-9+/]{44}")),
    ("address", re.compile(r"https?://127\.0\.0\.1:\d+")),
]
SECONDS_KEYS = {"ttl", "lease_duration", "creation_ttl", "secret_id_ttl"}
SECONDS_SLACK = 2


class Difference:
    """One thing that is not the same: where, what the reference said, what we said."""

    def __init__(self, what, theirs, ours):
        self.what, self.theirs, self.ours = what, theirs, ours

    def __str__(self):
        return f"{self.what}: openbao {brief(self.theirs)}, strongroom {brief(self.ours)}"


class Absent:
    def __repr__(self):
        return "absent"


ABSENT = Absent()


def brief(value):
    text = repr(value) if isinstance(value, (Absent, bytes)) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else text[:300] + "…"


def parsed(answer):
    """The body as JSON, or as text where it is none; floats keep their digits."""
    text = answer.body.decode("utf-8", "backslashreplace")
    if not text:
        return None
    try:
        return json.loads(text, parse_float=lambda digits: ("float", digits))
    except ValueError:
        return ("text", text)


def kind(value):
    for name, kinds in (("bool", bool), ("number", int), ("text", str), ("list", list), ("map", dict)):
        if isinstance(value, kinds):
            return name
    return "null" if value is None else value[0]


def masked(value, captured):
    """The same value with each captured text replaced by its name."""
    if isinstance(value, str):
        for name, text in captured:
            value = value.replace(text, f"<{name}>")
        return value
    if isinstance(value, list):
        return [masked(item, captured) for item in value]
    if isinstance(value, dict):
        return {masked(key, captured): masked(item, captured) for key, item in value.items()}
    if isinstance(value, tuple):
        return (value[0], masked(value[1], captured))
    return value


def same_shape(theirs, ours):
    return any(shape.fullmatch(theirs) and shape.fullmatch(ours) for _, shape in SHAPES)


def compare(theirs, ours, vary=(), captured_theirs=(), captured_ours=()):
    """Lists every difference between two answers. `vary` names values, by JSON pointer, that are free to differ."""
    found = []
    if theirs.status != ours.status:
        found.append(Difference("status", theirs.status, ours.status))
    for name in HEADERS:
        left = masked(theirs.headers.get(name, ABSENT), captured_theirs)
        right = masked(ours.headers.get(name, ABSENT), captured_ours)
        if left != right and not (isinstance(left, str) and isinstance(right, str) and same_shape(left, right)):
            found.append(Difference(f"header {name}", left, right))
    if bool(theirs.body) != bool(ours.body):
        found.append(Difference("body", theirs.body, ours.body))
    elif theirs.body:
        walk("", masked(parsed(theirs), captured_theirs), masked(parsed(ours), captured_ours), set(vary), found)
    return found


def walk(pointer, theirs, ours, vary, found):
    if kind(theirs) != kind(ours):
        found.append(Difference(pointer or "body", theirs, ours))
    elif isinstance(theirs, dict):
        walk_map(pointer, theirs, ours, vary, found)
    elif isinstance(theirs, list):
        walk_list(pointer, theirs, ours, vary, found)
    elif theirs != ours and not any(fits(pointer, free) for free in vary) and not may_differ(pointer, theirs, ours):
        found.append(Difference(pointer or "body", theirs, ours))


def fits(pointer, free):
    return pointer == free or re.fullmatch(re.escape(free).replace(r"\*", "[^/]*"), pointer) is not None


def may_differ(pointer, theirs, ours):
    name = pointer.rsplit("/", 1)[-1]
    if isinstance(theirs, str):
        return same_shape(theirs, ours) or (name == "accessor" and bool(theirs) and bool(ours))
    if isinstance(theirs, int) and not isinstance(theirs, bool):
        both_are_times = all(1_600_000_000 < value < 5_000_000_000 for value in (theirs, ours))
        return both_are_times or (name in SECONDS_KEYS and abs(theirs - ours) <= SECONDS_SLACK)
    return False


def walk_map(pointer, theirs, ours, vary, found):
    theirs, ours = by_shape(theirs), by_shape(ours)
    for key in sorted(theirs.keys() | ours.keys()):
        place = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
        if key not in ours or key not in theirs:
            found.append(Difference(place, theirs.get(key, ABSENT), ours.get(key, ABSENT)))
        else:
            walk(place, theirs[key], ours[key], vary, found)


def by_shape(table):
    """Keys that are a uuid, an accessor or a token are named by their shape and number, in the order given."""
    named, counts = {}, {}
    for key, value in table.items():
        shape = next((name for name, pattern in SHAPES if pattern.fullmatch(key)), None)
        if shape is not None:
            counts[shape] = counts.get(shape, 0) + 1
            key = f"<{shape} {counts[shape]}>"
        named[key] = value
    return named


def walk_list(pointer, theirs, ours, vary, found):
    if len(theirs) != len(ours):
        found.append(Difference(pointer or "body", theirs, ours))
        return
    if all(is_drawn(item) for item in theirs + ours):
        return  # drawn at random on each side, so that even their order differs
    for index, (left, right) in enumerate(zip(theirs, ours)):
        walk(f"{pointer}/{index}", left, right, vary, found)


def is_drawn(item):
    return isinstance(item, str) and (re.fullmatch(r"<\w+>", item) is not None or any(
        shape.fullmatch(item) for name, shape in SHAPES if name in ("uuid", "token", "opaque")))
