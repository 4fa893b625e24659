"""Who gets in: only the holder of the secret, within the window, once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.auth import Authenticator, ensure_operator_key, require
from gateway.errors import Problem
from gateway.signing import signature
from gateway.store import Store
from gateway.wire import Key
from ledger.shop import Shop

NOW = 1_700_000_000_000_000_000
S = 10**9
BODY = b'{"sym":"X"}'
REFUSED = "BAD_SIGNATURE 401"
PATH = "/api/v1/orders?status=all"


class Desk:
    """A store with one key, a clock that the test turns, and requests signed by that key."""

    def __init__(self, store: Store, key: Key) -> None:
        self.store = store
        self.key = key
        self.now = NOW - 60 * S  # when the server started
        self.door = Authenticator(self.store, lambda: self.now)
        self.now = NOW

    def request(self, ts: int = NOW, nonce: str = "n1") -> list[str | bytes]:
        """Return the arguments of `verify`: key, ts, nonce, sign, method, path, body."""
        sign = signature(bytes.fromhex(self.key.secret), str(ts), nonce, "POST", PATH, BODY)
        return [self.key.key, str(ts), nonce, sign, "POST", PATH, BODY]

    def refusal(self, request: list[str | bytes]) -> str:
        """The name of the problem, empty when the request gets in."""
        try:
            self.door.verify(*request)  # type: ignore[arg-type]
        except Problem as problem:
            return f"{problem.fault.name} {problem.status}"
        return ""


@asynccontextmanager
async def store_at(folder: Path) -> AsyncIterator[Store]:
    shop = await Shop.open(folder / "shop.sqlite")
    store = Store(shop)
    await store.load()
    try:
        yield store
    finally:
        await shop.close()


async def desk_at(folder: Path) -> Desk:
    """A store keeps the keys that it knows, so the desk works on when the database is closed."""
    async with store_at(folder) as store:
        return Desk(store, await store.create_key(7, ["read", "trade"]))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return asyncio.run(desk_at(tmp_path))


@pytest.fixture(scope="module")
def shared_desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return asyncio.run(desk_at(tmp_path_factory.mktemp("auth")))


def test_a_signed_request_gets_in_as_its_keys_account(desk: Desk) -> None:
    identity = desk.door.verify(*desk.request())  # type: ignore[arg-type]

    assert (7, ["read", "trade"]) == (identity.acct, sorted(identity.scopes))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_changed_byte_is_refused(shared_desk: Desk, data: st.DataObject) -> None:
    request = shared_desk.request()
    part = data.draw(st.integers(0, len(request) - 1), label="part")
    value = request[part]
    raw = bytearray(value if isinstance(value, bytes) else value.encode())
    place = data.draw(st.integers(0, len(raw) - 1), label="byte")
    raw[place] ^= data.draw(st.integers(1, 127), label="change")
    request[part] = bytes(raw) if isinstance(value, bytes) else raw.decode()

    assert REFUSED == shared_desk.refusal(request)


def test_a_replayed_request_is_refused(desk: Desk) -> None:
    assert ["", REFUSED] == [desk.refusal(desk.request()) for _ in range(2)]


def test_a_replay_is_refused_for_as_long_as_its_timestamp_would_be_good(desk: Desk) -> None:
    ahead = desk.request(ts=NOW + 30 * S)
    desk.refusal(ahead)
    desk.now = NOW + 60 * S

    assert REFUSED == desk.refusal(ahead)


@pytest.mark.parametrize(("off_s", "refusal"), [(-31, REFUSED), (-29, ""), (29, ""), (31, REFUSED)])
def test_a_timestamp_is_good_for_thirty_seconds_either_way(desk: Desk, off_s: int, refusal: str) -> None:
    assert refusal == desk.refusal(desk.request(ts=NOW + off_s * S))


def test_a_request_signed_before_the_server_started_is_refused(desk: Desk) -> None:
    desk.door = Authenticator(desk.store, lambda: desk.now)  # it remembers no nonce of before

    assert [REFUSED, ""] == [desk.refusal(desk.request(ts=NOW - 1)), desk.refusal(desk.request())]


def test_a_request_with_a_wrong_signature_does_not_use_up_the_nonce(desk: Desk) -> None:
    forged = desk.request()
    forged[3] = "0" * 64

    assert [REFUSED, ""] == [desk.refusal(forged), desk.refusal(desk.request())]


def test_a_nonce_is_one_to_64_characters(desk: Desk) -> None:
    assert [REFUSED, "", REFUSED] == [desk.refusal(desk.request(nonce=nonce)) for nonce in ("", "n" * 64, "n" * 65)]


@pytest.mark.parametrize("part", range(4), ids=["key", "timestamp", "nonce", "sign"])
def test_bytes_that_are_no_text_are_a_wrong_signature_and_no_fault(desk: Desk, part: int) -> None:
    request = desk.request()
    request[part] = "\udcff"  # what a header's byte ff becomes

    assert REFUSED == desk.refusal(request)


def test_a_key_does_only_what_its_scopes_say(desk: Desk) -> None:
    identity = desk.door.verify(*desk.request())  # type: ignore[arg-type]
    require(identity, "trade")

    with pytest.raises(Problem) as caught:
        require(identity, "admin")

    assert 403 == caught.value.status


def test_keys_outlive_the_server(desk: Desk, tmp_path: Path) -> None:
    async def reopened() -> Store:
        async with store_at(tmp_path) as store:
            return store

    desk.store = asyncio.run(reopened())
    desk.door = Authenticator(desk.store, lambda: desk.now)

    assert "" == desk.refusal(desk.request())


async def test_the_operators_key_is_made_once_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "operator.key"
    async with store_at(tmp_path) as store:
        await ensure_operator_key(store, path)
        first = path.read_text()
        await ensure_operator_key(store, path)

    assert first == path.read_text()
    assert 0o600 == path.stat().st_mode & 0o777
