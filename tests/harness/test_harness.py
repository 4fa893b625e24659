"""The short forms of the proofs that have no better home."""

import subprocess
import sys

import pytest

from tests.harness import kill9, pgkill, replay, restore, sim, sweep
from tests.harness.breach import Breach, require


def test_snapshot_and_the_journal_behind_it_are_the_live_run_at_any_cut() -> None:
    assert "8 cuts, every hash that of the live run" == replay.prove(8, seed=3)


def test_simulation_with_faults_ends_sound_and_the_same_for_the_same_seed() -> None:
    first, second = sim.prove(5_000, seed=2), sim.prove(5_000, seed=2)

    assert first == second
    assert " 0 faults" not in first


def test_fault_at_the_nth_write_loses_nothing_that_was_acknowledged() -> None:
    figure = sweep.prove(2, seed=1)

    if figure.startswith("skipped"):
        pytest.skip(figure)
    assert figure.startswith("2 points, ")
    assert figure.endswith(" 0 lost")


def test_backup_under_load_is_restored_and_audited() -> None:
    assert restore.prove(1, seed=1).endswith(" commands restored, audit ok")


def test_killed_server_loses_nothing_that_it_acknowledged() -> None:
    assert kill9.prove(2, seed=7).endswith(" acknowledged, 0 lost")


def test_database_that_is_killed_under_the_server_loses_nothing_either() -> None:
    assert pgkill.prove(1, seed=7).endswith(" acknowledged, 0 lost")


def test_breach_ends_a_proof() -> None:
    with pytest.raises(Breach, match="lost"):
        require(False, "lost")


def test_unknown_proof_is_a_usage_error() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.harness", "nope"], capture_output=True, text=True)

    assert 2 == done.returncode
    assert "invalid choice" in done.stderr
