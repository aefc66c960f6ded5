"""Colours."""

from __future__ import annotations

import io

import pytest

from paramprog.cli.terminal import coloured

RED = "\x1b[1;31m"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_files_get_no_colours(cli):
    """Neither stdout nor stderr, when they are not terminals."""
    done = cli("run", "none.pp")
    assert "\x1b" not in done.out + done.err


def test_force_color(cli, monkeypatch, shipped):
    """FORCE_COLOR colours diagnostics; results never are."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert RED in cli("run", "none.pp").err
    assert "\x1b" not in cli("grad", shipped("square_plus")).out


@pytest.mark.parametrize(
    "no, force, term, expected",
    [
        ("", "", "xterm", True),
        ("", "", "dumb", False),
        ("1", "", "xterm", False),
        ("1", "1", "xterm", False),
        ("", "1", "dumb", True),
    ],
)
def test_terminals(monkeypatch, no, force, term, expected):
    """They get colours, unless NO_COLOR is set or they are dumb; an empty variable is as good as none."""
    for name, value in (("NO_COLOR", no), ("FORCE_COLOR", force), ("TERM", term)):
        monkeypatch.setenv(name, value)
    assert coloured(Terminal()) is expected


def test_no_stream(monkeypatch):
    """A closed stderr has no colours."""
    monkeypatch.setenv("TERM", "xterm")
    assert coloured(None) is False
