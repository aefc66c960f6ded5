"""Checkpoints come back as they were, or are refused."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tracemalloc
import zipfile
from hashlib import sha256

import numpy as np
import pytest
from full_disk import fails_at
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from paramprog.diagnostics import ProgramError
from paramprog.fitting.checkpoint import DIGITS, Checkpoint, decode, encode, load, require, save

ARRAYS = {
    "theta": np.array([0.1, -0.0, np.nan, np.inf, 5e-324]),
    "adam/m": np.arange(6, dtype=np.float32).reshape(2, 3),
    "scale/x/shift": np.array(2.5),
    "none": np.zeros((0, 3)),
}
META = {
    "program": "f" * 64,
    "epoch": 3,
    "state": {"z": 2**127 + 1, "a": [1.5, None, True, "é"]},
    "best": float("inf"),
}
WHOLE = bytes(encode(ARRAYS, META))

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
DTYPES = st.sampled_from(["?", "<i8", "<i4", "u1", "<f4", "<f8", "<f2", ">f8", ">i4"])
NAMES = st.text("abcXYZ019_/. -", min_size=1, max_size=8).filter(lambda n: n != "meta")


def same(found: Checkpoint, arrays, meta) -> bool:
    """Bit for bit, with shapes and dtypes (in the byte order of this machine)."""
    return (
        found.meta == meta
        and found.arrays.keys() == arrays.keys()
        and all(
            found.arrays[n].dtype == a.dtype.newbyteorder("=")
            and found.arrays[n].shape == a.shape
            and found.arrays[n].tobytes() == a.astype(a.dtype.newbyteorder("=")).tobytes()
            for n, a in arrays.items()
        )
    )


def refused(data: bytes) -> str:
    """The code with which bytes are refused."""
    with pytest.raises(ProgramError) as caught:
        decode(data, "run/checkpoint.npz")
    (diagnostic,) = caught.value.diagnostics
    assert "run/checkpoint.npz" in diagnostic.message
    return diagnostic.code


def sealed(data: bytes) -> bytes:
    """The bytes with a seal that is right for them: what somebody could make on purpose."""
    return data[:-DIGITS] + sha256(data[:-DIGITS]).hexdigest().encode()


def archive(*members: tuple[str, bytes], version: int = 1, compression: int = zipfile.ZIP_STORED) -> bytes:
    """A sealed zip file of other members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        file.comment = f"paramprog checkpoint {version} sha256 ".encode() + b"0" * DIGITS
        for name, data in members:
            file.writestr(name, data)
    return sealed(buffer.getvalue())


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def meta_member(text: str = '{"format": "paramprog checkpoint", "version": 1}') -> tuple[str, bytes]:
    return "meta.npy", npy(np.frombuffer(text.encode(), np.uint8))


# ---- what is kept ------------------------------------------------------------------------------------------


def test_comes_back(tmp_path):
    """`load` gives what `save` was given; the arrays may be written to."""
    save(tmp_path / "c.npz", ARRAYS, META)
    found = load(tmp_path / "c.npz")
    assert same(found, ARRAYS, META)
    for array in found.arrays.values():
        array[...] = 1
    assert os.listdir(tmp_path) == ["c.npz"]


@given(
    st.dictionaries(
        NAMES, hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    ),
    st.dictionaries(st.text().filter(lambda k: k not in ("format", "version")), JSON, max_size=4),
)
def test_anything_comes_back(arrays, meta):
    """Any arrays of numbers under any names, and any JSON object, come back bit for bit."""
    assert same(decode(bytes(encode(arrays, meta)), "c"), arrays, meta)


def test_order_of_memory():
    """Arrays in column order and slices come back with the values that they had."""
    a = np.arange(12.0).reshape(3, 4)
    arrays = {"f": np.asfortranarray(a), "slice": a[::2, ::-1], "t": a.T}
    assert same(decode(bytes(encode(arrays, {})), "c"), arrays, {})


def test_numpy_opens_it(tmp_path):
    """`numpy.load` reads the arrays by name, and `meta` as JSON that begins with the format."""
    save(tmp_path / "c.npz", ARRAYS, META)
    with np.load(tmp_path / "c.npz", allow_pickle=False) as file:
        assert set(file.files) == {*ARRAYS, "meta"}
        assert all(np.array_equal(file[n], a, equal_nan=True) for n, a in ARRAYS.items())
        meta = json.loads(file["meta"].tobytes())
    assert list(meta)[:2] == ["format", "version"]
    assert meta == {"format": "paramprog checkpoint", "version": 1, **META}


