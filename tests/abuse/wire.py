"""HTTP over raw sockets: what is sent is sent as written, since clients resolve dots and tidy headers themselves."""

import socket
import ssl

from http_api import Answer

READ_SECS_MAX = 20


class Reply(Answer):
    """A reply as read: all header lines in order, and status 0 where the server closed without a reply."""

    def __init__(self, status=0, pairs=(), body=b""):
        self.pairs = list(pairs)
        super().__init__(status, {name.lower(): value for name, value in self.pairs}, body)

    def header(self, name):
        return self.headers.get(name)


class Wire:
    """One connection, from a loopback address of the caller's choice, so that one case's refusals are not another's."""

    def __init__(self, port, tls=None, source="127.0.0.1", receive_bytes=None):
        """`tls` is a context; without one the bytes go as they are."""
        raw = socket.socket()
        if receive_bytes:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        raw.bind((source, 0))
        raw.settimeout(READ_SECS_MAX)
        raw.connect(("127.0.0.1", port))
        self.socket, self.rest = raw, b""
        if tls:
            self.socket = tls.wrap_socket(raw, server_hostname="127.0.0.1")

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        try:
            return self.socket.recv(65536)
        except (ConnectionError, ssl.SSLError):
            return b""

    def read(self, head_only=False):
        while b"\r\n\r\n" not in self.rest:
            more = self.receive()
            if not more:
                return Reply()
            self.rest += more
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines]
        reply = Reply(int(first.split(" ")[1]), headers)
        if head_only or reply.status in (204, 304):
            return reply
        if (reply.header("transfer-encoding") or "").lower() == "chunked":
            reply.body = self.read_chunks()
        elif reply.header("content-length") is not None:
            reply.body = self.read_exactly(int(reply.header("content-length")))
        else:
            while more := self.receive():
                self.rest += more
            reply.body, self.rest = self.rest, b""
        return reply

    def read_exactly(self, size):
        while len(self.rest) < size:
            more = self.receive()
            if not more:
                break
            self.rest += more
        body, self.rest = self.rest[:size], self.rest[size:]
        return body

    def read_line(self):
        while b"\r\n" not in self.rest:
            more = self.receive()
            if not more:
                break
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\r\n")
        return line

    def read_chunks(self):
        body = b""
        while size := int(self.read_line().split(b";")[0] or b"0", 16):
            body += self.read_exactly(size)
            self.read_line()
        self.read_line()
        return body

    def is_closed_within(self, secs):
        """Whether the server ends the connection (data that still comes is read away)."""
        self.socket.settimeout(secs)
        try:
            while self.socket.recv(65536):
                pass
            return True
        except (TimeoutError, ssl.SSLWantReadError):
            return False
        except (ConnectionError, ssl.SSLError):
            return True

    def close(self):
        try:
            self.socket.close()
        except OSError:
            pass


def request(method, target, headers=(), body=None, host="127.0.0.1"):
    """The bytes of a request. Headers are pairs; a body gets its Content-Length."""
    lines = [f"{method} {target} HTTP/1.1".encode("utf-8", "surrogateescape"), f"Host: {host}".encode()]
    lines += [f"{name}: {value}".encode("utf-8", "surrogateescape") for name, value in headers]
    payload = body.encode() if isinstance(body, str) else body
    if payload is not None or method in ("POST", "PUT", "PATCH"):
        lines.append(b"Content-Length: " + str(len(payload or b"")).encode())
    return b"\r\n".join(lines) + b"\r\n\r\n" + (payload or b"")
