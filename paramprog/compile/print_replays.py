"""Loops that keep few states, as C99: the schedule of transfer/loop_replay.py.

`kept` holds the turns before which the states on the shelf are. What lies between the last of them and the `end` of
what is still to be pulled is run again, up to the next state to be kept, or to the last turn, which is pulled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING

from paramprog.compile.kernel import Buf, Carried, Open, Pad, Replays, Step, Turns
from paramprog.compile.parameters import TYPE

if TYPE_CHECKING:
    from paramprog.compile.print_c import StepPrinter

SPLIT = """
static double pp_choose(int64_t n, int64_t k) {
    double found = 1;
    for (int64_t i = 1; i <= k; i++) found = found * (double)(n - k + i) / (double)i;
    return found;
}
/* how many of `turns` turns to run to the next state, with room for so many more (Revolve) */
static int64_t pp_split(int64_t turns, int64_t room) {
    int64_t runs = 1;
    while (pp_choose(room + 1 + runs, runs) < (double)turns) runs++;
    double before = runs > 1 ? pp_choose(room + runs - 1, runs - 2) : 1;
    double behind = (double)turns - pp_choose(room + runs, runs);
    int64_t found = (int64_t)(before > behind ? before : behind);
    return found < 1 ? 1 : found < turns ? found : turns - 1;
}
"""


def replay_lines(printer: StepPrinter, r: Replays) -> Iterator[str]:
    """The statements."""
    limit, depth, end, begin, to = (f"{r.turn}_{name}" for name in ("n", "kept", "end", "from", "to"))
    count = str(r.static) if r.static is not None else f"{r.limit.text}[0] > 0 ? {r.limit.text}[0] : 0"
    yield "{"
    yield f"    const int64_t {limit} = {count};"
    if r.size is not None:
        yield f"    {printer.texts.sizes[r.size]} = {limit};"
    yield from (f"    {printer.grown(b, limit)}" for b in r.grows)
    most = f"({limit} < {r.most} ? {limit} : {r.most})"
    yield from (f"    {printer.grown(b, most)}" for b in r.shelf if b.grows)
    if r.kept.grows:
        yield f"    {printer.grown(r.kept, f'{most} + 1')}"
    for c in (*r.states, *r.carries):
        yield f"    const {TYPE[c.start.kind]} *{c.pointer} = {c.start.text}; (void){c.pointer};"
    yield f"    int64_t {depth} = 0, {end} = {limit};"
    yield f"    {r.kept.text}[0] = 0;"
    yield f"    while ({end} > 0 && !fault) {{"
    yield f"        const int64_t {begin} = {r.kept.text}[{depth}], {r.turn}_room = {r.most} - {depth};"
    yield f"        const int64_t {to} = {end} - {begin} == 1 ? {begin} : {r.turn}_room > 0"
    yield f"            ? {begin} + pp_split({end} - {begin}, {r.turn}_room) : {end} - 1;"
    for c, shelf in zip(r.states, r.shelf, strict=True):
        yield f"        {c.pointer} = {depth} ? {_row(shelf, depth)} : {c.start.text};"
    yield f"        for (int64_t {r.turn} = {begin}; {r.turn} < {to} && !fault; {r.turn}++) {{"
    yield from _turn(printer, r, limit, r.advance, r.states)
    yield "        }"
    yield "        if (fault) break;"
    yield f"        if ({r.turn}_room > 0 && {to} > {begin}) {{"
    yield f"            {r.kept.text}[++{depth}] = {to};"
    for c, shelf in zip(r.states, r.shelf, strict=True):
        size = f"sizeof({TYPE[shelf.kind]}) * (size_t){shelf.row}"
        yield f"            memcpy({_row(shelf, depth)}, {c.pointer}, {size});"
    yield "            continue;"
    yield "        }"
    yield "        {"
    yield f"            const int64_t {r.turn} = {to}; (void){r.turn};"
    yield from _turn(printer, r, limit, r.body, r.carries)
    yield "        }"
    yield f"        if ({end} - {begin} == 1 && {begin} > 0) {depth}--;"
    yield f"        {end} = {to};"
    yield "    }"
    for c in r.carries:
        if c.result is not None:
            yield f"    memcpy({c.result.text}, {c.pointer}, {printer.bytes(c.result)});"
    yield "}"


def _turn(
    printer: StepPrinter, r: Replays, limit: str, steps: Sequence[Step], carried: Sequence[Carried]
) -> Iterator[str]:
    """One turn, forwards or backwards: its numbers, its steps, and what it carries on."""
    pad = "            "
    yield from _numbers(r, limit, pad)
    yield from (f"{pad}{line}" for line in marked(r))
    yield from printer.lines(steps, pad)
    yield from (f"{pad}{c.pointer} = {c.next};" for c in carried)
    yield from (f"{pad}{line}" for line in released(r))


def _numbers(r: Replays, limit: str, pad: str) -> Iterator[str]:
    at = f"{limit} - 1 - {r.turn}" if r.reverse else r.turn
    yield f"{pad}const int64_t {r.at} = {at}; (void){r.at};"
    for name in r.index:
        yield f"{pad}const int64_t {name}[1] = {{{r.at}}}; (void){name};"


def _row(shelf: Buf, depth: str) -> str:
    return f"({shelf.text} + ({depth} - 1) * {shelf.row})"


# ---- blocks ------------------------------------------------------------------------------------------------------


def heap_call(name: str, arguments: Sequence[str], site: int) -> Iterator[str]:
    """A routine on handles. After a fault nothing is, as a handle may be missing."""
    yield "if (fault) goto done;"
    yield f"fault = {name}(&heap, {', '.join(arguments)});"
    yield f"if (fault) {{ fault = fault < 0 ? -1 : {site}; goto done; }}"


def marked(loop: Turns | Replays) -> Iterator[str]:
    """How full the heap is, at the beginning of a turn."""
    if loop.releases:
        yield "pp_chunk *const last = heap.last;"
        yield "const size_t used = last ? last->used : 0;"


def released(loop: Turns | Replays) -> Iterator[str]:
    """As full again, at its end."""
    if loop.releases:
        yield "pp_back(&heap, last, used);"


def opened_lines(printer: StepPrinter, step: Open | Pad) -> Iterator[str]:
    """Where the rows of blocks are to be read."""
    yield "if (fault) goto done;"
    size = printer.texts.dim(step.to.shape[0])
    if isinstance(step, Open):
        kind = TYPE[step.to.kind]
        yield f"const {kind} *{step.to.text} = pp_rows({step.handle.text}[0], &{size}); (void){step.to.text};"
        return
    count = prod(step.handles.shape)
    yield f"{size} = pp_longest({count}, {step.handles.text});"
    yield printer.grown(step.to, size)
    suffix = {"int": "i64", "bool": "u8"}.get(step.to.kind, printer.texts.suffix)
    name = printer.texts.call(f"pp_padded_{suffix}")
    inner = prod(step.to.shape[1 + len(step.handles.shape) :])
    yield f"{name}({size}, {count}, {inner}, {step.handles.text}, {step.to.text});"
