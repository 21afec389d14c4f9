"""Draws comments and messages of the source at random, for somebody to read who has not seen the code.

    python3 scripts/lib/texts.py [--seed N] [--comments 40] [--messages 20]

Each must be clear at the first reading; what is not is rewritten, and so are its like. The seed is printed, so that the
same texts can be drawn again.
"""

import argparse
import random
import re
import secrets
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMENT = re.compile(r"^\s*(///|//!|//)\s?(.*)$")
# Texts that people are shown: error attributes, and calls that make an error or a warning.
MESSAGE = re.compile(r'(?:#\[error\(|(?:invalid|unavailable|denied|refused|warn!|error!|bail|Err)\([^"\n]*|format!\()"((?:[^"\\]|\\.){20,})"')
WORDS_MIN = 5
MESSAGE_WORDS_MIN = 3


def sources():
    files = subprocess.run(["git", "ls-files", "src"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in files.split() if name.endswith(".rs") and "/tests" not in name and "_tests" not in name]


def comments(name, text):
    """Blocks of comment lines, each with its first line's number and the line of code below it."""
    lines, block, start = text.split("\n"), [], 0
    for number, line in enumerate([*lines, ""], 1):
        found = COMMENT.match(line)
        if found:
            start = start if block else number
            block.append(found[2])
        elif block:
            if sum(len(part.split()) for part in block) >= WORDS_MIN:
                yield f"{name}:{start}", " ".join(block), line.strip()
            block = []


def messages(name, text):
    for found in MESSAGE.finditer(text):
        if len(re.findall(r"\b[a-z]{2,}\b", re.sub(r"\{.*?\}", "", found[1]))) < MESSAGE_WORDS_MIN:
            continue
        number = text.count("\n", 0, found.start()) + 1
        yield f"{name}:{number}", re.sub(r"\\\n\s*", "", found[1]), ""


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    words.add_argument("--comments", type=int, default=40)
    words.add_argument("--messages", type=int, default=20)
    options = words.parse_args()
    texts = {name: (ROOT / name).read_text() for name in sources()}
    draw = random.Random(options.seed)
    print(f"seed {options.seed}")
    for label, count, find in [("comment", options.comments, comments), ("message", options.messages, messages)]:
        found = [each for name, text in texts.items() for each in find(name, text)]
        for where, text, below in draw.sample(found, min(count, len(found))):
            print(f"\n{label} {where}\n  {text}" + (f"\n  → {below}" if below else ""))


if __name__ == "__main__":
    main()
