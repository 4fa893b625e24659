"""Files of tables: complete, the same each time, and harmless."""

import csv
import io
import re
import zipfile

import pytest

from ledger.exports import Money, Table, Time, csv_of, plain, shown, xlsx_of

TABLES = [
    Table("a/b [x]", ["name", "fen", "n", "at"], [["茅台", Money(-268_005), 6, Time(1_700_000_000 * 10**9)]]),
    Table("a/b [x]", ["name"], [[f"{char}cmd|' /C calc'!A0"] for char in "=+-@\t\r"]),
]


def test_cells_read_as_people_write_them() -> None:
    assert ["-2680.05", "2023-11-15 06:13:20", "7", "x"] == [
        shown(cell) for cell in (Money(-268_005), Time(17 * 10**17), 7, "x")
    ]


def test_csv_has_every_cell_and_no_formula() -> None:
    lines = list(csv.reader(io.StringIO(csv_of(TABLES).decode("utf-8-sig"))))

    assert [["a/b [x]"], ["name", "fen", "n", "at"], ["茅台", "-2680.05", "6", "2023-11-15 06:13:20"], []] == lines[:4]
    assert all(cell.startswith("'") for (cell,) in lines[6:])
    assert len(TABLES[1].rows) == len(lines[6:])


def test_workbook_has_sheets_with_numbers_texts_and_no_formula() -> None:
    with zipfile.ZipFile(io.BytesIO(xlsx_of(TABLES))) as book:
        first, second = (book.read(f"xl/worksheets/sheet{n}.xml").decode() for n in (1, 2))
        names = re.findall(r'<sheet name="([^"]+)"', book.read("xl/workbook.xml").decode())

    assert ["1 a-b -x-", "2 a-b -x-"] == names
    assert "<v>-2680.05</v>" in first
    assert "<v>6</v>" in first
    assert "<f>" not in first + second
    assert len(TABLES[1].rows) + 1 == second.count('t="s"')


@pytest.mark.parametrize("write", [csv_of, xlsx_of])
def test_same_content_gives_the_same_bytes(write: object) -> None:
    assert callable(write)
    assert write(TABLES) == write(TABLES)


def test_programs_get_plain_values() -> None:
    assert [{"name": "茅台", "fen": -268_005, "n": 6, "at": 17 * 10**17}] == plain(TABLES[0])
