"""Checks of compiled programs against node-by-node evaluation."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

import paramprog
from paramprog.compile.c_plan import CPlan
from paramprog.compile.toolchain import toolchain
from paramprog.diagnostics import ProgramError
from paramprog.evaluate import evaluate
from paramprog.gradient import adjoint
from paramprog.graph import Node
from paramprog.transfer.source import dtype_of

STRICT = ("-std=c99", "-O1", "-Wall", "-Werror", "-pedantic", "-fopenmp-simd", "-ffp-contract=off", "-lm")
SANITIZERS = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")

needs_compiler = pytest.mark.skipif(toolchain() is None, reason="there is no C compiler")


def close(found: Any, expected: Any, *, exact: bool = False) -> None:
    """Of one shape and type, and near: 1e-12 of the largest entry, what is not finite alike."""
    expected = np.asarray(expected)
    assert np.shape(found) == expected.shape
    assert np.asarray(found).dtype == expected.dtype
    finite = np.isfinite(expected) if expected.dtype.kind == "f" else np.ones(expected.shape, bool)
    scale = float(np.max(np.abs(expected), where=finite, initial=1e-300))
    tolerance = 1e-12 if expected.dtype.itemsize == 8 else 1e-5
    scale = scale if exact else max(scale, 1.0)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * scale)


def outcome(run: Any) -> Any:
    """What it returns, or the message of its fault."""
    try:
        return run()
    except ProgramError as error:
        return str(error)


def check(
    outputs: list[Node], leaves: list[Node], points: list[dict[Node, Any]], *, exact: bool = False
) -> CPlan:
    """At several points, there and back again: nothing stays from a call."""
    plan = CPlan(outputs, leaves)
    with np.errstate(all="ignore"):
        for values in [*points, *points[::-1]]:
            expected = outcome(lambda values=values: evaluate(outputs, values))
            given = [values[leaf] for leaf in leaves]
            if isinstance(expected, str):
                assert outcome(lambda given=given: plan(*given)) == expected
                continue
            before = [np.array(v) for v in given]
            for f, e in zip(plan(*given), expected, strict=True):
                close(f, e, exact=exact)
            for v, b in zip(given, before, strict=True):
                np.testing.assert_array_equal(v, b, "an argument was changed")
    return plan


def gradients(program: paramprog.Program) -> tuple[list[Node], list[Node], list[dict[Node, Any]]]:
    """The value and its gradients, the leaves, two points."""
    point = program.point()
    built = point.compiled.built
    y = next(iter(built.outputs.values()))
    wrt = [n for n in (*built.params.values(), *built.inputs.values()) if n.kind == "real"]
    found = [d for d in adjoint(y, wrt) if d is not None] if not y.shape and y.kind == "real" else []
    rng = np.random.default_rng(3)
    real = y.graph.real
    points = [
        {
            n: np.asarray(v + rng.normal(size=n.shape) * 0.1, dtype_of(n.type, real))[()]
            if n.kind == "real"
            else v
            for n, v in point.leaves.items()
        }
        for _ in range(2)
    ]
    return [y, *found], list(points[0]), points


# ---- sources that stand alone ------------------------------------------------------------------------------------


def prints(text: str, folder: Path, *flags: str) -> list[list[float]] | None:
    """The numbers that the main of an exported source prints, line by line; None if it says that there is no value."""
    tool = toolchain()
    assert tool is not None
    (folder / "exported.c").write_text(text)
    words = [*tool.command, str(folder / "exported.c"), "-o", str(folder / "exported"), *flags, *STRICT]
    built = subprocess.run(words, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    done = subprocess.run([folder / "exported"], capture_output=True, text=True)
    if done.returncode == 1 and "has no value" in done.stdout:
        return None
    assert done.returncode == 0, done.stdout + done.stderr
    return [[float(x) for x in line.split(":")[1].split()] for line in done.stdout.splitlines()]


@cache
def sanitizers() -> tuple[str, ...]:
    """The flags, none where the compiler has no sanitizers."""
    with TemporaryDirectory() as folder:
        try:
            prints("int main(void) { return 0; }\n", Path(folder), *SANITIZERS)
        except AssertionError:
            return ()
    return SANITIZERS
