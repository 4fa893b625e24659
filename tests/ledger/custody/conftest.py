"""A furnished cellar for each test: `cellar` on files, `any_cellar` on SQLite and PostgreSQL."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ledger.databases import Databases
from tests.ledger.custody.cellar import Cellar, open_cellar


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory to copy: the migrations take longer than most of these tests."""
    data_dir = tmp_path_factory.mktemp("cellar")

    async def furnish() -> None:
        async with open_cellar(data_dir) as cellar:
            await cellar.furnish()

    asyncio.run(furnish())
    return data_dir


@pytest.fixture
async def cellar(furnished: Path, tmp_path: Path) -> AsyncIterator[Cellar]:
    shutil.copytree(furnished, tmp_path / "data")
    async with open_cellar(tmp_path / "data") as found:
        yield found


@pytest.fixture
async def any_cellar(tmp_path: Path, databases: Databases) -> AsyncIterator[Cellar]:
    async with open_cellar(tmp_path, databases.shop) as found:
        await found.furnish()
        yield found
