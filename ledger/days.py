"""The days of the books: from midnight to midnight in Shanghai, which has had no other time than UTC+8 since 1991.

A day is the number of days since 1970-01-01.
"""

from datetime import date, timedelta

DAY_NS = 86_400 * 10**9
SHANGHAI_NS = 8 * 3_600 * 10**9
EPOCH = date(1970, 1, 1)


def day_of(ts: int) -> int:
    """The day that a time, in nanoseconds UTC, falls in."""
    return (ts + SHANGHAI_NS) // DAY_NS


def start_of(day: int) -> int:
    """When a day begins, in nanoseconds UTC."""
    return day * DAY_NS - SHANGHAI_NS


def date_of(day: int) -> date:
    return EPOCH + timedelta(days=day)


def number_of(day: date) -> int:
    return (day - EPOCH).days
