"""The catalogue holds facts, and refuses rows that cannot be facts."""

from datetime import date

import pytest

from marketplace import catalog
from marketplace.catalog import CatalogError, parse_lines, parse_prices

HEADER = "sym,name_zh,name_en,winery_zh,winery,vintage,ml,abv_bp,guide_fen,aroma"
FEITIAN = "FEITIAN-2021-500,飞天茅台 2021,Moutai Feitian 2021,贵州茅台,Kweichow Moutai,2021,500,5300,149900,sauce"
PRICES = "sym,date,price_fen,source"


def lines(*rows: str) -> str:
    return "\n".join((HEADER, *rows))


def prices(*rows: str) -> str:
    return "\n".join((PRICES, *rows))


def test_catalogue_has_lines_of_many_wineries_and_each_a_dated_price() -> None:
    found = catalog.load()

    assert len(found) >= 12
    assert len({facts.winery for facts in found.values()}) >= 8
    assert set(found) == set(catalog.prices())


def test_reference_price_is_the_latest_dated_one() -> None:
    price = catalog.reference_price("FEITIAN-2021-500")

    assert (date(2024, 5, 10), 267_000) == (price.day, price.price_fen)
    assert price.day == max(dated.day for dated in catalog.prices()["FEITIAN-2021-500"])


def test_rows_become_facts() -> None:
    facts = parse_lines(lines(FEITIAN))["FEITIAN-2021-500"]

    assert ("贵州茅台", 2021, 500, 5300, 149_900) == (
        facts.winery_zh, facts.vintage, facts.ml, facts.abv_bp, facts.guide_fen
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (FEITIAN.replace("FEITIAN-2021-500", "feitian"), "sym 'feitian'"),
        (FEITIAN.replace(",2021,500,", ",1021,500,"), "vintage 1021"),
        (FEITIAN.replace(",5300,", ",53000,"), "out of range"),
        (FEITIAN.replace(",5300,", ",53.0,"), "53.0"),
        (FEITIAN.replace(",149900,", ",-1,"), "out of range"),
        (FEITIAN.replace("sauce", "soya"), "aroma 'soya'"),
        (FEITIAN.replace("Moutai Feitian 2021", ""), "a name is empty"),
        (FEITIAN + ",more", "11 fields where the header has 10"),
    ],
)
def test_bad_line_is_refused_with_its_number_and_reason(row: str, why: str) -> None:
    with pytest.raises(CatalogError, match=rf"lines\.csv line 2: .*{why}"):
        parse_lines(lines(row))


def test_line_listed_twice_is_refused() -> None:
    with pytest.raises(CatalogError, match="FEITIAN-2021-500 is there twice"):
        parse_lines(lines(FEITIAN, FEITIAN))


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (["A,2024-01-10,100,s", "A,2024-13-10,100,s"], "line 3: .*month"),
        (["A,2024-01-10,0,s"], "line 2: price_fen"),
        (["A,2024-01-10,1.5,s"], "line 2: .*1.5"),
        (["A,2024-01-10,100,"], "line 2: source"),
        (["A,2024-01-10,100,s", "A,2024-01-10,101,s"], "two prices on one day"),
        (["B,2024-01-10,100,s"], "B is not in the catalogue"),
        ([], "A has no price"),
    ],
)
def test_bad_price_is_refused_with_its_reason(rows: list[str], why: str) -> None:
    with pytest.raises(CatalogError, match=why):
        parse_prices(prices(*rows), ["A"])


def test_prices_are_sorted_by_day() -> None:
    found = parse_prices(prices("A,2024-02-10,101,s", "A,2024-01-10,100,s"), ["A"])

    assert [100, 101] == [price.price_fen for price in found["A"]]
