"""Changes an answer on purpose, to show that the comparison notices."""

import copy
import json

from http_api import Answer


def every_way(answer):
    """Each way of spoiling that applies to this answer: its name, where it shows, and the answer so spoiled."""
    yield "another status", "status", Answer(answer.status + 1, answer.headers, answer.body)
    headers = {name: value for name, value in answer.headers.items() if name != "cache-control"}
    if len(headers) < len(answer.headers):
        yield "a lost Cache-Control", "header cache-control", Answer(answer.status, headers, answer.body)
    try:
        document = json.loads(answer.body)
    except ValueError:
        yield "other text", "body", Answer(answer.status, answer.headers, answer.body + b"x")
        return
    for way, place, worse in documents(document, ""):
        yield way, place, Answer(answer.status, answer.headers, json.dumps(worse).encode())


def documents(document, place):
    if not isinstance(document, dict):
        yield "another type", place or "body", {"was": document}
        return
    yield "an added key", f"{place}/spoiled", document | {"spoiled": 1}
    for key, value in document.items():
        below = f"{place}/{key.replace('~', '~0').replace('/', '~1')}"
        yield f"the lost key {key}", below, {k: v for k, v in document.items() if k != key}
        yield f"another type of {key}", below, document | {key: [value] if not isinstance(value, list) else {"was": value}}
        if isinstance(value, dict):
            for way, inner, worse in documents(value, below):
                yield f"{way} in {key}", inner, document | {key: worse}
        if key == "errors" and value:
            worse = copy.deepcopy(document)
            worse["errors"][0] += "."
            yield "another error text", f"{below}/0", worse


def is_near(place, others):
    """Whether a place lies at, above or below one that differs already; a change there may be no difference."""
    return any(other == "body" or place == other or place.startswith(other + "/") or other.startswith(place + "/") for other in others)


def spoiled(answer, number, differing):
    """The answer, changed in one way that must be noticed. The number chooses the way."""
    ways = [worse for _, place, worse in every_way(answer) if not is_near(place, differing)]
    if not ways:
        raise ValueError(f"answer {number} differs everywhere already: choose another number")
    return ways[number % len(ways)]
