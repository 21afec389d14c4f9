"""The differences we mean, from data/oracle_differences.toml: each names where it shows and why it is right.

    [[difference]]
    scenario = "kv_data"            # area
    step     = ["…", "…"]           # names of steps
    what     = ["status", "/*"]     # what differs, as a failure prints it
    theirs   = "*strconv*"          # optional: what OpenBao's value must be like
    ours     = 400                  # optional: what our value must be like, so that it cannot drift
    reason   = "…"

`*` stands for any text, also none. An entry that nothing needs fails the run, and so does a `what` or a step of it.
"""

import fnmatch
import functools
import json
import re
import tomllib

from servers import ROOT

PATH = ROOT / "data" / "oracle_differences.toml"
GENERATED = "spellings"  # the area of the generated questions
NEEDED, MAY = {"scenario", "step", "what", "reason"}, {"theirs", "ours"}


class Differences:
    def __init__(self):
        self.entries = []
        with open(PATH, "rb") as file:
            rows = tomllib.load(file).get("difference", [])
        for number, row in enumerate(rows, 1):
            if not NEEDED <= row.keys() <= NEEDED | MAY:
                raise ValueError(f"{PATH.name}: entry {number} needs {sorted(NEEDED)}, and may have {sorted(MAY)}")
            self.entries.append(Entry(row))

    def allow(self, area, step, difference):
        return any([entry.allows(area, step, difference) for entry in self.entries])

    def unused(self, area=None):
        """The parts of entries that no difference needed yet: of those for the generated questions, or of all others."""
        entries = [entry for entry in self.entries if (entry.scenarios == [GENERATED]) == (area == GENERATED)]
        return [f"{entry.row['scenario']}: {part}" for entry in entries for part in entry.idle]


class Entry:
    def __init__(self, row):
        self.row = row
        self.scenarios, self.steps, self.whats = (as_list(row[key]) for key in ("scenario", "step", "what"))
        self.idle = list(dict.fromkeys(self.scenarios + self.steps + self.whats))

    def allows(self, area, step, difference):
        places = [next((pattern for pattern in patterns if matches(text, pattern)), None)
                  for text, patterns in ((area, self.scenarios), (step, self.steps), (difference.what, self.whats))]
        if None in places or not self.is_like("theirs", difference.theirs) or not self.is_like("ours", difference.ours):
            return False
        self.idle = [part for part in self.idle if part not in places]
        return True

    def is_like(self, side, value):
        wanted = self.row.get(side)
        if isinstance(wanted, str):
            text = value if isinstance(value, str) else repr(value) if isinstance(value, bytes) or not is_json(value) else json.dumps(value)
            return matches(text, wanted)
        return wanted is None or value == wanted


def is_json(value):
    return value is None or isinstance(value, (bool, int, str, list, dict))


def as_list(value):
    return value if isinstance(value, list) else [value]


def matches(text, pattern):
    return text == pattern or compiled(pattern).fullmatch(text) is not None


@functools.cache
def compiled(pattern):
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]")), re.DOTALL)
