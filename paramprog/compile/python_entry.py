"""The entries for CPython: built-in functions that take arrays and numbers and return them, without Python.h.

One takes and returns them in each call; the other has arrays for all of them, for good (bound.py). They are made with
`PyCFunction_NewEx`. The layouts that they rely on are stable within NumPy 2 and CPython with a GIL; `c_plan.py` tests
them when the first library is loaded, and else calls through ctypes. What they do not expect they refuse: the caller
then makes arrays of the right kind.
"""

from __future__ import annotations

from collections.abc import Sequence

from paramprog.compile.chunks import WORK, work_of_steps
from paramprog.compile.kernel import Buf
from paramprog.compile.parameters import TYPE
from paramprog.compile.sized_entry import TEXTS, long_from, samples_of_arguments
from paramprog.compile.source import CSource
from paramprog.compile.threads import has_chunks
from paramprog.types import Kind

HEAD = """
typedef struct pp_object { intptr_t count; void *type; } pp_object;
typedef struct {
    pp_object head; char *data; int rank; intptr_t *dims, *strides; void *base, *descr; int flags;
} pp_array;
typedef struct { pp_object head; double value; } pp_float;
typedef struct { pp_object head; intptr_t count; pp_object *items[]; } pp_tuple;
extern char PyFloat_Type[];
extern pp_object _Py_NoneStruct;
extern double PyFloat_AsDouble(pp_object *);
extern pp_object *PyFloat_FromDouble(double), *PyLong_FromLongLong(long long), *PyBool_FromLong(long),
        *PyTuple_New(intptr_t), *PyTuple_GetItem(pp_object *, intptr_t);
extern long long PyLong_AsLongLong(pp_object *);
extern int PyObject_IsTrue(pp_object *);
extern pp_object *PyErr_Occurred(void);
extern void PyErr_Format(pp_object *, const char *, ...), *PyEval_SaveThread(void), PyEval_RestoreThread(void *);
extern pp_object *PyExc_TypeError, *PyExc_ArithmeticError;
extern void Py_DecRef(pp_object *), Py_IncRef(pp_object *);
static void **pp_numpy;
static void *pp_descrs[3];
static double pp_number(pp_object *x) {
    return x->type == (void *)PyFloat_Type ? ((pp_float *)x)->value : PyFloat_AsDouble(x);
}
void pp_use_numpy(void **table, void *real, void *whole, void *truth) {
    pp_numpy = table; pp_descrs[0] = real; pp_descrs[1] = whole; pp_descrs[2] = truth;
}
static void *pp_data(pp_object *x, void *descr, int rank, const intptr_t *dims, int written) {
    pp_array *a = (pp_array *)x;
    if (x->type != pp_numpy[2] || a->descr != descr || a->rank != rank) return 0;
    if ((a->flags & 0x101) != 0x101 || (written && !(a->flags & 0x400))) return 0;
    for (int k = 0; k < rank; k++)
        if (a->dims[k] != dims[k]) return 0;
    return a->data;
}
typedef pp_object *(*pp_make)(void *, int, intptr_t *, int, void *, void *, int, int, void *);
"""

DESCR: dict[Kind, int] = {"real": 0, "int": 1, "bool": 2}
"""Places in `pp_descrs`."""

LONG = 200_000
"""Bytes of arrays from which a call lets other threads run; it also does if it computes as much as a chunk."""

_NUMBER: dict[Kind, tuple[str, str, str]] = {
    "real": ("T", "(T)pp_number({})", "{0} == -1 && PyErr_Occurred()"),
    "int": ("int64_t", "PyLong_AsLongLong({})", "{0} == -1 && PyErr_Occurred()"),
    "bool": ("uint8_t", "(uint8_t)PyObject_IsTrue({})", "PyErr_Occurred()"),
}
_MADE: dict[Kind, str] = {
    "real": "PyFloat_FromDouble({})",
    "int": "PyLong_FromLongLong({})",
    "bool": "PyBool_FromLong({})",
}


