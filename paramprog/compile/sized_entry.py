"""What the entry of a program for any number of samples does first: find out how many the arguments have, and agree.

Its names are those that `pp_call` gets as `self`: no text of a program is in the code.
"""

from __future__ import annotations

from math import ceil, prod

from paramprog.compile.merge import SAMPLES
from paramprog.compile.source import CSource

TEXTS = """
static int64_t pp_samples(pp_object *names, pp_object **args, const int *wide, int count) {
    int64_t found = -1;
    for (int k = 0; k < count; k++) {
        pp_array *a = (pp_array *)args[wide[k]];
        if (a->head.type != pp_numpy[2] || a->rank < 1) {
            PyErr_Format(PyExc_TypeError, "`%U` is an array of samples", PyTuple_GetItem(names, wide[k]));
            return -1;
        }
        if (!k) found = a->dims[0];
        if (a->dims[0] != found) {
            PyErr_Format(PyExc_TypeError, "`%U` has %zd samples, and `%U` has %zd", PyTuple_GetItem(names, wide[0]),
                (intptr_t)found, PyTuple_GetItem(names, wide[k]), a->dims[0]);
            return -1;
        }
    }
    if (!found) PyErr_Format(PyExc_TypeError, "`%U` has no samples", PyTuple_GetItem(names, wide[0]));
    return found ? found : -1;
}
"""


def wide_inputs(source: CSource) -> list[int]:
    """The numbers of the inputs that have an axis of samples in front."""
    return [k for k, b in enumerate(source.unit.inputs) if source.dims(b)[:1] == [SAMPLES]]


def samples_of_arguments(source: CSource) -> list[str]:
    """Statements that define `samples`."""
    wide = wide_inputs(source)
    return [
        f"    static const int wide[] = {{{', '.join(map(str, wide))}}};",
        f"    const int64_t {SAMPLES} = pp_samples(self, args, wide, {len(wide)});",
        f"    if ({SAMPLES} < 0) return 0;",
    ]


def long_from(source: CSource, size: int) -> int:
    """The number of samples from which the arrays of a call have about `size` bytes."""
    assert source.sized is not None
    fixed, each = source.sized.memory.fixed, source.sized.memory.each
    for b in (*source.unit.inputs, *source.unit.outputs):
        dims = source.dims(b)
        if SAMPLES in dims:
            each += 8 * prod(map(int, dims[1:]))
        else:
            fixed += 8 * b.size
    return max(0, ceil((size - fixed) / each)) if each else 0
