"""Where our time goes, by `perf`: for targets that were missed."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.processes import PeerFault, Process, environment

SECONDS = 1.0
MOST = 8
KERNEL_LINES = 40
APART = "-fno-inline-functions-called-once"


class Spot(NamedTuple):
    """A function, where it is, and its share of the samples, in percent."""

    share: float
    library: str
    function: str


LINE = re.compile(r"\s*(\d+\.\d+)%\s+(\S+)\s+\[[.k]\]\s+(\S+)")


def parse(report: str) -> list[Spot]:
    """From the text of `perf report --sort dso,symbol`, the largest first."""
    found = [LINE.match(line) for line in report.splitlines()]
    return [Spot(float(m[1]), m[2], m[3]) for m in found if m]


def watch(process: Process, step: str = "gradient") -> list[Spot]:
    """What a worker spends a second of steps on; nothing where perf may not look."""
    with TemporaryDirectory() as folder:
        data = Path(folder) / "perf.data"
        words = ["perf", "record", "-q", "-e", "cpu-clock", "-o", str(data), "-p", str(process.pid)]
        watcher = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10 * SECONDS
        while not data.exists() and watcher.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        try:
            process.ask("spend", step=step, seconds=SECONDS)
        finally:
            watcher.send_signal(signal.SIGINT)
            watcher.wait()
        told = subprocess.run(
            ["perf", "report", "-q", "-i", str(data), "--stdio", "--sort", "dso,symbol"],
            capture_output=True,
            text=True,
            check=False,
        )
    return parse(told.stdout)[:MOST]


def excerpt(source: str, function: str) -> str:
    """The beginning of a C function, "" if it is not in the source."""
    lines = source.splitlines()
    name = re.compile(rf"^static\b.*\b{re.escape(function.split('.')[0])}\(.*\{{$")
    at = next((k for k, line in enumerate(lines) if name.match(line)), None)
    if at is None:
        return ""
    end = next((k for k in range(at, len(lines)) if lines[k] == "}"), at)
    shown = lines[at : end + 1]
    return "\n".join(shown[:KERNEL_LINES] + ["    ..."] * (len(shown) > KERNEL_LINES))


def profile(workload: str, threads: int) -> str:
    """A page of text: where ours spends its time, then the code of these kernels; "" where there is no perf.

    It is compiled anew, so that each kernel is a function that perf can name.
    """
    from paramprog.compile.toolchain import toolchain

    tool = toolchain()
    if shutil.which("perf") is None or tool is None:
        return ""
    with TemporaryDirectory() as folder:
        environ = environment(threads, Path(folder)) | {"CC": shlex.join([*tool.command, APART])}
        process = Process(workload, "ours", environ, Path(folder) / "said.txt", threads)
        try:
            process.ask("make", results=str(Path(folder) / "found.npz"))
            spots, source = watch(process), process.ask("source")["source"]
        except PeerFault:
            return ""
        finally:
            process.close()
    table = "\n".join(f"{s.share:6.2f}%  {s.function}  ({s.library})" for s in spots)
    kernels = [excerpt(source, s.function) for s in spots if s.function.startswith("k")][:4]
    return "\n\n".join([table, *filter(None, kernels)]) + "\n" if spots else ""
