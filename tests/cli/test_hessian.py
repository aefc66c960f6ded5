"""`paramprog hessian`."""

from __future__ import annotations

PROGRAM = b"""
param W = 2.0
function f(x : real[2] = [1, 3], z = 1.0) {
    y = W * x[0] * x[1] ** 2
    return y
}
"""


def test_text(cli):
    """The value, the gradients, then each block."""
    done = cli("hessian", "-", "--wrt", "x,W", stdin=PROGRAM)
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "y         = 18.0\ndy/dx     = [18. 12.]\ndy/dW     = 9.0\nd2y/dx dx =\n  [[ 0. 12.]\n   [12.  4.]]\n"
        "d2y/dx dW = [9. 6.]\nd2y/dW dx = [9. 6.]\nd2y/dW dW = 0.0  (structurally zero)\n"
    )


def test_json(cli):
    """`hessian{a:{b}}`, of shape [*a, *b]."""
    found = cli("hessian", "-", "--json", "--wrt", "x,z", stdin=PROGRAM).json
    assert list(found) == [
        *("schema", "function", "value", "gradients", "hessian", "inputs", "params", "structural_zero")
    ]
    assert found["hessian"]["x"]["x"] == [[0.0, 12.0], [12.0, 4.0]]
    assert found["hessian"]["x"]["z"] == [0.0, 0.0]
    assert found["structural_zero"] == [["x", "z"], ["z", "x"], ["z", "z"]]


def test_modes_agree(cli, shipped):
    """The gradient, differentiated either way."""
    forward, reverse = (
        cli("hessian", shipped("running_example"), "--mode", mode, "--json").json["hessian"]
        for mode in ("forward", "reverse")
    )
    for a, row in forward.items():
        for b, block in row.items():
            assert abs(reverse[a][b] - block) < 1e-15


def test_faults(cli):
    """An output that is no scalar, names it does not know, and usage."""
    done = cli("hessian", "-", stdin=b"function f(x = [1.0, 2.0]) { return x }")
    assert done.code == 1
    assert "error[not-scalar]" in done.err
    assert cli("hessian", "-", "--wrt", "v", stdin=PROGRAM).code == 1
    assert cli("hessian", "-", "--mode", "sideways", stdin=PROGRAM).code == 2
