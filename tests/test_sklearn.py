"""Programs as estimators of scikit-learn."""

from __future__ import annotations

import pickle
import sys
import threading

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from paramprog.diagnostics import ProgramError
from paramprog.resources import programs_dir
from paramprog.sklearn import ProgramClassifier, ProgramRegressor

NETWORK = """
dim d, h = 8, c
param W1 : real[h, d] ~ glorot(), b1 : real[h] ~ zeros()
param W2 : real[c, h] ~ glorot(), b2 : real[c] ~ zeros()
function logits(x : real[d]) {
    z = W2 @ tanh(W1 @ x + b1) + b2
    return z
}
"""


@pytest.mark.filterwarnings("ignore:Skipping check")
@pytest.mark.parametrize(
    "estimator", [ProgramRegressor(), ProgramClassifier()], ids=lambda e: type(e).__name__
)
def test_check_estimator(estimator):
    """All checks of scikit-learn pass."""
    results = check_estimator(estimator, on_fail=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert failed == {}
    assert sum(r["status"] == "passed" for r in results) > 45


def test_linear_regression():
    """The default program is ordinary least squares."""
    X, y = load_diabetes(return_X_y=True)
    found, expected = ProgramRegressor(scale="standard").fit(X, y), LinearRegression().fit(X, y)
    np.testing.assert_allclose(found.predict(X), expected.predict(X), rtol=1e-5)
    assert found.score(X, y) == pytest.approx(expected.score(X, y), abs=1e-6)
    assert found.loss_ == pytest.approx(np.mean((expected.predict(X) - y) ** 2))


def test_cross_validation_and_pipelines():
    """A network of a program's text, in a pipeline, is scored on each fold."""
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = make_pipeline(StandardScaler(), ProgramClassifier(NETWORK, optimizer="adam", epochs=60))
    scores = cross_val_score(model, X, names, cv=3)
    assert scores.min() > 0.9
    search = GridSearchCV(ProgramClassifier(scale="standard"), {"epochs": [1, 20]}, cv=3).fit(X, names)
    assert search.best_params_ == {"epochs": 20}
    assert set(search.predict(X)) == set(names)


def test_clones_and_pickles():
    """A clone has the settings and no fit; a pickle predicts what the original does, bit for bit."""
    X, y = load_iris(return_X_y=True)
    model = ProgramClassifier(NETWORK, scale="minmax", dims={"h": 3}, random_state=5).fit(X, y)
    assert model.params_["W1"].shape == (3, 4)
    assert clone(model).get_params() == model.get_params()
    assert not hasattr(clone(model), "params_")
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(clone(model).fit(X, y).predict_proba(X), model.predict_proba(X))
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


def test_seeds():
    """`random_state` decides about inits and the order of rows; None and generators are taken as well."""
    X, y = load_iris(return_X_y=True)

    def weights(state):
        return (
            ProgramClassifier(NETWORK, optimizer="sgd", epochs=1, random_state=state).fit(X, y).params_["W1"]
        )

    assert (weights(1) == weights(1)).all()
    assert (weights(1) != weights(2)).all()
    assert (weights(np.random.RandomState(1)) == weights(np.random.RandomState(1))).all()
    assert np.isfinite(weights(None)).all()


def test_files_and_vectors(tmp_path):
    """A file; a program that returns a vector takes y with as many columns, also where their number is open."""
    path = tmp_path / "affine.pp"
    path.write_text(
        "dim m, n\nparam W : real[m, n] ~ zeros(), b : real[m] ~ zeros()\n"
        "function f(x : real[n]) { return W @ x + b }\n"
    )
    X = np.random.default_rng(0).normal(size=(50, 3))
    y = X @ [[1.0, 2.0], [0.0, -1.0], [3.0, 0.5]] + [1.0, -1.0]
    model = ProgramRegressor(path).fit(X, y)
    np.testing.assert_allclose(model.predict(X), y, atol=1e-6)
    np.testing.assert_allclose(ProgramRegressor(str(path)).fit(X, y).params_["b"], [1, -1], atol=1e-6)


def test_an_output_of_several():
    """`output` and `function` choose what is fitted."""
    X, y = load_iris(return_X_y=True)
    text = (
        NETWORK.replace("return z", "largest = max(z)\n return largest, z")
        + "function other(q) { return q }\n"
    )
    model = ProgramClassifier(text, function="logits", output="z", scale="standard", epochs=30).fit(X, y)
    assert model.score(X, y) > 0.9


def test_two_threads(request):
    """Each has buffers of its own: predictions do not mix."""
    X, y = load_iris(return_X_y=True)
    model = ProgramClassifier(scale="standard").fit(X, y)
    expected, same = model.predict_proba(X), []

    def work(part):
        found = [model.predict_proba(X[part]) for _ in range(100)]
        same.append(all(np.array_equal(f, expected[part]) for f in found))

    rows = [np.arange(150), np.arange(150)[::-1]]
    interval = sys.getswitchinterval()
    request.addfinalizer(lambda: sys.setswitchinterval(interval))
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=work, args=(part,)) for part in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same == [True, True]


@pytest.mark.parametrize(
    "program, code",
    [
        ("param w = 1.0\nfunction f(x) { return w * x }", "data-column"),
        ("param w = 1.0\nfunction f(x : real[4]) { return w * x[0] }", "loss-fit"),
        ("param w : real[2] ~ zeros()\nfunction f(x : real[4]) { return w * x[0] }", "loss-fit"),
        ("param w = 1.0\nfunction f(x : real[4]) { return w *", "syntax"),
        (programs_dir() / "missing.pp", "unreadable-file"),
    ],
)
def test_programs_that_do_not_fit(program, code):
    """Diagnostics, as everywhere."""
    with pytest.raises(ProgramError) as caught:
        ProgramClassifier(program).fit(*load_iris(return_X_y=True))
    assert caught.value.diagnostics[0].code == code


def test_settings_that_are_wrong():
    """Found when fitting, as scikit-learn wants it."""
    model = ProgramRegressor(optimizer="adan")
    with pytest.raises(ProgramError, match="optimizer"):
        model.fit([[1.0], [2.0]], [1.0, 2.0])
