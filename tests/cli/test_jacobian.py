"""`paramprog jacobian`."""

from __future__ import annotations

import numpy as np

PROGRAM = b"""
param W : real[2, 3] = [[1, 2, 3], [4, 5, 6]]
function f(x : real[3] = [1, 0, -1], z = 1.0) {
    y = W @ (x * x)
    return y
}
"""


def test_text(cli):
    """The value, then each Jacobian."""
    done = cli("jacobian", "-", "--wrt", "x,z", stdin=PROGRAM)
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "y     = [ 4. 10.]\ndy/dx =\n  [[  2.   0.  -6.]\n   [  8.   0. -12.]]\n"
        "dy/dz = [0. 0.]  (structurally zero)\n"
    )


def test_json(cli):
    """`jacobian{name}`, of shape [*output, *name]."""
    found = cli("jacobian", "-", "--json", stdin=PROGRAM).json
    assert list(found) == [
        *("schema", "function", "value", "jacobian", "inputs", "params", "structural_zero", "mode")
    ]
    assert found["mode"] == "reverse"
    x = np.array([1.0, 0.0, 1.0])
    np.testing.assert_allclose(found["jacobian"]["W"], np.einsum("ij,k->ijk", np.eye(2), x))


def test_modes_agree(cli, shipped):
    """And are those of `grad`, for a scalar."""
    expected = cli("grad", shipped("two_layer_tanh"), "--json").json["gradients"]
    for mode in ("auto", "reverse", "forward"):
        found = cli("jacobian", shipped("two_layer_tanh"), "--mode", mode, "--json").json["jacobian"]
        for name, gradient in expected.items():
            np.testing.assert_allclose(found[name], gradient, rtol=1e-12)


def test_not_finite(cli):
    """A warning with the place; infinity as a string."""
    program = b"function f(x : real[2] = [0, 1]) { return sqrt(x) }"
    done = cli("jacobian", "-", "--json", stdin=program)
    assert done.code == 0
    assert "warning[non-finite]" in done.err
    assert done.json["jacobian"]["x"] == [["Infinity", 0.0], [0.0, 0.5]]
    assert cli("jacobian", "-", "-q", stdin=program).err == ""


def test_faults(cli):
    """Unknown names; too many entries."""
    done = cli("jacobian", "-", "--wrt", "v", stdin=PROGRAM)
    assert done.code == 1
    assert "error[unknown-point]" in done.err
    done = cli("jacobian", "-", stdin=b"function f(x : real[20000]) { return x * x }")
    assert done.code == 1
    assert "error[element-limit]" in done.err


def test_sparse_text(cli):
    """The entries in coordinates, and by how many products they were found."""
    done = cli("jacobian", "-", "--sparse", "--wrt", "x,z", stdin=PROGRAM)
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "y = [ 4. 10.]\n"
        "dy/dx : 2 x 3, 6 entries\n"
        "  row  column  value\n"
        "    0       0  2.0\n"
        "    0       1  0.0\n"
        "    0       2  -6.0\n"
        "    1       0  8.0\n"
        "    1       1  0.0\n"
        "    1       2  -12.0\n"
        "dy/dz : 2 x 1, 0 entries\n"
        "reverse, 2 products\n"
    )


def test_long_sparse_text(cli):
    """The entries in the middle of a long list are left out, as those of arrays are."""
    program = b"function f(x : real[500] = 1) { return x * x }"
    lines = cli("jacobian", "-", "--sparse", stdin=program).out.splitlines()
    at = lines.index("dout0/dx : 500 x 500, 500 entries")
    assert [line.split() for line in lines[at + 1 :]] == [
        ["row", "column", "value"],
        *([str(k), str(k), "2.0"] for k in range(3)),
        ["..."],
        *([str(k), str(k), "2.0"] for k in range(497, 500)),
        ["forward,", "1", "product"],
    ]


def test_sparse_json(cli):
    """All entries; rows and columns number the entries of the output and of the name."""
    found = cli("jacobian", "-", "--sparse", "--json", stdin=PROGRAM).json
    assert (found["mode"], found["colours"]) == ("reverse", 1)
    made = found["jacobian"]["W"]
    assert made["shape"] == [2, 6]
    assert made["rows"] == [0, 0, 0, 1, 1, 1]
    assert made["columns"] == [0, 1, 2, 3, 4, 5]
    assert made["values"] == [1.0, 0.0, 1.0, 1.0, 0.0, 1.0]


def test_sparse_without_a_dense_limit(cli):
    """What is too large as an array has few entries."""
    program = b"function f(x : real[20000] = 1) { return x * x }"
    found = cli("jacobian", "-", "--sparse", "--json", stdin=program).json["jacobian"]["x"]
    assert found["shape"] == [20000, 20000]
    assert found["values"] == [2.0] * 20000
