"""The worlds under abuse. Whatever a case did, its world must be well at the end, or the case fails there.

`world` is shared: a case must leave it usable, and a case that fails gets a new one made for the next. `fresh_world` and
`sealed_world` belong to one case.
"""

import pytest

from tests.abuse import rows, shares
from tests.abuse.world import World


class Shared:
    """The shared world, made when it is first needed, and again after a case that failed."""

    def __init__(self):
        self.world = None

    def get(self):
        if self.world is None:
            self.world = opened()
        return self.world

    def drop(self):
        if self.world:
            self.world.end()
        self.world = None


def opened():
    world = World()
    world.open()
    return world.measure()


def checked(world, request):
    """Checks the world after its case; a case that failed has said enough."""
    if not request.node.has_failed:
        world.check()


@pytest.fixture(scope="session")
def shared():
    shared = Shared()
    yield shared
    shared.drop()


@pytest.fixture
def world(shared, request):
    yield shared.get()
    try:
        checked(shared.world, request)
    except AssertionError:
        shared.drop()
        raise
    if request.node.has_failed:
        shared.drop()


@pytest.fixture
def fresh_world(request):
    world = opened()
    yield world
    try:
        checked(world, request)
    finally:
        world.end()


@pytest.fixture
def sealed_world(request):
    """Initialised and sealed; `known` has good shares and bad ones. Its case must open it."""
    world = World()
    world.initialise()
    world.known |= shares.good_and_bad(world.init)
    world.server.hang_up()
    world.measure()
    yield world
    try:
        checked(world, request)
    finally:
        world.end()


@pytest.fixture
def all_rows(world):
    return rows.of(world)
