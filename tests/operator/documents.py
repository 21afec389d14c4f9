"""The blocks of commands in README.md and the guides, and a person who types them at a terminal in an empty folder."""

import re
from typing import NamedTuple

import servers
from tests.operator.terminal import READY, Terminal

PAGES = ["README.md", *sorted(f"docs/guides/{path.name}" for path in (servers.ROOT / "docs" / "guides").glob("*.md"))]
DATA = "/var/lib/strongroom"  # what the pages call the data folder
ASKS_FOR_SHARE = r"share \(is not shown\): $"
ASKS_FOR_VALUE = r"\(is not shown\): $"
STARTED = r"VAULT_CACERT=\S+\n(?s:.)*started"
SECRET = "example-of-a-key-that-nobody-uses"


class Block(NamedTuple):
    page: str
    heading: str
    language: str
    text: str

    def commands(self):
        """The commands of the block: a line each, with the lines that a backslash or a here-document adds."""
        commands, lines = [], iter(self.text.splitlines())
        for line in lines:
            command = line
            if end := re.search(r"<<-?'?(\w+)'?", line):
                while not command.endswith(f"\n{end[1]}"):
                    command += "\n" + next(lines)
            while command.endswith("\\"):
                command += "\n" + next(lines)
            if line.strip() and not line.startswith("#"):
                commands.append(command)
        return commands


def blocks(page):
    """All blocks of a page, in order."""
    found, heading = [], ""
    text = (servers.ROOT / page).read_text()
    for part in re.finditer(r"^## (?P<heading>[^\n]+)$|^```(?P<language>\w*)\n(?P<text>.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if part["heading"]:
            heading = part["heading"]
        else:
            found.append(Block(page, heading, part["language"], part["text"]))
    return found


def commands_under(page, heading):
    """The blocks of commands under a heading."""
    return [block for block in blocks(page) if block.heading == heading and block.language == "sh"]


class Reader:
    """Somebody who has an empty folder and the program, and types what a page shows."""

    def __init__(self, folder):
        self.folder, self.data, programs = folder, folder / "data", folder / "bin"
        programs.mkdir()
        (programs / "strongroom").symlink_to(servers.strongroom_path())
        self.work = folder / "work"
        self.work.mkdir()
        self.address = f"127.0.0.1:{servers.free_port()}"
        self.terminal, self.shares, self.given, self.typed = Terminal(self.work, programs), [], 0, 0
        self.serves = False

    def here(self, command):
        """The command with the folder and the address of this run in place of those of the page."""
        command = command.replace(DATA, str(self.data))
        return re.sub(r"(strongroom server --data \S+)(?! --listen)", rf"\1 --listen {self.address}", command)

    def type_block(self, block):
        """Types each command and holds it to its exit code: 0, or the one that its comment names. Returns what was shown."""
        return [self.type(command) for command in block.commands()]

    def type(self, command):
        self.typed += 1
        expected = re.search(r"# .*ends with (\d+)", command)
        if command.startswith("strongroom server"):
            return self.serve(command)
        if command.startswith("strongroom operator unseal"):
            shown = self.unseal(command)
        elif re.match(r"strongroom kv put \S+ \w+(?: *#.*)?$", command):
            self.terminal.type(command, ASKS_FOR_VALUE)
            shown = self.terminal.type_hidden(SECRET)
        else:
            shown = self.terminal.type(self.here(command))
        code = self.terminal.code()
        assert code == int(expected[1] if expected else 0), f"{command}\nended with {code}:\n{shown}"
        if command.startswith("strongroom operator init"):
            self.shares = re.findall(r"srk1-\S+", shown)
        return shown

    def serve(self, command):
        """A server in the background. Where one runs already, the machine was stopped in between."""
        self.stop()
        shown = self.terminal.type(self.here(command), STARTED)
        self.serves, self.given = True, 0
        for line in re.findall(r"^ *(export VAULT_\w+=\S+)$", shown, re.MULTILINE):
            self.terminal.type(line)
        return shown

    def stop(self):
        if self.serves:
            self.terminal.type("kill %%; wait")
            self.serves = False

    def restart(self):
        self.serve(f"strongroom server --data {DATA} &")

    def unseal(self, command):
        """Each holder types the command; the page shows it once."""
        while True:
            self.terminal.type(command, ASKS_FOR_SHARE)
            shown = self.terminal.type_hidden(self.shares[self.given])
            self.given += 1
            if re.search(r"^unsealed", shown, re.MULTILINE):
                return shown
            assert "more needed" in shown, shown
            self.typed += 1

    def end(self):
        self.terminal.type("kill %%; wait") if self.serves else None
        self.terminal.end()
