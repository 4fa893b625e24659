"""How thorough the property tests are, and the databases that tests run on.

`--hypothesis-profile=long` is for a release.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from ledger.databases import Databases, databases_of
from tests import postgresql

settings.register_profile("default", max_examples=300, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", max_examples=10_000, suppress_health_check=list(HealthCheck))
settings.load_profile("default")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    with postgresql.server() as url:
        yield url


@pytest.fixture
def postgresql_url(postgresql_server: str) -> str:
    """An empty PostgreSQL database."""
    postgresql.empty(postgresql_server)
    return postgresql_server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """None for files of the data directory, or an empty PostgreSQL database: for tests that run on both."""
    return request.getfixturevalue("postgresql_url") if request.param == "postgresql" else None


@pytest.fixture
def databases(database_url: str | None, tmp_path: Path) -> Databases:
    """An exchange's databases, nothing in them yet, on SQLite and PostgreSQL."""
    return databases_of(tmp_path, database_url)
