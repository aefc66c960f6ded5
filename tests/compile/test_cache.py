"""The cache of libraries: by content, whole or not at all, bounded, trusted only where nobody else writes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from paramprog.compile import cache


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PARAMPROG_CACHE", str(tmp_path / "cache"))


def writing(text: str, log: list[str] | None = None):
    def build(to: Path) -> None:
        to.write_text(text)
        if log is not None:
            log.append(text)

    return build


def test_a_second_time_nothing_is_built():
    """An entry is made once."""
    made: list[str] = []
    paths = {cache.cached("a", writing("library", made)) for _ in range(3)}
    assert len(paths) == 1 and made == ["library"]


def test_a_damaged_entry_is_built_again():
    """An entry that is not what was written is never handed out."""
    path = cache.cached("a", writing("library"))
    path.write_text("half a lib")
    assert cache.cached("a", writing("library")).read_text() == "library"
    path.with_suffix(".sum").unlink()
    made: list[str] = []
    cache.cached("a", writing("library", made))
    assert made


def test_nothing_is_left_of_a_build_that_fails():
    """The folder holds whole entries only."""

    def fails(to: Path) -> None:
        to.write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        cache.cached("a", fails)
    assert os.listdir(os.environ["PARAMPROG_CACHE"]) == []


def test_the_key_is_the_content():
    """Other text, flags, compilers or CPUs are other entries, also where texts could run into one another."""
    assert cache.key("ab", "c") != cache.key("a", "bc")
    assert cache.key("a", "b") == cache.key("a", "b")


def test_the_oldest_entries_go_first(monkeypatch):
    """Beyond the limit, those that have not been used for longest are removed, never the one asked for."""
    monkeypatch.setenv("PARAMPROG_CACHE_MEGABYTES", str(2.5 / 1024))
    for k, name in enumerate("abc"):
        path = cache.cached(name, writing("x" * 1000))
        os.utime(path, (k, k))
    folder = Path(os.environ["PARAMPROG_CACHE"])
    assert sorted(p.name for p in folder.glob("*.so")) == ["b.so", "c.so"]
    monkeypatch.setenv("PARAMPROG_CACHE_MEGABYTES", "0")
    assert cache.cached("d", writing("y")).exists()


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs owners of files")
def test_a_folder_that_others_may_write_is_not_used():
    """What is loaded from the cache is run."""
    folder = Path(os.environ["PARAMPROG_CACHE"])
    folder.mkdir()
    folder.chmod(0o777)
    path = cache.cached("a", writing("library"))
    assert path.read_text() == "library" and folder not in path.parents


def test_without_a_folder_libraries_live_as_long_as_the_process(monkeypatch):
    """What cannot be kept is made once in a process, in one folder, which goes when the process ends."""
    monkeypatch.setenv("PARAMPROG_CACHE", "/proc/none")
    made: list[str] = []
    a, b = (cache.cached(name, writing("library", made)) for name in "cd")
    assert a.parent == b.parent and cache.cached("c", writing("library", made)) == a
    assert made == ["library"] * 2
    code = (
        "from paramprog.compile import cache\n"
        "print(cache.cached('a', lambda to: to.write_text('library')).parent, end='')"
    )
    left = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert left.startswith(tempfile.gettempdir()) and not Path(left).exists()


def test_an_entry_that_cannot_be_replaced_is_left_alone():
    """The library is made elsewhere then."""
    path = cache.cached("a", writing("library"))
    path.with_suffix(".sum").unlink()
    path.with_suffix(".sum").mkdir()
    found = cache.cached("a", writing("library"))
    assert found != path and found.read_text() == "library"


def test_the_folder_follows_xdg(tmp_path, monkeypatch):
    """$PARAMPROG_CACHE, else $XDG_CACHE_HOME/paramprog."""
    monkeypatch.delenv("PARAMPROG_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.folder() == tmp_path / "xdg" / "paramprog"
