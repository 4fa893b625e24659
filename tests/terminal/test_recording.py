"""A recorded order flow is read whole, checked line by line, and put into the order in which it happened."""

import lzma
from pathlib import Path

import pytest

from terminal.recording import BadRecording, Cancel, Place, read

HEADER = "id,timestamp,exchange.timestamp,price,volume,action,direction"
CREATED = "7,1430438404518,1430438404000,236.47,200000000,created,bid"


def recording(tmp_path: Path, *lines: str, header: str = HEADER) -> Path:
    path = tmp_path / "flow.csv"
    path.write_text("\n".join((header, *lines)) + "\n")
    return path


def test_created_becomes_an_order_in_cents_and_deleted_its_cancel(tmp_path: Path) -> None:
    found = read(recording(tmp_path, CREATED, "7,1430438404519,0,236.47,0,deleted,bid"))

    assert [Place("7", "B", 23_647, 200_000_000), Cancel("7")] == found.steps


@pytest.mark.parametrize(("price", "px"), [("1", 100), ("0.01", 1), ("1.5", 150), ("0.29", 29), ("167772.16", 1 << 24)])
def test_price_is_exact_in_cents(tmp_path: Path, price: str, px: int) -> None:
    found = read(recording(tmp_path, f"7,1,1,{price},5,created,ask"))

    assert [Place("7", "S", px, 5)] == found.steps


def test_rows_go_by_timestamp_and_by_file_order_on_ties(tmp_path: Path) -> None:
    rows = ["a,3,0,1,1,created,bid", "b,1,0,1,1,created,bid", "c,3,0,1,1,created,bid", "d,2,9,1,1,created,bid"]

    found = read(recording(tmp_path, *rows))

    assert ["b", "d", "a", "c"] == [step.cid for step in found.steps]


def test_changed_is_counted_and_ignored(tmp_path: Path) -> None:
    found = read(recording(tmp_path, CREATED, "7,1430438404519,0,236.47,5,changed,bid"))

    assert (1, 1, 2) == (len(found.steps), found.changed, found.rows)


def test_deleted_of_an_id_never_created_is_counted_and_ignored(tmp_path: Path) -> None:
    found = read(recording(tmp_path, "8,1,1,1,0,deleted,bid", CREATED))

    assert (1, 1, 0) == (len(found.steps), found.unknown, found.deleted)


def test_id_used_again_is_another_order_and_deleted_means_the_latest(tmp_path: Path) -> None:
    rows = ["7,1,0,1,1,created,bid", "7,2,0,1,1,deleted,bid", "7,3,0,2,1,created,ask", "7,4,0,2,1,deleted,ask"]

    found = read(recording(tmp_path, *rows))

    assert [Place("7", "B", 100, 1), Cancel("7"), Place("7~2", "S", 200, 1), Cancel("7~2")] == found.steps


def test_xz_reads_like_plain_csv(tmp_path: Path) -> None:
    plain = recording(tmp_path, CREATED)
    packed = tmp_path / "flow.csv.xz"
    packed.write_bytes(lzma.compress(plain.read_bytes()))

    assert read(plain) == read(packed)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (CREATED.replace("236.47", "236.475"), "price '236.475'"),
        (CREATED.replace("236.47", "-1"), "price '-1'"),
        (CREATED.replace("236.47", "1e3"), "price '1e3'"),
        (CREATED.replace("236.47", "NaN"), "price 'NaN'"),
        (CREATED.replace("236.47", "0.00"), "price 0.00: not from 0.01"),
        (CREATED.replace("236.47", "167772.17"), "price 167772.17: not from 0.01 to 167772.16"),
        (CREATED.replace("200000000", "0"), "volume 0: not from 1"),
        (CREATED.replace("200000000", "1.5"), "volume '1.5'"),
        (CREATED.replace("200000000", "2_0"), "volume '2_0'"),
        (CREATED.replace("200000000", str((1 << 53) + 1)), "volume 9007199254740993: not from 1"),
        (CREATED.replace("1430438404518", ""), "timestamp ''"),
        (CREATED.replace("1430438404518", "٣"), "timestamp '٣'"),
        (CREATED.replace("1430438404000", "x"), "exchange.timestamp 'x'"),
        (CREATED.replace("created", "made"), "action 'made'"),
        (CREATED.replace("bid", "buy"), "direction 'buy'"),
        (CREATED.replace("7,", ",", 1), "id ''"),
        (CREATED.replace("7,", "a b,", 1), "id 'a b'"),
        (CREATED + ",1", "8 fields instead of 7"),
        ("", "0 fields instead of 7"),
        ('"7,1', "unexpected end of data"),
        ("\x1b[31m,1,1,1,1,created,bid", r"id '\x1b[31m'"),
    ],
)
def test_bad_line_is_reported_with_its_number(tmp_path: Path, line: str, why: str) -> None:
    path = recording(tmp_path, CREATED, line)

    with pytest.raises(BadRecording) as caught:
        read(path)

    assert f"{path} line 3: {why}" == str(caught.value)[: len(f"{path} line 3: {why}")]


def test_bytes_that_are_no_text_are_reported_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "flow.csv"
    path.write_bytes(f"{HEADER}\n{CREATED}\n".encode() + b"\xff\xfe,1,1,1,1,created,bid\n")

    with pytest.raises(BadRecording, match="line 3: id"):
        read(path)


def test_other_columns_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match="line 1: the columns are id,timestamp"):
        read(recording(tmp_path, CREATED, header=HEADER.replace("price", "px")))


def test_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "flow.csv"
    path.touch()

    with pytest.raises(BadRecording, match="line 1: the columns"):
        read(path)


def test_compressed_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "flow.csv.xz"
    path.write_bytes(lzma.compress(recording(tmp_path, *[CREATED] * 50).read_bytes())[:-20])

    with pytest.raises(BadRecording, match=r"line \d+: the compressed data"):
        read(path)


def test_missing_file_and_directory_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(BadRecording, match=r"No such file|Is a directory"):
            read(path)
