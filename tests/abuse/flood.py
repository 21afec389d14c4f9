"""Many requests from one address, as fast as some connections allow."""

import collections
import threading

THREADS = 4


class Flood:
    """Sends the same bytes again and again over a few kept connections, and counts the statuses (0: closed)."""

    def __init__(self, world, data, source=None):
        self.world, self.data, self.source = world, data, source or world.next_source()
        self.statuses, self.lock, self.sent, self.is_over = collections.Counter(), threading.Lock(), 0, threading.Event()

    def send(self, times, until=None):
        """So many requests; fewer if an answer has the status `until`."""
        self.start(times, until)
        return self.wait()

    def start(self, times=None, until=None):
        """Begins and goes on in the background; without `times` until `stop`."""
        self.threads = [threading.Thread(target=self.run, args=(times, until)) for _ in range(THREADS)]
        for thread in self.threads:
            thread.start()

    def wait(self):
        for thread in self.threads:
            thread.join()
        return self.statuses

    def stop(self):
        self.is_over.set()
        return self.wait()

    def take_turn(self, times):
        with self.lock:
            self.sent += 1
            return not self.is_over.is_set() and (times is None or self.sent <= times)

    def run(self, times, until):
        wire = None
        while self.take_turn(times):
            wire = wire or self.world.wire(self.source)
            status, stays = self.ask(wire)
            with self.lock:
                self.statuses[status] += 1
            if status == until:
                self.is_over.set()
            if not stays:
                wire.close()
                wire = None
        if wire:
            wire.close()

    def ask(self, wire):
        """The status, and whether the connection stays."""
        try:
            wire.send(self.data)
            reply = wire.read()
        except OSError:
            return 0, False
        return reply.status, reply.status != 0 and (reply.header("connection") or "").lower() != "close"
