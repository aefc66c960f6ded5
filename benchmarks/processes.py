"""Workers as the harness sees them: started with a chosen number of threads, asked, and stopped while others run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


class PeerFault(Exception):
    """A peer that is not installed, refuses, or has died; the message is a line of the report."""


def environment(threads: int, cache: Path) -> dict[str, str]:
    """What a worker's environment says about threads, and where compiled programs are kept."""
    pools = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PARAMPROG_THREADS")
    found = {**os.environ, **dict.fromkeys(pools, str(threads)), "PARAMPROG_CACHE": str(cache)}
    if threads == 1:
        found["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    found["TORCHINDUCTOR_CACHE_DIR"] = str(cache / "torch")
    found["JAX_PLATFORMS"] = "cpu"
    return found


class Process:
    """A worker, stopped except while it answers, on so many CPUs. What it says otherwise goes to `log`."""

    def __init__(
        self, workload: str, peer: str, environ: Mapping[str, str], log: Path, cpus: int | None = None
    ) -> None:
        self.name = peer
        self._log = log
        with log.open("w") as said:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.worker", workload, peer],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                cwd=ROOT,
                env=dict(environ),
                start_new_session=True,
            )

        if cpus is not None and hasattr(
            os, "sched_setaffinity"
        ):  # not all libraries heed what they are told of threads
            with suppress(ProcessLookupError):
                os.sched_setaffinity(self._child.pid, sorted(os.sched_getaffinity(0))[-cpus:])

    @property
    def pid(self) -> int:
        return self._child.pid

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """The answer. Raises PeerFault when there is none, or it is a fault."""
        assert self._child.stdin is not None and self._child.stdout is not None
        with self.awake():
            try:
                self._child.stdin.write(json.dumps({"do": do, **request}) + "\n")
                self._child.stdin.flush()
                line = self._child.stdout.readline()
            except BrokenPipeError:
                line = ""
        if not line:
            raise PeerFault((self._log.read_text().strip().splitlines() or ["it died"])[-1])
        answer: dict[str, Any] = json.loads(line)
        if "missing" in answer:
            raise PeerFault(f"not installed: {answer['missing']}")
        if "fault" in answer:
            raise PeerFault(answer["fault"])
        return answer

    @contextmanager
    def awake(self) -> Iterator[None]:
        self._signal(signal.SIGCONT)
        try:
            yield
        finally:
            self._signal(signal.SIGSTOP)

    def close(self) -> None:
        self._signal(signal.SIGKILL)
        self._child.communicate()

    def _signal(self, kind: signal.Signals) -> None:
        if self._child.poll() is None:
            os.killpg(self._child.pid, kind)
