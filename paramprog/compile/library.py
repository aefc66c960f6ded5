"""A C source as a loaded library with one entry, `pp_entry(inputs and outputs)`, and the ways to call it."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import NamedTuple

from paramprog.compile import cache
from paramprog.compile.merge import SAMPLES
from paramprog.compile.parameters import TYPE
from paramprog.compile.parts import compiled, parts
from paramprog.compile.python_entry import python_entry
from paramprog.compile.source import CSource
from paramprog.compile.threads import SHARED, connect, has_chunks
from paramprog.compile.toolchain import NoCompiler, Toolchain, cpu, toolchain

STACK = 1 << 15
"""Bytes of an arena that lies on the stack."""

POOL = """
static char *pp_spare;
static char *pp_take(void) {{
    char *found = __atomic_exchange_n(&pp_spare, (char *)0, __ATOMIC_ACQ_REL);
    void *fresh = 0;
    if (found) return found;
    return posix_memalign(&fresh, 64, {size}) ? 0 : fresh;
}}
static void pp_give(char *arena) {{
    free(__atomic_exchange_n(&pp_spare, arena, __ATOMIC_ACQ_REL));
}}
"""

SIZED_ENTRY = """
static char *pp_spare;
static char *pp_take(int64_t bytes) {{
    char *found = __atomic_exchange_n(&pp_spare, (char *)0, __ATOMIC_ACQ_REL);
    void *fresh = 0;
    if (found && *(int64_t *)found >= bytes) return found + 64;
    free(found);
    if (posix_memalign(&fresh, 64, (size_t)bytes + 64)) return 0;
    *(int64_t *)fresh = bytes;
    return (char *)fresh + 64;
}}
int64_t pp_entry(void **io, int64_t samples) {{
    char near[{stack}] PP_ALIGNED;
    int64_t places[PP_COUNT];
    const int64_t bytes = pp_places(samples, places);
    char *const arena = bytes <= {stack} ? near : pp_take(bytes);
    if (!arena) return -1;
{call}    if (arena != near) free(__atomic_exchange_n(&pp_spare, arena - 64, __ATOMIC_ACQ_REL));
    return fault;
}}
"""
"""The arena is as large as it has to be; one is kept, which says how large it is."""


def entry_text(source: CSource) -> str:
    """`pp_entry`: the call with an arena of its own, on the stack or kept for the next call; threads may share it."""
    unit = source.unit
    count = len(unit.inputs)
    args = [f"(const {TYPE[b.kind]} *)io[{k}]" for k, b in enumerate(unit.inputs)]
    args += [f"({TYPE[b.kind]} *)io[{count + k}]" for k, b in enumerate(unit.outputs)]
    args += [SAMPLES, "places"] if source.sized is not None else []
    call = f"    int64_t fault = pp_run({', '.join([*args, 'arena'])});\n"
    if source.sized is not None:
        return SIZED_ENTRY.format(stack=STACK, call=call)
    if source.arena <= STACK:
        body = f"    char arena[{max(source.arena, 64)}] PP_ALIGNED;\n{call}    return fault;\n"
        return f"int64_t pp_entry(void **io) {{\n{body}}}\n"
    body = f"    char *arena = pp_take();\n    if (!arena) return -1;\n{call}    pp_give(arena);\n    return fault;\n"
    return POOL.format(size=source.arena) + f"int64_t pp_entry(void **io) {{\n{body}}}\n"


def whole_text(source: CSource) -> str:
    """The C text of the library."""
    shared = SHARED if has_chunks(source) else ""
    return shared + source.text() + entry_text(source) + python_entry(source)


class Library(NamedTuple):
    handle: ctypes.PyDLL
    text: str
    path: Path
    toolchain: Toolchain


def build(source: CSource) -> Library:
    """Compiled, or found in the cache, and loaded. Raises NoCompiler."""
    tool = toolchain()
    if tool is None:
        raise NoCompiler("there is no C compiler")
    text = whole_text(source)
    name = cache.key(text, " ".join((*tool.command[1:], *tool.flags)), tool.version, cpu())

    def make(to: Path) -> None:
        compiled(tool, parts(text, source.kernels), to)

    path = cache.cached(name, make)
    try:
        handle = ctypes.PyDLL(str(path))
    except OSError as problem:
        raise NoCompiler(f"what `{tool.command[0]}` makes cannot be loaded: {problem}") from None
    if has_chunks(source):
        connect(handle)
    return Library(handle, text, path, tool)
