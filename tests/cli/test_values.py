"""`--inputs` and `--params`: files .json and .npz, also malformed and malicious ones."""

from __future__ import annotations

import io
import os
import pickle
import zipfile

import numpy as np
import pytest

from paramprog.data import content


@pytest.fixture
def run(cli, program):
    """Run a program with `--params FILE`."""
    name = program("param w : real[2] = [0.0, 0.0]\nfunction f(x = 0.0) { return [w[0], w[1], x] }")
    return lambda path: cli("run", name, "--params", path, "--json")


def member(array: np.ndarray) -> bytes:
    """The bytes of one array in an archive."""
    file = io.BytesIO()
    np.lib.format.write_array(file, array)
    return file.getvalue()


def archive(path, **members: bytes) -> str:
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(f"{name}.npy", data)
    return path.name


def test_json(run, write):
    """Numbers of all kinds, non-finite ones as strings, and a byte order mark."""
    assert run(write("p.json", '{"w": [1, 2.5], "x": -3}')).json["value"] == [1.0, 2.5, -3.0]
    found = run(write("p.json", b'\xef\xbb\xbf{"w": ["NaN", "Infinity"], "x": "-Infinity"}'))
    assert found.json["value"] == ["NaN", "Infinity", "-Infinity"]
    assert run(write("empty.json", "{}")).json["value"] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int8", "uint64", ">f8"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(run, tmp_path, dtype, save):
    """Arrays of any numbers, compressed or not."""
    save(tmp_path / "p.npz", w=np.array([1, 2], dtype), x=np.array(3, dtype))
    assert run("p.npz").json["value"] == [1.0, 2.0, 3.0]


def test_npz_in_columns(cli, program, tmp_path):
    """Arrays stored by columns are the same arrays; the suffix may be in capitals."""
    np.savez(tmp_path / "p.npz", A=np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]), b=np.array([True, False]))
    (tmp_path / "p.npz").rename(tmp_path / "p.NPZ")
    name = program("function f(A : real[2, 2], b : bool[2]) { return A, b }")
    assert cli("run", name, "--inputs", "p.NPZ", "--json").json["value"] == {
        "A": [[1.0, 2.0], [3.0, 4.0]],
        "b": [True, False],
    }


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "this is not JSON"),
        ('{"w": [1, 2],}', "this is not JSON"),
        ("[1, 2]", "does not hold a JSON object"),
        ("3", "does not hold a JSON object"),
        ('{"w": "one"}', "`w` in `p.json` holds a string"),
        ('{"w": null}', "`w` in `p.json` holds null"),
        ('{"w": {"a": 1}}', "`w` in `p.json` holds an object"),
        ('{"w": [[1], [1, 2]]}', "`w` in `p.json` is not a rectangular array"),
        ('{"w": [true, 2]}', "`w` in `p.json` mixes bools with numbers"),
        ('{"w": [1, 2], "w": [3, 4]}', "gives `w` twice"),
        ('{"w": ' + "[" * 100_000, "nested too deeply"),
        ('{"w": ' + "[" * 50 + "]" * 50 + "}", "more than 32 axes"),
        ('{"w": ' + "9" * 5000 + "}", "too long"),
        (b'{"w": "\xff"}', "not UTF-8"),
    ],
)
def test_malformed_json(run, write, text, message):
    """Exit 1 with what is wrong with the file, by its name."""
    done = run(write("p.json", text))
    assert (done.code, done.out) == (1, "")
    assert "error[values-file]" in done.err
    assert "p.json" in done.err
    assert message in done.err
    assert "Traceback" not in done.err


def test_the_place_in_json(run, write):
    """A syntax error of JSON has a caret."""
    done = run(write("p.json", '{\n  "w": [1, 2\n}'))
    assert "p.json:3:1: error[values-file]: this is not JSON" in done.err
    assert "  3 | }\n    | ^\n" in done.err


class Bomb:
    """Unpickling it would make a file."""

    def __reduce__(self):
        return os.mkdir, ("exploded",)


