"""npz files: arrays by name, the first axis the rows; nothing is believed that the file says of itself."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from numpy.lib import format as npy

from paramprog.data import content, npz_file, read_table
from paramprog.diagnostics import ProgramError, render


@pytest.fixture
def npz(tmp_path, monkeypatch):
    """Arrays by name -> the table of `d.npz` in the current directory."""
    monkeypatch.chdir(tmp_path)

    def read(**arrays):
        np.savez("d.npz", **arrays)
        return read_table("d.npz")

    return read


def header(shape, descr="<f8"):
    """The beginning of an array of which nothing else is there."""
    out = io.BytesIO()
    npy.write_array_header_1_0(out, {"descr": descr, "fortran_order": False, "shape": shape})
    return out.getvalue()


def members(**contents):
    """`d.npz` with these bytes under these names."""
    with zipfile.ZipFile("d.npz", "w") as archive:
        for name, data in contents.items():
            archive.writestr(f"{name}.npy", data)
    return read_table("d.npz")


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", "f2", "i1", "<u4", ">i8", "u8"])
@pytest.mark.parametrize("order", "CF")
def test_arrays(npz, dtype, order):
    """Every type of numbers, bytes and axes in any order, becomes float64 or int64, in the order of C."""
    x = np.asarray(np.arange(24).reshape(4, 2, 3), dtype, order=order)
    table = npz(x=x, y=np.arange(4.0))
    assert (table.rows, table.columns) == (4, ("x", "y"))
    for kind, expected in (("real", np.float64), ("int", np.int64)):
        found = table.numbers("x", kind)
        assert found.dtype == expected
        assert found.flags.c_contiguous
        assert np.array_equal(found, np.arange(24).reshape(4, 2, 3))


def test_compressed_files_and_bools(tmp_path):
    """Compression is undone; a bool is a bool, and 0 and 1 are."""
    path = tmp_path / "d.npz"
    np.savez_compressed(path, b=np.array([True, False]), k=np.array([0, 1]))
    table = read_table(path)
    assert table.numbers("b", "bool").tolist() == [True, False]
    assert table.numbers("k", "bool").tolist() == [False, True]


@pytest.mark.parametrize(
    "x, kind, code, row, shown, words",
    [
        ([[1, 2], [3, np.nan]], "real", "data-nonfinite", 2, "x[1] = nan", "`x` holds nan, and numbers must be finite"),
        ([np.inf, np.nan], "int", "data-nonfinite", 1, "x = inf", "(1 more cell of this column cannot be used either)"),
        ([1, 2.5, 0.5], "int", "data-number", 2, "x = 2.5", "which is not a whole number (1 more cell"),
        ([1, 1e19], "int", "data-number", 2, "x = 1e+19", "which is too large for an int64"),
        (np.array([2**63], np.uint64), "int", "data-number", 1, "x = 9223372036854775808", "too large for an int64"),
        (np.array([2**63], ">u8"), "int", "data-number", 1, "x = 9223372036854775808", "too large for an int64"),
        ([0, 1, 2], "bool", "data-number", 3, "x = 2", "which is neither true nor false"),
    ],
)  # fmt: skip
def test_bad_entries(npz, refused, x, kind, code, row, shown, words):
    """The place is the row, counted from 1, and the entry in it."""
    found = refused(npz(x=np.array(x)).numbers, "x", kind)
    assert found.code == code
    assert words in found.message
    assert f"d.npz:{row}:" in render(found)
    assert f"  {row} | {shown}\n" in render(found)


def test_what_is_no_number(npz, refused):
    """Text and bools are refused where numbers are needed, and only there; pickles are never loaded."""
    table = npz(
        t=np.array(["a"]), z=np.array([1j]), b=np.array([True]), o=np.array([None]), x=np.array([1.0])
    )
    assert table.numbers("x").tolist() == [1]
    assert (
        refused(table.numbers, "t").message == "`t` of `d.npz` is of type <U1, which is not a type of numbers"
    )
    assert refused(table.numbers, "z").code == refused(table.numbers, "b").code == "data-number"
    found = refused(table.numbers, "o")
    assert (found.code, "never loaded" in found.message) == ("data-read", True)
    assert refused(table.numbers, "X").code == "data-column"


def test_rows(npz, refused):
    """All arrays have the same first axis, and it is not empty."""
    found = refused(lambda: npz(x=np.zeros((2, 3)), y=np.zeros(3)))
    assert (found.code, found.message) == ("data-ragged", "`y` of `d.npz` has 3 rows, and `x` has 2")
    assert refused(lambda: npz(x=np.zeros(3), n=3.0)).code == "data-ragged"
    assert refused(lambda: npz(x=np.zeros((0, 3)))).code == "data-empty"
    assert refused(npz).code == "data-empty"


def test_places(npz):
    """Without lines, a row has its number."""
    table = npz(x=np.zeros((3, 2)))
    place = table.place(2, "x")
    assert (table.line(2), place.line, place.text, table.header()) == (3, 3, "x", None)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04",
        b"\x93NUMPY\x01\x00",
        b"x,y\n1,2\n",
    ],
)
def test_other_files(tmp_path, refused, content):
    """What is no archive is refused."""
    path = tmp_path / "d.npz"
    path.write_bytes(content)
    assert refused(read_table, path).code == "data-read"


def test_damage(npz, tmp_path):
    """Any one byte changed: the numbers are the same, or a diagnostic says that the file is damaged."""
    expected = np.arange(6.0)
    npz(x=expected)
    path = tmp_path / "d.npz"
    whole = path.read_bytes()
    codes = []
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x20]) + whole[at + 1 :])
        try:
            table = read_table(path)
            if table.columns == ("x",):  # the name itself is not protected
                assert np.array_equal(table.numbers("x"), expected)
        except ProgramError as error:
            codes.append(error.diagnostics[0].code)
    assert len(codes) > 100
    assert set(codes) <= {"data-read", "data-empty"}
    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        with pytest.raises(ProgramError):
            read_table(path)


@pytest.mark.parametrize("shape", [(2**40,), (2**20, 2**20), (0, -1), (3,), (-1,)])
def test_headers_that_lie(npz, refused, shape):
    """A size that is not that of the data is noticed before memory is asked for."""
    found = refused(lambda: members(x=header(shape) + bytes(16)))
    assert (found.code, "its size is not that of its shape" in found.message) == ("data-read", True)


def test_other_members(npz, refused):
    """A member that is no array, and two of one name."""
    assert refused(lambda: members(x=b"text")).code == "data-read"
    with zipfile.ZipFile("d.npz", "w") as archive:
        archive.writestr("readme.txt", "text")
    assert refused(read_table, "d.npz").code == "data-read"
    with zipfile.ZipFile("d.npz", "w") as archive:
        archive.writestr("x.npy", header((0,)))
        archive.writestr("x", b"")
    assert refused(read_table, "d.npz").code == "data-column"


def test_limits(npz, refused, monkeypatch):
    """Entries and bytes are counted over all arrays."""
    monkeypatch.setattr(npz_file, "MAX_ENTRIES", 5)
    assert npz(x=np.zeros(5)).rows == 5
    assert "2^28" in refused(lambda: npz(x=np.zeros(3), y=np.zeros(3))).message
    monkeypatch.setattr(npz_file, "MAX_ENTRIES", content.MAX_ENTRIES)
    monkeypatch.setattr(npz_file, "MAX_BYTES", 47)
    assert refused(lambda: npz(x=np.zeros(3), y=np.zeros(3))).code == "data-read"
