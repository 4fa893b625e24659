"""Tables as files: CSV and XLSX, the same bytes for the same content, and nothing in them that a program would run."""

import csv
import io
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

import xlsxwriter

from ledger.money import yuan

EPOCH = datetime(1970, 1, 1)
CREATED = datetime(2000, 1, 1)  # in the file's properties: the same content gives the same bytes
SHANGHAI = timedelta(hours=8)
RUNS = ("=", "+", "-", "@", "\t", "\r")  # what makes a spreadsheet take a text for a formula
NOT_IN_A_NAME = re.compile(r"[\[\]:*?/\\']")  # of a sheet
NAME_MAX = 31
WIDTH_MAX = 40  # characters


class Money(int):
    """Fen, shown in yuan."""


class Time(int):
    """Nanoseconds UTC, shown as the time in Shanghai."""


Cell: TypeAlias = str | int | Money | Time


class Table(NamedTuple):
    """A sheet of a workbook, or a part of a CSV file. Every row has a cell for each column."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def shown(cell: Cell) -> str:
    """A cell as people read it."""
    match cell:
        case Money():
            return yuan(cell)
        case Time():
            return (EPOCH + SHANGHAI + timedelta(seconds=cell // 10**9)).isoformat(" ")
    return str(cell)


def csv_of(tables: Sequence[Table]) -> bytes:
    """All tables one below the other, each under its title; UTF-8 with the mark that spreadsheets want."""
    sink = io.StringIO(newline="")
    writer = csv.writer(sink)
    for place, table in enumerate(tables):
        if place:
            writer.writerow([])
        writer.writerow([_harmless(table.title)])
        writer.writerow(table.columns)
        writer.writerows(
            [_harmless(cell) if isinstance(cell, str) else shown(cell) for cell in row] for row in table.rows
        )
    return sink.getvalue().encode("utf-8-sig")


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(RUNS) else text


def xlsx_of(tables: Sequence[Table]) -> bytes:
    """A workbook with a sheet for each table. Texts are texts, money and quantities are numbers that can be summed."""
    sink = io.BytesIO()
    book = xlsxwriter.Workbook(
        sink, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    book.set_properties({"created": CREATED})
    head, money, number = (book.add_format(style) for style in ({"bold": True}, {"num_format": "0.00"}, {}))
    for place, table in enumerate(tables, 1):
        sheet = book.add_worksheet(f"{place} {NOT_IN_A_NAME.sub('-', table.title)}"[:NAME_MAX])
        sheet.freeze_panes(1, 0)
        sheet.write_row(0, 0, table.columns, head)
        for place, column in enumerate(table.columns):
            widths = (len(shown(row[place])) for row in table.rows)
            sheet.set_column(place, place, min(WIDTH_MAX, max((len(column), *widths)) + 2))
        for at, row in enumerate(table.rows, 1):
            for place, cell in enumerate(row):
                match cell:
                    case Money():
                        sheet.write_number(at, place, cell / 100, money)
                    case Time() | str():
                        sheet.write_string(at, place, shown(cell))
                    case _:
                        sheet.write_number(at, place, cell, number)
    book.close()
    return sink.getvalue()


def plain(table: Table) -> list[dict[str, Any]]:
    """The rows for a program: money in fen, times in nanoseconds."""
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]
