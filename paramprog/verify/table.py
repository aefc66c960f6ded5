"""A report as text and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from paramprog.diagnostics import printable
from paramprog.verify.check import Check, Report
from paramprog.verify.crossing import Crossings
from paramprog.verify.crossing import to_json as crossings_to_json

MANY = 36
"""A longer table has one row a kind of check: its worst."""

WIDEST = 40
"""Source text is cut off here."""

TOLD = {
    "jump": "a jump, which the gradient does not see",
    "unbounded": "no limit on one side",
    "kink": "a kink",
    "smooth": "smooth",
    "not reached": "not reached",
}

MARKS = {True: "ok", False: "FAILED", None: "-"}


def table(report: Report) -> str:
    """The report as aligned plain text."""
    checks = list(report.checks)
    if len(checks) > MANY:
        checks = [
            _summary([c for c in checks if c.name == name]) for name in dict.fromkeys(c.name for c in checks)
        ]
    head = ("check", "", "error", "tolerance", "")
    rows = [head] + [(c.title, MARKS[c.ok], _number(c.error), _number(c.tolerance), c.detail) for c in checks]
    widths = [max(len(row[k]) for row in rows) for k in range(4)]
    lines = [
        f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d:>{widths[3]}}  {e}".rstrip()
        for a, b, c, d, e in rows
    ]
    lines.append(f"paths: {count_text(report.paths)}")
    return "\n".join(lines if report.crossings is None else [*lines, "", *_crossings(report.crossings)])


def _crossings(found: Crossings) -> list[str]:
    """The nearest boundaries, one a line."""
    if not found.found:
        return ["kinks: none; nothing that was computed changes its piece with what is varied"]
    shown = f"kinks: the nearest {len(found.found)}, of {found.count} operation{'s' * (found.count != 1)}"
    head = ("where", "what", "c", "distance", "value jumps by", "gradient by", "")
    rows = [head]
    for c in found.found:
        entry = "" if c.entry is None else f" [{c.entry}]"
        what = printable(c.what)
        what = what if len(what) <= WIDEST else f"{what[: WIDEST - 3]}..."
        at = "" if c.span is None else printable(repr(c.span))
        value, gradient = ("" if x is None else f"{x:.6g}" for x in (c.value_jump, c.gradient_jump))
        near = f"{c.distance:.3g}"
        rows.append((at, what + entry, f"{c.margin:.3g}", near, value, gradient, TOLD[c.verdict]))
    widths = [max(len(row[k]) for row in rows) for k in range(6)]
    lines = [
        f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d:>{widths[3]}}  {e:>{widths[4]}}  "
        f"{f:>{widths[5]}}  {g}".rstrip()
        for a, b, c, d, e, f, g in rows
    ]
    return [shown, *lines]


def to_json(report: Report) -> dict[str, Any]:
    """`{ok, paths, checks: [{name, ok, error, tolerance, detail}]}`; counts beyond 2^53 and non-finite
    numbers as strings. `kinks` is as in crossings.py, if they were asked for.
    """
    kinks = {} if report.crossings is None else {"kinks": crossings_to_json(report.crossings)}
    return {
        "ok": report.ok,
        "paths": report.paths if report.paths <= 2**53 else exact(report.paths),
        "checks": [
            {
                "name": c.title,
                "ok": c.ok,
                "error": _json_number(c.error),
                "tolerance": _json_number(c.tolerance),
                "detail": c.detail,
            }
            for c in report.checks
        ],
        **kinks,
    }


def exact(count: int) -> str:
    """All digits: `str` refuses more than 4300."""
    chunks = []
    while count >= 10**4000:
        count, low = divmod(count, 10**4000)
        chunks.append(f"{low:04000d}")
    return "".join([str(count), *reversed(chunks)])


def duration(seconds: float) -> str:
    """`3.2 s`, `5 hours`, `10^12 years`."""
    if math.isinf(seconds):
        return "more than 10^300 years"
    for size, unit in ((1.0, "s"), (60.0, "minutes"), (3600.0, "hours"), (86400.0, "days")):
        if seconds < (1000 if unit == "days" else 100) * size:
            amount = seconds / size
            return f"{amount:.0f} {unit}" if amount >= 10 else f"{amount:.2g} {unit}"
    years = seconds / (365.25 * 86400)
    return f"{years:.2g} years" if years < 1e4 else f"10^{math.floor(math.log10(years))} years"


def _summary(checks: Sequence[Check]) -> Check:
    """One row for checks of one kind: the worst, with how many there are."""
    if len(checks) == 1:
        return checks[0]

    def badness(c: Check) -> tuple[int, float]:
        relative = c.error / c.tolerance if c.tolerance > 0 else c.error
        return ([True, None, False].index(c.ok), 0.0 if c.ok is None else relative)

    worst = max(checks, key=badness)
    done = sum(c.ok is not None for c in checks)
    note = f"{done} of {len(checks)} made, worst: {worst.of}"
    return Check(
        worst.name,
        worst.ok,
        worst.error,
        worst.tolerance,
        f"{note}; {worst.detail}" if worst.detail else note,
    )


def count_text(paths: int) -> str:
    """Exact up to 80 digits."""
    if paths < 10**80:
        return f"{paths:,}" if paths < 10**15 else str(paths)
    return f"about 10^{math.floor(math.log10(paths))}"


def _number(x: float) -> str:
    return "" if math.isnan(x) else "0" if x == 0 else f"{x:.1e}"


def _json_number(x: float) -> float | str:
    return x if math.isfinite(x) else "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"
