"""`x[i, a:b] = e`: a new version of an array, whose overwritten entries no longer matter."""

from __future__ import annotations

import numpy as np
import pytest
from checking import code, findings, hint, told, value

import paramprog
from paramprog.verify.report import Check

ARGUMENTS = (
    "v = [1.0, 2.0, 3.0], A = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], k = [4, 5, 6], b = [true, false], "
    "i = 1, j = 2, x = 7.0"
)
V, A, K = np.array([1.0, 2, 3]), np.arange(1.0, 7.0).reshape(2, 3), np.array([4, 5, 6])
NAMES = {"v": V, "A": A, "k": K, "b": np.array([True, False]), "i": 1, "j": 2, "x": 7.0}
DECLARATIONS = "dim n = 3\nparam W = [1.0, 2.0]\nconst C = [1, 2]\nfunction g(x) { return x }\n"


def program(body: str, arguments: str = ARGUMENTS) -> str:
    return f"{DECLARATIONS}function f({arguments}) {{ {body} }}"


def by_numpy(statements: str, result: str) -> np.ndarray:
    """What Python makes of the same statements, on copies."""
    names = {k: np.array(x) if np.ndim(x) else x for k, x in NAMES.items()}
    exec(statements, {"np": np}, names)
    return names[result]


@pytest.mark.parametrize(
    "statements, result",
    [
        ("v[0] = x", "v"),
        ("v[i] = x", "v"),
        ("v[2 * i] = x; v[0] = x + 1", "v"),
        ("v[0:2] = x", "v"),
        ("v[:] = x", "v"),
        ("v[::2] = [8.0, 9.0]", "v"),
        ("v[1:1] = x", "v"),
        ("v[:] = k", "v"),
        ("v[i : i + 2] = [8.0, 9.0]", "v"),
        ("v[i - 1 : i + 2 : 2] = x", "v"),
        ("A[i, j - 1 : j + 1] = [8.0, 9.0]", "A"),
        ("A[:, i : i + 2] = [[8.0, 9.0], [7.0, 6.0]]", "A"),
        ("A[i - 1 : i + 1, 0:2] = x", "A"),
        ("A[i - 1 : i + 1, j] = [8.0, 9.0]", "A"),
        ("v[0] = 8", "v"),
        ("v[i] = k[0]", "v"),
        ("k[0] = 8", "k"),
        ("k[i] = k[0]; k[0] = k[i]", "k"),
        ("b[0] = false; b[i] = true", "b"),
        ("A[0] = v", "A"),
        ("A[i] = v", "A"),
        ("A[i, :] = v", "A"),
        ("A[:, 0] = [8.0, 9.0]", "A"),
        ("A[:, j] = [8.0, 9.0]", "A"),
        ("A[i, j] = x", "A"),
        ("A[i, 0] = x; A[0, j] = x", "A"),
        ("A[i, 0:2] = [8.0, 9.0]", "A"),
        ("A[0:1, j] = [8.0]", "A"),
        ("A[::1, ::2] = 0", "A"),
        ("A[0:0, j] = x", "A"),
        ("A[0] = A[1]; A[1] = v", "A"),
        ("v[i] = 2 * v[i]; v[i] = v[i] + 1", "v"),
        ("v[int(x) - 5] = 0.5", "v"),
        ("y = v; y[0] = x", "v"),
        ("y = v + 1; y[0] = v[1]; y[1] = y[0]", "y"),
        ("y = A[0]; y[0] = x", "y"),
    ],
)
def test_updates_are_those_of_numpy(statements, result):
    """Static and run-time indices, slices, scalars into slices, ints into reals; of arguments and of locals."""
    statements = statements.replace("y = v; y", "y = np.array(v); y") if result == "v" else statements
    expected = by_numpy(statements.replace("false", "False").replace("true", "True"), result)
    found = value(program(f"{statements.replace('np.array(v)', 'v')}; return {result}"))
    np.testing.assert_array_equal(found, expected)
    assert np.asarray(found).dtype == expected.dtype


@pytest.mark.parametrize(
    "item", ["i", "i, j", "i, :, 0", ":, i", "0, i", ":, 0, i", "0:1, i, 1:3", "i, 0, j", "0, :, ::2"]
)
def test_updates_of_higher_rank(item):
    """Any mix of static and run-time indices with slices."""
    T = np.arange(24.0).reshape(2, 3, 4)
    expected = T.copy()
    part = eval(f"expected[{item}]", {"expected": expected, "i": 1, "j": 2})
    new = -1.0 - np.arange(part.size).reshape(part.shape)
    exec(f"expected[{item}] = new", {"expected": expected, "new": new, "i": 1, "j": 2})
    type = f"real[{', '.join(map(str, part.shape))}]" if part.shape else "real"
    text = program(f"T[{item}] = e; return T", f"T : real[2, 3, 4], e : {type}, i = 1, j = 2")
    np.testing.assert_array_equal(value(text, T=T, e=new), expected)


