"""One table of errors, and one page that lists it."""

import re
from pathlib import Path

import pytest
from aiohttp.web import RouteDef

from engine.events import Rejected
from engine.reject import Reject
from gateway import cellar, history, operations, pickups, proofs, rest
from gateway.access import routes as access
from gateway.access.posts import POSTS, May
from gateway.dialects import udf
from gateway.errors import KINDS, fault, fault_of_rejection
from gateway.feed import PRIVATE, PUBLIC

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "api.md").read_text()
ACCESS_PAGE = (DOCS / "access.md").read_text()
CELLAR_PAGE = (DOCS / "custody.md").read_text()
FEED_PAGE = (DOCS / "feed.md").read_text()
DETAILS = {
    "lo": 241_200,
    "hi": 294_800,
    "tick": 100,
    "lot": 6,
    "unit": 6,
    "min_qty": 1,
    "max_qty": 500,
    "max_holding": 9,
    "free": 5,
}


@pytest.mark.parametrize("reject", Reject)
def test_every_refusal_of_the_engine_has_a_code_a_status_and_whole_words(reject: Reject) -> None:
    found = fault_of_rejection(Rejected(1, 1, 7, "c1", reject, DETAILS))

    assert (KINDS[reject].code, "c1") == (found.code, found.cid)
    assert 400 <= KINDS[reject].status < 500
    assert "{" not in found.msg


def test_the_band_is_told_in_yuan() -> None:
    found = fault_of_rejection(Rejected(1, 1, 7, "c1", Reject.PRICE_OUT_OF_BAND, DETAILS))

    assert ("the price is outside the band, 2412.00 to 2948.00 yuan", "px") == (found.msg, found.field)


def test_the_page_lists_every_error_with_its_code_and_status() -> None:
    rows = re.findall(r"^\| (\d{4}) \| `(\w+)` \| (\d{3}) \|", PAGE, re.MULTILINE)

    assert {(kind.code, name, kind.status) for name, kind in KINDS.items()} == {
        (int(code), name, int(status)) for code, name, status in rows
    }


@pytest.mark.parametrize(
    ("page", "routes"),
    [
        (PAGE, [*rest.ROUTES, *proofs.ROUTES, *history.ROUTES, *udf.ROUTES]),
        (CELLAR_PAGE, [*pickups.ROUTES, *cellar.ROUTES]),
        (ACCESS_PAGE, [*access.ROUTES, *operations.ROUTES]),
    ],
    ids=["api", "custody", "access"],
)
def test_the_page_lists_every_route(page: str, routes: list[RouteDef]) -> None:
    made = {f"{route.method} {route.path.replace(':.+', '')}" for route in routes}

    assert made == set(re.findall(r"^\| `((?:GET|POST|PUT|DELETE) [^`?]+)", page, re.MULTILINE))


def test_the_page_lists_every_post_with_what_it_may_do() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([a-z., ]+) \|$", ACCESS_PAGE, re.MULTILINE)
    told = {post: set(May) if words == "everything" else set(words.split(", ")) for post, words in rows}

    assert {post: set(may) for post, may in POSTS.items()} == told


def test_the_feeds_page_lists_every_channel() -> None:
    assert {*PUBLIC, *PRIVATE, "heartbeat"} == set(re.findall(r"^\| `(\w+)` \|", FEED_PAGE, re.MULTILINE))


def test_only_an_unknown_outcome_asks_to_look_before_trying_again() -> None:
    assert {"OUTCOME_UNKNOWN"} == {name for name in KINDS if fault(name).retry == "unknown"}
