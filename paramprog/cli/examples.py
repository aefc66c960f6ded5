"""`paramprog examples`: the programs that ship with the package."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from filecmp import cmp
from pathlib import Path
from shutil import copyfile

from paramprog.cli.document import document
from paramprog.cli.options import output_options
from paramprog.cli.terminal import Reply
from paramprog.diagnostics import Diagnostic, ProgramError, fail, printable
from paramprog.resources import programs_dir

USAGE = "[options]"
SUMMARY = "list the programs that ship with paramprog, or copy them"
DESCRIPTION = (
    "List the programs that ship with paramprog, with what each is about, or copy them with their data."
)


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--copy", metavar="DIR", help="copy them into this directory, made if it is not there"
    )
    parser.add_argument("--force", action="store_true", help="overwrite files that differ")
    output_options(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Reply:
    """The list, or what was copied. Raises ProgramError."""
    if arguments.copy is not None:
        copied = copy(programs_dir(), Path(arguments.copy), force=arguments.force)
        text = f"copied {copied} files to {printable(arguments.copy)}\n"
        return Reply(document(copied=copied) if arguments.json else text)
    about = {path.name: first_comment(path) for path in sorted(programs_dir().glob("*.pp"))}
    if arguments.json:
        return Reply(document(examples=[{"name": name, "about": text} for name, text in about.items()]))
    width = max(map(len, about), default=0)
    return Reply("".join(f"{name:<{width}}  {printable(text)}\n" for name, text in about.items()))


def first_comment(path: Path) -> str:
    """The first line of a program without its `#`, and without a colon at its end."""
    with path.open(encoding="utf-8") as file:
        return file.readline().lstrip("#").strip().removesuffix(":")


def copy(source: Path, target: Path, *, force: bool = False) -> int:
    """Copy the programs and their data (not the faulty programs in bad/); the number of files written.

    Equal files that are there already are left alone. Raises ProgramError, before it writes anything, when
    some differ and `force` is not set.
    """
    files = [p.relative_to(source) for p in sorted(source.rglob("*")) if p.is_file()]
    files = [
        p for p in files if p.parts[0] != "bad" and not any(part.startswith((".", "_")) for part in p.parts)
    ]
    try:
        missing = [p for p in files if not (target / p).exists()]
        differing = [p for p in files if p not in missing and not _same(source / p, target / p)]
        if differing and not force:
            raise ProgramError(
                Diagnostic(
                    "would-overwrite", f"`{target / p}` exists and differs", None, "--force overwrites"
                )
                for p in differing
            )
        for p in [*missing, *differing]:
            (target / p).parent.mkdir(parents=True, exist_ok=True)
            copyfile(source / p, target / p)
    except OSError as error:
        where = error.filename2 or error.filename or target
        raise fail("unwritable", f"`{where}` cannot be written: {error.strerror or error}") from None
    return len(missing) + len(differing)


def _same(a: Path, b: Path) -> bool:
    return b.is_file() and cmp(a, b, shallow=False)
