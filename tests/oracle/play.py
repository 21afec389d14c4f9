"""Plays a scenario against OpenBao and Strongroom at once and keeps what each answered."""

import http.client
import json
import time

import servers
from tests.oracle import spoil
from tests.oracle.compare import compare, parsed
from tests.oracle.scenario import Scenario

UNTIL_SECS_MAX, UNTIL_PAUSE_SECS = 10, 0.05


class Side:
    """One server within one scenario, and what was captured from it."""

    def __init__(self, server):
        self.server, self.known = server, {"root": server.root_token or "root"}

    def captured(self):
        return sorted(((name, text) for name, text in self.known.items() if len(text) >= 8), key=lambda item: -len(item[1]))

    def ask(self, step):
        """The answer to one step, and the target that was asked."""
        headers = {name: step.filled(value, self.known) for name, value in step.headers.items()}
        if step.token != "none":
            headers["X-Vault-Token"] = step.filled("${" + step.token + "}", self.known)
        body = step.filled(step.body, self.known) if step.body is not None else None
        target = step.filled(step.target, self.known)
        deadline = time.monotonic() + UNTIL_SECS_MAX
        while True:
            answer = self.server.call(step.method, target, headers, body)
            if step.until in (None, answer.status) or time.monotonic() > deadline:
                break
            time.sleep(UNTIL_PAUSE_SECS)
        document = parsed(answer)
        for name, pointer in step.capture.items():
            self.known[name] = find(document, pointer)
        return answer, target


def find(document, pointer):
    """The value under a JSON pointer as text; a captured value that is not there compares as its absence."""
    for part in pointer.split("/")[1:]:
        if isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        elif isinstance(document, dict):
            document = document.get(part.replace("~1", "/").replace("~0", "~"))
        else:
            return "absent"
    return document if isinstance(document, str) else json.dumps(document)


class Result:
    """Both answers to one step and every difference between them; `failure` where our server gave no answer."""

    def __init__(self, step, theirs):
        self.step, self.theirs, self.ours, self.target = step, theirs, None, None
        self.failure, self.captured, self.differences = None, ((), ()), []

    def compare_with(self, ours):
        return compare(self.theirs, ours, self.step.vary, *self.captured)

    def take(self, ours, target, captured):
        self.ours, self.target, self.captured = ours, target, captured
        self.differences = self.compare_with(ours)

    def spoil(self, number):
        self.ours = spoil.spoiled(self.ours, number, self.places())
        self.differences = self.compare_with(self.ours)

    def places(self):
        return {difference.what for difference in self.differences}


class Oracle:
    """All scenarios of a run. Each is played once, on two fresh servers, when its first result is asked for."""

    def __init__(self, against_itself, spoiled):
        self.against_itself, self.played = against_itself, {}
        self.spoiled_area, _, number = (spoiled or "").partition(":")
        self.spoiled_number = int(number or 0)

    def results(self, area):
        if area not in self.played:
            self.played[area] = self.play(Scenario(area))
            if area == self.spoiled_area:
                self.played[area][self.spoiled_number].spoil(self.spoiled_number)
        return self.played[area]

    def pair(self, kind):
        reference = servers.DevOpenBao if kind == "dev" else servers.OpenBao
        ours = servers.DevStrongroom if kind == "dev" else servers.ConfiguredStrongroom
        ours = reference if self.against_itself else ours
        return reference(servers.fresh_folder("oracle-theirs")), ours(servers.fresh_folder("oracle-ours"))

    def play(self, scenario):
        theirs, ours = self.pair(scenario.server)
        theirs.launch()  # while it starts, ours does
        with ours, theirs:
            theirs.wait_for(theirs.is_up, "answer")
            left, right = Side(theirs), Side(ours)
            return [play_step(step, left, right) for step in scenario.steps]


def play_step(step, theirs, ours):
    answer, _ = theirs.ask(step)
    result = Result(step, answer)
    try:
        answer, target = ours.ask(step)
        result.take(answer, target, (theirs.captured(), ours.captured()))
    except (OSError, http.client.HTTPException) as failure:
        result.failure = repr(failure)
    return result
