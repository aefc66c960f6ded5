"""Parquet files, read by pyarrow (the extra `parquet`), which is imported only when such a file is opened.

A column of numbers is a column of the table; one of lists of equal length gives arrays, [rows, length]. Nulls
are faults. Sizes are compared with the limits as the file declares them, before anything is unpacked.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paramprog.data.arrays import as_numbers, entry, not_numbers
from paramprog.data.content import MAX_BYTES, MAX_ENTRIES, too_many_entries
from paramprog.data.table import NOTHING_DROPPED, Kind, Table, further
from paramprog.diagnostics import ProgramError, Span, fail


def read_parquet(path: Path, raw: bytes, digest: str) -> ParquetTable:
    """The table in the bytes of a file. Raises ProgramError as `read_table` says."""
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        message = f"reading `{path}` needs pyarrow, which is not installed"
        raise fail("data-format", message, None, "pip install 'paramprog[parquet]', or save CSV") from None
    try:
        file = parquet.ParquetFile(arrow.BufferReader(raw))
        meta, names = file.metadata, file.schema_arrow.names
        size = sum(meta.row_group(k).total_byte_size for k in range(meta.num_row_groups))
    except (arrow.ArrowException, OSError) as error:
        raise _damaged(path, error) from None
    for name, count in Counter(names).items():
        if count > 1:
            raise fail("data-column", f"`{path}` has {count} columns `{name}`")
    if meta.num_rows == 0 or not names:
        raise fail("data-empty", f"`{path}` has no {'rows' if names else 'columns'}")
    if meta.num_rows * len(names) > MAX_ENTRIES:
        raise too_many_entries(path)
    if size > MAX_BYTES:
        raise fail("data-read", f"`{path}` holds more than {MAX_BYTES >> 30} GiB, the limit for a data file")
    return ParquetTable(path, digest, meta.num_rows, tuple(names), file)


@dataclass(frozen=True, eq=False)
class ParquetTable(Table):
    file: Any

    def numbers(self, column: str, kind: Kind = "real") -> NDArray[Any]:
        if column not in self.columns:
            raise self.missing(column)
        arrow = import_module("pyarrow")
        try:
            values = self.file.read(columns=[column]).column(column).combine_chunks()
        except (arrow.ArrowException, OSError) as error:
            raise _damaged(self.path, error) from None
        shape = [self.rows]
        while True:
            self._check_nulls(column, values, shape)
            if not _is_list(arrow, values.type):
                break
            shape.append(self._length(column, values, shape))
            values = values.flatten()
            if prod(shape) > MAX_ENTRIES:
                raise too_many_entries(self.path)
        if not _is_number(arrow, values.type):
            raise not_numbers(self.path, column, str(values.type))
        return as_numbers(self.path, column, values.to_numpy(zero_copy_only=False).reshape(shape), kind)

    def place(self, row: int, column: str) -> Span:
        return entry(self.path, row, column)

    def _check_nulls(self, column: str, values: Any, shape: list[int]) -> None:
        if not values.null_count:
            return
        nulls: NDArray[np.bool_] = values.is_null().to_numpy(zero_copy_only=False)
        row, *index = (int(i) for i in np.unravel_index(int(np.argmax(nulls)), shape))
        message = f"column `{column}` is empty here{further(int(nulls.sum()) - 1)}"
        place = entry(self.path, row, column, tuple(index), "null")
        raise fail("data-cell-empty", message, place, NOTHING_DROPPED)

    def _length(self, column: str, values: Any, shape: list[int]) -> int:
        """The common length of the lists. Raises ProgramError at the first that differs from the one before it."""
        lengths = import_module("pyarrow.compute").list_value_length(values).to_numpy()
        other = np.flatnonzero(lengths != lengths[:1])
        if len(other):
            row = int(other[0]) // prod(shape[1:])
            message = f"`{column}` holds {lengths[other[0]]} values here, and {lengths[0]} in the first row"
            raise fail("data-ragged", message, self.place(row, column))
        return int(lengths[0]) if len(lengths) else 0


def _is_list(arrow: Any, type: Any) -> bool:
    types = arrow.types
    return bool(types.is_list(type) or types.is_large_list(type) or types.is_fixed_size_list(type))


def _is_number(arrow: Any, type: Any) -> bool:
    types = arrow.types
    return bool(types.is_integer(type) or types.is_floating(type) or types.is_boolean(type))


def _damaged(path: Path, error: Exception) -> ProgramError:
    return fail("data-read", f"`{path}` is damaged, or not a Parquet file ({type(error).__name__})")
