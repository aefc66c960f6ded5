"""Blocks of memory of a length known at run time only, in C: the rows of histories, and the cells of tapes.

A handle is the address of a block. A block has `rows`, and as a cell of a tape the cell below it, `rest` (none below
the lowest, which holds what an empty tape is made like), and the lowest, `bottom`. Blocks live until the call returns,
or the turn of a loop that hands no handle on. Where it is known how many there can be, they lie in the arena.
"""

from __future__ import annotations

from collections.abc import Sequence

from paramprog.compile.kernel import Call, Choice, Replays, Step, Turns, bodies
from paramprog.types import Size

HEAP = """
typedef struct pp_block { struct pp_block *rest, *bottom; int64_t rows, spare; } pp_block; /* its entries follow */
typedef struct pp_chunk { struct pp_chunk *before; size_t used, size, given; } pp_chunk;
typedef struct { pp_chunk *last; } pp_heap;
static pp_block *pp_new(pp_heap *heap, size_t bytes) {
    size_t wanted = sizeof(pp_block) + (bytes + 15) / 16 * 16;
    pp_chunk *chunk = heap->last;
    if (!chunk || chunk->size - chunk->used < wanted) {
        size_t size = chunk ? 2 * chunk->size : 4096;
        if (size > 1 << 24) size = 1 << 24;
        if (size < wanted) size = wanted;
        chunk = malloc(sizeof(pp_chunk) + size);
        if (!chunk) return 0;
        chunk->before = heap->last;
        chunk->used = chunk->given = 0;
        chunk->size = size;
        heap->last = chunk;
    }
    pp_block *found = (pp_block *)((char *)(chunk + 1) + chunk->used);
    chunk->used += wanted;
    found->rest = found->bottom = 0;
    found->rows = 0;
    return found;
}
/* what was there when `last` was the last chunk, and so much of it was used */
static void pp_back(pp_heap *heap, pp_chunk *last, size_t used) {
    while (heap->last != last) {
        pp_chunk *before = heap->last->before;
        if (!heap->last->given) free(heap->last);
        heap->last = before;
    }
    if (last) last->used = used;
}
static inline __attribute__((unused)) pp_heap pp_within(char *memory, size_t bytes) {
    pp_heap heap = {(pp_chunk *)(void *)memory};
    heap.last->before = 0;
    heap.last->used = 0;
    heap.last->size = bytes;
    heap.last->given = 1;
    return heap;
}
static inline __attribute__((unused)) pp_block *pp_of(int64_t handle) { return (pp_block *)(intptr_t)handle; }
static inline __attribute__((unused)) const void *pp_rows(int64_t handle, int64_t *rows) {
    static const double none[1] = {0};
    pp_block *block = pp_of(handle);
    *rows = block ? block->rows : 0;
    return block ? (const void *)(block + 1) : none;
}
static inline __attribute__((unused)) int64_t pp_longest(int64_t count, const int64_t *handles) {
    int64_t most = 0;
    for (int64_t k = 0; k < count; k++)
        if (handles[k] && pp_of(handles[k])->rows > most) most = pp_of(handles[k])->rows;
    return most;
}
static inline __attribute__((unused)) int64_t pp_cell(pp_heap *heap, pp_block *rest, size_t bytes, const void *x) {
    pp_block *cell = pp_new(heap, bytes);
    if (!cell) return 0;
    cell->rest = rest;
    cell->bottom = rest ? rest->bottom : cell;
    if (bytes) memcpy(cell + 1, x, bytes);
    return (int64_t)(intptr_t)cell;
}
"""

HEAD, BLOCK, MOST = 32, 32, 1 << 24
"""Bytes of the heads of a chunk and of a block; and of blocks that may lie in the arena."""


def uses_heap(steps: Sequence[Step]) -> bool:
    """Whether some step makes blocks."""
    return any(
        (isinstance(s, Call) and s.heap) or any(uses_heap(inner) for inner in bodies(s)) for s in steps
    )


