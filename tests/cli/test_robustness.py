"""Garbage in, a diagnostic out."""

from __future__ import annotations

import random

import pytest

from paramprog.resources import programs_dir

PROGRAMS = sorted(programs_dir().glob("*.pp"))


def a_diagnostic(done) -> bool:
    return done.code in (0, 1) and "Traceback" not in done.err and "internal error" not in done.err


@pytest.mark.parametrize("seed", range(20))
def test_garbage(cli, seed):
    """Random bytes, and random printable characters, never end in a traceback."""
    rng = random.Random(seed)
    for data in (rng.randbytes(200), bytes(rng.choices(range(32, 127), k=200))):
        done = cli("grad", "-", stdin=data)
        assert done.code == 1
        assert a_diagnostic(done), done.err


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_damaged_programs(cli, path):
    """Nor do programs that are cut off, or from which a piece was taken out or put elsewhere."""
    rng = random.Random(path.stem)
    text = path.read_bytes()
    for _ in range(15):
        a, b, c = (rng.randrange(len(text)) for _ in range(3))
        piece = text[a : a + rng.randrange(1, 20)]
        for data in (text[:a], text[:b] + text[b + len(piece) :], text[:c] + piece + text[c:]):
            done = cli("check", "-", stdin=data)
            assert a_diagnostic(done), done.err


def test_an_empty_program(cli):
    """There is no function to enter."""
    assert "error[no-entry]" in cli("check", "-").err
