"""The ground on which the tests of the sandbox do their deeds."""

from collections.abc import Iterator

import pytest
from hostile import USERS, Ground, serving


@pytest.fixture(scope="module", params=USERS)
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    """A server of root's and one of an ordinary user's, with a neighbour; when they end, they leave nothing."""
    with serving(request.param, "--step-timeout", "2") as server:
        yield Ground(server)
