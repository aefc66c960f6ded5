"""What determines a run: kinds, defaults, precedence, and what does not go together."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from paramprog.diagnostics import ProgramError
from paramprog.fitting.optimisers import OPTIMISERS, make
from paramprog.fitting.schedules import SCHEDULES, Schedule
from paramprog.fitting.settings import DEPENDENT, LBFGS, SPECS, Settings


def faults(call):
    """The diagnostics that a call ends with, each of them an error[settings]."""
    with pytest.raises(ProgramError) as raised:
        call()
    found = raised.value.diagnostics
    assert {d.code for d in found} == {"settings"}
    return found


def test_defaults():
    """Adam with a learning rate that fades out, 30 epochs of batches of 64, a fifth held back."""
    found = Settings().resolved()
    assert (found.optimizer, found.lr, found.schedule) == ("adam", OPTIMISERS["adam"].rate, "cosine")
    assert (found.epochs, found.batch, found.val, found.seed, found.dtype) == (30, 64, 0.2, 0, "float64")
    assert (found.loss, found.target, found.patience, found.clip) == (None, None, None, None)


def test_gd_is_the_lectures():
    """All rows in each step, at one rate, no decay, no clipping."""
    found = Settings(optimizer="gd", lr=0.5).resolved()
    assert (found.batch, found.schedule, found.warmup, found.lr) == ("full", "constant", 0, 0.5)
    assert found.hyperparameters == {"weight_decay": 0.0}
    assert found.clip is None
    schedule = found.learning_schedule(1)
    assert {schedule.rate(found.lr, k) for k in range(found.epochs)} == {0.5}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_defaults_are_the_optimisers_own(name):
    """What is resolved are its learning rate and hyperparameters, and `make` takes them."""
    found = Settings(optimizer=name).resolved()
    assert found.lr == OPTIMISERS[name].rate
    assert found.hyperparameters == OPTIMISERS[name].hyperparameters
    assert make(name, 2, found.dtype, **found.hyperparameters).name == name


@pytest.mark.parametrize(
    "optimizer, schedule", [*product(OPTIMISERS, [None, *SCHEDULES]), (LBFGS, None)], ids=str
)
def test_resolved_is_final(optimizer, schedule):
    """Resolving again changes nothing, so that a recorded run can be read and resolved."""
    found = Settings(optimizer=optimizer, schedule=schedule, patience=3).resolved()
    assert found.resolved() == found
    assert found.min_delta == 0
    assert (found.epochs, found.batch) != (None, None)


def test_flags_override():
    """A flag wins over the file, None is a flag that was not given, names of tables are merged one by one."""
    file = Settings(lr=0.1, seed=3, bind={"x": "a", "y": "b"}, dims={"n": 8})
    found = file.merged({"seed": 4, "lr": None, "bind": {"y": "c"}, "dims": None})
    assert found == Settings(lr=0.1, seed=4, bind={"x": "a", "y": "c"}, dims={"n": 8})
    assert file == Settings(lr=0.1, seed=3, bind={"x": "a", "y": "b"}, dims={"n": 8})


def test_canonical_values():
    """Numbers of other types become Python's, so that equal settings are written the same."""
    found = Settings(
        lr=1, epochs=np.int64(3), val=np.float32(0.25), batch=np.int32(8), dims={"n": np.int64(2)}
    )
    assert [type(v) for v in (found.lr, found.epochs, found.val, found.batch)] == [float, int, float, int]
    assert type(found.dims["n"]) is int
    assert found == Settings(lr=1.0, epochs=3, val=0.25, batch=8, dims={"n": 2})


def test_tables_are_copied():
    """What the caller does with its dict later is no business of the settings; defaults are not shared."""
    bind = {"x": "a"}
    found = Settings(bind=bind)
    bind["y"] = "b"
    assert found.bind == {"x": "a"}
    assert Settings().bind is not Settings().bind


