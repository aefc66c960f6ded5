"""Programs as estimators of scikit-learn (the extra `sklearn`): they fit, predict, clone, pickle and go into pipelines.

The program returns a prediction for one sample. Its first argument that is a real vector takes the columns of X, whose
number binds its dim; all other arguments need a default. The params are fitted by `paramprog.train`:

    ProgramRegressor     the mean of (prediction - y)^2; y is a number, or a vector for a program that returns one
    ProgramClassifier    the cross entropy of the prediction, a real vector with an entry (logit) for each class; the
                         one dim that X leaves open is the number of classes

    ProgramRegressor("model.pp", optimizer="adam", epochs=50, scale="standard").fit(X, y).predict(X)

Settings are those of `paramprog train`; None is the default of the optimiser. Raises ValueError for X and y that do not
fit, ProgramError for what is wrong with the program or the settings.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from threading import get_ident
from typing import Any, Self

import numpy as np

from paramprog import choose
from paramprog.diagnostics import Source, fail
from paramprog.fitting.scaling import Scaling
from paramprog.lang.read import read_source
from paramprog.program import Program
from paramprog.training import Fit, train

try:
    from sklearn.base import (  # type: ignore[import-untyped,import-not-found,unused-ignore]
        BaseEstimator,
        ClassifierMixin,
        RegressorMixin,
    )
    from sklearn.utils import (  # type: ignore[import-untyped,import-not-found,unused-ignore]
        check_random_state,
        column_or_1d,
    )
    from sklearn.utils.multiclass import (  # type: ignore[import-untyped,import-not-found,unused-ignore]
        check_classification_targets,
    )
    from sklearn.utils.validation import (  # type: ignore[import-untyped,import-not-found,unused-ignore]
        check_is_fitted,
        validate_data,
    )
except ImportError as error:
    raise ImportError(
        "paramprog.sklearn needs scikit-learn 1.6 or newer: pip install 'paramprog[sklearn]'"
    ) from error

__all__ = ["ProgramClassifier", "ProgramRegressor"]

LINEAR = """\
# Linear regression: w.x + b.
dim d
param w : real[d] ~ zeros(), b : real ~ zeros()
function predict(x : real[d]) { return dot(w, x) + b }
"""

SOFTMAX = """\
# Logits of a softmax classifier: W x + b.
dim d, c
param W : real[c, d] ~ zeros(), b : real[c] ~ zeros()
function logits(x : real[d]) { return W @ x + b }
"""

SETTINGS = (
    *("optimizer", "lr", "momentum", "weight_decay", "epochs", "batch", "schedule", "clip", "tolerance"),
    *("scale", "dtype"),
)
"""Constructor arguments that are settings of `paramprog.train`, under the same names."""


class _ProgramEstimator(BaseEstimator):  # type: ignore[misc]
    """What both share. After `fit`: `params_` by name, `loss_` (the mean), `n_iter_` (epochs), `history_`."""

    default_program: str
    loss: str

    def __init__(
        self,
        program: str | Path | None = None,
        *,
        function: str | None = None,
        output: str | None = None,
        dims: dict[str, int] | None = None,
        optimizer: str = "lbfgs",
        lr: float | None = None,
        momentum: float | None = None,
        weight_decay: float | None = None,
        epochs: int | None = None,
        batch: int | str | None = None,
        schedule: str | None = None,
        clip: float | None = None,
        tolerance: float | None = None,
        scale: str | None = None,
        dtype: str = "float64",
        random_state: Any = 0,
    ) -> None:
        """`program` is a file or, if it has a brace or several lines, a text; a linear model by default.

        `random_state` seeds inits and the order of the rows.
        """
        self.program = program
        self.function = function
        self.output = output
        self.dims = dims
        self.optimizer = optimizer
        self.lr = lr
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch = batch
        self.schedule = schedule
        self.clip = clip
        self.tolerance = tolerance
        self.scale = scale
        self.dtype = dtype
        self.random_state = random_state

    # ---- fitting -------------------------------------------------------------------------------------------------

    def _source(self) -> Source:
        given = self.default_program if self.program is None else self.program
        if isinstance(given, str) and ("\n" in given or "{" in given):
            return Source("<program>", given)
        return read_source(given)

    def _opened(self, source: Source, dims: dict[str, int]) -> Program:
        # keyed by thread, too: the buffers of a plan are for one
        return _open(
            source.name, source.text, self.function, tuple(sorted(dims.items())), self.dtype, get_ident()
        )

    def _fit(self, source: Source, dims: dict[str, int], x: str, X: Any, y: Any) -> Self:
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(2**31 - 1)
        program = Program(source, self.function, dims, self.dtype)  # type: ignore[arg-type]
        target = "target"
        while target in program.wanted()[0]:
            target += "_"
        settings = {k: getattr(self, k) for k in SETTINGS if getattr(self, k) is not None}
        fit: Fit = train(
            program,
            {x: X, target: y},
            loss=self.loss,
            target=target,
            output=self.output,
            val=0.0,
            seed=int(seed),
            **settings,
        )
        self.params_ = fit.params
        self.scales_ = {} if fit.scaling is None else fit.scaling.to_arrays()
        self.loss_ = fit.loss
        self.n_iter_ = fit.epochs
        self.history_ = fit.history
        self.source_ = (source.name, source.text)
        self.dims_ = dims
        self.argument_ = x
        return self

    # ---- predicting ----------------------------------------------------------------------------------------------

    def _predict(self, X: Any) -> Any:
        """The output for each row."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        program = self._opened(Source(*self.source_), self.dims_)
        rows = Scaling.from_arrays(self.scales_).apply({self.argument_: X})
        name = self.output or next(iter(program.compiled({self.argument_: X[0]}).built.outputs))
        return program.run(rows, self.params_, batch=[self.argument_], output=name).outputs[name]


