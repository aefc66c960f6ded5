"""What `check` finds beside errors: paths that the gradient does not see, jumps at branches, values that are not used.

Which steps end derivatives is a dataflow analysis of the whole program (analyses/unseen.py). Most of them do no harm:
the arms of a branch meet at its boundary, and so do the pieces of an interpolation by `floor`. So where the program can
be run at little cost, the boundaries nearest to the point are looked at (verify/crossings.py), and only jumps are told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod

from paramprog import choose
from paramprog.analyses.unseen import Step, Unseen, unseen, unseen_paths
from paramprog.diagnostics import Diagnostic, ProgramError, Source, Span, in_source_order
from paramprog.graph import Graph, Node
from paramprog.graph.depth import deep_stack
from paramprog.graph.graph import bodies
from paramprog.op import INFIX
from paramprog.pipeline import Compiled
from paramprog.results import Point
from paramprog.transfer.step import STOP
from paramprog.types import Size
from paramprog.verify.boundaries import RULES
from paramprog.verify.crossing import Crossing
from paramprog.verify.report import Problem, nearest

COSTLY = 5_000
"""Programs that execute more operations are not run by `check`."""

LARGE = 100_000
"""Nor are those with more numbers to vary."""

SEVERAL, EACH = 24, 2
"""So many of the nearest boundaries are looked at, and so many of one place."""

CONDITIONS = frozenset({"greater", "greater_equal", "less", "less_equal"})
EQUALITIES = frozenset({"equal", "not_equal"})


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
    for span, (step, names) in steps.items():
        of = _listed(names)
        crossing = next((c for c in measured.get(span, ()) if c.verdict == "jump"), None)
        if step.node.op.name in CONDITIONS:
            if crossing is not None:
                jump = f"the value jumps by {crossing.value_jump:.4g} where `{_short(span)}` changes"
                message = f"{jump}, which the gradient of {of} does not see"
                hint = "let both arms agree there, or look at all jumps near a point: verify --kinks"
                yield Diagnostic("branch-jump", message, span, hint, "warning")
            continue
        reached = [c for c in measured.get(span, ()) if c.verdict not in ("not reached", "jump")]
        if step.node.op in RULES and reached and crossing is None:
            continue  # the pieces meet
        jump = "" if crossing is None else f", where the value jumps by {crossing.value_jump:.4g}"
        ends = "`stop` ends" if step.node.op is STOP else f"`{step.node.op.spelled}` ends"
        message = f"{ends} the derivative on this path{jump}: the gradient of {of} sees other paths only"
        yield Diagnostic("cut-path", message, span, "leave it if it is meant so", "warning")


def _written(node: Node, source: Source) -> bool:
    """Whether the step stands in this text, and not inside a function of the library that is called there."""
    if node.span is None or node.span.source is not source:
        return False
    spelled, text = node.op.spelled, node.span.text
    return INFIX.get(node.op.name, spelled) in text if node.op.name in INFIX else text.startswith(spelled)


def _measured(
    compiled: Compiled, spans: set[Span], starts: Sequence[Node], at: Callable[[], Point]
) -> dict[Span, list[Crossing]]:
    """The nearest boundaries at these places, where they can be found at little cost."""
    found: dict[Span, list[Crossing]] = {}
    graph = compiled.built.graph
    if not spans or _operations(graph) > COSTLY or sum(prod(n.shape) for n in starts) > LARGE:
        return found
    try:
        point = at()
        wrt = {str(n.name): n for n in starts}
        for y in choose.outputs(compiled, None).values():
            if y.kind != "real":
                continue
            problem = Problem(y, wrt, point.leaves, kinks=SEVERAL)
            for c in nearest(problem, lambda node: node.span in spans, EACH).found:
                if c.span is not None:
                    found.setdefault(c.span, []).append(c)
    except ProgramError:  # no values for all inputs, or none at this point
        pass
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
