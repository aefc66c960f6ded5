"""Which entries of its argument a result of a linear map depends on, for all that linear maps are made of.

The oracle is the dense matrix of the map, found by pushing unit arrays through it: its nonzeros are the dependences,
because sampled numbers do not cancel.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from oracles import CASES, Case, dense

from paramprog.analyses.interned import Interned
from paramprog.op import OPS, Linear
from paramprog.transfer.dependence import LANES, dependence

differentiable = [c for c in CASES if c.op.jacobian is not None and c.real_ports]


def maps(case: Case) -> list[tuple[Linear, tuple[int, ...]]]:
    """The linear maps of the local Jacobians at a sample, with their transposes, and the shapes of their arguments.

    Zeros among the numbers that a map multiplies by become others: that they are zeros is not known of a program.
    """
    xs = case.sample()
    y, found = case.value(*xs), []
    for port in case.real_ports:
        shape = case.types[port].shape
        for lin in case.op.local(port, y, *xs, **case.attrs) or ():
            frozen = (np.where(x == 0, 0.7, x) if np.asarray(x).dtype.kind == "f" else x for x in lin.frozen)
            lin = lin._replace(frozen=tuple(frozen))
            found.append((lin, shape))
            shape = np.shape(lin(np.zeros(shape)))
            found.append((lin.T, shape))
    return found


def check(lin: Linear, shape: tuple[int, ...]) -> None:
    """The dependences are the nonzeros of the map; lanes say which rows have any.

    Only the margin of zeros round an image counts as entries, where what is multiplied with it varies.
    """
    n, to = int(np.prod(shape)), np.shape(lin(np.zeros(shape)))
    sets = Interned(n)
    labels = dependence(lin, (1 + np.arange(n)).reshape(shape), sets)
    assert labels.shape == to
    wanted = dense((lin,), shape, to).reshape(int(np.prod(to)), n) != 0
    columns, sizes = sets.listed(np.ravel(labels))
    found = np.zeros_like(wanted)
    found[np.repeat(np.arange(len(sizes)), sizes), columns] = True
    if lin.op.name in ("conv", "conv_kernel") and lin.attrs["pad"]:
        assert (found >= wanted).all()
        wanted = found
    np.testing.assert_array_equal(found, wanted, str(lin))
    for lanes in (np.ones(shape, np.bool_), np.arange(n).reshape(shape) % 2 == 0):
        reached = dependence(lin, lanes, LANES)
        np.testing.assert_array_equal(np.ravel(reached), (wanted & np.ravel(lanes)).any(1), str(lin))


@pytest.mark.parametrize("case", differentiable, ids=str)
def test_dependences_are_the_nonzeros_of_the_map(case: Case):
    """No entry is missing and none too many, for every map of every local Jacobian and its transpose."""
    for lin, shape in maps(case):
        check(lin, shape)


@pytest.mark.parametrize("lanes", ["x", "K", "xg", "Kg", "xKg", "xK"])
@pytest.mark.parametrize("pad", [0, 1])
def test_dependences_of_convolutions_with_lanes(lanes: str, pad: int):
    """As above, for each of the three, where some of the arrays have an axis of lanes in front."""
    attrs = {"size": (3, 4), "window": (2, 2), "stride": 1, "pad": pad, "lanes": lanes}
    shapes = {"x": (2, 3, 4), "K": (2, 2, 2, 2), "g": (2, 2 + 2 * pad, 3 + 2 * pad)}
    shapes = {name: ((3,) if name in lanes else ()) + shape for name, shape in shapes.items()}
    rng = np.random.default_rng(0)
    for name, arguments in (("conv", "xK"), ("conv_input", "gK"), ("conv_kernel", "xg")):
        for hole in (0, 1) if set(arguments) & set(lanes) else ():
            frozen = rng.uniform(1.0, 2.0, shapes[arguments[1 - hole]])
            check(Linear(OPS[name], hole, (frozen,), attrs), shapes[arguments[hole]])


def test_a_map_of_which_nothing_is_known_mixes_everything():
    """A primitive registered without a rule is never taken to depend on too little."""
    unknown = replace(OPS["reshape"], depends=None)
    lin = Linear(unknown, attrs={"of": (2, 2), "to": (4,)})
    sets = Interned(4)
    labels = dependence(lin, np.array([[1, 2], [0, 4]]), sets)
    assert labels.shape == (4,)
    columns, sizes = sets.listed(labels)
    assert columns.tolist() == [0, 1, 3] * 4
    assert sizes.tolist() == [3] * 4
