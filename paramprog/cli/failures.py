"""What ends a command early, and the exit codes."""

from __future__ import annotations

import argparse
import traceback
from collections.abc import Callable

from paramprog.cli.terminal import Reply, complain, deliver, say
from paramprog.diagnostics import Diagnostic, ProgramError, printable

FAULT, INTERNAL, INTERRUPTED = 1, 70, 130

STAGES = {
    "paramprog.cli": "command line",
    "paramprog.program": "program",
    "paramprog.pipeline": "pipeline",
    "paramprog.lang.read": "read",
    "paramprog.lang.parse": "parse",
    "paramprog.lang.format": "format",
    "paramprog.lang.check": "check",
    "paramprog.lang.build": "build",
    "paramprog.gradient": "gradient",
    "paramprog.evaluate": "evaluate",
    "paramprog.verify": "verify",
}
"""The stage of a module and all below it; the modules not listed work for the stage that calls them."""

LONGEST_MESSAGE = 500


def guarded(command: Callable[[argparse.Namespace], Reply], arguments: argparse.Namespace) -> int:
    """Run a command, print its reply or what went wrong, and return the exit code."""
    try:
        reply = command(arguments)
        deliver(reply.text)
        return reply.code
    except ProgramError as error:
        complain(error.diagnostics)
        return FAULT
    except MemoryError:
        complain([Diagnostic("out-of-memory", "there is not enough memory for this program and its values")])
        return FAULT
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except Exception as error:
        _confess(error, verbose=arguments.verbose)
        return INTERNAL


def _confess(error: Exception, *, verbose: bool) -> None:
    if verbose:
        for line in "".join(traceback.format_exception(error)).splitlines():
            say(printable(line))
    message = str(error)
    if len(message) > LONGEST_MESSAGE:
        message = message[:LONGEST_MESSAGE] + "..."
    say(f"internal error in stage {_stage(error)}: {type(error).__name__}: {printable(message)}")
    more = "" if verbose else "; -v shows the traceback"
    say(f"This is a fault of paramprog. Please report it, with the program and the command{more}.")


def _stage(error: Exception) -> str:
    """The innermost stage on the way to the place where the error was raised."""
    found = "start"
    for frame, _ in traceback.walk_tb(error.__traceback__):
        module = frame.f_globals.get("__name__", "")
        found = next((s for m, s in STAGES.items() if f"{module}.".startswith(f"{m}.")), found)
    return found