def test_a_new_version_leaves_the_old_one():
    """Other names for it, and what was computed from it, stay."""
    y, s, v = value(program("y = v; s = sum(v); v[0] = x; return y, s, v"))
    np.testing.assert_array_equal(y, V)
    assert s == 6
    np.testing.assert_array_equal(v, [7, 2, 3])


def test_right_sides_are_evaluated_first():
    """So two entries, or rows, can be exchanged."""
    np.testing.assert_array_equal(value(program("v[0], v[1] = v[1], v[0]; return v")), [2, 1, 3])
    np.testing.assert_array_equal(value(program("v[i], v[j] = v[j], v[i]; return v")), [1, 3, 2])
    np.testing.assert_array_equal(value(program("A[0], A[1] = A[1], A[0]; return A")), A[::-1])


def test_several_targets_from_left_to_right():
    """Of equal entries the last one counts; a plain name may stand beside an entry; a call may have several results."""
    np.testing.assert_array_equal(value(program("v[0], v[i - 1] = 8, 9; return v")), [9, 2, 3])
    y, s = value(program("y = v; y[0], s = x, sum(y); return y, s"))
    np.testing.assert_array_equal(y, [7, 2, 3])
    assert s == 6
    text = "function g(x) { return x, 2 * x }\nfunction f(v = [1.0, 2.0]) { v[1], v[0] = g(v[0]); return v }"
    np.testing.assert_array_equal(value(text), [2, 1])


def test_updates_in_functions_and_chosen_blocks():
    """An updated argument is the callee's; an `if` that is decided may update."""
    text = """
    function set(v, i, e) { v[i] = e; return v }
    function f(v = [1.0, 2.0], i = 1) {
        w = set(v, i, 5)
        if 2 > 1 { w[0] = 7 } else { w[0] = nonsense }
        return v + 10 * w
    }
    """
    np.testing.assert_array_equal(value(text), [71, 52])


@pytest.mark.parametrize("name", ["W", "C", "n", "pi", "g", "nothing"])
def test_only_arrays_of_the_function_are_updated(name):
    """Params and consts are not: a copy of them is."""
    assert told(program(f"{name}[0] = 1; return v")) == [("undefined-name", name)]


def test_a_copy_of_a_param_can_be_updated():
    assert hint(program("W[0] = 1; return v")) == "copy it first: `mine = W`"
    np.testing.assert_array_equal(value(program("mine = W; mine[0] = 5; return mine + W")), [6, 4])
    np.testing.assert_array_equal(value(program("mine = C; mine[0] = 5; return mine + C")), [6, 4])


@pytest.mark.parametrize(
    "statement, found, at",
    [
        ("v[3] = 1", "index-range", "3"),
        ("v[-1] = 1", "negative-index", "-1"),
        ("v[0:4] = 1", "slice-range", "0:4"),
        ("v[0:i] = 1", "not-static", "i"),
        ("v[0.5] = 1", "type-mismatch", "0.5"),
        ("v[[0, 1]] = 1", "type-mismatch", "[0, 1]"),
        ("v[i, j] = 1", "index-count", "v[i, j]"),
        ("x[0] = 1", "index-count", "x[0]"),
        ("v[0] = A", "shape-mismatch", "v[0]"),
        ("v[0:2] = v", "shape-mismatch", "v[0:2]"),
        ("A[0] = [1.0, 2.0]", "shape-mismatch", "A[0]"),
        ("A[:, 0:1] = [1.0, 2.0]", "shape-mismatch", "A[:, 0:1]"),
        ("v[0] = true", "type-mismatch", "v[0]"),
        ("k[0] = 2.0", "type-mismatch", "k[0]"),
        ("b[0] = 1", "type-mismatch", "b[0]"),
        ("v[0], v[1] = 1", "assign-count", "v[0], v[1] = 1"),
        ("v[i + 2] = 1", "index-range", "v[i + 2]"),
        ("v[i - 2] = 1", "index-range", "v[i - 2]"),
        ("A[0:1, j + 1] = 1", "index-range", "A[0:1, j + 1]"),
    ],
)
def test_what_is_no_update(statement, found, at):
    """At the part at fault; shapes are equal, or the value is a scalar; what an array holds stays."""
    assert told(program(f"{statement}; return v, A")) == [(found, at)]


def test_messages():
    """In terms of the array."""
    [found] = findings(program("v[0] = A; return v"))
    assert found.message == "this part of `v` is a scalar, the value has shape [2, 3]"
    [found] = findings(program("k[0] = 2.0; return v"))
    assert found.message == "`k` holds int, the value is real"


def test_an_update_is_no_assignment():
    """A name is still assigned once, before the update; an argument never."""
    assert code(program("y = v; y[0] = 1; y = v; return y")) == "assigned-twice"
    assert code(program("v[0] = 1; v = 2; return v")) == "assigned-twice"
    assert code(program("y[0] = 1; y = v; return y")) == "undefined-name"


def test_a_faulty_update_poisons_its_name_only():
    """What follows is checked; what depends on the name is not told again."""
    assert told(program("v[9] = 1; w = sum(v) + 1; u = nothing; return w")) == [
        ("index-range", "9"),
        ("undefined-name", "nothing"),
    ]


