"""The report judges its bars in the right direction and measures memory where it is."""

import json

import pytest

from benchmarks import memory, report
from benchmarks.machine import RESULTS
from engine.kernel import COMPILED


@pytest.mark.parametrize(
    ("wanted", "measured", "at_least", "met"),
    [(6.0, 6.0, True, True), (6.0, 5.9, True, False), (64.0, 64.0, False, True), (64.0, 64.1, False, False)],
)
def test_bar_is_met_at_its_value_and_beyond(wanted: float, measured: float, at_least: bool, met: bool) -> None:
    assert met is report.Bar("", wanted, measured, at_least).met


def test_results_kept_say_what_they_were_measured_on() -> None:
    kept = [json.loads(path.read_text()) for path in RESULTS.glob("core-*.json")]

    assert kept
    for result in kept:
        assert {"date", "commit", "kernel_sha256", "compiled", "machine"} <= result.keys()
        assert {"cpu", "cores", "python", "os"} == result["machine"].keys()


def test_order_costs_its_record_and_its_id() -> None:
    if not COMPILED:
        pytest.skip("objects, not records, without a compiler")
    size = memory.bytes_of("order", 1 << 17)

    assert 64 <= size <= 80
