from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.house import House, house


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as running:
        yield running
