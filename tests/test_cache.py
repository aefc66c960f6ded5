"""The cache: whatever happens to its files, the results are those of a run without it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from paramprog import cache
from paramprog.diagnostics import Source
from paramprog.lang import automaton
from paramprog.lang.parse import parse


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARAMPROG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_is_stored_is_loaded(place: Path) -> None:
    """Under its name only; a later one takes its place, and nothing else is left in the directory."""
    assert cache.load("a") is None
    cache.store("a", b"first")
    cache.store("a", b"")
    assert cache.load("a") == b""
    assert cache.load("b") is None
    assert [f.name for f in place.iterdir()] == ["a"]


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b"", lambda b: b[:40]])
def test_what_is_damaged_is_absent(place: Path, damage) -> None:
    """Cut off, longer, empty."""
    cache.store("a", b"some content of several bytes")
    (place / "a").write_bytes(damage((place / "a").read_bytes()))
    assert cache.load("a") is None


def test_a_cache_that_cannot_be_written_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the place of the directory; and the empty name turns the cache off."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PARAMPROG_CACHE", str(tmp_path / "file"))
    cache.store("a", b"content")
    assert cache.load("a") is None
    monkeypatch.setenv("PARAMPROG_CACHE", "")
    assert cache.folder() is None


def test_the_place_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the XDG specification has it: a relative path does not count."""
    monkeypatch.delenv("PARAMPROG_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "shared"))
    assert cache.folder() == tmp_path / "shared" / "paramprog"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache.folder() == tmp_path / "home" / ".cache" / "paramprog"


def test_a_folder_that_others_may_write_is_not_used(place: Path) -> None:
    """What it holds is run."""
    cache.store("a", b"content")
    place.chmod(0o777)
    assert cache.folder() is None
    assert cache.load("a") is None


def grammar_file(place: Path) -> Path:
    (found,) = place.glob("grammar-*")
    return found


def test_the_grammar_from_the_cache_parses_alike(place: Path) -> None:
    """The tables are equal to those that Lark makes; content that is no grammar is made again."""
    made = automaton.grammar.__wrapped__()
    loaded = automaton.grammar.__wrapped__()
    for start, table in made.tables.items():
        assert table.start == loaded.tables[start].start
        assert table.gotos == loaded.tables[start].gotos
        assert table.actions.keys() == loaded.tables[start].actions.keys()
    name = grammar_file(place).name
    cache.store(name, b"no grammar")
    automaton.grammar.__wrapped__()
    assert len(cache.load(name) or b"") > 1000
    assert len(parse(Source("f.pp", "function f(x) { return x }")).declarations) == 1


def test_a_process_uses_what_another_one_stored(place: Path) -> None:
    """The second run of a command prints what the first printed."""
    command = [sys.executable, "-m", "paramprog", "check", "-"]
    text = b"function f(x) { y = sin(x); return y }"
    runs = [
        subprocess.run(command, input=text, capture_output=True, check=True, env={**os.environ})
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout
    assert runs[0].stdout
    assert grammar_file(place).exists()
