"""Lines that were typed by a sample are built by it: copies of the nodes that the sample has in a graph of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from paramprog.diagnostics import ProgramError, new_span
from paramprog.graph import Graph, Node
from paramprog.lang.lines import Line
from paramprog.lang.replay import Sample
from paramprog.lang.syntax import Assign, Statement
from paramprog.lang.walk import Walk, walk
from paramprog.op import OPS, Op
from paramprog.types import Type

if TYPE_CHECKING:
    from paramprog.lang.frame import Frame

Block = Callable[["Frame", Sequence[Statement]], Walk[list[Node]]]


class Step(NamedTuple):
    """A node: what it computes, its arguments, picked from the operands and the nodes so far, its types, its place.

    `start` and `end` say after how many words and other characters. With `number` its value is the word there.
    """

    op: Op
    attrs: Mapping[str, Any]
    arguments: Callable[[Sequence[Node]], tuple[Node, ...]]
    results: tuple[Type, ...]
    start: tuple[int, int]
    end: tuple[int, int]
    number: int | None


class Steps(NamedTuple):
    """The nodes of a line in order, and which of them, after so many operands, is the point that is named."""

    steps: Sequence[Step]
    result: int


def replayed(frame: Frame, statement: Assign, block: Block) -> bool:
    """Append the nodes of an assignment, if it was typed by a sample and is built as that is."""
    sample, line = frame.instance.replayed.get(statement), statement.line
    if sample is None or line is None:
        return False
    builder = frame.builder
    graph = builder.graph
    if frame.differentiates or builder.place is not None or graph.place is not None:
        return False  # more is noted than nodes, or nodes have other places
    if graph.real not in sample.steps:
        sample.steps[graph.real] = _recorded(frame, sample, block)
    recorded = sample.steps[graph.real]
    words, nodes = line.words, graph.nodes
    if recorded is None or builder.count + len(recorded.steps) > builder.max_nodes:
        return False
    found = [frame.scope.get(name) or builder.params.get(name) for name in sample.pattern.operands(words)]
    values: list[Node] = [n for n in found if type(n) is Node and n.graph is graph]
    if len(values) < len(found):
        return False
    source, ends = line.source, line.ends()
    for op, attrs, arguments, results, (before, start), (after, end), number in recorded.steps:
        if number is not None:
            attrs = {**attrs, "value": float(words[number])}
        span = new_span((source, ends[before] + start, ends[after] + end))
        node = Node(graph, len(nodes), op, arguments(values), attrs, results, span)
        nodes.append(node)
        values.append(node)
    graph.span = span
    builder.count += len(recorded.steps)
    point = frame.scope[words[0]] = values[recorded.result]
    point.name = words[0]
    return True


def _recorded(frame: Frame, sample: Sample, block: Block) -> Steps | None:
    """What building the sample appends to a graph of its own; None if that does not end in a new point."""
    builder, pattern, words = frame.builder, sample.pattern, sample.line.words
    graph, count = Graph(real=builder.graph.real), builder.count
    operands = zip(pattern.operands(words), sample.infos, strict=True)
    inner = frame.call(sample.instance, {name: graph.leaf(info.type, name) for name, info in operands})
    given = len(graph.nodes)
    try:
        with builder.body(graph):
            walk(block(inner, [sample.statement]))
    except ProgramError:
        return None
    finally:
        builder.count = count
    point = inner.scope[words[0]]
    if not isinstance(point, Node) or point.id < given or point.op is OPS["copy"]:
        return None
    places = _Places(sample.line)
    return Steps([_step(n, places, pattern.numbers) for n in graph.nodes[given:]], point.id)


def _step(node: Node, places: _Places, numbers: Sequence[int]) -> Step:
    assert node.span is not None
    start, end = places.of(node.span.start), places.of(node.span.end)
    number = start[0] if node.op is OPS["full"] and start[0] in numbers and end[0] == start[0] + 1 else None
    return Step(node.op, node.attrs, _picker([a.id for a in node.args]), node.results, start, end, number)


def _picker(places: Sequence[int]) -> Callable[[Sequence[Node]], tuple[Node, ...]]:
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: tuple([values[k] for k in places])


class _Places:
    """Where the words of a line begin and end."""

    def __init__(self, line: Line) -> None:
        lengths = list(map(len, line.words))
        self.after = list(accumulate(lengths, initial=0))
        between = accumulate(map(len, line.form.between))
        self.ends = [gap + word for gap, word in zip(between, self.after[1:], strict=False)]

    def of(self, offset: int) -> tuple[int, int]:
        """How many words end before this offset of the line, and how many characters stand beside them."""
        before = sum(end <= offset for end in self.ends)
        return before, offset - self.after[before]
