"""The options that commands share, and how their texts are read. Bad syntax is a usage error (exit 2)."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from paramprog import __version__

BACKENDS = ("auto", "numpy", "c")
"""What computes: `compile.backend.BACKENDS`, which cannot be imported before it must."""

STAGES = ("tree", "types", "graph", "gradient")
"""What `--dump` can show: `pipeline.STAGES`, which cannot be imported before it must."""


def program_options(parser: argparse.ArgumentParser) -> None:
    """FILE, and all that says how it is compiled and where it is evaluated."""
    parser.add_argument("file", metavar="FILE", help="the program; `-` is standard input")
    group = parser.add_argument_group("the program")
    group.add_argument("--function", metavar="F", help="enter at this function (default: the last one)")
    group.add_argument(
        "--dim", metavar="NAME=SIZE", action=OneEach, type=size, default=[], help="a size; repeatable"
    )
    group.add_argument(
        "--dtype",
        choices=("float64", "float32"),
        default="float64",
        help="how reals are represented (default: float64)",
    )
    group.add_argument("--backend", choices=BACKENDS, default="auto", help="what computes (default: auto)")
    threads_option(group)
    group.add_argument(
        "--max-nodes", metavar="N", type=positive, help="limit of the flow graph (default: 1000000)"
    )
    group = parser.add_argument_group("the point")
    group.add_argument(
        "--at",
        metavar="NAME=VALUE",
        action="append",
        type=assignment,
        default=[],
        help="the value of an input or param: a number, true, false or a JSON list; repeatable",
    )
    group.add_argument("--inputs", metavar="FILE", help="values by name, .json or .npz; --at wins")
    group.add_argument("--params", metavar="FILE", help="likewise, for params")
    group.add_argument(
        "--seed",
        metavar="N",
        type=natural,
        default=0,
        help="for values that are drawn because none is given (default: 0)",
    )
    group.add_argument("--output", metavar="NAME", help="which output, when there are several")


def threads_option(group: argparse._ArgumentGroup) -> None:
    """How many threads compiled code uses: compile/limits.py."""
    group.add_argument(
        "--threads",
        metavar="N",
        type=positive,
        help="threads that compiled code may use; results do not depend on it (default: one for each CPU)",
    )


def gradient_options(parser: argparse.ArgumentParser, *, modes: Sequence[str] = ()) -> None:
    """What is differentiated, and how, where there is a choice of modes; the first one is the default."""
    group = parser.add_argument_group("the gradient")
    wrt_option(group, "by these points")
    group.add_argument(
        "--max-paths",
        metavar="N",
        type=positive,
        default=100_000,
        help="limit of the paths enumerated (default: 100000)",
    )
    if modes:
        text = f"how: by the adjoint graph, unit tangents, or the sum over all paths (default: {modes[0]})"
        group.add_argument("--mode", choices=modes, default=modes[0], help=text)
        group.add_argument(
            "--by-use", action="store_true", help="also what each use of a point adds, and where"
        )
        memory_option(group)


def memory_option(group: argparse._ArgumentGroup) -> None:
    """`--memory 64MB`."""
    text = "what loops may hold for the gradient, such as 64MB; those that would hold more run turns again"
    group.add_argument("--memory", metavar="SIZE", type=memory, help=text)


def wrt_option(group: argparse._ArgumentGroup, what: str) -> None:
    """`--wrt A,B`."""
    group.add_argument(
        "--wrt",
        metavar="A,B",
        action="append",
        type=names,
        help=f"{what} (default: all params, else all real inputs); repeatable",
    )


def output_options(
    parser: argparse.ArgumentParser, *, dump: bool = False, version_only: bool = False
) -> None:
    """What is printed."""
    group = parser if version_only else parser.add_argument_group("the output")
    group.add_argument("--version", action="version", version=f"paramprog {__version__}")
    if version_only:
        return
    either = group.add_mutually_exclusive_group()
    either.add_argument("--json", action="store_true", help="print one JSON document")
    if dump:
        either.add_argument(
            "--dump", metavar="STAGE", choices=STAGES, help=f"print a stage instead: {', '.join(STAGES)}"
        )
    group.add_argument("-q", "--quiet", action="store_true", help="no notes and warnings")
    group.add_argument("-v", "--verbose", action="store_true", help="the traceback of an internal error")


class OneEach(argparse.Action):
    """Collects `NAME=...`, one for each name: of two, either might be meant."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option: str | None = None,
    ) -> None:
        given: list[tuple[str, Any]] = getattr(namespace, self.dest) or []
        if values[0] in (name for name, _ in given):
            raise argparse.ArgumentError(self, f"`{values[0]}` is given twice")
        setattr(namespace, self.dest, [*given, values])


# ---- the texts of options ----------------------------------------------------------------------------------


def assignment(text: str) -> tuple[str, Any]:
    """`NAME=VALUE`: a name and a number, a bool, or a (nested) list of them."""
    name, value = _named(text, "VALUE")
    if value.lower() in ("true", "false"):
        return name, value.lower() == "true"
    try:
        return name, _number(value) if _is_number(value) else _list(value)
    except (ValueError, RecursionError):
        raise argparse.ArgumentTypeError(
            f"the value of `{name}` is neither a number, true, false, nor a JSON list: {_short(value)}"
        ) from None


def size(text: str) -> tuple[str, int]:
    """`NAME=SIZE`, a size being a whole number from 0 on; `file.NAME`, `path/file.NAME` are those of imports."""
    name, value = _named(text, "SIZE", dotted=True)
    return name, natural(value)


def names(text: str) -> list[str]:
    """`A,B`."""
    found = [name.strip() for name in text.split(",")]
    for name in found:
        if not name.isidentifier():
            raise argparse.ArgumentTypeError(f"`{_short(name)}` is not a name; write `A,B`")
    return found


def natural(text: str) -> int:
    """A whole number from 0 on."""
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise argparse.ArgumentTypeError(f"`{_short(text)}` is not a whole number from 0 on, below 10^18")
    return int(text)


def memory(text: str) -> int:
    """`64MB`, in bytes."""
    from paramprog.analyses.budget import parse_bytes

    try:
        return parse_bytes(text)
    except ValueError:
        message = f"`{_short(text)}` is not an amount of memory such as 64MB or 1.5GiB"
        raise argparse.ArgumentTypeError(message) from None


def positive(text: str) -> int:
    """A whole number from 1 on."""
    if natural(text) == 0:
        raise argparse.ArgumentTypeError("it must be at least 1")
    return int(text)


def _named(text: str, value: str, *, dotted: bool = False) -> tuple[str, str]:
    name, equals, rest = (part.strip() for part in text.partition("="))
    if not equals:
        raise argparse.ArgumentTypeError(f"`{_short(text)}` is not of the form NAME={value}")
    file, dot, last = name.rpartition(".") if dotted else ("", "", name)
    if not last.isidentifier() or (dot and not file):
        raise argparse.ArgumentTypeError(f"`{_short(name)}` is not a name; write NAME={value}")
    return name, rest


def _is_number(text: str) -> bool:
    """Whether Python reads it as a float: `.5`, `1e3`, `inf` and `nan` too, but no digit separators."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _number(text: str) -> int | float:
    return int(text) if text.lstrip("+-").isdecimal() else float(text)


def _list(text: str) -> list[Any]:
    value = json.loads(text)
    if not isinstance(value, list):
        raise ValueError("not a list")
    return value


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
