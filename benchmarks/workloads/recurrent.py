"""Loops over time: an Elman network, and the LSTM of ADBench."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.peers.jax_peer import jax
from benchmarks.peers.paramprog_peer import PROGRAMS, ours
from benchmarks.workload import Workload

RNN = """
dim T = 200, h = 32, d = 8
param W : real[h, h] ~ glorot(), U : real[h, d] ~ glorot(), b : real[h] ~ zeros(), v : real[h] ~ normal(0, 1)
function loss(x : real[T, d], y : real[T]) {
    s = zeros(h)
    total = 0.0
    for t in 0..T {
        s = tanh(W @ s + U @ x[t] + b)
        total = total + square(v @ s - y[t])
    }
    return total / T
}
"""


def _rnn_loss(jax: Any, jnp: Any) -> Any:
    def loss(x: Any, y: Any, W: Any, U: Any, b: Any, v: Any) -> Any:
        def turn(s: Any, row: Any) -> Any:
            s = jnp.tanh(W @ s + U @ row[0] + b)
            return s, (v @ s - row[1]) ** 2

        return jax.lax.scan(turn, jnp.zeros_like(b), (x, y))[1].mean()

    return loss


def _rnn_loss_outside(jax: Any, jnp: Any) -> Any:
    """What does not depend on the state is computed for all turns at once, before and after the loop."""

    def loss(x: Any, y: Any, W: Any, U: Any, b: Any, v: Any) -> Any:
        def turn(s: Any, row: Any) -> Any:
            s = jnp.tanh(W @ s + row)
            return s, s

        states = jax.lax.scan(turn, jnp.zeros_like(b), x @ U.T + b)[1]
        return ((states @ v - y) ** 2).mean()

    return loss


def rnn(T: int = 200, h: int = 32, d: int = 8) -> Workload:
    rng = np.random.default_rng(0)
    values = {
        "x": rng.normal(size=(T, d)),
        "y": rng.normal(size=T),
        "W": rng.normal(size=(h, h)) * 0.2,
        "U": rng.normal(size=(h, d)) * 0.3,
        "b": np.zeros(h),
        "v": rng.normal(size=h),
    }
    given, wrt = list(values.values()), (2, 3, 4, 5)
    peers = {
        "ours": ours(RNN, values),
        "jax scan": jax(_rnn_loss, given, wrt),
        "jax, products outside": jax(_rnn_loss_outside, given, wrt),
    }
    return Workload(f"RNN, {T} turns, {h} units", peers)


def _lstm_turn(jax: Any, jnp: Any, weight: Any, bias: Any, into: Any) -> Any:
    """A scan's body: the next state, and the hidden state of the highest layer."""
    sigmoid = jax.nn.sigmoid

    def turn(state: Any, bits: Any) -> Any:
        hs, cs, x = [], [], into * bits
        for w, b, h, c in zip(weight, bias, *state, strict=True):
            c = c * sigmoid(w[0] * x + b[0]) + sigmoid(w[1] * h + b[1]) * jnp.tanh(w[3] * h + b[3])
            x = sigmoid(w[2] * x + b[2]) * jnp.tanh(c)
            hs.append(x)
            cs.append(c)
        return (hs, cs), x

    return turn


def _lstm_loss(jax: Any, jnp: Any) -> Any:
    """As it is defined: all of it in the loop."""

    def loss(text: Any, h0: Any, c0: Any, weight: Any, bias: Any, into: Any, out_of: Any, shift: Any) -> Any:
        body = _lstm_turn(jax, jnp, weight, bias, into)

        def turn(state: Any, pair: Any) -> Any:
            state, x = body(state, pair[0])
            y = out_of * x + shift
            return state, (pair[1] * (y - jnp.log(2 + jnp.exp(y).sum()))).mean()

        return -jax.lax.scan(turn, (list(h0), list(c0)), (text[:-1], text[1:]))[1].mean()

    return loss


def _lstm_loss_outside(jax: Any, jnp: Any) -> Any:
    """What no later turn reads is computed for all turns at once."""

    def loss(text: Any, h0: Any, c0: Any, weight: Any, bias: Any, into: Any, out_of: Any, shift: Any) -> Any:
        turn = _lstm_turn(jax, jnp, weight, bias, into)
        states = jax.lax.scan(turn, (list(h0), list(c0)), text[:-1])[1]
        y = out_of * states + shift
        return -(text[1:] * (y - jnp.log(2 + jnp.exp(y).sum(1, keepdims=True)))).mean()

    return loss


def lstm(n: int = 1024, bits: int = 14) -> Workload:
    """ADBench reads bits of a text and parameters from [0, 1); neither the time nor the definition depends on which."""
    rng = np.random.default_rng(0)
    values = {
        "text": rng.integers(0, 2, (n, bits)).astype(np.float64),
        "h0": rng.random((2, bits)),
        "c0": rng.random((2, bits)),
        "weight": rng.random((2, 4, bits)),
        "bias": rng.random((2, 4, bits)),
        "into": rng.random(bits),
        "out_of": rng.random(bits),
        "shift": rng.random(bits),
    }
    given, wrt = list(values.values()), (3, 4, 5, 6, 7)
    peers = {
        "ours": ours(PROGRAMS / "lstm.pp", values),
        "jax scan": jax(_lstm_loss, given, wrt),
        "jax, output outside": jax(_lstm_loss_outside, given, wrt),
    }
    return Workload(f"ADBench LSTM, 2 layers, {n} characters", peers)


WORKLOADS: dict[str, Callable[[], Workload]] = {"rnn": rnn, "lstm": lstm}