def room(steps: Sequence[Step]) -> int | None:
    """The bytes of all blocks that steps make, and of the head of their chunk; None if too many, or not known."""
    calls: list[tuple[int, Call]] = []
    if not _counted(steps, 1, calls):
        return None
    pushed = [
        (times, c.numbers[0]) for times, c in calls if c.function.startswith(("pp_tape_i64", "pp_push"))
    ]
    cells = sum(times for times, _ in pushed)
    total = HEAD + sum(times * (BLOCK + 16 + bytes) for times, bytes in pushed)
    for times, c in calls:
        if c.function.startswith(("pp_tape_add", "pp_tape_or", "pp_tape_real")):
            if c.numbers[1]:  # tapes on tapes
                return None
            total += times * (cells + 1) * (2 * BLOCK + 32 + 8 * c.numbers[0])
        elif c.function.startswith("pp_boxed"):
            if any(isinstance(n, Size) for n in c.numbers):
                return None
            outer, rows, inner = c.numbers
            total += times * outer * (BLOCK + 16 + 8 * rows * inner)
    return total if total <= MOST else None


def _counted(steps: Sequence[Step], times: int, found: list[tuple[int, Call]]) -> bool:
    """The calls that make blocks, and how often each is made; whether that is known."""
    for s in steps:
        if isinstance(s, Call) and s.heap:
            found.append((times, s))
        for inner in bodies(s):
            if not uses_heap(inner):
                continue
            turns = times
            if isinstance(s, Turns):
                if s.static is None:
                    return False
                turns *= s.static
            elif isinstance(s, Replays):
                if s.static is None:
                    return False
                turns *= s.static * (s.static + 1) // 2
            elif isinstance(s, Choice):
                for n in s.lanes:
                    if isinstance(n, Size):
                        return False
                    turns *= n
            if not _counted(inner, turns, found):
                return False
    return True


_STATIC = "static __attribute__((unused)) "

BLOCKS = {
    "boxed": f"""{_STATIC}int pp_boxed@S(pp_heap *heap, int64_t outer, int64_t rows, int64_t inner,
        const @T *restrict x, int64_t *restrict y) {{
    for (int64_t o = 0; o < outer; o++) {{
        pp_block *block = pp_new(heap, sizeof(@T) * (size_t)(rows * inner));
        if (!block) return -1;
        block->rows = rows;
        @T *to = (@T *)(block + 1);
        if (inner)
            for (int64_t r = 0; r < rows; r++)
                memcpy(to + r * inner, x + (r * outer + o) * inner, sizeof(@T) * (size_t)inner);
        y[o] = (int64_t)(intptr_t)block;
    }}
    return 0;
}}""",
    "padded": f"""{_STATIC}void pp_padded@S(int64_t rows, int64_t outer, int64_t inner,
        const int64_t *restrict handles, @T *restrict y) {{
    for (int64_t o = 0; o < outer; o++) {{
        int64_t count;
        const @T *x = pp_rows(handles[o], &count);
        for (int64_t r = 0; r < rows; r++)
            for (int64_t k = 0; k < inner; k++)
                y[(r * outer + o) * inner + k] = r < count ? x[r * inner + k] : 0;
    }}
}}""",
}

TAPES = {
    "tape": f"""{_STATIC}int pp_tape@S(pp_heap *heap, int64_t bytes, const void *x, int64_t *y) {{
    y[0] = pp_cell(heap, 0, (size_t)bytes, x);
    return y[0] ? 0 : -1;
}}""",
    "push": f"""{_STATIC}int pp_push@S(pp_heap *heap, int64_t bytes, const int64_t *t, const void *x, int64_t *y) {{
    y[0] = pp_cell(heap, pp_of(t[0]), (size_t)bytes, x);
    return y[0] ? 0 : -1;
}}""",
    "top": f"""{_STATIC}int pp_top@S(pp_heap *heap, int64_t bytes, int64_t endless, const int64_t *t, void *y) {{
    (void)heap;
    if (bytes) memcpy(y, pp_of(t[0]) + 1, (size_t)bytes);
    return !endless && !pp_of(t[0])->rest;
}}""",
    "rest": f"""{_STATIC}int pp_rest@S(pp_heap *heap, int64_t endless, const int64_t *t, int64_t *y) {{
    pp_block *rest = pp_of(t[0])->rest;
    (void)heap;
    y[0] = rest ? (int64_t)(intptr_t)rest : t[0];
    return !endless && !rest;
}}""",
    "tape_is_zero": f"""{_STATIC}int pp_tape_is_zero@S(int64_t n, int64_t level, int64_t t) {{
    if (pp_of(t)->rest) return 0;
    if (level) return pp_tape_is_zero@S(n, level - 1, *(const int64_t *)(pp_of(t) + 1));
    const @T *x = (const @T *)(pp_of(t) + 1);
    for (int64_t k = 0; k < n; k++)
        if (!(x[k] == 0)) return 0;
    return 1;
}}""",
}


