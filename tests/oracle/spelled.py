"""Asks the questions of spellings.py of OpenBao and Strongroom at once, and compares what each answers and then reads back."""

import collections
import concurrent.futures
import http.client
import json
import re
import socket

import servers
from http_api import Answer, answer_of
from tests.oracle.compare import parsed
from tests.oracle.known import GENERATED
from tests.oracle.play import Result, find
from tests.oracle.spellings import Table

AREA = GENERATED
MERGE_PATCH = "application/merge-patch+json"

Asked = collections.namedtuple("Asked", "answer read names")


class Step:
    """What a result says of its question; known differences are named by it."""

    def __init__(self, name, vary):
        self.name, self.vary = name, vary


class Side:
    """One server, on a connection that is kept, and what was captured from it for the question at hand."""

    def __init__(self, server):
        self.server, self.known, self.wire = server, {}, None

    def ask(self, entry, question, q):
        """The answer to a question, and what is read back after it."""
        self.known = {"root": self.server.root_token, "q": q}
        for before in entry.before:
            answer = self.call(entry, *before)
            if not accepted(answer):
                raise servers.Trouble(f"{entry.name}: {self.server.name} refuses {before[0]}: {answer.status} {answer.text}")
        if entry.query:
            answer = self.call(entry, f"{entry.call}?{question.field}={question.value}", token=entry.token)
        else:
            answer = self.call(entry, entry.call, question.body(entry.body), token=entry.token)
        read = self.call(entry, *entry.read, take=False) if entry.read else None
        for after in entry.after:
            self.call(entry, *after, take=False)
        names = [(name, text) for name, text in self.known.items() if name != "root" and len(text) >= 8]
        return Asked(answer, read, sorted(names, key=lambda item: -len(item[1])))

    def ask_all(self, entry, questions, number):
        return [self.ask(entry, question, f"{number}-{at}") for at, question in enumerate(questions)]

    def call(self, entry, call, body=None, token="root", take=True):
        method, path = self.filled(call).split(" ", 1)
        headers = {"X-Vault-Token": self.known.get(token, "absent"),
                   "Content-Type": MERGE_PATCH if method == "PATCH" else "application/json"}
        answer = self.exchange(method, f"/v1/{path}", None if body is None else self.filled(json.dumps(body)), headers)
        if take:
            document = parsed(answer)
            for name, pointer in entry.capture.items():
                found = find(document, pointer)
                if found != "absent":
                    self.known[name] = found
        return answer

    def filled(self, text):
        return re.sub(r"\$\{(\w+)\}", lambda found: self.known.get(found.group(1), "absent"), text)

    def exchange(self, method, target, body, headers):
        """The answer, on the kept connection. A connection that is dropped without an answer is an answer of status 0."""
        if self.wire is None:
            self.wire = self.connect()
        try:
            self.wire.request(method, target, body, headers)
            reply = self.wire.getresponse()
            answer, is_over = answer_of(reply), reply.will_close
        except (http.client.HTTPException, OSError):
            answer, is_over = Answer(0, {}, b""), True
        if is_over:
            self.hang_up()
        return answer

    def hang_up(self):
        if self.wire:
            self.wire.close()
        self.wire = None

    def connect(self):
        wire = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        wire.connect()
        wire.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return wire

    def set_up(self, calls):
        """Makes each call until it succeeds: OpenBao prepares a new mount in the background and refuses it meanwhile."""
        headers = {"X-Vault-Token": self.server.root_token, "Content-Type": "application/json"}
        for call, body in calls:
            method, path = call.split(" ")
            servers.until(lambda: accepted(self.exchange(method, f"/v1/{path}", json.dumps(body), headers)), 20, call)


def accepted(answer):
    return 200 <= answer.status < 400


def told(answer, shows=None):
    """What is compared of an answer: of a refusal the status alone, since the scenarios compare the texts of errors; else the
    body, or what stands under the pointers of `shows`."""
    if not accepted(answer):
        return Answer(answer.status, {}, b"")
    if shows is not None:
        shown = {pointer: answer.find(pointer) for pointer in shows}
        return Answer(answer.status, {}, json.dumps(shown).encode())
    return Answer(answer.status, {}, answer.body)


class Spelled(Result):
    """Both answers to one question. Where one server refuses and the other does not, that is the difference."""

    def compare_with(self, ours):
        found = super().compare_with(ours)
        return [difference for difference in found if difference.what == "status"] or found


class Spellings:
    """The answers to all questions. An entry is asked once, when its first result is wanted."""

    def __init__(self, theirs, ours, spoiled=None):
        self.table, self.sides, self.asked = Table(), (Side(theirs), Side(ours)), {}
        fields = [(entry.name, entry.query, field) for entry in self.table.entries for field in entry.fields]
        self.spoiled_key = None if spoiled is None else fields[spoiled]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda side: side.set_up(self.table.setup), self.sides))

    def hang_up(self):
        for side in self.sides:
            side.hang_up()

    def results(self, entry, field):
        """A result for each answer, and one for each value read back."""
        key = (entry.name, entry.query, field)
        if key not in self.asked:
            questions = entry.questions_on(field)
            number = f"q{len(self.asked)}"
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                answers = pool.map(lambda side: side.ask_all(entry, questions, number), self.sides)
                self.asked[key] = [result for question, theirs, ours in zip(questions, *answers)
                                   for result in compared(entry, question, theirs, ours)]
            if key == self.spoiled_key:
                first = self.asked[key][0]
                first.take(Answer(first.ours.status + 1, {}, first.ours.body), first.target, first.captured)
        return self.asked[key]


def compared(entry, question, theirs, ours):
    """The result of a question, and that of reading back where both servers accepted or both refused."""
    result = Spelled(Step(question.name, entry.vary), told(theirs.answer, entry.shows))
    result.take(told(ours.answer, entry.shows), entry.call, (theirs.names, ours.names))
    yield result
    if entry.read and accepted(theirs.answer) == accepted(ours.answer):
        result = Spelled(Step(f"{question.name}, then read", entry.vary), told(theirs.read, entry.shows))
        result.take(told(ours.read, entry.shows), entry.call, (theirs.names, ours.names))
        yield result
