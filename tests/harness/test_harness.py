"""The short forms of the proofs that have no better home."""

import subprocess
import sys

import pytest

from tests.harness import kill9, replay, sim
from tests.harness.breach import Breach, require


def test_replay_after_a_cut_at_any_command_is_equal() -> None:
    assert replay.prove(8, seed=3).endswith(" commands, all equal")


def test_simulation_with_crashes_ends_sound_and_the_same_for_the_same_seed() -> None:
    assert sim.prove(3_000, seed=5) == sim.prove(3_000, seed=5)


def test_killed_server_loses_nothing_that_it_acknowledged() -> None:
    assert kill9.prove(2, seed=7).endswith(" acknowledged, 0 lost")


def test_breach_ends_a_proof() -> None:
    with pytest.raises(Breach, match="lost"):
        require(False, "lost")


def test_unknown_proof_is_a_usage_error() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.harness", "nope"], capture_output=True, text=True)

    assert 2 == done.returncode
    assert "invalid choice" in done.stderr
