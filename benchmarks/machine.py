"""What a report says of the machine: CPU, compiler, BLAS and the kind of core it thinks it runs on, versions, load."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

PEERS = ("numpy", "scipy", "jax", "jaxlib", "torch", "autograd", "casadi")


def cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def versions() -> dict[str, str]:
    """Of paramprog and its peers, as far as they are installed."""
    found = {}
    for name in ("paramprog", *PEERS):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def blas() -> str:
    """NumPy's BLAS, its version and core type in force."""
    import numpy as np
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    told = [
        f"{p['internal_api']} {p['version']}, core type {p.get('architecture', 'unknown')}" for p in pools
    ]
    return f"NumPy {np.__version__}: {'; '.join(told) or 'unknown'}"


def commit() -> str:
    """Of the checkout, with a + where files differ from it."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def load() -> str:
    """Mean number of running processes in the last 1, 5 and 15 minutes."""
    return " ".join(f"{x:.2f}" for x in os.getloadavg())


def describe(threads: int) -> dict[str, Any]:
    from paramprog.compile.toolchain import toolchain

    tool = toolchain()
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "threads": threads,
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "python": platform.python_version(),
        "compiler": tool.name if tool else "none",
        "flags": " ".join(tool.flags) if tool else "",
        "blas": blas(),
        "versions": versions(),
        "load_before": load(),
    }
