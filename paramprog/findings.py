"""What `check` finds beside errors: paths that the gradient does not see, jumps at branches, values that are not used.

Which steps end derivatives is a dataflow analysis of the whole program (analyses/unseen.py). Most of them do no harm:
the arms of a branch meet at its boundary, and so do the pieces of an interpolation by `floor`. So where the program can
be run, the boundaries nearest to the point are looked at (verify/crossings.py), and only jumps are told. What runs for
long, or may never end, is run in part (verify/partial_run.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import NamedTuple

from paramprog import choose
from paramprog.analyses.endless import endless_loops
from paramprog.analyses.unseen import Step, Unseen, unseen, unseen_paths
from paramprog.diagnostics import Diagnostic, ProgramError, Source, Span, in_source_order
from paramprog.graph import Graph, Node, demand
from paramprog.graph.depth import deep_stack
from paramprog.graph.graph import bodies
from paramprog.op import INFIX
from paramprog.pipeline import Compiled
from paramprog.results import Point
from paramprog.transfer.step import STOP
from paramprog.types import Size
from paramprog.verify.boundaries import RULES
from paramprog.verify.crossing import Crossing
from paramprog.verify.partial_run import Part, nearest_in_parts
from paramprog.verify.report import Problem, nearest

COSTLY = 5_000
"""Programs that execute more operations are run in part."""

LARGE = 100_000
"""Those with more numbers to vary are not run."""

SEVERAL, EACH = 24, 2
"""So many of the nearest boundaries are looked at, and so many of one place."""

SLIGHT = 1e-3
"""Jumps where a `while` ends are told if they are larger, in units of the value."""

CONDITIONS = frozenset({"greater", "greater_equal", "less", "less_equal"})
EQUALITIES = frozenset({"equal", "not_equal"})


class _Near(NamedTuple):
    """A boundary near the point, and the part of the program that was run to find it."""

    crossing: Crossing
    part: Part

    @property
    def text(self) -> str:
        turns = self.part.turns
        run = "" if turns is None else f", when no loop makes more than {turns} turns,"
        return f"the value{run} jumps by {self.crossing.value_jump:.4g}"

    @property
    def slight(self) -> bool:
        """Whether the jump is what an iteration that converges leaves undone."""
        jump = self.crossing.value_jump
        return jump is not None and abs(jump) <= SLIGHT * self.part.value


def findings(compiled: Compiled, source: Source, at: Callable[[], Point]) -> list[Diagnostic]:
    """Warnings about a program that has no errors, beside those of the checker; `at` gives a point to run it at."""
    built, items = compiled.built, compiled.checked.items
    noise = {k for k in built.params if k in items and items[k].noise}
    params = {k: n for k, n in built.params.items() if k not in noise}
    leaves = {**built.inputs, **params}
    outputs = list(built.outputs.values())
    with deep_stack():
        everything = unseen(built.graph.nodes, list(leaves.values()), outputs)
        starts = [n for n in (params or built.inputs).values() if n.kind == "real"]
        seen = unseen(built.graph.nodes, starts, outputs)
        found = list(_unused(built.graph, leaves, everything, source))
        found += _not_seen(compiled, seen, starts, source, at)
    return in_source_order(found)


def _unused(graph: Graph, leaves: Mapping[str, Node], found: Unseen, source: Source) -> Iterator[Diagnostic]:
    used = {a for n in graph.nodes for a in n.args}
    for k, (name, node) in enumerate(leaves.items()):
        if found.all >> k & 1 or node.span is None or node.span.source is not source:
            continue
        why = "nothing that is returned depends on" if node in used else "nothing is computed from"
        message = f"{why} `{name}`, so its gradient is structurally zero"
        hint = "use it, or leave it out"
        yield Diagnostic("unused-parameter", message, node.span, hint, "warning")


def _not_seen(
    compiled: Compiled, found: Unseen, starts: Sequence[Node], source: Source, at: Callable[[], Point]
) -> Iterator[Diagnostic]:
    """Steps on some of the paths: told once for each place in the text."""
    steps: dict[Span, tuple[Step, list[str]]] = {}
    for step, names in unseen_paths(found, starts):
        if _written(step.node, source) and step.node.op.name not in EQUALITIES:
            assert step.node.span is not None
            known = steps.setdefault(step.node.span, (step, []))[1]
            known += [n for n in names if n not in known]
    measured = _measured(compiled, {s for s, (step, _) in steps.items() if step.node.op in RULES}, starts, at)
    graph = compiled.built.graph
    tests, endless = _conditions(graph), {n.attrs["test"] for n in endless_loops(graph)}
    for span, (step, names) in steps.items():
        of = _listed(names)
        near = measured.get(span, ())
        jump = next((n for n in near if n.crossing.verdict == "jump"), None)
        if step.node.op.name in CONDITIONS:
            ends_loop = step.node in tests
            if jump is not None and step.node not in endless and not (ends_loop and jump.slight):
                where = f"{jump.text} where `{_short(span)}` changes"
                message = f"{where}, which the gradient of {of} does not see"
                agree = "let another turn change little there" if ends_loop else "let both arms agree there"
                hint = f"{agree}, or look at all jumps near a point: verify --kinks"
                yield Diagnostic("branch-jump", message, span, hint, "warning")
            continue
        meet = any(n.crossing.verdict not in ("not reached", "jump") for n in near)
        if step.node.op in RULES and meet and jump is None:
            continue  # the pieces meet
        value = "" if jump is None else f", where {jump.text}"
        ends = "`stop` ends" if step.node.op is STOP else f"`{step.node.op.spelled}` ends"
        message = f"{ends} the derivative on this path{value}: the gradient of {of} sees other paths only"
        yield Diagnostic("cut-path", message, span, "leave it if it is meant so", "warning")


def _written(node: Node, source: Source) -> bool:
    """Whether the step stands in this text, and not inside a function of the library that is called there."""
    if node.span is None or node.span.source is not source:
        return False
    spelled, text = node.op.spelled, node.span.text
    return INFIX.get(node.op.name, spelled) in text if node.op.name in INFIX else text.startswith(spelled)


def _measured(
    compiled: Compiled, spans: set[Span], starts: Sequence[Node], at: Callable[[], Point]
) -> dict[Span, list[_Near]]:
    """The nearest boundaries at these places, as far as they can be found at little cost."""
    found: dict[Span, list[_Near]] = {}
    if not spans or sum(prod(n.shape) for n in starts) > LARGE:
        return found
    costly = _operations(compiled.built.graph) > COSTLY

    def wanted(node: Node) -> bool:
        return node.span in spans

    try:
        point = at()
        wrt = {str(n.name): n for n in starts}
        for y in choose.outputs(compiled, None).values():
            if y.kind != "real":
                continue
            parts: Iterable[Part]
            if costly:
                parts = nearest_in_parts(y, wrt, point.leaves, wanted, SEVERAL, EACH)
            else:
                problem = Problem(y, wrt, point.leaves, kinks=SEVERAL)
                parts = [Part(nearest(problem, wanted, EACH).found)]
            for part in parts:
                for c in part.found:
                    if c.span is not None:
                        found.setdefault(c.span, []).append(_Near(c, part))
    except ProgramError:  # no values for all inputs, or none at this point
        pass
    return found


def _conditions(graph: Graph) -> set[Node]:
    """What the conditions of `while` are made of."""
    found: set[Node] = set()
    waiting = [graph]
    while waiting:
        for n in waiting.pop().nodes:
            waiting += bodies(n)
            if n.attrs.get("test") is not None:
                found.update(demand(n.attrs["test"].graph.nodes, [n.attrs["test"]]))
    return found


def _operations(graph: Graph) -> float:
    """How many operations a run executes at most; infinite where only a run tells."""
    total, waiting = 0.0, [(graph, 1.0)]
    while waiting:
        body, times = waiting.pop()
        total += times * len(body.nodes)
        for n in body.nodes:
            trips = n.attrs.get("trips", 1)
            each = float("inf") if isinstance(trips, Size) else float(trips)
            waiting += [(inner, times * each) for inner in bodies(n)]
        if total > COSTLY:
            break
    return total


def _listed(names: Sequence[str]) -> str:
    """`a`; `a` and `b`; `a` and 3 more."""
    if len(names) <= 2:
        return " and ".join(f"`{n}`" for n in names)
    return f"`{names[0]}` and {len(names) - 1} more"


def _short(span: Span) -> str:
    text = " ".join(span.text.split())
    return text if len(text) <= 40 else f"{text[:37]}..."
