#!/usr/bin/env python3
"""Writes docs/reference/compatibility.md from data/rows.txt and data/oracle_differences.toml.

test_oracle.py fails while the page is not what this program would write.
"""

import collections
import pathlib
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "compatibility.md"

HEAD = """# Compatibility with Vault's API

Made from `data/rows.txt` and `data/oracle_differences.toml` by `tests/oracle/document.py`; change those, not this page.

Whatever is listed under "Rows" is answered as OpenBao 2.7.2 answers it, except `service_tokens`,
`sys/internal/explain` and `sys/internal/specs/rows`, which are our own:
status, keys, JSON types, error texts and the headers that clients read are compared by `scripts/test oracle`. Where the answers differ, the difference and its reason
stand under "Differences". A request for anything else is refused by name or answered as an unknown path, never ignored.
"""


def page():
    text = [HEAD, "## Rows\n"]
    mounts = collections.OrderedDict()
    for line in (ROOT / "data" / "rows.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        row, _, help_line = line.partition(" | ")
        verb, _, path = row.partition(" ")
        mount = "/".join(path.split("/")[: 2 if path.startswith("auth/") else 1])
        mounts.setdefault(mount, []).append((path, verb, help_line))
    for mount, rows in mounts.items():
        text.append(f"### `{mount}/`\n\n| path | verb | |\n|---|---|---|")
        text += [f"| `{path}` | {verb} | {help_line} |" for path, verb, help_line in rows]
        text.append("")
    text.append("## Differences\n\n`*` stands for all of them. Areas and calls are those of `tests/oracle/scenarios`; the calls of the area `spellings` are made by `tests/oracle/spellings.py`.\n")
    text.append("| why | area | calls | what differs |\n|---|---|---|---|")
    rows = tomllib.loads((ROOT / "data" / "oracle_differences.toml").read_text())["difference"]
    for row in sorted(rows, key=lambda row: (row["reason"], str(row["scenario"]))):
        text.append(f"| {cell([row['reason']], plain=True)} | {cell(row['scenario'])} | {cell(row['step'])} | {cell(row['what'])} |")
    return "\n".join(text) + "\n"


def cell(value, plain=False):
    items = value if isinstance(value, list) else [value]
    shown = items[:6] + ([f"… {len(items) - 6} more"] if len(items) > 6 else [])
    escaped = [str(item).replace("|", "\\|").replace("\n", " ") for item in shown]
    return ", ".join(escaped if plain else [f"`{item}`" if not item.startswith("… ") else item for item in escaped])


if __name__ == "__main__":
    PAGE.write_text(page())
