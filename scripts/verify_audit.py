#!/usr/bin/env python3
"""Verifies an audit log with nothing but SHA-256 and Ed25519, independently of the broker's own code.

  verify_audit.py PUBLIC_KEY FILE...       files in the order in which they were written
  verify_audit.py --kept NOTE PUBLIC_KEY FILE...     also holds the log to a signed head that was kept elsewhere
  verify_audit.py --fixtures DIR           every DIR/good-* must pass and every DIR/bad-* fail (key and kept inside)

Exit code 0: proved; 8: changed, with the first problem; 11: not proved, with what is missing.
"""
import base64, hashlib, json, pathlib, sys
from datetime import datetime
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


KEYLESS = {"seq", "prev", "time", "type", "request", "response", "plain"}
KINDS = {"request", "response", "head", "tail", "key", "frontier", "checkpoint", "torn", "gap", "unreadable"}


BEHIND_LINES_MAX, BEHIND_SECS_MAX = 2000, 60  # a running server leaves no more unsigned


class Bad(Exception):
    pass


class Missing(Exception):
    """No line is wrong, but this is missing for a proof."""


class Log:
    """What is known of one log."""

    def __init__(self, name, first, replaced):
        self.name, self.first, self.replaced = name, first, replaced
        self.proved, self.size, self.signed_at, self.last_at = 0, first - 1, None, None
        self.is_replaced = False
        self.open = None  # after a final head, until a `key` line: the requests whose outcomes may follow

    def check_sealed(self, line, number):
        """After a final head the server has no keys, and writes few kinds of lines."""
        kind, asked, plain = line.get("type"), line.get("request", {}), "plain" in line
        if kind == "key":
            self.open = None
        if self.open is None:
            return
        said, status = set(line) - {"seq", "prev", "time", "type", "request"}, line.get("response", {}).get("status", 0)
        recorded, count = asked.get("path") in ("sys/init", "sys/unseal"), plain and "count" in line["plain"]
        allowed = kind in ("head", "tail", "torn", "gap")
        if plain and set(asked) <= {"id", "operation", "path", "remote_address"} and not line.keys() - KEYLESS:
            unpaired = not asked.get("id") and (asked.get("path") == "" if count else status >= 400)
            allowed |= kind == "request" and recorded and said == {"plain"}
            allowed |= kind == "response" and (recorded or unpaired)
        elif kind == "response" and set(asked) == {"id"} and said in ({"response"}, {"closed"}) and asked["id"] in self.open:
            self.open.remove(asked["id"])
            allowed = True
        if not allowed:
            raise Bad(f"line {number}: the server did not write it")

    def doubts(self, kept_size):
        if self.first > 1 and kept_size + 1 < self.first:
            yield f"log {self.name} begins at line {self.first}"
        if not self.proved:
            yield f"log {self.name} has no signed head"
        elif self.open is None and (self.size - self.proved > BEHIND_LINES_MAX or self.secs_behind() > BEHIND_SECS_MAX):
            yield f"log {self.name} goes on for {self.size - self.proved} lines after its last signed head"

        if self.is_replaced and self.open is None and self.proved and self.size > self.proved:
            yield f"the last {self.size - self.proved} lines of log {self.name}, which another log replaced, are not signed"

    def secs_behind(self):
        at = [datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00") for text in (self.signed_at, self.last_at)]
        return (at[1] - at[0]).total_seconds()


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def grow(edge, size, node):  # RFC 6962: the right edge of the tree after one more leaf
    while size & 1:
        node, size = sha(b"\x01", edge.pop(), node), size >> 1
    edge.append(node)


def root(edge):
    node = edge[-1] if edge else sha()
    for left in reversed(edge[:-1]):
        node = sha(b"\x01", left, node)
    return node


def check_head(text, key, size, edge, origin, line):  # C2SP tlog-checkpoint in a signed note
    name, count, hash64, *final, empty, signed = text.rstrip("\n").split("\n")
    mark, signer, blob = signed.split(" ")
    raw, key_id = base64.b64decode(blob, validate=True), sha(name.encode(), b"\n\x01", key)[:4]
    if (mark, signer, empty) != ("—", name, "") or raw[:4] != key_id or origin not in (None, name) or final not in ([], ["final"]):
        raise Bad(f"line {line}: a head of another key or name")
    Ed25519PublicKey.from_public_bytes(key).verify(raw[4:], "".join(f"{part}\n" for part in (name, count, hash64, *final)).encode())
    if int(count) == size and base64.b64decode(hash64) != root(edge):
        raise Bad(f"line {line}: the signed root is another one")
    return name, int(count), bool(final)


def is_json(raw):
    try:
        json.loads(raw)
        return True
    except ValueError:
        return False


def verify(key, files, kept=None):
    size, prev, edge, origin, proved, torn, log, kept_seen, logs = 0, "0" * 64, [], None, 0, 0, None, not kept, []
    foreign, open_requests = None, []
    kept_name, kept_size = (kept.split("\n")[0].split("/")[1].split(".")[-1], int(kept.split("\n")[1])) if kept else ("", 0)
    for path in files:
        lines = pathlib.Path(path).read_bytes().split(b"\n")
        for n, raw in enumerate(lines[:-1] if lines[-1] == b"" else lines):
            try:
                line = json.loads(raw)
                starts = b'{"seq":%d,"prev":"%s",' % (line["seq"], line["prev"].encode())
                line = line if raw.startswith(starts) else {}
            except (ValueError, KeyError, TypeError, AttributeError):
                line = {}
            kind = line.get("type")
            if kind == "head" and line["seq"] == 1:  # another log begins
                if torn > 1 and line["reason"] != "sync failed":
                    raise Bad(f"the last {torn} lines before log {line['log']} do not belong to their log")
                for own in logs:
                    if own.name == line.get("old_log"):
                        own.is_replaced = True
                        if own.size < line["old_lines"]:
                            raise Bad(f"line {own.size + 1} of log {own.name}: cut off, the next log says so")
                        if own.size > line["old_lines"] and line["reason"] != "sync failed" and foreign is None:
                            foreign = f"line {line['old_lines'] + 1} of log {own.name}: the server did not write it"
                size, prev, edge, origin, proved, torn = 0, "0" * 64, [], None, 0, 0
            elif kind == "head" and size == 0:  # older files are not at hand
                size, prev, edge = line["size"], line["prev"], [bytes.fromhex(node) for node in line["frontier"]]
            log = line["log"] if kind == "head" else log
            if kind == "head" and "foreign" in line and foreign is None:
                foreign = f"line {line['foreign']['first']} of log {line['old_log']}: the server did not write it"
            if kind == "head" and not any(own.name == log for own in logs):
                logs.append(Log(log, line["seq"], line.get("old_log")))
            fits = (line.get("seq"), line.get("prev")) == (size + 1, prev)
            if fits and kind == "torn" and line["lines"] == torn:
                torn = 0
            elif not fits or (torn and kind != "head"):
                torn += 1
            elif kind not in KINDS:
                raise Bad(f"line {size + 1}: of no known type")
            elif kind == "checkpoint":
                logs[-1].check_sealed(line, size + 1)
                origin, count, final = check_head(line["checkpoint"], key, size, edge, origin, size + 1)
                logs[-1].open = list(open_requests) if final else None
                again = json.dumps(line["checkpoint"], ensure_ascii=False).encode()
                if count != size or raw != starts + b'"type":"checkpoint","checkpoint":' + again + b"}":
                    raise Bad(f"line {size + 1}: not as it was written")
                proved = size + 1
            elif kind in ("head", "frontier") and line["frontier"] != [node.hex() for node in edge]:
                raise Bad(f"line {size + 1}: names another right edge")
            elif logs:
                logs[-1].check_sealed(line, size + 1)
            if kind == "frontier":
                open_requests = line["open"]
            if logs and fits and not torn:
                own = logs[-1]
                own.last_at = line.get("time", own.last_at)
                if kind == "checkpoint":
                    own.proved, own.signed_at = size + 1, own.last_at
            leaf = sha(b"\x00", raw)
            grow(edge, size, leaf)
            if logs:
                logs[-1].size = size + 1
            size, prev = size + 1, leaf.hex()
            if kept_name == log and kept_size == size:
                kept_seen = check_head(kept, key, size, edge, origin, size)
    if torn > 1 or (torn and (lines[-1] == b"" or is_json(raw))):
        raise Bad(f"the last {torn} lines do not belong to the log")
    if foreign:
        raise Bad(foreign)
    names = [own.name for own in logs]
    if not kept_seen and kept_name in names:
        raise Bad(f"line {size + 1}: cut off, a kept head covers it")
    missing = [doubt for own in logs for doubt in own.doubts(kept_size if own.name == kept_name else 0)]
    missing += [f"log {own.replaced} is not here" for own in logs if own.replaced and own.replaced not in names]
    missing += [] if kept_seen else [f"log {kept_name} is not here"]
    if missing or not logs:
        raise Missing("; ".join(missing) or "there is no line")
    return proved, size


def fixtures(directory):
    counts = {"good": 0, "bad": 0}
    for case in sorted(pathlib.Path(directory).iterdir()):
        key = base64.b64decode((case / "key").read_text())
        kept = (case / "kept").read_text() if (case / "kept").exists() else None
        try:
            result = "good", verify(key, sorted(case.glob("*.log")), kept)
        except Missing as problem:
            result = "good" if case.name.startswith("good") else "bad", repr(problem)
        except (Bad, InvalidSignature, ValueError) as problem:
            result = "bad", repr(problem)
        print(case.name, *result)
        if not case.name.startswith(result[0]):
            sys.exit(f"{case.name}: judged {result[0]}")
        counts[result[0]] += 1
    sys.exit(None if all(counts.values()) else "no fixtures")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[:1] == ["--fixtures"] and len(arguments) == 2:
        fixtures(arguments[1])
    kept = pathlib.Path(arguments[1]).read_text() if arguments[:1] == ["--kept"] else None
    arguments = arguments[2:] if kept else arguments
    if len(arguments) < 2:
        sys.exit(__doc__)
    try:
        print("proved to line %d, consistent to line %d" % verify(base64.b64decode(arguments[0]), arguments[1:], kept))
    except Missing as problem:
        print(f"not proved: {problem}", file=sys.stderr)
        sys.exit(11)
    except (Bad, InvalidSignature, ValueError) as problem:
        print(f"changed: {problem!r}", file=sys.stderr)
        sys.exit(8)
