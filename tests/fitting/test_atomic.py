"""Files are written as a whole or not at all."""

from __future__ import annotations

import errno
import os
import resource
import subprocess

import pytest
from full_disk import fails_at, no_space

from paramprog.fitting.atomic import remove_leftovers, write_atomically

OLD, NEW = b"the old contents", b"the new contents, which are longer" * 100


def test_contents(tmp_path):
    """The file has the new contents, whether it was there or not, and no other file is left."""
    path = tmp_path / "a.npz"
    for data in (OLD, b"", NEW):
        write_atomically(path, data)
        assert path.read_bytes() == data
    assert os.listdir(tmp_path) == ["a.npz"]


@pytest.mark.parametrize("partial", [False, True])
def test_full_at_every_call(tmp_path, partial):
    """Whichever system call finds the disk full: OSError, no temporary file, and one of the two contents, whole;
    the old ones, unless the new name stood already."""
    path = tmp_path / "a.npz"
    with pytest.MonkeyPatch.context() as patch:
        calls = fails_at(patch, 1000)
        write_atomically(path, NEW)
        total = calls()
    replaced = []
    for turn in range(total):
        path.write_bytes(OLD)
        with pytest.MonkeyPatch.context() as patch:
            fails_at(patch, turn, partial=partial)
            with pytest.raises(OSError, match="No space left"):
                write_atomically(path, NEW)
        assert os.listdir(tmp_path) == ["a.npz"]
        assert path.read_bytes() in (OLD, NEW)
        replaced.append(path.read_bytes() == NEW)
    # open, write, fsync, replace: the old file; then opening and syncing the folder: the new one
    assert replaced == [False, False, False, False, True, True]


def test_close_fails(tmp_path, monkeypatch):
    """A disk that is found to be full only when the file is closed, as on a network, is no different."""
    path = tmp_path / "a.npz"
    path.write_bytes(OLD)
    real = os.close

    def close(file):
        real(file)
        raise no_space()

    monkeypatch.setattr(os, "close", close)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, NEW)
    assert os.listdir(tmp_path) == ["a.npz"] and path.read_bytes() == OLD


def test_interrupted(tmp_path, monkeypatch):
    """KeyboardInterrupt in the middle leaves the old contents and no temporary file."""

    def interrupt(file):
        raise KeyboardInterrupt

    path = tmp_path / "a.npz"
    path.write_bytes(OLD)
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, NEW)
    assert os.listdir(tmp_path) == ["a.npz"] and path.read_bytes() == OLD


def test_writes_in_parts(tmp_path, monkeypatch):
    """A system that takes a few bytes at a time gets them all."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, data[:7]))
    write_atomically(tmp_path / "a", memoryview(NEW))
    assert (tmp_path / "a").read_bytes() == NEW


def test_folder_that_cannot_be_synced(tmp_path, monkeypatch):
    """A system that cannot bring folders to the disk is no reason to fail."""
    real = os.fsync
    calls = []

    def fsync(file):
        calls.append(file)
        if len(calls) == 2:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(tmp_path / "a", NEW)
    assert len(calls) == 2 and (tmp_path / "a").read_bytes() == NEW


def test_no_folder_and_a_folder(tmp_path):
    """A folder that is not there, and a path that is a folder, are OSErrors that leave nothing behind."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "none" / "a", NEW)
    with pytest.raises(OSError, match=r".*"):
        write_atomically(tmp_path / "folder", NEW)
    assert os.listdir(tmp_path) == ["folder"]


def test_a_limit_of_the_system(tmp_path):
    """A write that the kernel itself breaks off in the middle is cleaned up (the limit on the size of files)."""
    path = tmp_path / "a"
    path.write_bytes(OLD)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (1000, before[1])
    )  # Python ignores the signal that goes with it
    try:
        with pytest.raises(OSError, match="File too large"):
            write_atomically(path, NEW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert os.listdir(tmp_path) == ["a"] and path.read_bytes() == OLD


def test_a_disk_that_is_full(tmp_path):
    """On a file system without room for the new contents the old ones stay, alone. Needs the right to mount one."""
    try:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", tmp_path], capture_output=True
        )
    except FileNotFoundError:
        pytest.skip("no mount here")
    if done.returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        path = tmp_path / "a"
        write_atomically(path, OLD)
        with pytest.raises(OSError, match="No space left"):
            write_atomically(path, bytes(1 << 16))
        assert os.listdir(tmp_path) == ["a"] and path.read_bytes() == OLD
        write_atomically(path, NEW)
        assert path.read_bytes() == NEW
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_leftovers(tmp_path):
    """Temporary files of killed processes are removed, those of this file only."""
    names = [".a[1].npz.17.tmp", ".a[1].npz.18.tmp", ".a1.npz.17.tmp", "a[1].npz", "a[1].npz.17.tmp"]
    for name in names:
        (tmp_path / name).touch()
    remove_leftovers(tmp_path / "a[1].npz")
    assert sorted(os.listdir(tmp_path)) == sorted(names[2:])
