"""Shares that are good, and shares that must be refused: foreign, empty, misprinted."""

import base64
import secrets


def good_and_bad(init):
    known = {f"share{number}": share for number, share in enumerate(init["keys_base64"])}
    foreign = secrets.token_bytes(32) + bytes([1])
    known |= {
        "foreign_share": text(foreign),
        "foreign_share_hex": foreign.hex(),
        "zero_share": text(bytes(33)),
        "x_zero_share": text(base64.b64decode(init["keys_base64"][1])[:32] + b"\0"),
        "bytes1": text(b"\1"),
        "bytes32": text(secrets.token_bytes(32)),
        "bytes34": text(secrets.token_bytes(34)),
        "typo_share": misprinted(init),
    }
    return known


def text(data):
    return base64.b64encode(data).decode()


def misprinted(init):
    """One of our checksummed shares with two characters changed places; init gives them under a key of its own."""
    for value in init.values():
        if isinstance(value, list) and value and str(value[0]).startswith("srk1-"):
            share = value[1]
            at = next(at for at in range(len(share) // 2, len(share)) if share[at] != share[at + 1])
            return share[:at] + share[at + 1] + share[at] + share[at + 2:]
    return "srk1-none-1-none-none"