def test_pickles_are_not_loaded(run, write, tmp_path):
    """Neither a pickle by the name of an archive, nor arrays of objects."""
    done = run(write("p.npz", pickle.dumps(Bomb())))
    assert done.code == 1
    assert "`p.npz` is not a readable .npz file" in done.err
    np.savez(tmp_path / "q.npz", w=np.array([Bomb(), Bomb()], object))
    done = run("q.npz")
    assert done.code == 1
    assert "holds Python objects, which are not loaded" in done.err
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    "array",
    [
        np.array([1j, 2j]),
        np.array(["a", "b"]),
        np.array([b"a", b"b"]),
        np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]),
        np.array(["2020-01-01"], "datetime64[D]"),
    ],
    ids=lambda array: array.dtype.name,
)
def test_arrays_of_other_things(run, tmp_path, array):
    """Only numbers and bools are values."""
    np.savez(tmp_path / "p.npz", w=array)
    done = run("p.npz")
    assert done.code == 1
    assert "`w` in `p.npz` is not an array of numbers" in done.err


def test_sizes_are_checked_before_memory_is_asked_for(run, tmp_path):
    """A header that promises more than the file holds, or more than the limit, is refused."""
    honest = member(np.zeros(2))
    for shape, message in [
        ("(2000000,)", "damaged"),
        ("(99999999999,)", "damaged"),
        ("(-2,)", "damaged"),
    ]:
        old = b"'shape': (2,), }"
        new = f"'shape': {shape}, }}".encode()
        spaces = b" " * (len(new) - len(old))
        data = honest.replace(old + spaces, new) if len(new) >= len(old) else honest
        done = run(archive(tmp_path / "p.npz", w=data))
        assert done.code == 1
        assert message in done.err


def test_a_limit_on_numbers(run, tmp_path, monkeypatch):
    """Over all arrays of a file."""
    np.savez(tmp_path / "p.npz", w=np.zeros(4), x=np.zeros(3))
    monkeypatch.setattr(content, "MAX_ENTRIES", 6)
    assert "`p.npz` holds more than 6 (2^28) numbers" in run("p.npz").err


def test_damaged_archives(run, write, tmp_path):
    """Cut off or altered anywhere, it is an error and not a traceback; at worst other numbers are read."""
    np.savez_compressed(tmp_path / "p.npz", w=np.array([1.0, 2.0]), x=np.array(3.0))
    whole = (tmp_path / "p.npz").read_bytes()
    damaged = [whole[:k] for k in range(0, len(whole), 17)]
    damaged += [whole[:k] + bytes([whole[k] ^ 0x41]) + whole[k + 1 :] for k in range(0, len(whole), 5)]
    for data in damaged:
        done = run(write("p.npz", data))
        assert done.code in (0, 1), done.err
    assert run(archive(tmp_path / "q.npz", w=b"nonsense")).code == 1
    with zipfile.ZipFile(tmp_path / "r.npz", "w") as file:
        file.writestr("readme.txt", "hello")
    assert "`readme.txt` in `r.npz` is not an array" in run("r.npz").err


def test_files_that_cannot_be_read(run, write, tmp_path):
    """Missing files, directories and other formats."""
    (tmp_path / "d.json").mkdir()
    for path, message in [
        ("none.json", "there is no file `none.json`"),
        ("none.npz", "there is no file `none.npz`"),
        ("d.json", "`d.json` is a directory"),
        ("nul\0.json", "is no name of a file"),
        (write("p.csv", "1,2"), "`p.csv` is neither a .json nor a .npz file"),
    ]:
        done = run(path)
        assert (done.code, done.out) == (1, "")
        assert message in done.err


def test_unknown_names_in_files(run, write):
    """They are errors, with a hint where one is close."""
    done = run(write("p.json", '{"ww": [1, 2]}'))
    assert done.code == 1
    assert "error[unknown-input]" in done.err


def test_shipped_data(cli, shipped):
    """The row of digits that ships fits its program."""
    program = shipped("digits_mlp")
    done = cli("run", program, "-q", "--inputs", program.parent / "data" / "digits_row.json")
    assert done.code == 0
    assert done.out != cli("run", program, "-q").out
