"""The catalogue of collectible lines: what a bottle is, and what it last cost wholesale.

Facts only, read from the package's CSV files and checked row by row: a catalogue with a bad row does not load.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TypeVar

AROMAS = ("sauce", "strong", "light", "herbal")  # 酱香 浓香 清香 董香
SYMBOL = re.compile(r"[A-Z0-9]+(-[A-Z0-9]+)*")
YEARS = range(1900, 2100)

Row = TypeVar("Row")


class CatalogError(ValueError):
    """A row of the catalogue is wrong; the message says which file, which line and why."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One collectible line. `vintage` and `guide_fen` are 0 when there is none or none is published."""

    sym: str
    name_zh: str
    name_en: str
    winery_zh: str
    winery: str
    vintage: int
    ml: int
    abv_bp: int  # alcohol by volume in hundredths of a percent
    guide_fen: int  # the winery's guide price of a bottle
    aroma: str


@dataclass(frozen=True, slots=True)
class ReferencePrice:
    """The wholesale price of one bottle on a day, as `source` published it."""

    sym: str
    day: date
    price_fen: int
    source: str


@cache
def load() -> Mapping[str, Facts]:
    """Return every line by symbol, in the catalogue's order. Raises CatalogError."""
    return MappingProxyType(parse_lines(_text("lines.csv")))


@cache
def prices() -> Mapping[str, tuple[ReferencePrice, ...]]:
    """Return each line's dated reference prices, oldest first. Raises CatalogError."""
    return MappingProxyType(parse_prices(_text("reference_prices.csv"), load()))


def reference_price(sym: str) -> ReferencePrice:
    """Return the latest dated price. Raises KeyError for a symbol that is not in the catalogue."""
    return prices()[sym][-1]


def parse_lines(text: str) -> dict[str, Facts]:
    found: dict[str, Facts] = {}
    for facts in _rows("lines.csv", text, _facts):
        if facts.sym in found:
            raise CatalogError(f"lines.csv: {facts.sym} is there twice")
        found[facts.sym] = facts
    return found


def parse_prices(text: str, lines: Iterable[str]) -> dict[str, tuple[ReferencePrice, ...]]:
    """Return the prices of each of `lines`; every one must have at least one, and no day two."""
    found: dict[str, list[ReferencePrice]] = {sym: [] for sym in lines}
    for price in _rows("reference_prices.csv", text, _price):
        if price.sym not in found:
            raise CatalogError(f"reference_prices.csv: {price.sym} is not in the catalogue")
        found[price.sym].append(price)
    for sym, dated in found.items():
        if not dated:
            raise CatalogError(f"reference_prices.csv: {sym} has no price")
        if len({price.day for price in dated}) < len(dated):
            raise CatalogError(f"reference_prices.csv: {sym} has two prices on one day")
    return {sym: tuple(sorted(dated, key=lambda price: price.day)) for sym, dated in found.items()}


def _text(name: str) -> str:
    return files("marketplace.data").joinpath(name).read_text(encoding="utf-8")


def _rows(name: str, text: str, row_of: Callable[..., Row]) -> Iterator[Row]:
    """Make each row below the header into a `Row`. Raises CatalogError with the line that fails."""
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        width = len(next(reader))
        for fields in reader:
            if len(fields) != width:
                raise ValueError(f"{len(fields)} fields where the header has {width}")
            yield row_of(*fields)
    except (ValueError, csv.Error) as error:
        raise CatalogError(f"{name} line {reader.line_num}: {error}") from error


def _facts(
    sym: str, name_zh: str, name_en: str, winery_zh: str, winery: str, vintage: str, ml: str, abv_bp: str,
    guide_fen: str, aroma: str,
) -> Facts:  # fmt: skip
    facts = Facts(sym, name_zh, name_en, winery_zh, winery, int(vintage), int(ml), int(abv_bp), int(guide_fen), aroma)
    if not SYMBOL.fullmatch(facts.sym):
        raise ValueError(f"sym {facts.sym!r}: capitals and digits, joined by hyphens")
    if not all((facts.name_zh, facts.name_en, facts.winery_zh, facts.winery)):
        raise ValueError("a name is empty")
    if facts.vintage and facts.vintage not in YEARS:
        raise ValueError(f"vintage {facts.vintage}: not a year")
    if facts.ml <= 0 or not 0 < facts.abv_bp <= 10_000 or facts.guide_fen < 0:
        raise ValueError("ml, abv_bp or guide_fen out of range")
    if facts.aroma not in AROMAS:
        raise ValueError(f"aroma {facts.aroma!r}: one of {', '.join(AROMAS)}")
    return facts


def _price(sym: str, day: str, price_fen: str, source: str) -> ReferencePrice:
    price = ReferencePrice(sym, date.fromisoformat(day), int(price_fen), source)
    if price.price_fen <= 0:
        raise ValueError("price_fen: not positive")
    if not price.source:
        raise ValueError("source is empty")
    return price
