"""`Program`: the public object. Everything the command line does is a call of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from paramprog import choose
from paramprog.analyses.budget import parse_bytes
from paramprog.binding import Batch, Values
from paramprog.computational_graph import ComputationalGraph, Run
from paramprog.diagnostics import Diagnostic, ProgramError, Source, fail
from paramprog.differentiable import Differentiable
from paramprog.evaluate import trace
from paramprog.lang.arguments import as_value, bind_dims
from paramprog.lang.check import entry_function
from paramprog.lang.interpret import Turns, interpret
from paramprog.lang.read import read_source
from paramprog.pipeline import Compiled, compile_module
from paramprog.results import Optimum, Point
from paramprog.types import Real

if TYPE_CHECKING:
    from paramprog.compile.backend import Backend
    from paramprog.compiled import CompiledProgram
    from paramprog.emit import Spelling
    from paramprog.explain.drawing import Subject
    from paramprog.explain.paths import PathList
    from paramprog.explain.render import Format
    from paramprog.fitting.columns import Wanted
    from paramprog.optimising import Bounds
    from paramprog.verify.report import Report as Verification

Exported = Literal["c", "python"]


class Program(Differentiable):
    """A parsed program, entered at one function.

    `program(P=0.3, Q=0.7)` is the value, `program.grad(...)` the gradients, `program.verify(...)` the proof. Sizes that
    the file leaves open are bound by the values given; each combination of sizes is compiled once.

    Raises ProgramError, with every independent error found, when the text is not a program.
    """

    def __repr__(self) -> str:
        return f"<Program {self.function} of {self.source.name}>"

    def wanted(self, given: Values | None = None) -> tuple[dict[str, Wanted], dict[str, int | None]]:
        """(what the arguments take from a data file, the dims that it may bind): see `fitting.wanted`.

        The sizes that `given` values bind are not left to the file.
        """
        from paramprog.fitting.wanted import wanted

        entry = entry_function(self._unit, self._asked)
        try:
            defaults = {name: node.type for name, node in self.compiled(given).built.inputs.items()}
        except ProgramError:  # sizes that only the data will give
            defaults = {}
        dims = bind_dims(self._unit, entry.name.text, self.dims, given or {})
        return wanted(self._unit, entry, dims, defaults)

    def optimise(
        self,
        wrt: Iterable[str] | None = None,
        inputs: Values | None = None,
        params: Values | None = None,
        *,
        maximise: bool = False,
        bounds: Bounds | None = None,
        optimizer: str = "lbfgs",
        steps: int = 1000,
        lr: float | None = None,
        tolerance: float = 1e-8,
        seed: int = 0,
        output: str | None = None,
        watch: Callable[[int, float], None] | None = None,
        memory: str | int | None = None,
        **by_name: Any,
    ) -> Optimum:
        """Inputs or params `wrt` (all params, else all real inputs) that make a real scalar output smallest or largest.

        The search starts at the point given. `bounds` maps names to (lo, hi), numbers, arrays or None; `watch` is told
        each step and the value there. `memory` is as in `grad`, for the numbers of turns at the start.
        `paramprog.optimising` says more, and what is raised.
        """
        from paramprog.optimising import How, optimise

        point = self.point(inputs, params, seed, **by_name)
        target = choose.output(point.compiled, output)
        nodes = choose.wrt(point.compiled, wrt)
        how = How(optimizer, steps, lr, tolerance, maximise, None if memory is None else parse_bytes(memory))
        return optimise(point, target, nodes, bounds or {}, how, watch or (lambda step, value: None))

    def compile(
        self,
        inputs: Values | None = None,
        params: Values | None = None,
        wrt: Iterable[str] | None = None,
        *,
        seed: int = 0,
        output: str | None = None,
        batch: Batch = False,
        backend: Backend = "auto",
        threads: int | None = None,
        **by_name: Any,
    ) -> CompiledProgram:
        """Value and gradient of a real scalar output as functions that are called very often: see `paramprog.compiled`.

        Values given bind sizes, and are what arguments are that a call leaves out. With `batch` (see `many`) they are
        the mean over samples and its gradient. `backend` is "c", "numpy", or "auto": C where there is a compiler.
        C computes what is long on at most `threads` threads, by default $PARAMPROG_THREADS or one for each CPU; the
        numbers are the same, to the bit, for any.

        Raises ProgramError when the output is not a real scalar, or C is asked for and cannot be had.
        """
        from paramprog.compiled import CompiledProgram

        if batch is False:
            point = self.point(inputs, params, seed, **by_name)
        else:
            point = self.many(inputs, params, seed, batch, output, **by_name).point
        target, nodes = choose.output(point.compiled, output), choose.wrt(point.compiled, wrt)
        return CompiledProgram(point, target, nodes, backend, threads)

    def export(
        self,
        inputs: Values | None = None,
        params: Values | None = None,
        wrt: Iterable[str] | None = None,
        output: str | None = None,
        language: Exported = "c",
        seed: int = 0,
        **by_name: Any,
    ) -> str:
        """A real scalar output and its gradient as a source that needs no paramprog: C99, or Python with NumPy.

        In C there is an example main as well, which evaluates at this point.

        Raises ProgramError as `grad` does, and "no-c-backend" where something has no C form.
        """
        if language == "python":
            return self.gradient_program(inputs, params, wrt, output, "python", **by_name)
        from paramprog.compile.builder import NotLowered
        from paramprog.compile.export_c import export_c

        point = self.point(inputs, params, seed, **by_name)
        target, nodes = choose.output(point.compiled, output), choose.wrt(point.compiled, wrt)
        built = point.compiled.built
        found = dict(zip(nodes, point.compiled.gradient(target, tuple(nodes.values())), strict=True))
        title = f"{self.function} of {self.source.name}"
        try:
            leaves, values = {**built.inputs, **built.params}, {**point.inputs, **point.params}
            return export_c(title, target, found, leaves, values)
        except NotLowered as reason:
            raise fail("no-c-backend", f"this cannot be compiled: {reason}") from None

    def paths(
        self,
        inputs: Values | None = None,
        params: Values | None = None,
        wrt: Iterable[str] | None = None,
        top: int = 10,
        seed: int = 0,
        output: str | None = None,
        **by_name: Any,
    ) -> PathList:
        """How many paths lead from each of `wrt` to a real scalar output, exactly, and the `top` heaviest of them all.

        The paths are those of the executed trace, as in `verify`; none is walked but those returned.
        """
        from paramprog.explain.paths import list_paths

        point = self.point(inputs, params, seed, **by_name)
        target = choose.output(point.compiled, output)
        name = output or next(iter(point.compiled.built.outputs))
        return list_paths(target, name, choose.wrt(point.compiled, wrt), point.leaves, top)

    def check(
        self, inputs: Values | None = None, params: Values | None = None, seed: int = 0, **by_name: Any
    ) -> list[Diagnostic]:
        """Warnings: what the program may do, but hardly means. Errors were raised when it was made.

        Steps and branches with jumps that the gradient does not see, and values that are not used; to find jumps the
        program is run near a point, drawn where no value is given, if that costs little.
        """
        from paramprog.findings import findings

        given = {**(inputs or {}), **(params or {}), **by_name}
        compiled = self.compiled(given)
        found = findings(compiled, self.source, lambda: self.point(given, seed=seed))
        return [*compiled.checked.report.diagnostics, *found]

    def verify(
        self,
        inputs: Values | None = None,
        params: Values | None = None,
        wrt: Iterable[str] | None = None,
        seed: int = 0,
        output: str | None = None,
        max_paths: int = 100_000,
        exact: bool = False,
        kinks: int = 0,
        **by_name: Any,
    ) -> Verification:
        """The gradient against its definition, the sum over all paths, and against independent oracles.

        `.ok` says whether all agree; `.checks` lists each with its error and tolerance. `exact` adds checks in rational
        arithmetic, which have no tolerance, and checks of the rule of each operation at its place. `kinks` asks for so
        many of the nearest boundaries of branches, roundings, max and the like, with the jumps there: `.crossings`.
        """
        from paramprog.verify.report import Problem, verify

        point = self.point(inputs, params, seed, **by_name)
        compiled = point.compiled
        target = choose.output(compiled, output, scalar=False)
        names = list(compiled.built.outputs)
        which = names.index(output) if output is not None else 0
        entry = compiled.checked.entry

        @cache
        def turns_at_the_point() -> int:
            here = Turns()
            interpret(entry, point.inputs, point.params, here)
            return here.made

        def oracle(changed: Mapping[str, Any]) -> Any:
            given = {**point.inputs, **point.params, **changed}
            arguments = {k: given[k] for k in point.inputs}
            weights = {k: given[k] for k in point.params}
            # beside the point a `while` may never end
            return interpret(entry, arguments, weights, Turns(most=10 * turns_at_the_point() + 1000))[which]

        return verify(
            Problem(target, choose.wrt(compiled, wrt), point.leaves, oracle, max_paths, seed, exact, kinks)
        )

    def gradient_program(
        self,
        inputs: Values | None = None,
        params: Values | None = None,
        wrt: Iterable[str] | None = None,
        output: str | None = None,
        language: Spelling = "pp",
        **by_name: Any,
    ) -> str:
        """The gradient as a program: a text that computes a real scalar output and its gradients, as `wrt` orders them.

        In "pp" it is a program like this one, with the same inputs, params and defaults; values given here are its
        defaults instead. `loads` makes a `Program` of it, whose outputs can be differentiated again. In "python" it is
        a function that needs NumPy, and SciPy for special functions.

        Raises ProgramError as `grad` does.
        """
        from paramprog.emit import gradient_source

        given = {**(inputs or {}), **(params or {}), **by_name}
        compiled = self.compiled(given)
        choose.output(compiled, output)
        name = output or next(iter(compiled.built.outputs))
        leaves = {**compiled.built.inputs, **compiled.built.params}
        values = {k: as_value(v, leaves[k].type, self.dtype, k, leaves[k].span) for k, v in given.items()}
        return gradient_source(compiled, self.function, name, choose.wrt(compiled, wrt), language, values)

    @cached_property
    def graph(self) -> ComputationalGraph:
        """The flow graph, to look at and to run forward and backward.

        It is built for this purpose: gradients are appended to the graph that they are taken of.
        """
        compiled = compile_module(self.module, self._asked, self.dims, self.dtype, self.max_nodes)
        return ComputationalGraph(compiled.built.graph, self._record, self.draw)

    def draw(
        self,
        format: Format = "text",
        *,
        values: bool = False,
        grads: bool = False,
        levels: bool = False,
        executed: bool = False,
        inputs: Values | None = None,
        params: Values | None = None,
        seed: int = 0,
        output: str | None = None,
        **by_name: Any,
    ) -> str | bytes:
        """The flow graph as text, DOT, Mermaid, SVG or (bytes) PNG.

        `levels` adds the parallel schedule. `values`, `grads` and `executed` draw a run instead of the program: without
        regions, what was not taken being left out, and with the values and adjoints of all points.

        Raises ProgramError when a picture cannot be made, and for `grads` when the output is not a real scalar.
        """
        from paramprog.explain.render import render

        run = values or grads or executed
        point = self.point(inputs, params, seed, **by_name) if run else None
        given = {**(inputs or {}), **(params or {}), **by_name}
        subject = self.subject(self.compiled(given), point, values=values, grads=grads, output=output)
        return render(subject, format, levels=levels)

    def subject(
        self, compiled: Compiled, point: Point | None, *, values: bool, grads: bool, output: str | None
    ) -> Subject:
        """What is drawn: the program, or its run at a point. Raises ProgramError as `draw` does."""
        from paramprog.explain.drawing import of_program, of_run

        title = f"{self.function}, {Path(self.source.name).name}"
        outputs = choose.outputs(compiled, output)
        target = choose.output(compiled, output) if grads else None
        if point is None:
            return of_program(title, compiled.built, list(outputs.values()))
        built = compiled.built
        everything = [*built.inputs.values(), *built.params.values(), *built.points.values()]
        run = trace(list(outputs.values()), point.leaves, keep=everything)
        return of_run(title, built, run, list(outputs.values()), values=values, grads=target)

    def _record(self, given: Values) -> Run:
        point = self.point(given)
        target = choose.output(point.compiled, None)
        built = point.compiled.built
        named = {**built.points, **built.params, **built.inputs}
        recorded = trace([target], point.leaves, keep=named.values())
        return Run(recorded, recorded.of[target], {name: recorded.of[n] for name, n in named.items()})


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
