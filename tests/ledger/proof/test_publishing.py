"""Proofs made from real books, and checked by somebody who knows the page and nothing of our code."""

import hashlib
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from engine.commands import CASH, Deposit, List, Withdraw
from ledger.databases import databases_of
from ledger.days import date_of, start_of
from ledger.errors import LedgerError
from ledger.proof.commitment import verify
from ledger.proof.publishing import Proofs
from ledger.shop import Shop
from tests.ledger.history import opened, tamper, trade

DAY = 20_000
NOW = start_of(DAY + 1)
PAGE = Path(__file__).parents[3] / "docs" / "proof.md"


@pytest.fixture
async def proofs(tmp_path: Path, database_url: str | None) -> Proofs:
    """Account n has n bottles at the end of the day, and one more on the next."""
    databases = databases_of(tmp_path, database_url)
    shop = await Shop.open(databases.shop)
    await shop.close()
    with opened(tmp_path, database_url) as books:
        ts = start_of(DAY)
        trade(books, [List(ts, "MT", ref=10_000), *(Deposit(ts, acct, "MT", acct) for acct in range(1, 30))])
        trade(books, [Deposit(ts, 7, CASH, 100), *(Deposit(NOW, acct, "MT", 1) for acct in range(1, 30))])
    return Proofs(tmp_path, databases)


async def test_published_once_for_the_end_of_the_day(proofs: Proofs, tmp_path: Path) -> None:
    made = await proofs.publish(date_of(DAY), NOW)
    (asset,) = made["document"]["assets"]

    assert ("MT", sum(range(1, 30)), {"outside": 435}) == (asset["asset"], asset["bottles"], asset["places"])
    assert made == await proofs.publish(date_of(DAY), NOW + 10**9) == proofs.published(date_of(DAY))
    assert [str(date_of(DAY))] == proofs.days()
    assert 0o600 == (tmp_path / "proof.key").stat().st_mode & 0o777
    for acct in (1, 7, 29):
        assert [f"{acct} of 435 MT are account {acct}'s"] == verify(await proofs.show(date_of(DAY), acct), made["root"])
    assert [] == (await proofs.show(date_of(DAY), 99))["holdings"]


async def test_day_that_is_not_over_or_was_not_published_has_none(proofs: Proofs) -> None:
    with pytest.raises(LedgerError, match="is not over yet"):
        await proofs.publish(date_of(DAY + 1), NOW)
    with pytest.raises(LedgerError, match="no proof of"):
        await proofs.show(date_of(DAY), 1)
    assert proofs.published(date_of(DAY)) is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_books_that_changed_afterwards_are_not_shown_as_if_nothing_were(proofs: Proofs, tmp_path: Path) -> None:
    await proofs.publish(date_of(DAY), NOW)
    tamper(tmp_path, "UPDATE closings SET amount = amount + 1 WHERE amount = 7")
    tamper(tmp_path, "UPDATE closings SET amount = amount - 1 WHERE amount < -100")

    with pytest.raises(LedgerError, match="not those of the proof"):
        await proofs.show(date_of(DAY), 7)


async def test_outsider_checks_a_part_by_the_page(proofs: Proofs) -> None:
    """The program that docs/proof.md prints, run as it stands there."""
    made = await proofs.publish(date_of(DAY), NOW)
    file = await proofs.show(date_of(DAY), 9)
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)

    assert names["check"](json.loads(json.dumps(file)), made["root"])
    assert not names["check"](file, hashlib.sha256().hexdigest())
    file["holdings"][0]["qty"] += 1
    assert not names["check"](file, made["root"])


async def test_first_day_without_bottles_is_empty(tmp_path: Path) -> None:
    databases = databases_of(tmp_path)
    await (await Shop.open(databases.shop)).close()
    with opened(tmp_path) as books:
        trade(books, [Deposit(start_of(DAY), 1, CASH, 5), Withdraw(NOW, 1, CASH, 5)])

    assert [] == (await Proofs(tmp_path, databases).publish(date(2024, 10, 4), NOW))["document"]["assets"]
