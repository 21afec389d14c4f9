"""The mixed writes of scripts/crash, and what each writer must find again: every key, token and policy belongs to one
writer, so that after a kill there is one right answer, or two where a request was under way."""

import random
import threading

from http_api import Broken, Refused

NOTHING = object()  # no request was under way
GONE = None  # deleted, or never there


class Held:
    """What was acknowledged last for one name, and what the request under way at the kill would make of it."""

    def __init__(self, acked=GONE, version=0):
        self.acked, self.version, self.pending = acked, version, NOTHING

    def allows(self, found):
        return found == self.acked or (self.pending is not NOTHING and found == self.pending)

    def settle(self, found, version=None):
        self.acked, self.pending = found, NOTHING
        self.version = self.version if version is None else version


class Token:
    LIVE, REVOKED, UNSURE = "live", "revoked", "unsure"

    def __init__(self, text):
        self.text, self.state = text, Token.LIVE


class Writer(threading.Thread):
    """Writes until the connection breaks. `acknowledged` lists (request id or None, path) of each change."""

    KEYS = 40

    def __init__(self, number, api, caller, seed):
        super().__init__(daemon=True)
        self.number, self.api, self.caller = number, api, caller
        self.random = random.Random(seed)
        self.keys, self.policies, self.tokens = {}, {}, []
        self.touched, self.acknowledged, self.failure, self.counter = set(), [], None, 0

    def again(self, api):
        """A writer for the next cycle that remembers everything."""
        heir = Writer(self.number, api, self.caller, self.random.random())
        heir.keys, heir.policies, heir.tokens, heir.counter = self.keys, self.policies, self.tokens, self.counter
        return heir

    def run(self):
        steps = [(self.put, 8), (self.delete, 1), (self.login, 4), (self.create, 2), (self.revoke, 2), (self.policy, 2)]
        kinds, weights = zip(*steps)
        try:
            while True:
                self.random.choices(kinds, weights)[0]()
        except Broken:
            pass
        except (Refused, KeyError) as cause:
            self.failure = cause

    def next(self):
        self.counter += 1
        return self.counter

    def change(self, method, path, body=None, token=None):
        answer = self.api.ask(method, path, body, token)
        self.acknowledged.append((answer.request_id, path))
        return answer

    def put(self):
        name = f"crash/w{self.number}/k{self.random.randrange(self.KEYS)}"
        held = self.keys.setdefault(name, Held())
        value = f"{self.number}-{self.next()}-" + "v" * self.random.choice([8, 200, 3000])
        held.pending = value
        self.touched.add(name)
        version = self.change("POST", f"secret/data/{name}", {"data": {"value": value}}).data["version"]
        if version != held.version + 1:
            raise Refused("POST", name, version, f"version after {held.version}".encode())
        held.settle(value, version)

    def delete(self):
        live = [name for name, held in self.keys.items() if held.acked is not GONE and held.pending is NOTHING]
        if live:
            name = self.random.choice(live)
            self.keys[name].pending = GONE
            self.touched.add(name)
            self.change("DELETE", f"secret/data/{name}")
            self.keys[name].settle(GONE)

    def login(self):
        answer = self.change("POST", "auth/approle/login", self.caller.login_body(), "")
        self.tokens.append(Token(answer.auth["client_token"]))

    def create(self):
        answer = self.change("POST", "auth/token/create", {"policies": ["bench"], "ttl": "2h"})
        self.tokens.append(Token(answer.auth["client_token"]))

    def revoke(self):
        live = [token for token in self.tokens[-60:] if token.state == Token.LIVE]
        if live:
            token = self.random.choice(live)
            token.state = Token.UNSURE
            self.change("POST", "auth/token/revoke-self", token=token.text)
            token.state = Token.REVOKED

    def policy(self):
        name = f"crash-w{self.number}-{self.random.randrange(10)}"
        held = self.policies.setdefault(name, Held())
        text = f'path "secret/data/crash/{self.next()}" {{ capabilities = ["read"] }}'
        held.pending = text
        self.touched.add(name)
        self.change("PUT", f"sys/policies/acl/{name}", {"policy": text})
        held.settle(text)

    def check(self, api, everything):
        """Compares what the server has with what was acknowledged; yields a sentence for each loss."""
        for name, held in self.keys.items():
            if everything or name in self.touched:
                yield from check_key(api, name, held)
        for name, held in self.policies.items():
            if everything or name in self.touched:
                answer = api.ask("GET", f"sys/policies/acl/{name}", expect=(200, 404))
                found = answer.data.get("policy", GONE)
                if not held.allows(found):
                    yield f"policy {name} is not as acknowledged"
                held.settle(found)
        for token in self.tokens if everything else self.tokens[-80:]:
            yield from check_token(api, token)


def check_key(api, name, held):
    answer = api.ask("GET", f"secret/data/{name}", expect=(200, 404))
    found, meta = (answer.data.get("data") or {}).get("value", GONE), answer.data.get("metadata") or {}
    version, newest = meta.get("version", 0), held.version + (held.pending not in (NOTHING, GONE))
    if not held.allows(found):
        yield f"key {name} is not as acknowledged (version {held.version}, found {version})"
    elif not held.version <= version <= newest:
        yield f"key {name} has version {version} and not {held.version}"
    held.settle(found, version)


def check_token(api, token):
    status = api.ask("GET", "auth/token/lookup-self", token=token.text, expect=(200, 403)).status
    if token.state == Token.LIVE and status != 200:
        yield "a token of an acknowledged login or creation is dead"
    if token.state == Token.REVOKED and status != 403:
        yield "a revoked token is served"
    token.state = Token.LIVE if status == 200 else Token.REVOKED
