"""How often, and from where: buckets, headers, proxies."""

import asyncio
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from gateway.client import ClientError
from gateway.errors import Problem
from gateway.limits import BUCKETS_MAX, RATES, Buckets, Limits, Proxies, Rate, S, neighbours
from tests.gateway.access.test_people import Clock
from tests.gateway.crowd import asked, person
from tests.gateway.house import House, house, order

FEW = RATES._replace(orders=Rate(1, 3), cancels=Rate(1, 2), reads=Rate(1, 4), logins=Rate(1, 4))


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    buckets, rate = Buckets(), Rate(2, 3)

    taken = [buckets.take("a", rate, 0) for _ in range(4)]
    later = [buckets.take("a", rate, S // 2), buckets.take("a", rate, S // 2), buckets.take("a", rate, 10 * S)]

    assert [-S, -S // 2, 0, S // 2] == taken
    assert [0, S // 2, -S] == later


@given(
    rate=st.builds(Rate, st.sampled_from([1, 2, 5, 10]), st.integers(1, 5)),
    steps=st.lists(st.integers(0, S), max_size=60),
)
def test_no_window_has_more_than_the_burst_and_the_rate(rate: Rate, steps: list[int]) -> None:
    buckets, now, given_at = Buckets(), 0, []
    for step in steps:
        now += step
        wait_ns = buckets.take("a", rate, now)
        if wait_ns <= 0:
            given_at.append(now)
        else:  # and after the wait there is one, and not before
            twin = Buckets()
            twin._full_at = dict(buckets._full_at)
            assert twin.take("a", rate, now + wait_ns - 1) > 0
            assert twin.take("a", rate, now + wait_ns) <= 0

    for first in range(len(given_at)):
        for last in range(first, len(given_at)):
            span = given_at[last] - given_at[first]
            assert last - first + 1 <= rate.burst + span * rate.per_s / S + 1e-9


def test_buckets_do_not_grow_for_ever() -> None:
    buckets, rate = Buckets(), Rate(1, 5)
    for number in range(3 * BUCKETS_MAX):
        buckets.take(number, rate, number)

    assert len(buckets._full_at) <= BUCKETS_MAX


def test_without_rates_anything_goes() -> None:
    assert [None] * 9 == [Limits(None).take("orders", "a", 0) for _ in range(9)]


async def test_a_used_up_bucket_is_429_and_says_when_to_go_on(tmp_path: Path) -> None:
    clock = Clock()
    async with house(tmp_path, rates=FEW, clock=clock) as exchange:
        client = await person(exchange)
        other = await person(exchange)
        answers = []
        async with aiohttp.ClientSession(headers=client.headers) as session:
            for _ in range(5):
                async with session.get(f"{exchange.server.url}/api/v1/balances") as response:
                    answers.append((response.status, response.headers, await response.json()))

        statuses = [status for status, *_ in answers]
        _, headers, fault = answers[-1]
        assert [200] * 4 + [429] == statuses
        assert ['"reads";r=3;t=1', '"reads";r=2;t=2'] == [one["RateLimit"] for _, one, _ in answers[:2]]
        assert ("1", '"reads";q=4;w=4', '"reads";r=0;t=1') == (
            headers["Retry-After"], headers["RateLimit-Policy"], headers["RateLimit"],
        )  # fmt: skip
        assert (2001, "RATE_LIMITED", "after", 1000) == tuple(fault[n] for n in ("code", "name", "retry", "after_ms"))
        assert 200 == (await other.ask("GET", "/api/v1/balances"))[0]  # everybody has his own
        clock.now += S
        assert 200 == (await client.ask("GET", "/api/v1/balances"))[0]


async def test_who_used_up_his_orders_can_still_cancel(tmp_path: Path) -> None:
    async with house(tmp_path, rates=FEW, clock=Clock()) as exchange:
        client = await exchange.client(1)
        placed = [await status_of_order(exchange, client.credentials, f"c{n}") for n in range(4)]
        cancelled = [(await exchange.call(client.credentials, "DELETE", f"/api/v1/orders/c{n}"))[0] for n in range(3)]

    assert [201, 201, 201, 429] == placed
    assert [200, 200, 429] == cancelled


async def status_of_order(exchange: House, credentials: object, cid: str) -> int:
    body = f'{{"sym":"X","side":"B","px":"2680.00","qty":1,"cid":"{cid}"}}'.encode()
    return (await exchange.call(credentials, "POST", "/api/v1/orders", body))[0]  # type: ignore[arg-type]


async def test_the_socket_has_the_same_buckets(tmp_path: Path) -> None:
    async with house(tmp_path, rates=FEW, clock=Clock()) as exchange:
        client = await exchange.client(1)
        async with await client.connect() as stream:
            futures = [await stream.send(order("B 1@268000", f"c{n}")) for n in range(4)]
            answers = await asyncio.gather(*futures, return_exceptions=True)

    assert ["Ack", "Ack", "Ack", "too many requests (RATE_LIMITED)"] == [
        str(one) if isinstance(one, ClientError) else type(one).__name__ for one in answers
    ]


async def test_an_accounts_own_rate_takes_the_place_of_everybodys(tmp_path: Path) -> None:
    async with house(tmp_path, rates=FEW, clock=Clock(), four_eyes=False) as exchange:
        await exchange.operator.call("PUT", "/api/v1/ops/accounts/1", order_rate=5, reason="market maker")
        client = await exchange.client(1)
        placed = [await status_of_order(exchange, client.credentials, f"c{n}") for n in range(11)]

    assert [201] * 10 + [429] == placed


async def test_logins_are_slowed_for_an_address_and_for_a_name(tmp_path: Path) -> None:
    async with house(tmp_path, rates=FEW, clock=Clock(), proxies=("127.0.0.1",)) as exchange:

        async def attempt(ip: str, login: str) -> int:
            headers = {"X-Forwarded-For": ip, "X-Forwarded-Proto": "https"}
            body = {"login": login, "password": "a wrong password"}
            return (await asked(exchange, "POST", "/api/v1/login", headers, **body))[0]

        by_address = [await attempt("203.0.113.1", f"guest{n}") for n in range(5)]
        by_name = [await attempt(f"203.0.113.{n}", ("Alice", "ALICE")[n % 2]) for n in range(2, 7)]
        another = await attempt("203.0.113.9", "bob")

    assert ([401] * 4 + [429], [401] * 4 + [429], 401) == (by_address, by_name, another)


async def test_an_address_has_a_bucket_whoever_asks(tmp_path: Path) -> None:
    rates = RATES._replace(address=Rate(1, 3))
    async with house(tmp_path, rates=rates, clock=Clock(), proxies=("127.0.0.1",)) as exchange:

        async def attempt(ip: str) -> int:
            return (await asked(exchange, "GET", "/live", {"X-Forwarded-For": ip}))[0]

        assert [200, 200, 200, 429] == [await attempt("2001:db8::1") for _ in range(4)]
        assert [429, 200] == [await attempt(ip) for ip in ("2001:db8::ffff", "2001:db8:0:1::1")]


# -------------------------------------------------------------------------------------------------------- proxies


class Peer:
    """The transport of a request that came from there."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get_extra_info(self, name: str, default: object = None) -> object:
        return (self.address, 1) if name == "peername" else default


def request_from(peer: str, *forwarded: str) -> web.Request:
    headers = [("X-Forwarded-For", text) for text in forwarded]
    return make_mocked_request("GET", "/", headers=dict(headers), transport=Peer(peer))


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.1", "", "203.0.113.1"),
        ("203.0.113.1", "198.51.100.1", "203.0.113.1"),  # anybody may write that
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),  # what a client wrote himself stands before
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "198.51.100.1, rubbish", "10.0.0.1"),
        ("10.0.0.1", "rubbish, 198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.1", "2001:DB8::1", "2001:db8::1"),
        ("::ffff:203.0.113.1", "", "203.0.113.1"),
    ],
)
def test_an_address_is_believed_from_trusted_proxies_only(peer: str, forwarded: str, address: str) -> None:
    request = request_from(peer, *filter(None, [forwarded]))

    assert address == Proxies(["10.0.0.0/8"]).address_of(request)


def test_what_is_no_network_is_no_proxy() -> None:
    with pytest.raises(ValueError, match="nothing"):
        Proxies(["nothing"])


def test_ipv6_customers_share_a_bucket_and_ipv4_ones_do_not() -> None:
    assert ["2001:db8::/64", "2001:db8::/64", "1.2.3.4"] == [
        neighbours(ip) for ip in ("2001:db8::1", "2001:db8::ffff:1", "1.2.3.4")
    ]


def test_a_refusal_carries_the_buckets_headers() -> None:
    limits = Limits(FEW)
    limits.take("cancels", "a", 0)
    limits.take("cancels", "a", 0)

    with pytest.raises(Problem) as caught:
        limits.take("cancels", "a", 0)

    assert {"RateLimit-Policy": '"cancels";q=2;w=2', "RateLimit": '"cancels";r=0;t=1'} == dict(caught.value.headers)
    assert (429, "RATE_LIMITED") == (caught.value.status, caught.value.fault.name)
