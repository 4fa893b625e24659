"""Each command does its work on a real exchange; each mistake is one line on stderr and its exit code."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from terminal import cli
from terminal.options import ALONE, Exit
from terminal.server import Server

LISTING = {"op": "list", "sym": "X", "tick": 50, "ref": 10_000}


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data directory of a running exchange with one instrument."""
    import asyncio

    from gateway.client import Client, Credentials

    async def list_instrument(server: Server) -> None:
        async with Client(server.url, Credentials.load(server.data / "operator.key")) as operator:
            await operator.admin([LISTING])

    with Server(tmp_path_factory.mktemp("exchange"), 0, None, *ALONE) as server:
        asyncio.run(list_instrument(server))
        yield server.data


def program(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "terminal.cli", *arguments], input=stdin, capture_output=True, text=True, timeout=60
    )


def test_version_says_which_kernel_runs(capsys: pytest.CaptureFixture[str]) -> None:
    from engine.kernel import COMPILED

    assert Exit.OK == cli.run(["--version"])
    assert capsys.readouterr().out.endswith("compiled kernel\n" if COMPILED else "pure Python kernel\n")


def test_command_alone_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert Exit.OK == cli.run([])

    out = capsys.readouterr().out
    for command in ("serve", "demo", "terminal", "engine", "replay", "audit", "band"):
        assert command in out


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from terminal import cli; cli.run(['--help']);"
        "sys.exit(any(name in sys.modules for name in ('aiohttp', 'textual', 'numpy', 'sqlalchemy')))"
    )

    assert 0 == subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, timeout=60).returncode


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["fly"], Exit.USAGE, "No such command 'fly'"),
        (["band"], Exit.USAGE, "Missing command"),
        (["replay"], Exit.USAGE, "Missing argument"),
        (["serve", "--port", "x"], Exit.USAGE, "--port"),
        (["serve", "--port", "99999"], Exit.USAGE, "--port"),
        (["serve", "--proxy", "10.0.0.1/8"], Exit.USAGE, "'--proxy': 10.0.0.1/8 has host bits set"),
        (["replay", "nothere.csv"], Exit.USAGE, "nothere.csv: No such file or directory"),
        (["replay", "README.md"], Exit.USAGE, "README.md line 1: the columns are id,"),
        (["replay", "x\x1b[31m\n.csv"], Exit.USAGE, "x?[31m .csv: No such file"),
        (["audit", "--data", "nothere"], Exit.USAGE, "no exchange in nothere"),
        (["band", "show", "--data", "nothere"], Exit.NO_SERVER, "no server runs on nothere"),
        (["band", "show", "--url", "http://127.0.0.1:1"], Exit.NO_SERVER, "no exchange answers at http://127.0.0.1:1"),
        (["band", "show", "--url", "nonsense"], Exit.NO_SERVER, "no exchange answers at nonsense"),
        (
            ["band", "show", "--url", "http://127.0.0.1:99999"],
            Exit.NO_SERVER,
            "no exchange answers at http://127.0.0.1:9",
        ),
        (["terminal", "--credentials", "nothere"], Exit.USAGE, "credentials nothere: No such file or directory"),
        (["terminal", "--credentials", "README.md"], Exit.USAGE, "credentials README.md: not a key file"),
        (["band", "set", "X", "--up", "10", "--down", "10"], Exit.USAGE, "Missing option '--reason'"),
        (["band", "set", "X", "--up", "1.005", "--down", "1", "--reason", "r"], Exit.USAGE, "--up: '1.005'"),
        (["band", "set", "X", "--up", "1e1", "--down", "1", "--reason", "r"], Exit.USAGE, "--up: '1e1'"),
        (["band", "set", "X", "--up", "1", "--down", "-1", "--reason", "r"], Exit.USAGE, "--down: '-1'"),
        (["band", "set", "X", "--up", "1", "--down", "1", "--reason", " "], Exit.USAGE, "--reason: say why"),
        (["band", "set", "X", "--up", "1", "--down", "1", "--ref", "0", "--reason", "r"], Exit.USAGE, "--ref: must be"),
    ],
)
def test_mistake_is_one_line_and_its_exit_code(
    arguments: list[str], code: Exit, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code == cli.run(arguments)

    captured = capsys.readouterr()
    assert "" == captured.out
    assert captured.err.startswith("cellarbook: ")
    assert words in captured.err
    assert 1 == captured.err.count("\n")


def test_terminal_without_a_server_or_a_screen_is_one_line(exchange: Path) -> None:
    key = str(exchange / "operator.key")

    lost = program("terminal", "--credentials", key, "--url", "http://127.0.0.1:1")
    blind = program("terminal", "--credentials", key, "--data", str(exchange))

    assert (Exit.NO_SERVER, "cellarbook: no exchange answers at http://127.0.0.1:1\n") == (lost.returncode, lost.stderr)
    assert (Exit.USAGE, 1) == (blind.returncode, blind.stderr.count("\n"))


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_engine_with_a_closed_stream_is_one_line(closed: str) -> None:
    ended = subprocess.run(
        f"{sys.executable} -m terminal.cli engine {closed}", shell=True, capture_output=True, text=True, timeout=60
    )

    assert (Exit.USAGE, 1) == (ended.returncode, ended.stderr.count("\n"))


def test_band_set_converts_percent_and_yuan_exactly(exchange: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = ["--up", "7.25", "--down", "3", "--ref", "200.50", "--reason", "new harvest", "--json"]

    assert Exit.OK == cli.run(["band", "set", "X", *wanted, "--data", str(exchange)])
    assert {"sym": "X", "ref": "200.50", "lo": "194.50", "hi": "215.00"}.items() <= json.loads(capsys.readouterr().out)[
        0
    ].items()

    assert Exit.OK == cli.run(["band", "show", "X", "--data", str(exchange)])
    assert ["X", "200.50", "194.50", "215.00", "0.00", "CONTINUOUS"] == capsys.readouterr().out.splitlines()[1].split()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "NOPE"], "there is no instrument NOPE"),
        (["set", "NOPE", "--up", "1", "--down", "1", "--reason", "r"], "there is no such instrument"),
        (["set", "X", "--up", "1", "--down", "200", "--reason", "r"], "MALFORMED"),
    ],
)
def test_what_the_exchange_refuses_is_one_line(
    exchange: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Exit.REFUSED == cli.run(["band", *arguments, "--data", str(exchange)])

    error = capsys.readouterr().err
    assert words in error
    assert 1 == error.count("\n")


def test_second_server_on_the_same_data_is_refused(exchange: Path) -> None:
    ended = program("serve", "--data", str(exchange), "--port", "0")

    assert Exit.REFUSED == ended.returncode
    assert ended.stderr.startswith("cellarbook: ")
    assert 1 == ended.stderr.count("\n")


def test_server_on_a_taken_port_says_so(exchange: Path, tmp_path: Path) -> None:
    port = json.loads((exchange / "server.json").read_text())["url"].rpartition(":")[2]

    ended = program("serve", "--data", str(tmp_path / "other"), "--port", port)

    assert Exit.USAGE == ended.returncode
    assert "address already in use" in ended.stderr
    assert 1 == ended.stderr.count("\n")


def test_audit_says_ok_beside_a_running_server(exchange: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Exit.OK == cli.run(["audit", "--data", str(exchange)])
    assert "audit: ok" == capsys.readouterr().out.splitlines()[-1]


def test_audit_finds_a_changed_balance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import asyncio
    import sqlite3
    from contextlib import closing

    from gateway.client import Client, Credentials

    async def deposit(server: Server) -> None:
        async with Client(server.url, Credentials.load(server.data / "operator.key")) as operator:
            await operator.admin([LISTING, {"op": "deposit", "acct": 1, "asset": "CNY", "amount": 100}])

    with Server(tmp_path, 0, None, *ALONE) as server:
        asyncio.run(deposit(server))
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as books, books:
        books.execute("UPDATE balances SET amount = amount + 1 WHERE amount > 0")

    assert Exit.FINDING == cli.run(["audit", "--data", str(tmp_path)])

    captured = capsys.readouterr()
    assert "engine equals ledger" in captured.out
    assert f"cellarbook: the books of {tmp_path} do not agree\n" == captured.err


def test_engine_answers_lines_and_survives_bad_ones() -> None:
    ended = program("engine", stdin='{"op":"list","sym":"X","ref":10000}\nnonsense\n{"op":"query","what":"hash"}\n')

    assert 0 == ended.returncode
    assert ["band", "rejected", "hash"] == [json.loads(line)["event"] for line in ended.stdout.splitlines()]


def test_audit_finds_that_somebody_changed_what_an_operator_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio
    import sqlite3
    from contextlib import closing

    from gateway.client import Client, Credentials

    async def act(server: Server) -> None:
        async with Client(server.url, Credentials.load(server.data / "operator.key")) as operator:
            await operator.admin([LISTING])

    with Server(tmp_path, 0, None, *ALONE) as server:
        asyncio.run(act(server))
    assert Exit.OK == cli.run(["audit", "--data", str(tmp_path)])
    assert "operators' log: 1 rows, head " in capsys.readouterr().out

    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as shop, shop:
        shop.execute("DROP TRIGGER operator_log_no_update")
        shop.execute("UPDATE operator_log SET actor = 'somebody else'")

    assert Exit.FINDING == cli.run(["audit", "--data", str(tmp_path)])
    assert "operators' log: row 1 is not as it was written" in capsys.readouterr().out