class ProgramRegressor(RegressorMixin, _ProgramEstimator):  # type: ignore[misc]
    """A program that predicts numbers, fitted by least squares; linear regression by default."""

    default_program = LINEAR
    loss = "squared"

    def fit(self, X: Any, y: Any) -> Self:
        """Fit the params to rows X [n, d] and targets y [n], or [n, k] if the program returns a vector."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, multi_output=True)
        source, dims = self._source(), dict(self.dims or {})
        program = self._opened(source, dims)
        x = _vector_argument(program)
        dims |= _open_dim(program, x, X, y.shape[1] if y.ndim > 1 else None)
        program = self._opened(source, dims)
        if not choose.output(program.compiled({x: X[0]}), self.output, scalar=False).shape:
            y = column_or_1d(y, warn=True)
        return self._fit(source, dims, x, X, y)

    def predict(self, X: Any) -> Any:
        """The prediction for each row of X."""
        return self._predict(X)


class ProgramClassifier(ClassifierMixin, _ProgramEstimator):  # type: ignore[misc]
    """A program that predicts the logits of classes, fitted by cross entropy; a softmax classifier by default."""

    default_program = SOFTMAX
    loss = "cross_entropy"

    def fit(self, X: Any, y: Any) -> Self:
        """Fit the params to rows X [n, d] and the class y [n] of each; `classes_` are the classes, sorted."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, codes = np.unique(column_or_1d(y, warn=True), return_inverse=True)
        source, dims = self._source(), dict(self.dims or {})
        program = self._opened(source, dims)
        x = _vector_argument(program)
        dims |= _open_dim(program, x, X, len(self.classes_))
        node = choose.output(self._opened(source, dims).compiled({x: X[0]}), self.output, scalar=False)
        if len(node.shape) == 1 and node.shape[0] != len(self.classes_):
            message = f"the program returns {node.shape[0]} logits, and y has {len(self.classes_)} classes"
            raise fail("loss-fit", message, node.span, "leave the dim open, or give it: dims={'c': 3}")
        return self._fit(source, dims, x, X, codes)

    def predict_proba(self, X: Any) -> Any:
        """The probability of each class, [n, classes], in the order of `classes_`."""
        logits = np.asarray(self._predict(X), np.float64)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> Any:
        """The most probable class of each row."""
        found = self._predict(X).argmax(axis=1)
        return self.classes_[found]


def _vector_argument(program: Program) -> str:
    """The argument that takes X. Raises ProgramError when there is none."""
    arguments, _ = program.wanted()
    for name, wanted in arguments.items():
        if wanted.kind == "real" and len(wanted.dims) == 1:
            return name
    message = f"`{program.function}` has no argument that is a real vector, for the columns of X"
    raise fail("data-column", message, None, "declare one: `x : real[d]`")


def _open_dim(program: Program, x: str, X: Any, size: int | None) -> dict[str, int]:
    """The sizes of X's dim, and of the one dim that is then open: the number of classes, or of targets."""
    _, free = program.wanted({x: X[0]})
    declared = program._unit.dims
    left = [name for name in free if name not in declared or declared[name].value is None]
    return {left[0]: size} if len(left) == 1 and size is not None else {}


@lru_cache(maxsize=64)
def _open(
    name: str, text: str, function: str | None, dims: tuple[tuple[str, int], ...], dtype: Any, thread: int
) -> Program:
    return Program(Source(name, text), function, dict(dims), dtype)
