"""The command line: `paramprog COMMAND FILE [options]`.

One small module a command; each turns the parsed options into a call of `Program`, and the result into a
`Reply`. Only their functions import NumPy and the compiler, so that `--help` does not wait for them.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from paramprog.cli.failures import guarded
from paramprog.cli.parser import make_parser
from paramprog.cli.terminal import Reply
from paramprog.compile.limits import limited

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; results go to stdout, everything else to stderr.

    0 success; 1 the program, its data or the verification is at fault; 2 usage; 70 an internal error; 130
    interrupted.
    """
    try:
        arguments = make_parser().parse_args(argv)
    except SystemExit as end:  # of --help, --version and usage errors
        reply = Reply("", end.code if isinstance(end.code, int) else 0)
        return guarded(lambda _: reply, Namespace(verbose=False))
    with limited(getattr(arguments, "threads", None)):
        return guarded(arguments.run, arguments)
