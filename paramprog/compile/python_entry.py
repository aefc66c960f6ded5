"""The entry for CPython: a built-in function that takes arrays and numbers and returns them, without Python.h.

It is made with `PyCFunction_NewEx` from a METH_FASTCALL function. The layouts that it relies on are stable within
NumPy 2 and CPython with a GIL; `c_plan.py` tests them when the first library is loaded, and else calls through ctypes.
It refuses whatever it does not expect: the caller then makes arrays of the right kind.
"""

from __future__ import annotations

from paramprog.compile.kernel import Buf
from paramprog.compile.print_kernel import TYPE
from paramprog.compile.source import CSource
from paramprog.types import Kind

HEAD = """
typedef struct pp_object { intptr_t count; void *type; } pp_object;
typedef struct {
    pp_object head; char *data; int rank; intptr_t *dims, *strides; void *base, *descr; int flags;
} pp_array;
extern double PyFloat_AsDouble(pp_object *);
extern pp_object *PyFloat_FromDouble(double), *PyLong_FromLongLong(long long), *PyBool_FromLong(long),
        *PyTuple_New(intptr_t);
extern long long PyLong_AsLongLong(pp_object *);
extern int PyObject_IsTrue(pp_object *), PyTuple_SetItem(pp_object *, intptr_t, pp_object *);
extern pp_object *PyErr_Occurred(void);
extern void PyErr_Format(pp_object *, const char *, ...), *PyEval_SaveThread(void), PyEval_RestoreThread(void *);
extern pp_object *PyExc_TypeError, *PyExc_ArithmeticError;
extern void Py_DecRef(pp_object *), Py_IncRef(pp_object *);
static void **pp_numpy;
static void *pp_descrs[3];
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
"""Bytes of arrays from which a call lets other threads run."""

_NUMBER: dict[Kind, tuple[str, str, str]] = {
    "real": ("T", "(T)PyFloat_AsDouble({})", "{0} == -1 && PyErr_Occurred()"),
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
    for k, buf in enumerate(given):
        lines += _taken(k, buf)
    lines += [f"    pp_object *made[{max(len(made), 1)}] = {{0}};"]
    for k, buf in enumerate(made):
        lines += _room(k, len(given) + k, buf, types)
    size = source.arena + sum(8 * b.size for b in (*given, *made))
    call = "    int64_t fault = pp_entry(io);"
    if size >= LONG:
        call = "    void *state = PyEval_SaveThread();\n" + call + "\n    PyEval_RestoreThread(state);"
    lines += [
        call,
        "    if (fault) {",
        *(f"        if (made[{k}]) Py_DecRef(made[{k}]);" for k, b in enumerate(made) if b.shape),
        '        PyErr_Format(PyExc_ArithmeticError, "%lld", (long long)fault);',
        "        return 0;",
        "    }",
        f"    pp_object *found = PyTuple_New({len(made)});",
    ]
    for k, buf in enumerate(made):
        if buf.shape:
            lines.append(f"    PyTuple_SetItem(found, {k}, made[{k}]);")
        else:
            number = _MADE[buf.kind].format(f"*({TYPE[buf.kind]} *)io[{len(given) + k}]")
            lines.append(f"    PyTuple_SetItem(found, {k}, {number});")
    lines += [
        "    return found;",
        "}",
        "struct { const char *name; void *f; int flags; const char *doc; } pp_method = "
        '{"compiled", (void *)pp_call, 0x80, 0};',
        "",
    ]
    return HEAD + "\n".join(lines)


def _taken(k: int, buf: Buf) -> list[str]:
    """The k-th input: the data of an array of the right kind, or a number."""
    if not buf.shape:
        type, call, failed = _NUMBER[buf.kind]
        return [
            f"    {type} n{k} = {call.format(f'args[{k}]')};",
            f"    if ({failed.format(f'n{k}')}) return 0;",
            f"    io[{k}] = &n{k};",
        ]
    dims = f"(const intptr_t[]){{{', '.join(map(str, buf.shape))}}}"
    return [
        f"    io[{k}] = pp_data(args[{k}], pp_descrs[{DESCR[buf.kind]}], {len(buf.shape)}, {dims}, 0);",
        f'    if (!io[{k}]) {{ PyErr_Format(PyExc_TypeError, "argument {k}"); return 0; }}',
    ]


def _room(k: int, at: int, buf: Buf, types: dict[Kind, int]) -> list[str]:
    """The k-th output: the caller's array, or a new one; of a number, a variable."""
    if not buf.shape:
        return [f"    {TYPE[buf.kind]} r{k};", f"    io[{at}] = &r{k};"]
    dims = ", ".join(map(str, buf.shape))
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