# ---- gradients ---------------------------------------------------------------------------------------------------


def gradients(text: str, **inputs: object) -> dict[str, np.ndarray]:
    """By all modes, which agree, and verified against paths and differences."""
    made = paramprog.loads(text)
    found = made.grad(inputs)
    for mode in ("forward", "paths"):
        other = made.grad(inputs, mode=mode)
        for name, expected in found.gradients.items():
            np.testing.assert_allclose(
                other[name], expected, rtol=1e-12, atol=1e-13, err_msg=f"{mode} {name}"
            )
    report = made.verify(inputs)
    assert report.ok, [c for c in report.checks if isinstance(c, Check) and not c.ok]
    return found.gradients


@pytest.mark.parametrize(
    "update, dv, dx",
    [
        ("v[0] = x", [0, 4, 9], 1),
        ("v[i] = x", [1, 0, 9], 4),
        ("v[i] = x * v[i]", [1, 28, 9], 8),
        ("v[0:2] = x", [0, 0, 9], 5),
        ("v[::2] = [x, v[0]]", [9, 4, 0], 1),
        ("v[0], v[1] = v[1], v[0]", [4, 1, 9], 0),
        ("v[i], v[j] = v[j], v[i]", [1, 9, 4], 0),
        ("v[i] = x; v[i] = v[0]", [5, 0, 9], 0),
        ("v[i] = x; v[1] = 2 * v[i]", [1, 0, 9], 8),
        ("v[:] = x", [0, 0, 0], 14),
        ("v[i] = v[i]", [1, 4, 9], 0),
        ("v[2] = x; v[j - 2] = v[2]", [0, 4, 0], 10),
    ],
)
def test_gradients_of_updates(update, dv, dx):
    """The sum of w v after the update, for w = 1, 4, 9: what was overwritten has gradient 0, the new value has w."""
    arguments = "v = [1.0, 2.0, 3.0], x = 7.0, i = 1, j = 2"
    found = gradients(f"function f({arguments}) {{ {update}; return dot([1.0, 4.0, 9.0], v) }}")
    np.testing.assert_allclose(found["v"], dv, rtol=1e-14)
    np.testing.assert_allclose(found["x"], dx, rtol=1e-14)


@pytest.mark.parametrize(
    "update", ["A[i, 0:2] = x * v", "A[0:2, j] = v", "A[1] = A[0] * A[1]", "A[i, j] = A[j - 2, i] * x"]
)
def test_gradients_of_updates_of_matrices(update):
    """Nonlinear in what remains: every mode and the differences agree."""
    arguments = "A = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], v = [0.5, 0.25], x = 0.75, i = 1, j = 2"
    gradients(f"function f({arguments}) {{ {update}; return sum(sin(A) * A) }}")


@pytest.mark.parametrize("index", ["0", "i", "0:1"])
@pytest.mark.parametrize("mode", ["reverse", "forward", "paths"])
def test_an_overwritten_entry_is_a_structural_zero(index, mode):
    """log has derivative 1/0 at the entry that is overwritten: 0 times infinity does not arise."""
    text = f"function f(v = [0.0, 2.0], i = 0) {{ y = log(v); y[{index}] = 5.0; return sum(y) }}"
    found = paramprog.loads(text).grad(mode=mode)
    np.testing.assert_array_equal(found["v"], [0.0, 0.5])
    assert found.value == 5 + np.log(2)
    assert found.warnings == []


@pytest.mark.parametrize("mode", ["reverse", "forward", "paths"])
def test_an_overwritten_row_is_a_structural_zero(mode):
    """Of a matrix, by a run-time index with a slice."""
    text = "function f(A = [[0.0, 2.0], [-1.0, 4.0]], i = 0) { y = sqrt(A); y[i, 0:1] = 1; y[1, 0] = 1; return sum(y) }"
    found = paramprog.loads(text).grad(mode=mode)
    np.testing.assert_allclose(found["A"], [[0, 0.5 / np.sqrt(2)], [0, 0.25]], rtol=1e-14)


def test_an_array_all_of_which_is_overwritten_does_not_matter():
    """Then there is no path."""
    found = paramprog.loads(
        "function f(v = [0.0, 2.0], x = 3.0) { y = log(v); y[:] = x; return sum(y) }"
    ).grad()
    np.testing.assert_array_equal(found["v"], [0, 0])
    assert found["x"] == 2


def test_updates_in_lanes_that_are_not_selected():
    """A function that updates, called in an arm: where nothing is selected it does not run, at a fault it says so."""
    text = "function set(v, i) { v[i] = 1; return v }\n"
    text += "function f(v = [1.0, 2.0], c = [0, 3], i = 5) { return if c > %d then set(v, i) else v }"
    np.testing.assert_array_equal(value(text % 9), [1, 2])
    assert code(text % 2) == "index-range"
    np.testing.assert_array_equal(value((text % 2).replace("i = 5", "i = 1")), [1, 1])
