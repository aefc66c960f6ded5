"""`Program`: the public object. Everything the command line does is a call of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from paramprog.analyses.nonfinite import finite, first_adjoint, first_value
from paramprog.computational_graph import ComputationalGraph
from paramprog.diagnostics import Diagnostic, ProgramError, Report, Source, did_you_mean, fail
from paramprog.evaluate import Trace, evaluate, trace
from paramprog.gradient import plain_or_none, pulled, pushed
from paramprog.graph import Node
from paramprog.lang.arguments import as_value, bind_dims
from paramprog.lang.build import MAX_NODES
from paramprog.lang.check import entry_function
from paramprog.lang.inits import Draw, draw
from paramprog.lang.interpret import interpret
from paramprog.lang.read import read_source
from paramprog.lang.unit import Unit, collect
from paramprog.pipeline import Compiled, compile_module, read
from paramprog.types import Real

if TYPE_CHECKING:
    from paramprog.verify.report import Report as Verification

Mode = Literal["reverse", "forward", "paths"]
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Point:
    """Where a program is evaluated: a value for each input and param; `notes` say which were drawn, and how."""

    compiled: Compiled = field(repr=False)
    inputs: dict[str, Any]
    params: dict[str, Any]
    notes: list[str] = field(default_factory=list)

    @property
    def leaves(self) -> dict[Node, Any]:
        """The values by leaf of the graph."""
        built = self.compiled.built
        return {built.inputs[k]: v for k, v in self.inputs.items()} | {
            built.params[k]: v for k, v in self.params.items()
        }


@dataclass(frozen=True)
class Result:
    """The values of all outputs by name."""

    outputs: dict[str, Any]
    point: Point = field(repr=False)
    warnings: list[Diagnostic] = field(default_factory=list)


@dataclass(frozen=True)
class Gradient:
    """The value of the output, and its gradient with respect to each name asked for.

    `structural_zero` lists the names that the output does not depend on; `warnings` say where values or gradients stop
    being finite.
    """

    value: Any
    gradients: dict[str, Any]
    structural_zero: list[str]
    point: Point = field(repr=False)
    warnings: list[Diagnostic] = field(default_factory=list)

    def __getitem__(self, name: str) -> Any:
        return self.gradients[name]


class Program:
    """A parsed program, entered at one function.

    `program(P=0.3, Q=0.7)` is the value, `program.grad(...)` the gradients, `program.verify(...)` the proof. Sizes that
    the file leaves open are bound by the values given; each combination of sizes is compiled once.

    Raises ProgramError, with every independent error found, when the text is not a program.
    """

    def __init__(
        self,
        source: Source,
        function: str | None = None,
        dims: Mapping[str, int] | None = None,
        dtype: Real = "float64",
        max_nodes: int = MAX_NODES,
    ) -> None:
        self.source, self.dtype, self.max_nodes = source, dtype, max_nodes
        self.dims = dict(dims or {})
        self.module = read(source)
        self._asked, self._compiled = function, dict[tuple[tuple[str, int], ...], Compiled]()
        try:
            self.compiled()
        except ProgramError as error:
            if any(d.code != "dim-unbound" for d in error.diagnostics):
                raise

    def __repr__(self) -> str:
        return f"<Program {self.function} of {self.source.name}>"

    @property
    def function(self) -> str:
        """The name of the entry function."""
        return entry_function(self._unit, self._asked).name.text

    @cached_property
    def _unit(self) -> Unit:
        return collect(self.module, Report())

    # ---- compiling and binding -----------------------------------------------------------------------------------

    def compiled(self, given: Values | None = None) -> Compiled:
        """The program with its sizes bound by `given` values, --dim and defaults, in this order of precedence reversed.

        Raises ProgramError when a name in `given` is unknown, and when sizes are missing or do not agree.
        """
        entry = entry_function(self._unit, self._asked)
        known = [f.name.text for f in entry.arguments] + list(self._unit.params)
        for name in given or {}:
            if name not in known:
                hint = did_you_mean(name, known) or f"known are {', '.join(known) or 'none'}"
                raise fail("unknown-input", f"`{name}` is neither an input nor a param", None, hint)
        dims = bind_dims(self._unit, entry.name.text, self.dims, given or {})
        key = tuple(sorted(dims.items()))
        if key not in self._compiled:
            self._compiled[key] = compile_module(self.module, self._asked, dims, self.dtype, self.max_nodes)
        return self._compiled[key]

    def point(
        self, inputs: Values | None = None, params: Values | None = None, seed: int = 0, **by_name: Any
    ) -> Point:
        """A value for everything: as given, else the default, else the init, else drawn from a seeded normal.

        Raises ProgramError for an unknown name, a value that does not fit, and a missing int or bool.
        """
        given = {**(inputs or {}), **(params or {}), **by_name}
        compiled = self.compiled(given)
        notes: list[str] = []
        built = compiled.built
        return Point(
            compiled,
            {k: self._value(compiled, k, n, given, seed, notes) for k, n in built.inputs.items()},
            {k: self._value(compiled, k, n, given, seed, notes) for k, n in built.params.items()},
            notes,
        )

    def _value(
        self, compiled: Compiled, name: str, leaf: Node, given: Values, seed: int, notes: list[str]
    ) -> Any:
        assert leaf.span is not None
        checked = compiled.checked
        if name in given:
            return as_value(given[name], leaf.type, self.dtype, name, leaf.span)
        if name in checked.values:
            value = np.broadcast_to(checked.values[name], leaf.shape)
            return as_value(value, leaf.type, self.dtype, name, leaf.span)
        if leaf.kind != "real":
            message = f"`{name}` is {leaf.type} and has no default"
            raise fail("missing-input", message, leaf.span, f"give it: `--at {name}=...`")
        how = checked.inits.get(name, Draw("normal", (0.0, 1.0)))
        if how.init not in ("zeros", "ones"):
            notes.append(f"{name} has no value; drawn from {how} with seed {seed}")
        else:
            notes.append(f"{name} has no value; set to {how.init}")
        return as_value(draw(how, name, leaf.shape, seed), leaf.type, self.dtype, name, leaf.span)

    # ---- running -------------------------------------------------------------------------------------------------

    def __call__(self, *, params: Values | None = None, seed: int = 0, **inputs: Any) -> Any:
        """The value at a point; a dict of values when there are several outputs."""
        outputs = self.run(inputs, params, seed=seed).outputs
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))

    def run(
        self, inputs: Values | None = None, params: Values | None = None, seed: int = 0, **by_name: Any
    ) -> Result:
        """The values of all outputs at a point."""
        point = self.point(inputs, params, seed, **by_name)
        outputs = point.compiled.built.outputs
        values = evaluate(list(outputs.values()), point.leaves)
        warnings = []
        if not all(finite(v) for v in values):
            recorded = trace(list(outputs.values()), point.leaves)
            warnings = [w for w in [first_value(recorded.nodes, recorded.values)] if w is not None]
        return Result(dict(zip(outputs, values, strict=True)), point, warnings)

    def grad(
        self,
        inputs: Values | None = None,
        params: Values | None = None,
        wrt: Iterable[str] | None = None,
        mode: Mode = "reverse",
        seed: int = 0,
        output: str | None = None,
        max_paths: int = 100_000,
        **by_name: Any,
    ) -> Gradient:
        """The gradient of a real scalar output with respect to `wrt`: all params, else all real inputs.

        v_X = d(output)/dX, for params, inputs and named points of the entry function. `mode` is how: "reverse" runs the
        adjoint graph, "forward" pushes every unit tangent, "paths" sums over all paths.

        Raises ProgramError when the output is not a real scalar, or a name in `wrt` is unknown.
        """
        point = self.point(inputs, params, seed, **by_name)
        target = self.output(point.compiled, output)
        nodes = self.wrt(point.compiled, wrt)
        if mode == "reverse":
            value, found = _reverse(point, target, nodes)
        elif mode == "forward":
            value, found = _forward(point, target, nodes)
        elif mode == "paths":
            value, found = _paths(point, target, nodes, max_paths)
        else:
            raise ValueError(f"mode is reverse, forward or paths, not {mode!r}")
        zeros = {k: np.zeros(nodes[k].shape, self.dtype)[()] for k, v in found.items() if v is None}
        gradients = {k: zeros[k] if v is None else np.asarray(v)[()] for k, v in found.items()}
        warnings = self._blame(point, target, value, gradients)
        return Gradient(value, gradients, list(zeros), point, warnings)

    def verify(
        self,
        inputs: Values | None = None,
        params: Values | None = None,
        wrt: Iterable[str] | None = None,
        seed: int = 0,
        output: str | None = None,
        max_paths: int = 100_000,
        **by_name: Any,
    ) -> Verification:
        """The gradient against its definition, the sum over all paths, and against independent oracles.

        `.ok` says whether all agree; `.checks` lists each with its error and tolerance.
        """
        from paramprog.verify.report import Problem, verify

        point = self.point(inputs, params, seed, **by_name)
        compiled = point.compiled
        target = self.output(compiled, output, scalar=False)
        names = list(compiled.built.outputs)
        which = names.index(output) if output is not None else 0
        entry = compiled.checked.entry

        def oracle(changed: Mapping[str, Any]) -> Any:
            given = {**point.inputs, **point.params, **changed}
            arguments = {k: given[k] for k in point.inputs}
            weights = {k: given[k] for k in point.params}
            return interpret(compiled.checked, entry, arguments, weights)[which]

        return verify(
            Problem(target, self.wrt(compiled, wrt), point.leaves, oracle, max_paths=max_paths, seed=seed)
        )

    @cached_property
    def graph(self) -> ComputationalGraph:
        """The flow graph, to look at and to run forward and backward.

        It is built for this purpose: gradients are appended to the graph that they are taken of.
        """
        compiled = compile_module(self.module, self._asked, self.dims, self.dtype, self.max_nodes)
        return ComputationalGraph(compiled.built.graph, self._record)

    def _record(self, given: Values) -> tuple[Trace, Node]:
        point = self.point(given)
        target = self.output(point.compiled, None)
        built = point.compiled.built
        everything = [*built.inputs.values(), *built.params.values(), *built.points.values()]
        recorded = trace([target], point.leaves, keep=everything)
        return recorded, recorded.of[target]

    # ---- choosing ------------------------------------------------------------------------------------------------

    def outputs(self, compiled: Compiled, name: str | None) -> Mapping[str, Node]:
        """The output of this name, else all of them. Raises ProgramError for an unknown one."""
        outputs = compiled.built.outputs
        if name is None:
            return outputs
        if name not in outputs:
            hint = did_you_mean(name, outputs) or f"outputs are {_listed(outputs)}"
            raise fail("unknown-output", f"there is no output `{name}`", None, hint)
        return {name: outputs[name]}

    def output(self, compiled: Compiled, name: str | None, *, scalar: bool = True) -> Node:
        """The output of this name, else the only one. Raises ProgramError unless it is real (and a scalar)."""
        outputs = self.outputs(compiled, name)
        listed = _listed(compiled.built.outputs)
        if len(outputs) > 1:
            raise fail(
                "which-output",
                f"there are several outputs: {listed}",
                None,
                "choose one with `--output NAME`",
            )
        found = next(iter(outputs.values()))
        if found.kind != "real" or (scalar and found.shape):
            message = f"a gradient needs one real scalar output; there is {listed}"
            raise fail(
                "not-scalar",
                message,
                found.span,
                "reduce it, for instance with `sum`; `jacobian` is for arrays",
            )
        return found

    def wrt(self, compiled: Compiled, names: Iterable[str] | None) -> dict[str, Node]:
        """The points to differentiate by. Raises ProgramError for an unknown one, or one that is not real."""
        built = compiled.built
        known = {**built.points, **built.params, **built.inputs}
        if names is None:
            chosen = dict(built.params) or {k: n for k, n in built.inputs.items() if n.kind == "real"}
            if not chosen:
                raise fail("no-wrt", "there is neither a param nor a real input to differentiate by")
            return chosen
        found: dict[str, Node] = {}
        for name in names:
            if name not in known:
                hint = did_you_mean(name, known) or f"points are {', '.join(known)}"
                raise fail("unknown-point", f"there is no point `{name}`", None, hint)
            if known[name].kind != "real":
                raise fail(
                    "not-real", f"`{name}` is {known[name].type}; derivatives are of reals", known[name].span
                )
            found[name] = known[name]
        return found

    def _blame(self, point: Point, target: Node, value: Any, gradients: Values) -> list[Diagnostic]:
        """Where values, then adjoints, stop being finite."""
        if finite(value) and all(finite(g) for g in gradients.values()):
            return []
        recorded = trace([target], point.leaves)
        blamed = first_value(recorded.nodes, recorded.values)
        if blamed is None:
            facts = pulled(recorded.nodes, recorded.values, recorded.of[target], np.ones(()))
            plain = {n: plain_or_none(f) for n, f in facts.items()}
            blamed = first_adjoint(recorded.nodes, recorded.values, plain)
        return [] if blamed is None else [blamed]


def _listed(outputs: Mapping[str, Node]) -> str:
    return ", ".join(f"{name} : {node.type}" for name, node in outputs.items())


def _reverse(point: Point, target: Node, nodes: Mapping[str, Node]) -> tuple[Any, dict[str, Any]]:
    """Run the adjoint graph."""
    adjoints = point.compiled.gradient(target, tuple(nodes.values()))
    present = [n for n in adjoints if n is not None]
    value, *found = evaluate([target, *present], point.leaves)
    by_node = dict(zip(present, found, strict=True))
    return value, {k: None if n is None else by_node[n] for k, n in zip(nodes, adjoints, strict=True)}


def _forward(point: Point, target: Node, nodes: Mapping[str, Node]) -> tuple[Any, dict[str, Any]]:
    """Push the unit tangents one by one along the executed trace."""
    recorded = trace([target], point.leaves, keep=nodes.values())
    out = recorded.of[target]
    found: dict[str, Any] = {}
    for name, node in nodes.items():
        start = recorded.of[node]
        size = int(np.prod(node.shape))
        rows: list[Any] = []
        for k in range(size):
            unit = np.zeros(size, np.asarray(recorded.values[start]).dtype)
            unit[k] = 1.0
            facts = pushed(recorded.nodes, recorded.values, {start: unit.reshape(node.shape)})
            rows.append(plain_or_none(facts.get(out)))
        dependent = any(r is not None for r in rows)
        found[name] = np.reshape([0.0 if r is None else r for r in rows], node.shape) if dependent else None
    return recorded.values[out], found


def _paths(
    point: Point, target: Node, nodes: Mapping[str, Node], max_paths: int
) -> tuple[Any, dict[str, Any]]:
    """Sum over every path the product of its local Jacobians."""
    from paramprog.verify.paths import gradient_by_paths

    recorded = trace([target], point.leaves, keep=nodes.values())
    out = recorded.of[target]
    found = {k: gradient_by_paths(recorded, recorded.of[n], out, max_paths) for k, n in nodes.items()}
    return recorded.values[out], found


def load(
    path: str | Path,
    function: str | None = None,
    dims: Mapping[str, int] | None = None,
    dtype: Real = "float64",
) -> Program:
    """The program in a file. Raises ProgramError when it cannot be read or is not a program."""
    return Program(read_source(path), function, dims, dtype)


def loads(
    text: str,
    function: str | None = None,
    dims: Mapping[str, int] | None = None,
    dtype: Real = "float64",
    name: str = "<text>",
) -> Program:
    """The program in a string; `name` stands for the file in messages. Raises ProgramError when it is none."""
    return Program(Source(name, text), function, dims, dtype)
