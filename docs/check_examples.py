"""Run the examples in README.md and docs/*.md and compare what they print with what the text says.

    python docs/check_examples.py [FILE.md ...]              check; exit 1 with a diff for every mismatch
    python docs/check_examples.py --update [FILE.md ...]     write the actual output into the text instead

Which blocks are run, each document in order, in a scratch directory of its own that holds a copy of
`programs/`:

- a fence `console`: a line `$ command` is run by the shell, and the lines up to the next one are what it
  prints (standard output and error together). A command that ends in a backslash goes on in the next line.
  Commands succeed, except that a comment `<!-- exit N -->` before the block gives the exit code of its last
  command.
- a fence `python`: run in one namespace per document; lines after `>>>` are compared as in doctest.

A comment `<!-- not run -->` before a block skips it. In outputs, `...` stands for anything, numbers that
are not integers agree to a relative 1e-9, and the width of white space within a line does not matter.

The `paramprog` that is run is the one of the Python that runs this file.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import doctest
import io
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
TOLERANCE = 1e-9
TIMEOUT = 300.0  # seconds for one command

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<kind>console|python)[ ]*\n(?P<body>.*?)^(?P=indent)```[ ]*$",
    re.DOTALL | re.MULTILINE,
)
COMMENT = re.compile(r"<!--\s*(not run|exit (\d+))\s*-->\s*\Z")
TOKEN = re.compile(
    r"\.\.\.|[A-Za-z_]\w*|(?:\d+(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d+)?|\n|[^\S\n]+|.", re.DOTALL
)


class MismatchError(Exception):
    """An example that does not do what the text says."""


def agree(expected: str, actual: str) -> bool:
    """Whether the outputs agree: matching with wildcards, over tokens instead of characters."""
    pattern, tokens = _tokens(expected), _tokens(actual)
    p = t = 0
    star, resume = -1, 0  # the last `...` seen, and the token at which to try again what follows it
    while t < len(tokens):
        if p < len(pattern) and pattern[p] == "...":
            star, resume = p, t
            p += 1
        elif p < len(pattern) and _same(pattern[p], tokens[t]):
            p, t = p + 1, t + 1
        elif star >= 0:
            resume += 1
            p, t = star + 1, resume
        else:
            return False
    return all(token == "..." for token in pattern[p:])


def _tokens(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.rstrip().splitlines()]
    return TOKEN.findall("\n".join(lines))


def _same(a: str, b: str) -> bool:
    if a == b:
        return True
    if a.isspace() and b.isspace():
        return "\n" not in a + b
    if not (a[-1].isdigit() or a[-1] == ".") or (a.isdigit() and b.isdigit()):
        return False
    try:
        return math.isclose(float(a), float(b), rel_tol=TOLERANCE)
    except ValueError:
        return False


def compare(source: str, expected: str, actual: str) -> None:
    if agree(expected, actual):
        return
    lines = difflib.unified_diff(
        expected.rstrip().splitlines(), actual.rstrip().splitlines(), "in the text", "printed", lineterm=""
    )
    raise MismatchError("\n".join([source.rstrip(), *lines]))


@dataclass
class Sandbox:
    """The place where the examples of one document run."""

    directory: Path
    names: dict[str, Any]
    update: bool

    def console(self, body: str, last_code: int) -> str:
        """Run the commands of a block; the block with the right outputs (only if updating can it differ)."""
        chunks = _commands(body)
        result = []
        for number, (command, expected) in enumerate(chunks, 1):
            done = subprocess.run(
                re.sub(r"\A\$ |(?<=\\\n)> ", "", command),
                shell=True,
                cwd=self.directory,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=TIMEOUT,
                encoding="utf-8",
            )
            code = last_code if number == len(chunks) else 0
            if done.returncode != code:
                raise MismatchError(
                    f"{command.rstrip()}\nexit code {done.returncode}, not {code}\n{done.stdout}"
                )
            result.append(command + self._output(command, expected, done.stdout))
        return "".join(result)

    def python(self, body: str) -> str:
        """Run a block with prompts as doctest does, one without as a script."""
        if ">>>" not in body:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(body, "<example>", "exec"), self.names)
            return body
        result = []
        for part in doctest.DocTestParser().parse(body):
            if isinstance(part, str):
                result.append(part)
                continue
            actual = self._evaluate(part.source)
            wanted = part.want
            if part.exc_msg is not None:  # of a traceback only the last line counts
                compare(part.source, part.exc_msg, actual.rpartition("Traceback")[2].split("\n", 1)[-1])
            else:
                wanted = self._output(part.source, wanted.replace("<BLANKLINE>", ""), actual)
                wanted = re.sub(r"^[ ]*$(?=\n)", "<BLANKLINE>", wanted, flags=re.MULTILINE)
            first, *rest = part.source.splitlines()
            result.append("\n".join([f">>> {first}", *(f"... {line}" for line in rest)]) + "\n" + wanted)
        return "".join(result)

    def _output(self, source: str, expected: str, actual: str) -> str:
        """What to put into the text: what is there if it agrees, else, when updating, what was printed."""
        if self.update and not agree(expected, actual):
            return actual.rstrip() + "\n" if actual.strip() else ""
        compare(source, expected, actual)
        return expected

    def _evaluate(self, source: str) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            try:
                exec(compile(source, "<example>", "single"), self.names)
            except Exception as error:
                print("Traceback\n" + "".join(traceback.format_exception_only(error)).rstrip())
        return printed.getvalue()


def _commands(body: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the text that is expected after it."""
    chunks: list[tuple[str, str]] = []
    continued = False
    for line in body.splitlines(keepends=True):
        if continued or line.startswith("$ "):
            if continued:
                chunks[-1] = (chunks[-1][0] + line, "")
            else:
                chunks.append((line, ""))
            continued = line.rstrip("\n").endswith("\\")
        elif not chunks:
            raise MismatchError(f"a console block must begin with `$ `, not with: {line.rstrip()}")
        else:
            chunks[-1] = (chunks[-1][0], chunks[-1][1] + line)
    return chunks


