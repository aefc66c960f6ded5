"""`read_table`: a data file as a `Table`, by its suffix."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from paramprog.data.content import opened, read_bytes
from paramprog.data.csv_file import read_csv
from paramprog.data.npz_file import read_npz
from paramprog.data.parquet_file import read_parquet
from paramprog.data.table import Table
from paramprog.diagnostics import fail

READERS: dict[str, Callable[[Path, bytes, str], Table]] = {
    ".csv": read_csv,
    ".npz": read_npz,
    ".parquet": read_parquet,
}
"""(path, bytes of the file, their digest) -> the table."""


def read_table(path: Path | str) -> Table:
    """The table in a file `.csv`, `.npz` or `.parquet`.

    Raises ProgramError: data-read when the file cannot be read or is damaged, data-format for another suffix or a
    missing pyarrow, data-empty when there is no header or no row, data-ragged when rows differ in length,
    data-quote for a quote out of place, data-column when two columns have one name.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    with opened(path, "data-read") as file:
        if reader is None:
            message = (
                f"`{path}` is not a data file that can be read: its name ends in none of {', '.join(READERS)}"
            )
            raise fail("data-format", message, None, "save the table as CSV, with commas and a header line")
        data = read_bytes(path, file)
    return reader(path, data, sha256(data).hexdigest())
