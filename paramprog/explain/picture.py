"""Pictures by the `dot` program of Graphviz."""

from __future__ import annotations

import shutil
import subprocess
from typing import Literal

from paramprog.diagnostics import fail

MAX_VERTICES = 2000
"""Laying out a larger graph takes Graphviz minutes, and nobody can read it."""

SECONDS = 120

INSTALL = (
    "install Graphviz (Debian, Ubuntu: `apt-get install graphviz`; macOS: `brew install graphviz`; else graphviz.org), "
    "or write `--format dot` or `mermaid`"
)


def picture(dot: str, format: Literal["svg", "png"], vertices: int) -> bytes:
    """The drawing `dot`, which has so many vertices, laid out.

    Raises ProgramError when Graphviz is not installed or fails, and when there are too many vertices.
    """
    if vertices > MAX_VERTICES:
        message = f"the graph has {vertices} operations; a picture can show {MAX_VERTICES}"
        raise fail("graph-picture", message, None, "`--format text` and `--format dot` have no limit")
    program = shutil.which("dot")
    if program is None:
        raise fail(
            "graphviz-missing", f"{format} needs the program `dot`, which is not installed", None, INSTALL
        )
    try:
        done = subprocess.run(
            [program, f"-T{format}"],
            check=False,
            input=dot.encode(),
            capture_output=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        message = f"`dot` did not finish within {SECONDS} seconds"
        raise fail("graph-picture", message, None, "lay it out yourself: `--format dot`") from None
    except OSError as error:
        raise fail(
            "graph-picture", f"`dot` cannot be run: {error.strerror or error}", None, INSTALL
        ) from None
    if done.returncode or not done.stdout:
        said = (done.stderr.decode(errors="replace").strip().splitlines() or ["nothing"])[0]
        raise fail("graph-picture", f"`dot` failed; it said: {said}")
    return done.stdout
