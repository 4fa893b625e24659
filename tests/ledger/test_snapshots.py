"""Snapshots: whole or absent, and a damaged one only costs time."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from engine.exchange import Exchange
from ledger.snapshots import Snapshots
from tests.ledger.history import history


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    """Of one exchange, at commands 100, 200 and 300."""
    found = Snapshots(tmp_path / "snapshots")
    exchange = Exchange()
    for number, command in enumerate(history(300)[:300], 1):
        exchange.apply([command])
        if number % 100 == 0:
            found.write(exchange)
    return found


def at(seq: int) -> Exchange:
    exchange = Exchange()
    exchange.apply(history(300)[:seq])
    return exchange


def test_snapshot_restores_to_the_same_state(snapshots: Snapshots) -> None:
    restored = snapshots.newest(seq_max=1000)

    assert restored is not None
    assert at(300).state_hash() == restored.state_hash()
    restored.check()


@pytest.mark.parametrize(("seq_max", "seq"), [(300, 300), (299, 200), (100, 100)])
def test_newest_is_at_or_before_the_bound(snapshots: Snapshots, seq_max: int, seq: int) -> None:
    exchange = snapshots.newest(seq_max)

    assert exchange is not None
    assert seq == exchange.seq


def test_there_may_be_none(snapshots: Snapshots) -> None:
    assert snapshots.newest(seq_max=99) is None


@pytest.mark.parametrize("where", [0, 30, 2_000, -33, -1])
def test_damaged_snapshot_is_passed_over_with_a_warning(
    snapshots: Snapshots, where: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = snapshots.path(300)
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)

    with caplog.at_level(logging.WARNING):
        exchange = snapshots.newest(seq_max=300)

    assert exchange is not None
    assert at(200).state_hash() == exchange.state_hash()
    assert "300.snap is passed over" in caplog.text


@pytest.mark.parametrize("size", [0, 10, 32, 500])
def test_truncated_snapshot_is_passed_over(snapshots: Snapshots, size: int) -> None:
    path = snapshots.path(300)
    path.write_bytes(path.read_bytes()[:size])

    exchange = snapshots.newest(seq_max=300)

    assert exchange is not None
    assert 200 == exchange.seq


def test_snapshot_under_another_name_is_passed_over(snapshots: Snapshots) -> None:
    snapshots.path(200).replace(snapshots.path(250))

    exchange = snapshots.newest(seq_max=299)

    assert exchange is not None
    assert 100 == exchange.seq


def test_prune_keeps_the_newest_and_clears_drafts(snapshots: Snapshots) -> None:
    draft = snapshots.folder / "400.tmp"
    draft.touch()
    snapshots.prune(keep=2)

    assert [200, 300] == snapshots.seqs()
    assert not draft.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files")
def test_snapshot_that_finds_no_space_leaves_no_draft(snapshots: Snapshots) -> None:
    code = (
        "import resource, sys; from pathlib import Path;"
        "from ledger.snapshots import Snapshots; from tests.ledger.test_snapshots import at;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000));"
        "Snapshots(Path(sys.argv[1])).write(at(250))"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(snapshots.folder)], capture_output=True, text=True)

    assert "File too large" in ended.stderr
    assert ["100.snap", "200.snap", "300.snap"] == sorted(path.name for path in snapshots.folder.iterdir())
