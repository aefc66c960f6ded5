"""Where the files are that ship with the package: the grammar and the example programs.

In a wheel they lie inside the package; in a checkout (and an editable install of it) beside it, at the top
level.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def grammar_text(name: str = "paramprog.lark") -> str:
    """The text of a shipped grammar."""
    return (_directory("grammars", name) / name).read_text(encoding="utf-8")


def programs_dir() -> Path:
    """The directory of the shipped example programs."""
    return _directory("programs", "running_example.pp")


def _directory(kind: str, member: str) -> Path:
    """The directory `kind` that holds `member`: package data first, then the top level of a checkout."""
    candidates = (_PACKAGE / kind, _PACKAGE.parent / kind)
    for directory in candidates:
        if (directory / member).is_file():
            return directory
    places = " and ".join(str(directory) for directory in candidates)
    raise FileNotFoundError(
        f"the installation of paramprog is incomplete: no file {kind}/{member} (looked in {places})"
    )