def _joined(name: str, sign: str) -> str:
    """Counted from the top; one that is nothing but zeros leaves the other as it is."""
    return f"""{_STATIC}int pp_{name}@S(pp_heap *heap, int64_t n, int64_t level,
        const int64_t *a, const int64_t *b, int64_t *y) {{
    size_t bytes = level ? sizeof(int64_t) : sizeof(@T) * (size_t)n;
    pp_block *p = pp_of(a[0]), *q = pp_of(b[0]);
    int64_t count = 0;
    while ((p->rest || q->rest) && !pp_tape_is_zero@S(n, level, (int64_t)(intptr_t)p)
           && !pp_tape_is_zero@S(n, level, (int64_t)(intptr_t)q)) {{
        p = p->rest ? p->rest : p;
        q = q->rest ? q->rest : q;
        count++;
    }}
    pp_block *found = p->rest ? p : q->rest ? q : 0;
    pp_block *list = pp_new(heap, 2 * sizeof(int64_t) * (size_t)(count + 1));
    if (!list) return -1;
    int64_t *pairs = (int64_t *)(list + 1), last = found ? count : count + 1;
    p = pp_of(a[0]);
    q = pp_of(b[0]);
    for (int64_t c = 0; c < last; c++) {{
        pairs[2 * c] = (int64_t)(intptr_t)(c < count ? p : p->bottom);
        pairs[2 * c + 1] = (int64_t)(intptr_t)(c < count ? q : q->bottom);
        p = p->rest ? p->rest : p;
        q = q->rest ? q->rest : q;
    }}
    for (int64_t c = last - 1; c >= 0; c--) {{
        pp_block *made = pp_new(heap, bytes);
        if (!made) return -1;
        made->rest = found;
        made->bottom = found ? found->bottom : made;
        const void *u = pp_of(pairs[2 * c]) + 1, *v = pp_of(pairs[2 * c + 1]) + 1;
        if (level) {{
            if (pp_{name}@S(heap, n, level - 1, u, v, (int64_t *)(made + 1))) return -1;
        }} else {{
            const @T *f = u, *g = v;
            @T *to = (@T *)(made + 1);
            for (int64_t k = 0; k < n; k++) to[k] = f[k] {sign} g[k];
        }}
        found = made;
    }}
    y[0] = (int64_t)(intptr_t)found;
    return 0;
}}"""


def _real(name: str, kind: str) -> str:
    """The tape of the numbers as reals."""
    return f"""{_STATIC}int pp_{name}@S(pp_heap *heap, int64_t n, int64_t level, const int64_t *t, int64_t *y) {{
    int64_t count = 0;
    for (pp_block *p = pp_of(t[0]); p; p = p->rest) count++;
    pp_block *list = pp_new(heap, sizeof(int64_t) * (size_t)count), *found = 0;
    if (!list) return -1;
    int64_t *cells = (int64_t *)(list + 1), at = 0;
    for (pp_block *p = pp_of(t[0]); p; p = p->rest) cells[at++] = (int64_t)(intptr_t)p;
    while (at--) {{
        pp_block *made = pp_new(heap, level ? sizeof(int64_t) : sizeof(@T) * (size_t)n);
        if (!made) return -1;
        made->rest = found;
        made->bottom = found ? found->bottom : made;
        const void *from = pp_of(cells[at]) + 1;
        if (level) {{
            if (pp_{name}@S(heap, n, level - 1, from, (int64_t *)(made + 1))) return -1;
        }} else {{
            const {kind} *x = from;
            @T *to = (@T *)(made + 1);
            for (int64_t k = 0; k < n; k++) to[k] = (@T)x[k];
        }}
        found = made;
    }}
    y[0] = (int64_t)(intptr_t)found;
    return 0;
}}"""


HEAP_ROUTINES: dict[str, str] = {
    **BLOCKS,
    **TAPES,
    "tape_add": _joined("tape_add", "+"),
    "tape_or": _joined("tape_or", "|"),
    "tape_real_of_int": _real("tape_real_of_int", "int64_t"),
    "tape_real_of_bool": _real("tape_real_of_bool", "uint8_t"),
}
"""Routines on handles: most get the heap first; they return 1 where there is no value, and -1 without memory."""
