"""The pickup code: told once, read by scanners and people."""

import pytest

from ledger.custody.codes import ALPHABET, LENGTH, digest, matches, new_slip, read


def test_code_has_at_least_64_bits() -> None:
    assert len(ALPHABET) ** LENGTH >= 2**64
    assert LENGTH == len(new_slip(1).code.replace("-", ""))


def test_codes_differ() -> None:
    assert 100 == len({new_slip(1).code for _ in range(100)})


def test_scanner_reads_what_the_slip_says() -> None:
    slip = new_slip(7)

    assert (7, slip.code) == read(slip.text)
    assert slip.svg.startswith("<svg")
    assert "█" in slip.terminal


@pytest.mark.parametrize(
    "scanned", ["", "https://example.com", "CELLARBOOK:", "CELLARBOOK:x:ABCD", "CELLARBOOK:²:ABCD"]
)
def test_other_codes_are_told_apart(scanned: str) -> None:
    assert read(scanned) is None


def test_code_is_read_however_it_is_typed() -> None:
    assert matches(1, "abcd o1l0 ", digest(1, "ABCD-0110"))


def test_code_is_good_for_its_pickup_only() -> None:
    assert not matches(2, "ABCD-0110", digest(1, "ABCD-0110"))
