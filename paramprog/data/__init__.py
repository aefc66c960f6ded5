"""Data files as tables of numbers; every fault is named by file, row and column before anything is computed.

table         what a table is, whatever its file
content       the bytes of a file, and the limits on them
read          a file as a table, by its suffix
csv_file      tables of text: where the cells are; `cells`, what they say
npz_file      arrays of NumPy; `archive` reads them
parquet_file  columns of Parquet files, by pyarrow
memory        arrays of a Python program
arrays        what these, npz and Parquet share: typed arrays as numbers
values        single values by name: files of inputs and params, .json and .npz
"""

from paramprog.data.memory import table_of
from paramprog.data.read import read_table
from paramprog.data.table import Kind, Table

__all__ = ["Kind", "Table", "read_table", "table_of"]
