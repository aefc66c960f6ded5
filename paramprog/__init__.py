"""paramprog: gradients you can read, check and trust.

program = paramprog.load("programs/running_example.pp")
program(P=0.3, Q=0.7)                      # the value
program.grad(wrt=["W0"]).gradients["W0"]   # d(value)/dW0
program.verify().ok                        # against the sum over all paths, and independent oracles
paramprog.train(program, "data.csv", out="run")    # params fitted to the rows of a file
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Program", "ProgramError", "__version__", "load", "loads", "train"]

if TYPE_CHECKING:
    from paramprog.diagnostics import ProgramError
    from paramprog.program import Program, load, loads
    from paramprog.training import train


def __getattr__(name: str) -> Any:
    """Import on first use, so that `paramprog --help` does not wait for NumPy."""
    if name in ("Program", "load", "loads"):
        from paramprog import program

        return getattr(program, name)
    if name == "train":
        from paramprog.training import train

        return train
    if name == "ProgramError":
        from paramprog.diagnostics import ProgramError

        return ProgramError
    raise AttributeError(f"module 'paramprog' has no attribute {name!r}")
