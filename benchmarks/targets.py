"""What is aimed at: the time of ours by that of a peer, at most `limit`, in one run."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.harness import Outcome


@dataclass(frozen=True)
class Target:
    """`peer` is one, or stands for all whose name begins with it: then the fastest of them counts."""

    workload: str
    peer: str
    limit: float


@dataclass(frozen=True)
class Found:
    """A target beside what was measured; `ratio` is None where there was nothing to measure."""

    target: Target
    peer: str = ""
    ratio: float | None = None

    @property
    def met(self) -> bool:
        return self.ratio is not None and self.ratio <= self.target.limit


TARGETS = (
    Target("one-sample", "casadi", 1.0),
    Target("one-sample", "jax", 0.03),
    Target("many-samples", "torch.compile", 0.45),
    Target("many-samples", "jax", 0.1),
    Target("digits-64-f32", "jax", 0.3),
    Target("digits-64-f64", "jax", 0.45),
    Target("digits-full-f32", "jax", 0.9),
    Target("digits-full-f64", "jax", 1.1),
    Target("wide-f32", "jax", 1.05),
    Target("wide-f32", "matrix products alone", 1.25),  # 80% of their speed
    Target("lstm", "jax scan", 0.1),
    Target("gmm", "jax", 0.5),
    Target("gmm-32", "jax", 0.7),
    Target("gmm-10k", "jax", 0.2),
    Target("fluid", "jax scan", 0.25),
    Target("rnn", "jax scan", 0.2),
    Target("start", "jax", 0.5),
    Target("straight-10k-text", "casadi", 1.0),
    Target("straight-10k", "casadi", 1.0),
    Target("straight-100k-text", "casadi", 3.0),
    Target("straight-100k", "casadi", 1.0),
)

GRADIENT_BY_PRIMAL = 5.0
"""The bound of the theory on the time of a gradient by that of the value."""


def against(target: Target, outcome: Outcome) -> Found:
    """Our ratio to the fastest of the peers that are meant."""
    times = {
        name: measured.time()
        for name, measured in outcome.peers.items()
        if name.startswith(target.peer) and measured.time() is not None
    }
    if target.peer in times:
        return Found(target, target.peer, outcome.ratio(target.peer))
    if not times:
        return Found(target)
    fastest = min(times, key=lambda name: times[name] or 0.0)
    return Found(target, fastest, outcome.ratio(fastest))


def targets_of(outcome: Outcome) -> list[Found]:
    return [against(target, outcome) for target in TARGETS if target.workload == outcome.name]
