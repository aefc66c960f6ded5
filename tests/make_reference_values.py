"""Write `reference_values.json`: value and gradients of every program in `programs/`, without paramprog.

Each program is written here a second time, by hand, in NumPy, and differentiated by autograd (HIPS), which
shares no code with paramprog. Nothing in this file imports paramprog or reads a `.pp` file: parameters and
inputs are repeated here, so a test that compares the two also compares the defaults that the program text
declares.

    python tests/make_reference_values.py            write the file beside this script
    python tests/make_reference_values.py --check    recompute, and exit 1 if the file does not agree to 1e-12

Format: {program: {"params": {..}, "inputs": {..}, "value": v, "gradients": {name: ..}}}, arrays as nested
lists. The gradients are those with respect to all params, or to all inputs where a program has no params.
`params` are the values that the gradients were taken at: the defaults of the program, or, where it only
declares an init, a seeded draw.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import autograd.numpy as np
import numpy
from autograd import grad

HERE = Path(__file__).parent
TARGET = HERE / "reference_values.json"
DIGITS = HERE.parent / "programs" / "data" / "digits.csv"
CANCER = HERE.parent / "programs" / "data" / "breast_cancer.csv"

Values = dict[str, Any]
Program = Callable[[Values, Values], Any]  # (params, inputs) -> the scalar result


@dataclass(frozen=True)
class Case:
    """One program: its NumPy twin, and the point to differentiate it at."""

    twin: Program
    params: Values
    inputs: Values


def sigmoid(x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-x))


def running_example(p: Values, x: Values) -> Any:
    b = np.tanh(p["W0"] * x["P"]) * x["Q"]
    return np.sin(p["W1"] * b) * sigmoid(p["W2"] * b)


def square_plus(p: Values, x: Values) -> Any:
    return x["x"] * (x["x"] + 1.0)


def relu_layer(p: Values, x: Values) -> Any:
    z = np.dot(p["W"], x["x"]) + p["b"]
    return np.sum(np.where(z > 0.0, z, 0.0))


def logistic(p: Values, x: Values) -> Any:
    return np.log1p(np.exp(-np.dot(p["w"], x["x"])))


def two_layer_tanh(p: Values, x: Values) -> Any:
    x3 = np.dot(p["W1"], np.tanh(np.dot(p["W0"], x["x0"])))
    return (x3 - x["y"]) ** 2 / 2.0


def recurrence(p: Values, x: Values) -> Any:
    h = x["h0"]
    for step in ("x1", "x2", "x3"):
        h = np.tanh(np.dot(p["W"], h) + np.dot(p["U"], x[step]) + p["b"])
    return np.sum(h * h) / 2.0


def residual_block(p: Values, x: Values) -> Any:
    z = np.dot(p["W1"], x["x"]) + p["b1"]
    hidden = np.where(z > 0.0, z, 0.0)
    r = x["x"] + np.dot(p["W2"], hidden) + p["b2"] - x["t"]
    return np.sum(r * r) / 2.0


def max_pooling(p: Values, x: Values) -> Any:
    weight = ((1.0, 2.0), (3.0, 4.0))
    image = x["x"]
    # autograd, like us, shares the gradient of a maximum equally among the winners of a tie
    return sum(
        weight[i][j] * np.max(image[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]) for i in range(2) for j in range(2)
    )


def guarded_log(p: Values, x: Values) -> Any:
    def guarded(a: Any) -> Any:
        return np.where(a > 0.0, np.log(np.where(a > 0.0, a, 1.0)), 0.0)

    return guarded(x["a"]) + guarded(x["b"]) + np.sum(guarded(x["v"]))


def digits_mlp(p: Values, x: Values) -> Any:
    hidden = np.tanh(np.dot(p["W1"], x["x"] / 16.0) + p["b1"])
    z = np.dot(p["W2"], hidden) + p["b2"]
    shift = np.max(z)
    return shift + np.log(np.sum(np.exp(z - shift))) - z[x["label"]]


def digits_classifier(p: Values, x: Values) -> Any:
    a = np.dot(p["W1"], x["x"] / 16.0) + p["b1"]
    z = np.dot(p["W2"], np.where(a > 0.0, a, 0.0)) + p["b2"]
    shift = np.max(z)
    return shift + np.log(np.sum(np.exp(z - shift))) - z[x["label"]]


def digits_autoencoder(p: Values, x: Values) -> Any:
    pixels = x["x"] / 16.0
    code = np.tanh(np.dot(p["W"], pixels) + p["b"])
    return np.mean((np.dot(p["W"].T, code) + p["a"] - pixels) ** 2)


def breast_cancer(p: Values, x: Values) -> Any:
    z = np.dot(p["w"], x["x"]) + p["b"]
    return np.logaddexp(0.0, z) - z * x["malignant"]


def gaussian_process(p: Values, x: Values) -> Any:
    """By the inverse and the determinant instead of a factor."""
    gaps = numpy.subtract.outer(x["x"], x["x"])
    near = np.exp(-((gaps / p["length"]) ** 2) / 2.0)
    K = p["amplitude"] ** 2 * near + p["error"] ** 2 * np.eye(len(gaps))
    fit = np.dot(x["y"], np.dot(np.linalg.inv(K), x["y"]))
    return (fit + np.linalg.slogdet(K)[1] + len(gaps) * np.log(2.0 * np.pi)) / 2.0


def bundle_adjustment(p: Values, x: Values) -> Any:
    """Observation by observation, with rotations as matrices."""
    cost = 0.0
    for k, (i, j) in enumerate(zip(x["by"].astype(int), x["seen"].astype(int), strict=True)):
        camera = p["C"][i]
        angle = np.sqrt(np.sum(camera[:3] ** 2))
        u, v, w = camera[:3] / angle
        cross = np.array([[0.0, -w, v], [w, 0.0, -u], [-v, u, 0.0]])
        turn = np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * np.dot(cross, cross)
        y = np.dot(turn, p["X"][j] - camera[3:6])
        flat = np.array([y[0] / y[2], y[1] / y[2]])
        s = np.sum(flat**2)
        image = camera[6] * (1.0 + camera[9] * s + camera[10] * s**2) * flat + camera[7:9]
        error = p["w"][k] * (image - x["measured"][k])
        cost = cost + np.sum(error**2) + (1.0 - p["w"][k] ** 2) ** 2
    return cost / 2.0


def drawn(seed: int, **shapes: tuple[int, ...]) -> Values:
    """A seeded normal draw for each name, scaled by 1/sqrt(fan-in) and rounded to keep the file small."""
    rng = numpy.random.default_rng(seed)
    return {
        name: numpy.round(rng.standard_normal(shape) / math.sqrt(shape[-1] if len(shape) > 1 else 10), 4)
        for name, shape in shapes.items()
    }


def digit(row: int) -> Values:
    numbers = [int(cell) for cell in DIGITS.read_text(encoding="ascii").splitlines()[row + 1].split(",")]
    return {"x": [float(pixel) for pixel in numbers[:-1]], "label": numbers[-1]}


def first_tumour() -> Values:
    row = CANCER.read_text(encoding="ascii").splitlines()[1].split(",")
    return {"x": [float(cell) for cell in row[:-1]]}


def cases() -> dict[str, Case]:
    """Every program with the params and inputs that its text declares (or, for inits, a draw of ours)."""
    running = Case(running_example, {"W0": 0.5, "W1": -1.2, "W2": 0.8}, {"P": 0.3, "Q": 0.7})
    return {
        "running_example": running,
        "running_example_lecture": running,
        "square_plus": Case(square_plus, {}, {"x": 17.0}),
        "relu_layer": Case(
            relu_layer,
            {"W": [[1.0, 0.5], [-2.0, 1.0], [0.5, 0.25]], "b": [0.5, -0.5, -0.375]},
            {"x": [1.0, -0.5]},
        ),
        "logistic": Case(logistic, {"w": [0.5, -1.0, 2.0]}, {"x": [1.0, 2.0, 0.5]}),
        "two_layer_tanh": Case(
            two_layer_tanh,
            {"W0": [[1.0, -3.0], [0.2, 1.0]], "W1": [1.0, -1.0]},
            {"x0": [1.0, 0.1], "y": 0.5},
        ),
        "recurrence": Case(
            recurrence,
            {
                "W": [[0.5, -0.3, 0.1], [0.2, 0.4, -0.6], [-0.1, 0.7, 0.3]],
                "U": [[0.8, -0.5], [0.3, 0.9], [-0.4, 0.2]],
                "b": [0.1, -0.2, 0.05],
            },
            {"h0": [0.0, 0.0, 0.0], "x1": [1.0, -1.0], "x2": [0.5, 0.25], "x3": [-0.75, 2.0]},
        ),
        "residual_block": Case(
            residual_block,
            drawn(1, W1=(6, 4), b1=(6,), W2=(4, 6), b2=(4,)),
            {"x": [1.0, -0.5, 0.25, 2.0], "t": [0.0, 1.0, 0.0, -1.0]},
        ),
        "max_pooling": Case(
            max_pooling,
            {},
            {"x": [[1.0, 5.0, 2.0, 0.0], [3.0, 2.0, 8.0, 1.0], [7.0, -1.0, 4.0, 6.0], [0.0, 2.0, 6.0, 3.0]]},
        ),
        "guarded_log": Case(guarded_log, {}, {"a": 2.0, "b": -1.0, "v": [0.5, -2.0, 0.0, 4.0]}),
        "digits_mlp": Case(digits_mlp, drawn(2, W1=(32, 64), b1=(32,), W2=(10, 32), b2=(10,)), digit(0)),
        "digits_classifier": Case(
            digits_classifier, drawn(3, W1=(128, 64), b1=(128,), W2=(10, 128), b2=(10,)), digit(0)
        ),
        "digits_autoencoder": Case(
            digits_autoencoder, drawn(4, W=(16, 64), b=(16,), a=(64,)), {"x": digit(0)["x"]}
        ),
        "breast_cancer": Case(
            breast_cancer,
            {
                "w": drawn(5, w=(30,))["w"] / 1000,
                "b": 0.25,
            },  # the measurements are not scaled, some are large
            {**first_tumour(), "malignant": 1},
        ),
        "bundle_adjustment": Case(
            bundle_adjustment,
            {
                "C": [[math.sin(i + 3 * j) / 4 for j in range(11)] for i in range(2)],
                "X": [[math.cos(2 * i + j) + 3 * j for j in range(3)] for i in range(4)],
                "w": [1 + math.cos(k) / 4 for k in range(6)],
            },
            {
                "measured": [[math.sin(3 * k + j) for j in range(2)] for k in range(6)],
                "by": [k % 2 for k in range(6)],
                "seen": [2 * k // 3 % 4 for k in range(6)],
            },
        ),
        "gaussian_process": Case(
            gaussian_process,
            {"amplitude": 1.0, "length": 0.6, "error": 0.3},
            {
                "x": [0.3 * i for i in range(8)],
                "y": [math.sin(i) + math.cos(5 * i * i) / 3 for i in range(8)],
            },
        ),
    }


def arrays(values: Values) -> Values:
    """Lists and floats as float arrays; integers stay as they are."""
    return {k: v if isinstance(v, int) else numpy.array(v, dtype=float) for k, v in values.items()}


def plain(value: Any) -> Any:
    """A number or nested lists, with no negative zeros."""
    return value if isinstance(value, int) else (numpy.asarray(value, dtype=float) + 0.0).tolist()


def reference(case: Case) -> Values:
    params, inputs = arrays(case.params), arrays(case.inputs)
    wrt = 0 if params else 1
    gradients = grad(case.twin, wrt)(params, inputs)
    return {
        "params": {k: plain(v) for k, v in params.items()},
        "inputs": {k: plain(v) for k, v in inputs.items()},
        "value": float(case.twin(params, inputs)),
        "gradients": {k: plain(v) for k, v in gradients.items()},
    }


def agree(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(agree(a[key], b[key]) for key in a)
    first, second = numpy.asarray(a, dtype=float), numpy.asarray(b, dtype=float)
    return first.shape == second.shape and bool(numpy.allclose(first, second, rtol=1e-12, atol=1e-14))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare with the file instead of writing it")
    check = parser.parse_args().check
    values = {name: reference(case) for name, case in cases().items()}
    if check:
        stored = json.loads(TARGET.read_text(encoding="ascii"))
        wrong = sorted(
            n for n in values.keys() | stored.keys() if not agree(values.get(n, {}), stored.get(n, {}))
        )
        print(f"disagree: {', '.join(wrong)}" if wrong else f"all {len(values)} programs agree")
        return 1 if wrong else 0
    entries = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in values.items())
    TARGET.write_text("{\n" + entries + "\n}\n", encoding="ascii")
    print(f"wrote {TARGET.name}: {len(values)} programs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
