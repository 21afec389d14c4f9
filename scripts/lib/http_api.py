"""Vault's HTTP API as scripts and tests speak it: one answer type, and a client with one kept connection a thread."""

import http.client
import json
import ssl
import threading
from urllib.parse import urlsplit


class Broken(Exception):
    """The connection ended without an answer: whether the request took effect is not known."""


class Refused(Exception):
    """An answer that the caller did not expect."""

    def __init__(self, method, path, status, body):
        super().__init__(f"{method} {path}: {status} {body}")
        self.status = status


class Answer:
    """Status, headers by lower-case name, and the bytes of the body."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode(errors="replace")

    @property
    def document(self):
        """The body as JSON; an empty map where it is not JSON."""
        try:
            return json.loads(self.body) if self.body else {}
        except ValueError:
            return {}

    @property
    def data(self):
        return self.document.get("data") or {}

    @property
    def auth(self):
        return self.document.get("auth") or {}

    @property
    def request_id(self):
        return self.document.get("request_id") or None

    def find(self, pointer):
        """The value under a JSON pointer, None where there is none."""
        here = self.document
        for part in pointer.split("/")[1:]:
            if isinstance(here, list) and part.isdigit() and int(part) < len(here):
                here = here[int(part)]
            elif isinstance(here, dict):
                here = here.get(part.replace("~1", "/").replace("~0", "~"))
            else:
                return None
        return here


def answer_of(reply):
    """Reads what http.client received."""
    return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())


class Api:
    """`ca` is a PEM file; without one the certificate is not checked. An http:// address is asked without TLS."""

    def __init__(self, address, ca=None, token=None, timeout=30):
        self.address, self.ca, self.token, self.timeout = address, ca, token, timeout
        self.local = threading.local()
        if ca:
            self.tls = ssl.create_default_context(cafile=ca)
        else:
            self.tls = ssl.create_default_context()
            self.tls.check_hostname = False
            self.tls.verify_mode = ssl.CERT_NONE

    def call(self, method, path, body=None, token=None):
        """The answer, whatever its status. Nothing is tried twice. Raises Broken."""
        headers = {"Content-Type": "application/json"}
        token = token if token is not None else self.token
        if token:
            headers["X-Vault-Token"] = token
        payload = None if body is None else json.dumps(body)
        try:
            connection = self._connection()
            connection.request(method, f"/v1/{path}", payload, headers)
            reply = connection.getresponse()
            answer = answer_of(reply)
            if reply.will_close:
                self.hang_up()
            return answer
        except (OSError, http.client.HTTPException) as cause:
            self.hang_up()
            raise Broken(f"{method} {path}: {cause!r}") from cause

    def ask(self, method, path, body=None, token=None, expect=(200, 204)):
        """The answer if its status is among `expect`. Raises Refused and Broken."""
        answer = self.call(method, path, body, token)
        if answer.status not in expect:
            raise Refused(method, path, answer.status, answer.body[:400])
        return answer

    def hang_up(self):
        connection = getattr(self.local, "connection", None)
        if connection:
            connection.close()
        self.local.connection = None

    def _connection(self):
        connection = getattr(self.local, "connection", None)
        if connection is None:
            where = urlsplit(self.address)
            if where.scheme == "https":
                connection = http.client.HTTPSConnection(
                    where.hostname, where.port, context=self.tls, timeout=self.timeout
                )
            else:
                connection = http.client.HTTPConnection(where.hostname, where.port, timeout=self.timeout)
            self.local.connection = connection
        return connection
