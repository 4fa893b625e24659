"""The few Cython names that `kernel.py` uses, for running that file as plain Python.

Where the compiled kernel has a C struct in an array, plain Python has an object with slots in a list: taking the
address of an element is then just the object, so both modes read and write the same record in place.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")

compiled = False
NULL = None
char = schar = longlong = ulonglong = size_t = Py_ssize_t = bint = int
void = None
globals()["int"] = int  # the kernel says cython.int


class _Pointer:
    def __getitem__(self, base: T) -> T:
        return base


pointer = _Pointer()


def typedef(base: type) -> type:
    return base


def declare(_type: type, value: int = 0, visibility: str = "private") -> int:
    return value


def struct(**fields: type) -> type:
    """Return a class with these slots, all zero at first."""

    def zero(self: Any) -> None:
        for name in fields:
            setattr(self, name, 0)

    return type("struct", (), {"__slots__": tuple(fields), "__init__": zero})


def record_of(record: Callable[[], Any], values: Iterable[int]) -> Any:
    """Return a record with its fields set in order."""
    made = record()
    for name, value in zip(made.__slots__, values, strict=True):
        setattr(made, name, value)
    return made


def address(record: T) -> T:
    return record


def cast(_type: object, value: T) -> T:
    return value


def sizeof(record: T) -> T:
    """Stand for a record's size by the record itself, from which `grow` makes new ones."""
    return record


def grow(pool: list[Any] | None, record: Callable[[], Any], used: int, wanted: int) -> list[Any]:
    """Make room for `wanted` records in a pool that has `used`, new ones zero; a pool is `None` at first."""
    pool = [] if pool is None else pool
    pool.extend(record() for _ in range(wanted - len(pool)))
    return pool


def trailing_zeros(word: int) -> int:
    return (word & -word).bit_length() - 1


def prefetch(_record: object) -> None:
    pass


def leading_zeros(word: int) -> int:
    return 64 - word.bit_length()


def exceptval(*_values: object, **_options: object) -> Callable[[T], T]:
    return lambda function: function


def cclass(cls: T) -> T:
    return cls


cfunc = ccall = inline = cclass