def _environment() -> dict[str, str]:
    """Plain output of a fixed width from the scripts beside this Python."""
    scripts = str(Path(sys.executable).parent)
    fixed = {"PATH": scripts + os.pathsep + os.environ.get("PATH", ""), "NO_COLOR": "1", "COLUMNS": "100"}
    inherited = {key: value for key, value in os.environ.items() if key != "FORCE_COLOR"}
    return inherited | fixed | {"PYTHONIOENCODING": "utf-8"}


def check(path: Path, update: bool) -> tuple[int, list[str]]:
    """The number of blocks run in a document, and what is wrong with them."""
    text = path.read_text(encoding="utf-8")
    pieces, faults, ran, end = [], [], 0, 0
    # what a document sets for its examples is not for those of the next one
    with (
        tempfile.TemporaryDirectory() as scratch,
        contextlib.chdir(scratch),
        np.printoptions(),
        np.errstate(),
    ):
        shutil.copytree(ROOT / "programs", Path(scratch) / "programs")
        sandbox = Sandbox(Path(scratch), {"__name__": "__main__"}, update)
        for fence in FENCE.finditer(text):
            comment = COMMENT.search(text, 0, fence.start())
            if comment and comment[1] == "not run":
                continue
            indent, body = fence["indent"], fence["body"]
            plain = "".join(line.removeprefix(indent) for line in body.splitlines(keepends=True))
            ran += 1
            try:
                if fence["kind"] == "console":
                    new = sandbox.console(plain, int(comment[2]) if comment else 0)
                else:
                    new = sandbox.python(plain)
            except Exception as error:
                line = text.count("\n", 0, fence.start()) + 1
                detail = str(error) if isinstance(error, MismatchError) else traceback.format_exc()
                faults.append(f"{_shown(path)}:{line}: {detail.rstrip()}")
                continue
            if update:
                lines = new.splitlines(keepends=True)
                pieces += [
                    text[end : fence.start("body")],
                    *(indent + line if line.strip() else line for line in lines),
                ]
                end = fence.end("body")
    if update and pieces:
        path.write_text("".join([*pieces, text[end:]]), encoding="utf-8")
    return ran, faults


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--update", action="store_true", help="write the actual output into the documents")
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE.md", help="default: README.md and docs/*.md"
    )
    arguments = parser.parse_args()
    files = [path.resolve() for path in arguments.files] or [
        ROOT / "README.md",
        *sorted((ROOT / "docs").glob("*.md")),
    ]
    failed = False
    for path in files:
        ran, faults = check(path, arguments.update)
        print(f"{_shown(path)}: {ran} examples, {len(faults)} wrong")
        for fault in faults:
            print(f"\n{fault}\n")
        failed = failed or bool(faults)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
