"""What the oracle's tests share: the scenarios' answers, and the answers to generated questions."""

import pytest

import servers
from tests.oracle.play import Oracle
from tests.oracle.spelled import AREA, Spellings


@pytest.fixture(scope="session")
def oracle(request):
    return Oracle(request.config.getoption("--itself"), request.config.getoption("--spoil"))


@pytest.fixture(scope="session")
def spelled(oracle):
    """Two development servers for all generated questions."""
    ours = servers.DevOpenBao if oracle.against_itself else servers.DevStrongroom
    folders = servers.fresh_folder("spelled-theirs"), servers.fresh_folder("spelled-ours")
    with servers.DevOpenBao(folders[0]) as theirs, ours(folders[1]) as ours:
        spelled = Spellings(theirs, ours, oracle.spoiled_number if oracle.spoiled_area == AREA else None)
        yield spelled
        spelled.hang_up()
