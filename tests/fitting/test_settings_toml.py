"""Settings as TOML."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramprog.diagnostics import ProgramError, render
from paramprog.fitting.settings import Settings
from paramprog.fitting.settings_toml import from_toml, to_toml

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
names = st.from_regex("[a-z_][a-z0-9_]{0,5}|\u03b1", fullmatch=True).filter(str.isidentifier)
positive = st.floats(0, 1e300, exclude_min=True)

some_settings = st.builds(
    Settings,
    data=st.none() | texts,
    bind=st.dictionaries(names, texts),
    dims=st.dictionaries(names | names.map(lambda name: f"file.{name}"), st.integers(0, 10**18 - 1)),
    lr=st.none() | positive,
    val=st.floats(0, 1, exclude_max=True),
    batch=st.none() | st.just("full") | st.integers(1, 10**18 - 1),
    optimizer=st.sampled_from(["gd", "adam", "lbfgs"]),
    seed=st.integers(0, 10**18 - 1),
)


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Writes `train.toml` in the current directory and returns its name."""
    monkeypatch.chdir(tmp_path)

    def write(contents):
        data = contents if isinstance(contents, bytes) else contents.encode()
        (tmp_path / "train.toml").write_bytes(data)
        return "train.toml"

    return write


def messages(path):
    with pytest.raises(ProgramError) as raised:
        from_toml(path)
    return [render(d) for d in raised.value.diagnostics]


def test_file(config):
    """Names at the top, `bind` and `dims` as tables; what is left out has its default."""
    found = from_toml(
        config(
            '# digits\nprogram = "digits_mlp.pp"\ndata = "digits.csv"  # 1797 rows\nlr = 1\nbatch = "full"\n'
            "bind.label = 'label'\nbind.x = 'pixel_*'\n[dims]\nh = 128\n\"layers.n\" = 2\n"
        )
    )
    assert found == Settings(
        program="digits_mlp.pp",
        data="digits.csv",
        lr=1.0,
        batch="full",
        bind={"label": "label", "x": "pixel_*"},
        dims={"h": 128, "layers.n": 2},
    )
    assert list(found.bind) == ["label", "x"]


def test_empty_file(config):
    """All defaults; a byte order mark is no fault."""
    assert from_toml(config("")) == from_toml(config(b"\xef\xbb\xbf# nothing\r\n")) == Settings()


@given(some_settings)
def test_round_trip(tmp_path_factory, settings):
    """What is printed gives, in the current directory, the same settings, and the same text again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("config"))
        Path("train.toml").write_text(to_toml(settings), encoding="utf-8", newline="")
        assert from_toml("train.toml") == settings
        assert to_toml(from_toml("train.toml")) == to_toml(settings)


def test_files_are_relative_to_the_configuration(config, tmp_path, monkeypatch):
    """Program, data and params, wherever it is read from; what is absolute and `-` stay as they are."""
    name = config('program = "-"\ndata = "../d.csv"\nparams = "/start.npz"\ntarget = "t"\nloss = "squared"\n')
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    found = from_toml(os.path.join("..", name))
    assert (found.program, found.params, found.target) == ("-", "/start.npz", "t")
    assert found.data == os.path.join("..", "..", "d.csv")
    assert from_toml(str(tmp_path / name)).data == os.path.join(tmp_path, "..", "d.csv")


def test_text():
    """One line for each setting that is given, in the order of `Settings`, with its meaning; tables at the end."""
    shown = to_toml(Settings(seed=7, lr=1e-3, bind={"x": "pixel_*"}, data='a"\\\n.csv', optimizer="sgd"))
    assert shown == (
        'data = "a\\"\\\\\\U0000000A.csv"  # the rows, a file\n'
        "val = 0.2  # share of the rows held back for validation\n"
        'optimizer = "sgd"  # the update rule\n'
        "lr = 0.001  # learning rate\n"
        'on_nonfinite = "stop"  # at a loss or gradient that is not finite\n'
        "seed = 7  # of inits, split, shuffling and noise\n"
        'dtype = "float64"  # how reals are represented\n'
        'backend = "auto"  # what computes\n'
        "checkpoint_every = 10.0  # seconds between checkpoints; 0: after each step; no result depends on it\n"
        "\n"
        "[bind]  # columns of arguments\n"
        'x = "pixel_*"\n'
    )


def test_resolved_settings_are_shown_whole():
    """What is shown for a run has each number that the run depends on."""
    shown = tomllib.loads(to_toml(Settings().resolved()))
    assert {"lr", "beta1", "beta2", "epsilon", "weight_decay", "epochs", "batch", "schedule", "warmup"} < set(
        shown
    )


def test_unknown_name(config):
    """It is pointed at, with the name that was meant."""
    (found,) = messages(config("seed = 1\nepoch = 3\n"))
    assert found == (
        "train.toml:2:1: error[settings]: there is no setting `epoch`\n"
        "  2 | epoch = 3\n"
        "    | ^^^^^\n"
        "  hint: did you mean `epochs`?"
    )


def test_all_faults_at_once(config):
    """Each at its own place, however its name is written; a name inside a table is another one."""
    found = messages(
        config('  lr   = "fast"\n"seed"=-1\nbind . x = 3\n[dims]\nepochs = 3\nh = 1.5\n[ extra ]\nlr = 1\n')
    )
    assert [text.partition(": error[settings]: ")[::2] for text in (f.splitlines()[0] for f in found)] == [
        ("train.toml:1:3", '`lr` cannot be "fast": it is a finite number above 0'),
        ("train.toml:2:1", "`seed` cannot be -1: it is a whole number from 0 on, below 10^18"),
        ("train.toml:3:1", "`bind` cannot be {'x': 3}: of its `x`: it is a text"),
        ("train.toml:4:2", "`dims` cannot be {'epochs': 3, 'h': 1.5}: of its `h`: it is a whole number "
         "from 0 on, below 10^18"),
        ("train.toml:7:3", "there is no setting `extra`"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text, where",
    [
        ("seed = 1\nlr = \n", "train.toml:2:6: "),
        ("seed = 1\nseed = 2\n", "train.toml:2:9: "),
        ("seed = 1\r\nlr = a\r\n", "train.toml:2:6: "),
        ("bind = {", "train.toml:1:9: "),
        ("seed = " + 5000 * "9", "train.toml:1:1: "),
        ("bind = " + 100_000 * "[", "train.toml:1:1: "),
        ("{}", "train.toml:1:1: "),
    ],
)
def test_not_toml(config, text, where):
    """The place that the parser found; nesting and numbers without end are no internal errors."""
    (found,) = messages(config(text))
    assert found.startswith(f"{where}error[settings]: this is not TOML: ")


@pytest.mark.parametrize("value", ["2026-01-01", "[1]", "nan", "-inf", "false", "{a = 1}"])
def test_values_of_other_types(config, value):
    """Whatever TOML has, it is refused with what it has to be."""
    (found,) = messages(config(f"lr = {value}\n"))
    assert found.startswith("train.toml:1:1: error[settings]: `lr` cannot be ")


def test_files_that_cannot_be_read(config, tmp_path):
    """Missing, a directory, not UTF-8, too long, no name at all."""
    assert messages("none.toml" if not config("") else "other.toml")[0].startswith("error[unreadable-file]")
    assert "is a directory" in messages(tmp_path)[0]
    assert "is no name of a file" in messages("a\0b")[0]
    assert "is not UTF-8" in messages(config(b"seed = 1\n# \xff\n"))[0]
    assert "longer than 1 MiB" in messages(config(b"#" * (2**20 + 1)))[0]
    assert os.listdir(tmp_path) == ["train.toml"]
