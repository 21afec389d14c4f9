"""Looks for planted values in files: plain in any case, in hex, and in base64 at all three alignments."""

import base64
import json
import pathlib

# What may stand in an audit line in clear: names, where people look for them.
CLEAR = {"request": ("path",), "auth": ("display_name", "policies", "token_policies", "metadata"), "decision": None}


def forms(value):
    """Every byte string that gives the value away. Base64 is cut to the characters that depend on the value alone."""
    data = value.encode()
    found = {data.lower(), data.hex().encode()}
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + data)
        first = -(-shift * 8 // 6)
        last = (shift + len(data)) * 8 // 6
        for variant in (text[first:last], text[first:last].replace(b"+", b"-").replace(b"/", b"_")):
            found.add(variant)
    return found


class Needles:
    """Values to look for. Many values with one beginning are one needle, their beginning: what was found is shown with what follows it."""

    def __init__(self, values):
        shapes = [(shape, value) for value in values for shape in forms(value)]
        blind = {shape for value in values for shape in (value.encode().lower(), value.encode().hex().encode())}
        self.plain = [shape for shape, _ in shapes if shape in blind]
        self.exact = [shape for shape, _ in shapes if shape not in blind]

    def found_in(self, data):
        """What stands there, with the bytes that follow; each place of a kind once."""
        lowered, found = data.lower(), set()
        for text, shapes in ((lowered, self.plain), (data, self.exact)):
            for shape in shapes:
                at = text.find(shape)
                while at >= 0:
                    found.add(text[at:at + len(shape) + 40])
                    at = text.find(shape, at + len(shape))
        return found


def in_files(folder, needles, skip=()):
    """(file, value) for each planted value found below a folder."""
    hits = []
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.is_file() and not path.is_symlink() and path not in skip:
            hits += [(str(path), value) for value in needles.found_in(path.read_bytes())]
    return hits


def in_audit(path, needles, from_byte=0):
    """As `in_files`, for the lines of an audit file: the clear fields are taken out first."""
    hits = []
    with open(path, "rb") as file:
        file.seek(from_byte)
        for line in file:
            if not needles.found_in(line):
                continue
            document = json.loads(line)
            for group, fields in CLEAR.items():
                if fields is None:
                    document.pop(group, None)
                elif isinstance(document.get(group), dict):
                    for field in fields:
                        document[group].pop(field, None)
            hits += [(f"{pathlib.Path(path).name} {place}", context) for place, text in leaves(document, "")
                     for context in needles.found_in(text.encode())]
    return hits


def leaves(value, place):
    """(place, text) of every key and value within a document."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{place} (a key)", key
            yield from leaves(inner, f"{place}/{key[:40]}")
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, f"{place}/*")
    elif isinstance(value, str):
        yield place, value