def python_entry(source: CSource) -> str:
    """`pp_method`, a PyMethodDef: f(*inputs) -> the outputs as a tuple, or f(*inputs, *arrays for the outputs)."""
    unit = source.unit
    real_type = 12 if unit.real == "float64" else 11
    types: dict[Kind, int] = {"real": real_type, "int": 7, "bool": 0}
    given, made = unit.inputs, unit.outputs
    total = len(given) + len(made)
    lines = [
        "static pp_object *pp_call(pp_object *self, pp_object **args, intptr_t count) {",
        f"    void *io[{max(total, 1)}];",
        "    (void)self;",
        f"    if (count != {len(given)} && count != {total}) {{",
        f'        PyErr_Format(PyExc_TypeError, "takes {len(given)} arguments");',
        "        return 0;",
        "    }",
        f"    const int into = count == {total} && {len(made)};",
    ]
    if source.sized is not None:
        lines += samples_of_arguments(source)
    for k, buf in enumerate(given):
        lines += _taken(k, buf, source.dims(buf))
    lines += [f"    pp_object *made[{max(len(made), 1)}] = {{0}};"]
    for k, buf in enumerate(made):
        lines += _room(k, len(given) + k, buf, types, source.dims(buf))
    if has_chunks(source):
        place = len(given) if source.sized is not None else 0
        lines += [f"    pp_threads = PyLong_AsLongLong(PyTuple_GetItem(self, {place}));"]
    call = _call(source)
    lines += [
        call,
        "    if (fault) {",
        *(f"        if (made[{k}]) Py_DecRef(made[{k}]);" for k, b in enumerate(made) if b.shape),
        '        PyErr_Format(PyExc_ArithmeticError, "%lld", (long long)fault);',
        "        return 0;",
        "    }",
        f"    pp_tuple *found = (pp_tuple *)PyTuple_New({len(made)});",
        "    if (!found) return 0;",
    ]
    for k, buf in enumerate(made):
        if buf.shape:
            lines.append(f"    found->items[{k}] = made[{k}];")
        else:
            number = _MADE[buf.kind].format(f"*({TYPE[buf.kind]} *)io[{len(given) + k}]")
            lines.append(f"    found->items[{k}] = {number};")
    lines += [
        "    return &found->head;",
        "}",
        *_bound(source, call),
        "typedef struct { const char *name; void *f; int flags; const char *doc; } pp_def;",
        'pp_def pp_method = {"compiled", (void *)pp_call, 0x80, 0};',
        'pp_def pp_bound_method = {"bound", (void *)pp_bound, 0x4, 0};',
        "",
    ]
    return HEAD + (TEXTS if source.sized is not None else "") + "\n".join(lines)


def _bound(source: CSource, call: str) -> list[str]:
    """`pp_bound`: the same on arrays whose addresses are in `self`, then the numbers of samples and of threads."""
    count = len(source.unit.inputs) + len(source.unit.outputs)
    lines = [
        "static pp_object *pp_bound(pp_object *self, pp_object *none) {",
        "    void **io = (void **)((pp_array *)self)->data;",
        "    (void)none;",
    ]
    if source.sized is not None:
        lines += [f"    const int64_t samples = (int64_t)(intptr_t)io[{count}];"]
    if has_chunks(source):
        lines += [f"    pp_threads = (int64_t)(intptr_t)io[{count + 1}];"]
    return [
        *lines,
        call,
        "    if (fault) {",
        '        PyErr_Format(PyExc_ArithmeticError, "%lld", (long long)fault);',
        "        return 0;",
        "    }",
        "    Py_IncRef(&_Py_NoneStruct);",
        "    return &_Py_NoneStruct;",
        "}",
    ]


def _call(source: CSource) -> str:
    """The call of `pp_entry`, which lets other threads run if it may be long."""
    outer = (*source.unit.inputs, *source.unit.outputs)
    if source.sized is not None:
        return (
            f"    void *state = samples < {long_from(source, LONG)} ? 0 : PyEval_SaveThread();\n"
            "    int64_t fault = pp_entry(io, samples);\n"
            "    if (state) PyEval_RestoreThread(state);"
        )
    call = "    int64_t fault = pp_entry(io);"
    small = source.arena + sum(8 * b.size for b in outer) < LONG
    if small and not has_chunks(source) and work_of_steps(source.unit.steps) < WORK:
        return call
    return f"    void *state = PyEval_SaveThread();\n{call}\n    PyEval_RestoreThread(state);"


def _taken(k: int, buf: Buf, sizes: Sequence[str]) -> list[str]:
    """The k-th input: the data of an array of the right kind and sizes, or a number."""
    if not buf.shape:
        type, call, failed = _NUMBER[buf.kind]
        return [
            f"    {type} n{k} = {call.format(f'args[{k}]')};",
            f"    if ({failed.format(f'n{k}')}) return 0;",
            f"    io[{k}] = &n{k};",
        ]
    dims = f"(const intptr_t[]){{{', '.join(sizes)}}}"
    return [
        f"    io[{k}] = pp_data(args[{k}], pp_descrs[{DESCR[buf.kind]}], {len(buf.shape)}, {dims}, 0);",
        f'    if (!io[{k}]) {{ PyErr_Format(PyExc_TypeError, "argument {k}"); return 0; }}',
    ]


def _room(k: int, at: int, buf: Buf, types: dict[Kind, int], sizes: Sequence[str]) -> list[str]:
    """The k-th output: the caller's array, or a new one; of a number, a variable."""
    if not buf.shape:
        return [f"    {TYPE[buf.kind]} r{k};", f"    io[{at}] = &r{k};"]
    dims = ", ".join(sizes)
    rank, descr = len(buf.shape), DESCR[buf.kind]
    return [
        f"    intptr_t d{k}[] = {{{dims}}};",
        "    if (into) {",
        f"        io[{at}] = pp_data(args[{at}], pp_descrs[{descr}], {rank}, d{k}, 1);",
        f"        made[{k}] = args[{at}];",
        f"        Py_IncRef(args[{at}]);",
        "    } else {",
        f"        made[{k}] = ((pp_make)pp_numpy[93])(pp_numpy[2], {rank}, d{k}, {types[buf.kind]}, 0, 0, 0, 0, 0);",
        f"        io[{at}] = made[{k}] ? ((pp_array *)made[{k}])->data : 0;",
        "    }",
        f'    if (!io[{at}]) {{ PyErr_Format(PyExc_TypeError, "room for result {k}"); return 0; }}',
    ]
