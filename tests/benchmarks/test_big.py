"""The big ledger, made small: it is what it says, and its audits find nothing."""

import json

import pytest

from benchmarks import big


def test_small_one_adds_up(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(big, "NEW", 100)
    monkeypatch.setattr(big, "STATEMENTS", 3)
    big.main(["--entries", "1500"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])

    assert 1500 <= found["entries"]
    assert found["audit_ok"]
    assert found["incremental_ok"]
