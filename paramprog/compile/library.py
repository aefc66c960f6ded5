"""A C source as a loaded library with one entry, `pp_entry(inputs and outputs)`, and the ways to call it."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import NamedTuple

from paramprog.compile import cache
from paramprog.compile.blas import QUIET, Blas, blas
from paramprog.compile.merge import SAMPLES
from paramprog.compile.parameters import TYPE
from paramprog.compile.parts import compiled, parts
from paramprog.compile.python_entry import python_entry
from paramprog.compile.source import CSource
from paramprog.compile.threads import SHARED, connect, has_chunks
from paramprog.compile.toolchain import NoCompiler, Toolchain, cpu, toolchain

BLAS = """
#include <sched.h>
typedef {integer} pp_blas_int;
static void (*pp_blas)(int, int, int, pp_blas_int, pp_blas_int, pp_blas_int, T, const T *, pp_blas_int,
    const T *, pp_blas_int, T, T *, pp_blas_int);
static void (*pp_set_threads)(int);
static int (*pp_get_threads)(void);
static int64_t *pp_quiet; /* a lock, the calls that run, the threads of the BLAS before them */
void pp_use_blas(void *product, void *set, void *get, void *quiet) {{
    pp_quiet = quiet;
    memcpy(&pp_blas, &product, sizeof product);
    memcpy(&pp_set_threads, &set, sizeof set);
    memcpy(&pp_get_threads, &get, sizeof get);
}}
static void pp_alone(int begin) {{
    if (!pp_get_threads) return;
    while (__atomic_exchange_n(pp_quiet, 1, __ATOMIC_ACQUIRE)) sched_yield();
    if (begin && !pp_quiet[1]++) {{
        pp_quiet[2] = pp_get_threads();
        if (pp_quiet[2] != 1) pp_set_threads(1);
    }}
    if (!begin && !--pp_quiet[1] && pp_quiet[2] != 1) pp_set_threads((int)pp_quiet[2]);
    __atomic_store_n(pp_quiet, 0, __ATOMIC_RELEASE);
}}
static inline void pp_product(int ta, int tb, int64_t m, int64_t n, int64_t k, const T *a, const T *b, T *c) {{
    pp_blas(101, ta ? 112 : 111, tb ? 112 : 111, m, n, k, 1, a, ta ? m : k, b, tb ? k : n, 0, c, n);
}}
#define PP_PRODUCT(ta, tb, m, n, k, a, b, c) pp_product(ta, tb, m, n, k, a, b, c)
"""

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
    threads = ("    pp_alone(1);\n", "    pp_alone(0);\n") if source.uses_blas else ("", "")
    args += [SAMPLES, "places"] if source.sized is not None else []
    call = f"{threads[0]}    int64_t fault = pp_run({', '.join([*args, 'arena'])});\n{threads[1]}"
    if source.sized is not None:
        return SIZED_ENTRY.format(stack=STACK, call=call)
    if source.arena <= STACK:
        body = f"    char arena[{max(source.arena, 64)}] PP_ALIGNED;\n{call}    return fault;\n"
        return f"int64_t pp_entry(void **io) {{\n{body}}}\n"
    body = f"    char *arena = pp_take();\n    if (!arena) return -1;\n{call}    pp_give(arena);\n    return fault;\n"
    return POOL.format(size=source.arena) + f"int64_t pp_entry(void **io) {{\n{body}}}\n"


def whole_text(source: CSource) -> str:
    """The C text of the library."""
    found = blas(source.unit.real) if source.uses_blas else None
    product = None if found is None else BLAS.format(integer="int64_t" if found.width == 8 else "int")
    shared = SHARED if has_chunks(source) else ""
    if source.uses_blas and product is None:
        threads = "#define pp_alone(begin)\n"
        return shared + threads + source.text() + entry_text(source) + python_entry(source)
    return shared + source.text(product) + entry_text(source) + python_entry(source)


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
        raise NoCompiler(f"the compiled library cannot be loaded: {problem}") from None
    found = blas(source.unit.real) if source.uses_blas else None
    if found is not None:
        _connect(handle, found)
    if has_chunks(source):
        connect(handle)
    return Library(handle, text, path, tool)


def _connect(handle: ctypes.PyDLL, found: Blas) -> None:
    use = handle.pp_use_blas
    use.argtypes = [ctypes.c_void_p] * 4
    use.restype = None
    use(found.gemm, found.set_threads, found.get_threads, ctypes.addressof(QUIET))
