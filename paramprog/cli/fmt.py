"""`paramprog fmt`: programs in their canonical layout."""

from __future__ import annotations

import io
import sys
from argparse import ArgumentParser, Namespace
from difflib import unified_diff
from typing import Any

from paramprog.cli.document import document
from paramprog.cli.failures import FAULT
from paramprog.cli.options import output_options
from paramprog.cli.overwrite import overwrite
from paramprog.cli.terminal import Reply, complain, remark
from paramprog.diagnostics import ProgramError, Source, printable

USAGE = "FILE... [options]"
SUMMARY = "format programs, keeping their comments"
DESCRIPTION = (
    "Write programs anew in their canonical layout, with all their comments. Files with syntax errors are left "
    "as they are. `# fmt: off` on a line of its own keeps what follows as it is, up to `# fmt: on` or the end of "
    "the block."
)


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="+", help="`-` formats standard input to stdout")
    parser.add_argument(
        "--check", action="store_true", help="list the files that would change, and exit 1 if there are any"
    )
    parser.add_argument("--diff", action="store_true", help="show what would change")
    output_options(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Reply:
    """Format every file; with --check or --diff nothing is written.

    Faults of one file do not keep the others from being formatted.
    """
    found = [_format(name, arguments) for name in arguments.files]
    changed = arguments.check and any(entry.get("changed") for entry in found)
    code = FAULT if changed or not all(entry["ok"] for entry in found) else 0
    if arguments.json:
        return Reply(document(ok=code == 0, files=found), code)
    texts = [_shown(entry, check=arguments.check) for entry in found]
    if "-" in arguments.files and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # programs are UTF-8, whatever a terminal is
    return Reply("".join(texts), code)


def _format(name: str, arguments: Namespace) -> dict[str, Any]:
    """What became of one file."""
    from paramprog.lang.format import format_source
    from paramprog.lang.read import read_source

    try:
        source = read_source(name)
        text = format_source(source)
        entry = {"file": source.name, "ok": True, "changed": text != source.text}
        if arguments.diff:
            entry["diff"] = difference(source, text)
        elif name == "-" and not arguments.check:
            entry["text"] = text
        elif entry["changed"] and not arguments.check:
            overwrite(name, text.encode())
            remark([f"formatted {name}"], [], quiet=arguments.quiet)
    except ProgramError as error:
        complain(error.diagnostics)
        return {"file": name, "ok": False}
    return entry


def _shown(entry: dict[str, Any], *, check: bool) -> str:
    """What stdout has about a file, without --json."""
    if "diff" in entry or "text" in entry:
        return str(entry.get("diff", entry.get("text")))
    return f"{printable(entry['file'])}\n" if check and entry.get("changed") else ""


def difference(source: Source, text: str) -> str:
    """The unified diff from a text to its formatted form; empty if they are equal."""
    old, new = (t.splitlines(keepends=True) for t in (source.text, text))
    name = printable(source.name)
    lines = unified_diff(old, new, name, name)
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
