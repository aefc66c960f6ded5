"""The folder of one training run: what is in it, who may write into it, and from where a killed run goes on.

    config.json      the effective configuration, with versions and seed; written first
    log.jsonl        one JSON object a line for each epoch
    checkpoint.npz   the last checkpoint; best.npz: the best one so far
    params.npz       the result, plain arrays by name; written last
    curve.svg|png    the training curve
    lock             held by the process that trains into the folder

Every file but the log is written as a whole or not at all. The log is only ever longer than the last checkpoint
knows: it is brought to the disk before each checkpoint, and `truncate_log` cuts off what a killed process wrote after.
JSON has no NaN and no infinities: they are written as the strings "NaN", "Infinity" and "-Infinity".

All methods raise ProgramError, naming the file and the cause: unwritable, unreadable-file, run-config, run-log.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from math import isfinite
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from paramprog.diagnostics import ProgramError, fail
from paramprog.fitting import checkpoint
from paramprog.fitting.archive import pack
from paramprog.fitting.atomic import remove_leftovers, write_all, write_atomically
from paramprog.fitting.checkpoint import JSON, Checkpoint

try:
    import fcntl
except ImportError:  # on Windows nothing keeps two processes apart
    fcntl = None  # type: ignore[assignment]


class RunDirectory:
    """A folder that this process alone trains into, until `close` or the end of `with`.

    Made by `create` or `resume`. The system releases the lock when the process ends, however it does.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self.config = path / "config.json"
        self.log = path / "log.jsonl"
        self.checkpoint = path / "checkpoint.npz"
        self.best = path / "best.npz"
        self.params = path / "params.npz"
        self._lock = lock

    @classmethod
    def create(cls, path: str | Path) -> Self:
        """A folder for a new run; it and its parents are made.

        Raises ProgramError: run-exists when it holds a run already, run-locked when a process is training into it.
        """
        with _writing(path):
            Path(path).mkdir(parents=True, exist_ok=True)
        run = cls(Path(path), _lock(Path(path)))
        held = [file.name for file in run._files() if os.path.lexists(file)]
        if held:
            run.close()
            hint = f"resume it with `--resume {path}`, or choose another folder"
            raise fail("run-exists", f"`{path}` already holds a run (`{held[0]}`)", hint=hint)
        remove_leftovers(run.config)
        return run

    @classmethod
    def resume(cls, path: str | Path) -> Self:
        """The folder of a run that was begun; what a killed process left half written is removed.

        Raises ProgramError: run-missing when it holds no run, run-locked when a process is training into it.
        """
        if not os.path.isfile(Path(path) / "config.json"):
            raise fail("run-missing", f"there is no run in `{path}`: it has no file `config.json`")
        run = cls(Path(path), _lock(Path(path)))
        for file in run._files():
            remove_leftovers(file)
        return run

    def close(self) -> None:
        """Release the lock; once is enough, more often does no harm."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"RunDirectory({str(self.path)!r})"

    # ---- the configuration ---------------------------------------------------------------------------------

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Record what determines the run."""
        self.write(self.config, (json.dumps(_plain(config), indent=2, allow_nan=False) + "\n").encode())

    def read_config(self) -> dict[str, Any]:
        """What `write_config` recorded. Raises ProgramError (run-config) when it is no longer that."""
        try:
            config = json.loads(_bytes(self.config))
        except (ValueError, RecursionError) as error:
            raise fail("run-config", f"`{self.config}` is damaged: {error}") from None
        if not isinstance(config, dict):
            raise fail("run-config", f"`{self.config}` is damaged: it is not a JSON object")
        return config

    # ---- the log -------------------------------------------------------------------------------------------

    def append_log(self, record: Mapping[str, Any]) -> None:
        """Add one line; a line that does not fit on the disk is not begun."""
        line = (json.dumps(_plain(record), allow_nan=False) + "\n").encode()
        with _writing(self.log), _opened(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as file:
            before = os.fstat(file).st_size
            try:
                write_all(file, line)
            except BaseException:
                with suppress(OSError):
                    os.ftruncate(file, before)
                raise

    def read_log(self) -> list[dict[str, Any]]:
        """The records of the complete lines. Raises ProgramError (run-log), naming the line, for one that is none."""
        return _records(self.log, self._log_lines())

    def truncate_log(self, count: int) -> None:
        """Keep the first `count` records only, those that the checkpoint knows of; a torn last line goes too.

        Raises ProgramError (run-log) when there are fewer, or one of them is damaged.
        """
        lines = self._log_lines()[:count]
        if len(lines) < count:
            hint = "the log was changed or lost after that; put it back, or begin a new run"
            message = (
                f"`{self.log}` has {len(lines)} complete lines, and the checkpoint was made after {count}"
            )
            raise fail("run-log", message, hint=hint)
        _records(self.log, lines)
        if os.path.lexists(self.log):
            with _writing(self.log):
                os.truncate(self.log, sum(map(len, lines)))

    def _log_lines(self) -> list[bytes]:
        text = _bytes(self.log) if os.path.lexists(self.log) else b""
        return [line + b"\n" for line in text.split(b"\n")[:-1]]

    # ---- checkpoints and the result ------------------------------------------------------------------------

    def save_checkpoint(self, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, JSON]) -> None:
        """Replace the last checkpoint. Raises ProgramError (checkpoint-write), the previous one untouched."""
        with _writing(self.log), suppress(FileNotFoundError), _opened(self.log, os.O_RDWR) as file:
            os.fsync(file)
        checkpoint.save(self.checkpoint, arrays, meta)

    def save_best(self, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, JSON]) -> None:
        """Replace the best checkpoint. Raises ProgramError as `save_checkpoint` does."""
        checkpoint.save(self.best, arrays, meta)

    def resume_point(self) -> Checkpoint | None:
        """The last checkpoint, or None when there was none yet: then the run begins anew.

        Raises ProgramError when it cannot be used, another one is never taken in its place; run-missing when it is
        gone, as the log shows.
        """
        if not os.path.lexists(self.checkpoint):
            if not self._log_lines():
                return None
            best = f" from the best params so far: --params {self.best}" if self.best.is_file() else ""
            message = f"`{self.path}` has a log, and no `{self.checkpoint.name}` to go on from"
            raise fail("run-missing", message, None, f"put it back, or begin a new run{best}")
        try:
            return checkpoint.load(self.checkpoint)
        except ProgramError as error:
            if not os.path.isfile(self.best):
                raise
            hint = f"`{self.best}` may be whole: the best parameters so far, but not the state to go on from"
            raise ProgramError(replace(d, hint=d.hint or hint) for d in error.diagnostics) from None

    def params_file(self) -> Path | None:
        """The file with the latest params there are, to begin another run from."""
        return next((file for file in (self.params, self.checkpoint, self.best) if file.is_file()), None)

    def save_params(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write the result: arrays by name and nothing else; the same arrays give the same bytes."""
        self.write(self.params, pack({name: arrays[name] for name in sorted(arrays)}))

    @property
    def finished(self) -> bool:
        """Whether the result was written."""
        return os.path.isfile(self.params)

    def write(self, file: Path, data: bytes | memoryview) -> None:
        """Write one of the files, as a whole or not at all."""
        with _writing(file):
            write_atomically(file, data)

    def _files(self) -> list[Path]:
        curves = [self.path / "curve.svg", self.path / "curve.png"]
        return [self.config, self.log, self.checkpoint, self.best, self.params, *curves]


def _lock(folder: Path) -> int:
    """The open lock file, which holds the number of the process that holds the lock."""
    with _writing(folder / "lock"):
        file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o666)
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 20).decode("ascii", "replace").strip()
            os.close(file)
            who = f"process {holder}" if holder.isdecimal() else "another process"
            raise fail("run-locked", f"`{folder}` is in use: {who} is training into it") from None
        except OSError:  # a file system without locks: nothing keeps two processes apart there
            pass
    with suppress(OSError):  # the number is for messages only
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
    return file


def _records(log: Path, lines: list[bytes]) -> list[dict[str, Any]]:
    found = []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            raise fail("run-log", f"`{log}` is damaged: line {number} is not a JSON object")
        found.append(record)
    return found


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise fail("unreadable-file", f"`{path}` cannot be read: {error.strerror or error}") from None


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    file = os.open(path, flags | getattr(os, "O_BINARY", 0), 0o666)
    try:
        yield file
    finally:
        os.close(file)


@contextmanager
def _writing(path: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise fail("unwritable", f"cannot write `{path}`: {error.strerror or error}") from None


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, float) and not isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
