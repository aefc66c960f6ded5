"""What `jacobian` and `hessian` share: the way they are asked for, and what both tell."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, _ArgumentGroup
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from paramprog.cli import request
from paramprog.cli.options import program_options, wrt_option
from paramprog.cli.terminal import remark

if TYPE_CHECKING:
    from paramprog.program import Program
    from paramprog.results import Hessian, Jacobian

Found = TypeVar("Found", bound="Jacobian | Hessian")


def derivative_options(parser: ArgumentParser, title: str, mode: str) -> _ArgumentGroup:
    """The program, `--wrt` and `--mode`; returns the group for options of one command."""
    program_options(parser)
    group = parser.add_argument_group(title)
    wrt_option(group, "by these points")
    group.add_argument("--mode", choices=("auto", "reverse", "forward"), default="auto", help=mode)
    return group


def asked(arguments: Namespace, method: Callable[..., Found], **more: Any) -> tuple[Found, str]:
    """What the method of a program finds, and the name of its output; remarks go to stderr. Raises ProgramError."""
    result = method(
        request.values(arguments),
        wrt=request.wrt(arguments),
        mode=arguments.mode,
        seed=arguments.seed,
        output=arguments.output,
        **more,
    )
    point = result.point
    warnings = [*point.compiled.checked.report.diagnostics, *result.warnings]
    remark(point.notes, warnings, quiet=arguments.quiet)
    return result, arguments.output or next(iter(point.compiled.built.outputs))


def entries(program: Program, result: Jacobian | Hessian, **own: Any) -> dict[str, Any]:
    """The JSON document: what both have, with the derivatives of one command after the value."""
    return {
        "function": program.function,
        "value": result.value,
        **own,
        "inputs": result.point.inputs,
        "params": result.point.params,
    }


def zero_remark(is_zero: bool) -> str:
    """Beside a derivative."""
    return "structurally zero" if is_zero else ""