@pytest.mark.parametrize(
    "given, said",
    [
        ({"epochs": 0}, "`epochs` cannot be 0: it is a whole number from 1 on"),
        ({"epochs": 2.5}, "`epochs` cannot be 2.5"),
        ({"epochs": True}, "`epochs` cannot be True"),
        ({"seed": -1}, "`seed` cannot be -1: it is a whole number from 0 on"),
        ({"seed": 10**18}, "below 10^18"),
        ({"seed": None}, "`seed` cannot be None"),
        ({"lr": 0}, "`lr` cannot be 0: it is a finite number above 0"),
        ({"lr": "fast"}, '`lr` cannot be "fast"'),
        ({"lr": True}, "`lr` cannot be True"),
        ({"lr": float("nan")}, "`lr` cannot be nan"),
        ({"lr": float("inf")}, "`lr` cannot be inf"),
        ({"lr": 10**400}, "it is a finite number"),
        ({"val": 1.0}, "`val` cannot be 1.0: it is a finite number from 0 on, below 1"),
        ({"momentum": 1.0}, "below 1"),
        ({"batch": 0}, 'from 1 on, below 10^18, or "full"'),
        ({"batch": "all"}, '`batch` cannot be "all"'),
        ({"optimizer": "adma"}, "did you mean `adam`?"),
        ({"optimizer": ["adam"]}, "it is one of gd, sgd"),
        ({"schedule": "linear"}, "it is one of constant, step, cosine"),
        ({"loss": "mse"}, "it is one of squared, cross_entropy"),
        ({"data": ""}, "`data` cannot be"),
        ({"data": 3}, "it is a text"),
        ({"data": "a\0b"}, "it is a text"),
        ({"data": "a\udc80"}, "UTF-8"),
        ({"bind": "x=a"}, "it is a table of names"),
        ({"bind": {"x": 3}}, "of its `x`: it is a text"),
        ({"bind": {"a b": "c"}}, "'a b' is not a name"),
        ({"bind": {3: "c"}}, "3 is not a name"),
        ({"dims": {"n": -1}}, "of its `n`: it is a whole number from 0 on"),
        ({"dims": {"a.b.c": 1}}, "'a.b.c' is not a name"),
    ],
)
def test_wrong_values(given, said):
    """Each is refused, by name, with what it has to be; through `merged` too."""
    assert said in faults(lambda: Settings(**given))[0].message
    if given != {"seed": None}:
        assert said in faults(lambda: Settings().merged(given))[0].message


def test_dims_of_imported_files():
    """`file.NAME` is a dim too."""
    assert Settings(dims={"layers.n": 3}).dims == {"layers.n": 3}


def test_unknown_settings():
    """All of them, each with the name that was meant."""
    first, second = faults(lambda: Settings().merged({"learning": 1, "epoch": 3, "seed": 1}))
    assert first.message == "there is no setting `learning`"
    assert (second.message, second.hint) == ("there is no setting `epoch`", "did you mean `epochs`?")


def test_all_faults_at_once():
    """One run shows every wrong value."""
    assert len(faults(lambda: Settings(epochs=0, lr=-1, dtype="int"))) == 3


@pytest.mark.parametrize(
    "given, said, hint",
    [
        (
            {"momentum": 0.9},
            "`momentum` has no meaning here",
            "adam has lr, beta1, beta2, epsilon, weight_decay",
        ),
        ({"optimizer": "momentum", "rho": 0.9}, "`rho` has no meaning here", "momentum has lr, momentum"),
        ({"optimizer": "lbfgs", "lr": 0.1}, "`lr` has no meaning here", "lbfgs chooses its steps itself"),
        ({"optimizer": "lbfgs", "schedule": "cosine"}, "`schedule` has no meaning", "lbfgs chooses"),
        ({"optimizer": "lbfgs", "clip": 1.0}, "`clip` has no meaning", "lbfgs chooses"),
        ({"optimizer": "lbfgs", "batch": 64}, "lbfgs uses all rows", "leave out `batch`"),
        ({"optimizer": "gd", "batch": 64}, "gd uses all rows in each step", "leave out `batch`"),
        ({"tolerance": 0.1}, "`tolerance` has no meaning", 'optimizer = "lbfgs"'),
        ({"step_every": 5}, "`step_every` has no meaning", 'schedule = "step"'),
        ({"schedule": "constant", "floor": 0.1}, "`floor` has no meaning", 'schedule = "cosine"'),
        ({"min_delta": 0.1}, "`min_delta` has no meaning", "`patience`"),
        ({"loss": "squared"}, "`loss` is given without `target`", "give `target` too"),
        ({"target": "y"}, "`target` is given without `loss`", "give `loss` too"),
        ({"patience": 3, "val": 0}, "`patience` needs validation rows", "`val`"),
        ({"warmup": 30}, "a warm-up of 30 epochs leaves none of 30", "`warmup`"),
    ],
)
def test_settings_that_do_not_go_together(given, said, hint):
    """They are accepted one by one, as flags may still mend them, and refused when the run is to start."""
    (found,) = faults(Settings(**given).resolved)
    assert said in found.message
    assert hint in found.hint


def test_flags_mend_a_file():
    """A hyperparameter in the file is right once the flag names its optimiser."""
    assert Settings(momentum=0.8).merged({"optimizer": "nesterov"}).resolved().momentum == 0.8


def test_dependent_settings_are_not_given_by_default():
    """Else they could not be told from ones that were given."""
    assert all(SPECS[name].default is None for name in DEPENDENT)


def test_learning_schedule():
    """Epochs become steps."""
    found = Settings(schedule="step", epochs=20, warmup=0.5, step_every=4, step_factor=0.1).resolved()
    assert found.learning_schedule(10) == Schedule("step", total=200, warmup=5, every=40, factor=0.1)
    found = Settings(epochs=20, floor=0.25).resolved()
    assert found.learning_schedule(3) == Schedule("cosine", total=60, floor=0.25)


def test_a_drop_is_never_more_often_than_each_step():
    """Epochs of few steps leave at least one step between drops."""
    assert Settings(schedule="step", step_every=0.1).resolved().learning_schedule(2).every == 1