def test_same_bytes():
    """The same contents in another order, in another process with other hashes, zone and locale: the same bytes."""
    assert bytes(encode(dict(reversed(ARRAYS.items())), dict(reversed(META.items())))) == WHOLE
    code = (
        "import sys, time, numpy as np; from paramprog.fitting.checkpoint import encode;"
        "sys.stdout.buffer.write(encode({'b': np.arange(3.0), 'a': np.ones(2)}, {'y': 1, 'x': [0.1]}))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert done.stdout == bytes(encode({"a": np.ones(2), "b": np.arange(3.0)}, {"x": [0.1], "y": 1}))
    with zipfile.ZipFile(io.BytesIO(WHOLE)) as file:
        assert {m.date_time for m in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(
    "arrays, meta",
    [
        ({"x": np.array(["text"])}, {}),
        ({"x": np.array([object()])}, {}),
        ({"x": np.zeros(2, complex)}, {}),
        ({"x": np.zeros(2, "i4,f8")}, {}),
        ({"": np.zeros(2)}, {}),
        ({"a\0b": np.zeros(2)}, {}),
        ({"é": np.zeros(2)}, {}),
        ({"a" * 1001: np.zeros(2)}, {}),
        ({"meta": np.zeros(2)}, {}),
        ({}, {"format": "mine"}),
        ({}, {"version": 2}),
    ],
)
def test_what_cannot_be_kept(tmp_path, arrays, meta):
    """What would not come back is refused before anything is written."""
    with pytest.raises(ValueError, match=r"."):
        save(tmp_path / "c.npz", arrays, meta)
    assert os.listdir(tmp_path) == []


# ---- damage ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80, 0xFF])
def test_every_flipped_byte(mask):
    """Whichever byte is changed, the file is refused as damaged."""
    for at in range(len(WHOLE)):
        data = bytearray(WHOLE)
        data[at] ^= mask
        assert refused(bytes(data)) == "checkpoint-damaged", at


def test_every_length():
    """However much of the end is lost, the file is refused as damaged."""
    for length in range(len(WHOLE)):
        assert refused(WHOLE[:length]) == "checkpoint-damaged", length


@given(st.integers(0, len(WHOLE)), st.integers(0, len(WHOLE)), st.binary(max_size=40))
def test_replaced_stretches(start, length, put):
    """Any stretch replaced by any bytes (also inserted, also cut out): the same contents or refused, never others."""
    data = WHOLE[:start] + put + WHOLE[start + length :]
    if data != WHOLE:
        assert refused(data) in ("checkpoint-damaged", "checkpoint-foreign")
    else:
        assert same(decode(data, "c"), ARRAYS, META)


def test_blocks_of_a_disk():
    """Blocks of zeros, as a crash of the system leaves them, and blocks of another checkpoint are refused."""
    other = bytes(encode({**ARRAYS, "theta": np.ones(5)}, META))
    assert len(other) == len(WHOLE)
    for size in (64, 512):
        for at in range(0, len(WHOLE), size):
            for block in (bytes(len(WHOLE[at : at + size])), other[at : at + size]):
                data = WHOLE[:at] + block + WHOLE[at + size :]
                assert data in (WHOLE, other) or refused(data) == "checkpoint-damaged"


def test_on_disk(tmp_path):
    """`load` refuses damaged files as `decode` does."""
    path = tmp_path / "checkpoint.npz"
    for data in (WHOLE[:-1], WHOLE[:100], b"", WHOLE + b"\0", WHOLE[:700] + b"?" + WHOLE[701:]):
        path.write_bytes(data)
        with pytest.raises(
            ProgramError, match=r"error\[checkpoint-damaged\]: `.*checkpoint.npz` is a damaged"
        ):
            load(path)


# ---- files of others ---------------------------------------------------------------------------------------


def test_foreign_files(tmp_path):
    """Other files, also .npz files with arrays of the same names, are refused as none of ours."""
    path = tmp_path / "checkpoint.npz"
    np.savez(path, **ARRAYS)
    foreign = [
        path.read_bytes(),
        b"PK\x05\x06" + bytes(18),
        b"x,y\n1,2\n",
        b"\x89PNG\r\n\x1a\n",
        os.urandom(5000),
    ]
    np.savez(path, x=1)
    foreign.append(path.read_bytes())
    for data in foreign:
        path.write_bytes(data)
        with pytest.raises(
            ProgramError, match=r"\[checkpoint-foreign\]: `.*` is not a checkpoint of paramprog"
        ):
            load(path)


def test_large_foreign_file(tmp_path):
    """Of a file that is none of ours no more is read than both ends."""
    path = tmp_path / "disk.img"
    path.touch()
    os.truncate(path, 1 << 32)
    tracemalloc.start()
    try:
        with pytest.raises(ProgramError, match="checkpoint-foreign"):
            load(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_newer_format():
    """A checkpoint of a later version is refused by its number, whatever is in it."""
    assert refused(archive(("future", b"?"), version=2)) == "checkpoint-foreign"
    with pytest.raises(ProgramError, match=r"is a checkpoint of format 2, .* reads format 1"):
        decode(archive(meta_member(), version=2), "c")


def test_no_file(tmp_path):
    """What cannot be read is an error that names it: no file, a folder, a pipe (which is not waited for)."""
    os.mkfifo(tmp_path / "pipe")
    for name, message in [
        ("none", "there is no file"),
        (".", "not a regular file"),
        ("pipe", "not a regular file"),
    ]:
        with pytest.raises(ProgramError, match=rf"error\[unreadable-file\]: .*{message}"):
            load(tmp_path / name)


HUGE = npy(np.zeros(4)).replace(b"(4,)", b"(1000000000000,)".ljust(4)).replace(b" " * 12 + b"\n", b"\n")
META_TEXT = '{"format": "paramprog checkpoint", "version": 1}'


@pytest.mark.parametrize(
    "data",
    [
        archive(),
        archive(("x.npy", npy(np.zeros(3)))),
        archive(meta_member(), ("x.npy", npy(np.zeros(3))), ("x", npy(np.zeros(3)))),
        archive(meta_member(), ("x.npy", b"no array")),
        archive(meta_member(), ("x.npy", HUGE)),
        archive(meta_member(), ("x.npy", npy(np.zeros(4)).replace(b"(4,), ", b"(-1,),"))),
        archive(meta_member(), ("x.npy", npy(np.zeros(3))[:-1])),
        archive(meta_member(), ("x.npy", npy(np.array([{}, []], dtype=object)))),
        archive(meta_member(), ("x.npy", npy(np.array(["text"])))),
        archive(meta_member(), ("x.npy", npy(np.asfortranarray(np.ones((2, 2)))))),
        archive(meta_member(), ("x.npy", npy(np.zeros(1 << 20))), compression=zipfile.ZIP_DEFLATED),
        archive(meta_member("[]")),
        archive(meta_member("{}")),
        archive(meta_member("[" * 100_000)),
        archive(meta_member('{"format": "paramprog checkpoint", "version": 2}')),
        archive(meta_member('{"n": ' + "9" * 5000 + "}")),
        archive(("meta.npy", npy(np.frombuffer(b"\xff\xfe{}", np.uint8)))),
    ],
)
def test_made_on_purpose(data):
    """Files with a right seal and wrong contents are refused: pickles, sizes that are not there, compression."""
    assert refused(data) == "checkpoint-damaged"


def test_claimed_sizes():
    """No memory is asked for because a header claims an array to be large."""
    assert b"(1000000000000,)" in HUGE
    data = archive(meta_member(), ("x.npy", HUGE))
    tracemalloc.start()
    try:
        assert refused(data) == "checkpoint-damaged"
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@given(st.integers(0, len(WHOLE) - DIGITS - 40), st.binary(min_size=1, max_size=4))
def test_resealed(at, put):
    """Whatever is changed under a seal made anew, nothing but ProgramError is raised."""
    data = WHOLE[:at] + put + WHOLE[at + len(put) :]
    try:
        decode(sealed(data), "c")
    except ProgramError as error:
        assert {d.code for d in error.diagnostics} <= {"checkpoint-damaged", "checkpoint-foreign"}  # noqa: PT017


# ---- full disks and killed processes -----------------------------------------------------------------------


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("turn", range(6))
def test_full_disk(tmp_path, monkeypatch, turn, partial):
    """A disk that is full at any system call: an error that names file and cause, no temporary file, and the previous
    checkpoint loads (the new one, if only its name could not be brought to the disk)."""
    path = tmp_path / "checkpoint.npz"
    save(path, ARRAYS, META)
    with monkeypatch.context() as patch:
        calls = fails_at(patch, turn, partial=partial)
        with pytest.raises(ProgramError) as caught:
            save(path, {}, {"epoch": 4})
        assert calls() > turn
    assert str(caught.value) == f"error[checkpoint-write]: cannot write `{path}`: No space left on device"
    assert os.listdir(tmp_path) == ["checkpoint.npz"]
    assert load(path).meta == (META if turn < 4 else {"epoch": 4})


def test_read_only_folder(tmp_path):
    """A folder that is not there is named with the cause."""
    with pytest.raises(ProgramError, match=r"cannot write `.*/none/c.npz`: No such file or directory"):
        save(tmp_path / "none" / "c.npz", {}, {})


SAVER = """
import sys, numpy as np
from paramprog.fitting.checkpoint import save
for k in range(10**9):
    save(sys.argv[1], {"theta": np.full(20_000, float(k))}, {"k": k})
    if k == 0: print("begun", flush=True)
"""


def test_killed(tmp_path):
    """While a process saves without pause, and after it is killed, the file is always one whole checkpoint."""
    path = tmp_path / "checkpoint.npz"
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", SAVER, path], stdout=subprocess.PIPE)
        try:
            process.stdout.readline()
            for _ in range(20):
                arrays, meta = load(path)
                assert np.array_equal(arrays["theta"], np.full(20_000, float(meta["k"])))
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
        arrays, meta = load(path)
        assert np.array_equal(arrays["theta"], np.full(20_000, float(meta["k"])))


# ---- of which run ------------------------------------------------------------------------------------------


def test_require():
    """A checkpoint of the same run passes; of another one, the first difference is named."""
    require("c.npz", META, {"program": "f" * 64, "epoch": 3})
    with pytest.raises(
        ProgramError, match=r"\[checkpoint-foreign\]: `c.npz` is of another run: its epoch is 3, here it is 4"
    ):
        require("c.npz", META, {"program": "f" * 64, "epoch": 4})
    with pytest.raises(ProgramError, match="it does not say its dtype"):
        require("c.npz", META, {"dtype": "float64"})
