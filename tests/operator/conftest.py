"""Small file systems that can be filled."""

import contextlib
import ctypes
import os
import subprocess

import pytest

import servers

CLONE_NEWUSER, CLONE_NEWNS = 0x10000000, 0x20000


@pytest.fixture(scope="session")
def may_mount():
    """A mount needs root: whoever is not gets a namespace of their own, for the rest of the run."""
    if os.geteuid() == 0:
        return
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
        pytest.fail(f"a file system cannot be mounted here: {os.strerror(ctypes.get_errno())}; run this as root")
    for file, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{file}", "w") as map_file:
            map_file.write(text)


class Disk:
    """A file system of its own."""

    def __init__(self, path):
        self.path = path

    def fill(self, leave=0):
        """Leaves so many bytes."""
        with open(self.path / "filler", "wb", buffering=0) as filler:
            for size in (1 << 20, 4096, 1):
                with contextlib.suppress(OSError):
                    while True:
                        filler.write(b"\0" * size)
            filler.truncate(filler.tell() - leave)

    def make_room(self):
        (self.path / "filler").unlink()


@pytest.fixture
def make_disk(may_mount):
    """Makes a disk of a size, such as `1m`, that goes away with all that is in it."""
    places = []

    def make(size):
        place = servers.fresh_folder("disk")
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", place], check=True)
        places.append(place)
        return Disk(place)

    yield make
    for place in places:
        subprocess.run(["umount", "-l", place], check=True)
