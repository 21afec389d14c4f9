"""Changes an answer on purpose, to show that the comparison notices."""

import copy
import json

from tests.oracle.servers import Answer


def every_way(answer):
    """Each way of spoiling that applies to this answer, with the answer so spoiled."""
    yield "another status", Answer(answer.status + 1, answer.headers, answer.body)
    headers = {name: value for name, value in answer.headers.items() if name != "cache-control"}
    if len(headers) < len(answer.headers):
        yield "a lost Cache-Control", Answer(answer.status, headers, answer.body)
    try:
        document = json.loads(answer.body)
    except ValueError:
        yield "other text", Answer(answer.status, answer.headers, answer.body + b"x")
        return
    for way, worse in documents(document):
        yield way, Answer(answer.status, answer.headers, json.dumps(worse).encode())


def documents(document):
    if not isinstance(document, dict):
        yield "another type", {"was": document}
        return
    yield "an added key", document | {"spoiled": 1}
    for key, value in document.items():
        yield f"the lost key {key}", {k: v for k, v in document.items() if k != key}
        yield f"another type of {key}", document | {key: [value] if not isinstance(value, list) else {"was": value}}
        if isinstance(value, dict):
            for way, worse in documents(value):
                yield f"{way} in {key}", document | {key: worse}
        if key == "errors" and value:
            worse = copy.deepcopy(document)
            worse["errors"][0] += "."
            yield "another error text", worse


def spoiled(answer, number):
    ways = list(every_way(answer))
    way, worse = ways[number % len(ways)]
    print(f"answer {number} spoiled by {way}")
    return worse
