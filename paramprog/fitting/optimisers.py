"""First-order optimisers on one flat vector of params.

Each class is one update rule, theta <- theta - rate * direction(g), with its equation and source in its docstring; t
counts steps from 1, products of vectors are entry by entry. theta and g are contiguous vectors of the size and dtype
that the optimiser was made for; theta is changed in place and g is left alone. `weight_decay` d adds d * theta to the
gradient, the gradient of the penalty d/2 |theta|^2; in `adamw` it is decoupled instead.

A step goes through the vectors in blocks that fit the processor's cache, with scratch made once. Entries do not
influence one another, so the result does not depend on the blocks. `state()` and `load()` carry everything from which
the next step goes on bit for bit.

Raises ValueError for an unknown optimiser or hyperparameter (with a hint), for one out of range, and for vectors and
states that do not fit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from math import isfinite, sqrt
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from paramprog.diagnostics import did_you_mean

Vector: TypeAlias = "NDArray[np.floating[Any]]"

BLOCK = 2**14
"""Entries updated at a time: five vectors of so many float64 are 640 KiB, which second-level caches hold."""

STEPS = "steps"


class Optimiser(ABC):
    """What the update rules share; a rule has `_update`, and names its state vectors and hyperparameters.

    `hyperparameters` are the defaults, and `rate` the learning rate to use when none is given. An optimiser that is
    `full_batch` is meant for gradients over all rows.
    """

    name: ClassVar[str]
    rate: ClassVar[float]
    hyperparameters: ClassVar[Mapping[str, float]] = MappingProxyType({"weight_decay": 0.0})
    vectors: ClassVar[tuple[str, ...]] = ()
    full_batch: ClassVar[bool] = False
    decoupled: ClassVar[bool] = False

    def __init__(self, size: int, dtype: DTypeLike, **given: float) -> None:
        self.size = size
        self.dtype = np.dtype(dtype)
        self.steps = 0
        self._hyper = checked_hyperparameters(self.name, given)
        self._decay = self._hyper["weight_decay"]
        self._state = {name: np.zeros(size, self.dtype) for name in self.vectors}
        scratch = np.empty(min(size, BLOCK), self.dtype)
        decayed = np.empty_like(scratch)
        self._blocks = [
            (at, [v[at] for v in self._state.values()], scratch[: len(range(size)[at])], decayed)
            for at in (slice(start, start + BLOCK) for start in range(0, size, BLOCK))
        ]

    def step(self, theta: Vector, g: Vector, rate: float) -> None:
        """One update of theta in place, by the gradient g, with this step's learning rate."""
        for vector in (theta, g):
            if vector.shape != (self.size,) or vector.dtype != self.dtype:
                raise ValueError(
                    f"{self.name} was made for {self.size} entries of {self.dtype}, "
                    f"not for an array {list(vector.shape)} of {vector.dtype}"
                )
        self.steps += 1
        for at, state, scratch, decayed in self._blocks:
            theta_at, g_at = theta[at], g[at]
            if self._decay and not self.decoupled:
                into = decayed[: g_at.size]
                np.multiply(theta_at, self._decay, into)
                into += g_at
                g_at = into
            self._update(theta_at, g_at, rate, scratch, *state)

    @abstractmethod
    def _update(self, theta: Vector, g: Vector, rate: float, scratch: Vector, *state: Vector) -> None:
        """The rule, for one block of entries: theta, and the state vectors, are changed in place."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of the state vectors by name, and the number of steps taken."""
        return {STEPS: np.array(self.steps, np.int64)} | {k: v.copy() for k, v in self._state.items()}

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `state()` gave. Raises ValueError, changing nothing, if it is not of this optimiser."""
        expected: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {STEPS: ((), np.dtype(np.int64))}
        expected |= dict.fromkeys(self.vectors, ((self.size,), self.dtype))
        if {name: (a.shape, a.dtype) for name, a in state.items()} != expected:
            found = ", ".join(f"{name} {list(a.shape)} of {a.dtype}" for name, a in sorted(state.items()))
            wanted = ", ".join(f"{name} {list(s)} of {d}" for name, (s, d) in sorted(expected.items()))
            raise ValueError(f"the state of {self.name} is {wanted}; found {found or 'nothing'}")
        if state[STEPS] < 0:
            raise ValueError(f"the state of {self.name} has {int(state[STEPS])} steps")
        self.steps = int(state[STEPS])
        for name, vector in self._state.items():
            vector[:] = state[name]


class SGD(Optimiser):
    """theta <- theta - rate * g.

    Stochastic gradient descent, g being the gradient over a batch. H. Robbins and S. Monro, A stochastic approximation
    method, Ann. Math. Statist. 22 (1951).
    """

    name = "sgd"
    rate = 0.1

    def _update(self, theta: Vector, g: Vector, rate: float, scratch: Vector, *state: Vector) -> None:
        np.multiply(g, rate, scratch)
        theta -= scratch


class GradientDescent(SGD):
    """w <- w - rate * dL/dw, g being the gradient over all rows: the lecture's algorithm.

    A. Cauchy, Comptes Rendus 25 (1847).
    """

    name = "gd"
    full_batch = True


class Momentum(Optimiser):
    """v <- momentum * v + g;  theta <- theta - rate * v, the heavy ball.

    B. Polyak, Some methods of speeding up the convergence of iteration methods, 1964, in the form in which the rate
    scales the whole of v, so that a change of the rate acts at once.
    """

    name = "momentum"
    rate = 0.05
    hyperparameters = MappingProxyType({"momentum": 0.9, "weight_decay": 0.0})
    vectors = ("velocity",)

    def _update(self, theta: Vector, g: Vector, rate: float, scratch: Vector, *state: Vector) -> None:
        (velocity,) = state
        velocity *= self._hyper["momentum"]
        velocity += g
        np.multiply(velocity, rate, scratch)
        theta -= scratch


class Nesterov(Momentum):
    """v <- momentum * v + g;  theta <- theta - rate * (g + momentum * v).

    Y. Nesterov, A method of solving a convex programming problem with convergence rate O(1/k^2), 1983, as restated by
    I. Sutskever et al., ICML 2013; theta is their look-ahead point theta + momentum * v, where g is taken.
    """

    name = "nesterov"

    def _update(self, theta: Vector, g: Vector, rate: float, scratch: Vector, *state: Vector) -> None:
        (velocity,) = state
        velocity *= self._hyper["momentum"]
        velocity += g
        np.multiply(velocity, self._hyper["momentum"], scratch)
        scratch += g
        scratch *= rate
        theta -= scratch


class RMSProp(Optimiser):
    """s <- rho * s + (1 - rho) * g^2;  theta <- theta - rate * g / (sqrt(s) + epsilon).

    T. Tieleman and G. Hinton, Lecture 6.5 of Neural Networks for Machine Learning, 2012.
    """

    name = "rmsprop"
    rate = 0.003
    hyperparameters = MappingProxyType({"rho": 0.9, "epsilon": 1e-8, "weight_decay": 0.0})
    vectors = ("squares",)

    def _update(self, theta: Vector, g: Vector, rate: float, scratch: Vector, *state: Vector) -> None:
        (squares,) = state
        rho = self._hyper["rho"]
        np.multiply(g, g, scratch)
        scratch *= 1 - rho
        squares *= rho
        squares += scratch
        np.sqrt(squares, scratch)
        scratch += self._hyper["epsilon"]
        np.divide(g, scratch, scratch)
        scratch *= rate
        theta -= scratch


class Adam(Optimiser):
    """m <- beta1 * m + (1 - beta1) * g;  s <- beta2 * s + (1 - beta2) * g^2;
    theta <- theta - rate * (m / c1) / (sqrt(s / c2) + epsilon), c1 = 1 - beta1^t, c2 = 1 - beta2^t.

    D. Kingma and J. Ba, Adam: a method for stochastic optimization, ICLR 2015, algorithm 1. What is kept is
    M = m / (1 - beta1) and S = s / (1 - beta2), plain decaying sums; the constants move into the step and epsilon:
    with q = sqrt(c2 / (1 - beta2)),

        (m / c1) / (sqrt(s / c2) + epsilon) = q (1 - beta1) / c1 * M / (sqrt(S) + q epsilon)
    """

    name = "adam"
    rate = 0.02
    hyperparameters = MappingProxyType(
        {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0},
    )
    vectors = ("gradients", "squares")

    def _update(self, theta: Vector, g: Vector, rate: float, scratch: Vector, *state: Vector) -> None:
        gradients, squares = state
        beta1, beta2 = self._hyper["beta1"], self._hyper["beta2"]
        q = sqrt((1 - beta2**self.steps) / (1 - beta2))
        gradients *= beta1
        gradients += g
        np.multiply(g, g, scratch)
        squares *= beta2
        squares += scratch
        np.sqrt(squares, scratch)
        scratch += q * self._hyper["epsilon"]
        np.divide(gradients, scratch, scratch)
        scratch *= rate * q * (1 - beta1) / (1 - beta1**self.steps)
        theta -= scratch


class AdamW(Adam):
    """theta <- theta - rate * weight_decay * theta, then the step of `adam`.

    I. Loshchilov and F. Hutter, Decoupled weight decay regularization, ICLR 2019, algorithm 2, with rate in the place
    of their schedule multiplier, as is usual.
    """

    name = "adamw"
    hyperparameters = MappingProxyType({**Adam.hyperparameters, "weight_decay": 0.01})
    decoupled = True

    def _update(self, theta: Vector, g: Vector, rate: float, scratch: Vector, *state: Vector) -> None:
        theta *= 1 - rate * self._decay
        super()._update(theta, g, rate, scratch, *state)


OPTIMISERS: Mapping[str, type[Optimiser]] = MappingProxyType(
    {o.name: o for o in (GradientDescent, SGD, Momentum, Nesterov, RMSProp, Adam, AdamW)}
)
"""By the name that `--optimizer` takes."""


def make(name: str, size: int, dtype: DTypeLike, **hyperparameters: float) -> Optimiser:
    """The optimiser of this name for `size` params, its state all zeros."""
    if name not in OPTIMISERS:
        hint = did_you_mean(name, OPTIMISERS) or f"there are {', '.join(OPTIMISERS)}"
        raise ValueError(f"there is no optimiser `{name}`; {hint}")
    return OPTIMISERS[name](size, dtype, **hyperparameters)


def checked_hyperparameters(name: str, given: Mapping[str, float]) -> dict[str, float]:
    """The hyperparameters of the optimiser of this name, those not given being the defaults."""
    defaults = OPTIMISERS[name].hyperparameters
    for key, value in given.items():
        if key not in defaults:
            hint = did_you_mean(key, defaults) or f"it has {', '.join(defaults)}"
            raise ValueError(f"{name} has no hyperparameter `{key}`; {hint}")
        problem = hyperparameter_problem(key, value)
        if problem:
            raise ValueError(f"`{key}` of {name} is {value}; {problem}")
    return {**defaults, **given}


def hyperparameter_problem(key: str, value: float) -> str | None:
    """What values the hyperparameter may have, if this one is none of them."""
    if key == "weight_decay":
        return None if isfinite(value) and value >= 0 else "it is a finite number from 0 on"
    if key == "epsilon":
        return None if isfinite(value) and value > 0 else "it is a finite number above 0"
    return None if 0 <= value < 1 else "it is a number from 0 on, below 1"
