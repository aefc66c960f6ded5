"""The report, with one command:

    python -m benchmarks --out report/

Value and gradient of each workload, compiled to C, beside its peers: report.md, report.json, report.png in the folder.
Peers come with `pip install 'paramprog[bench]'`; those that are not there are left out. For each target that is missed
there is a profile, where `perf` is installed. The exit code is 1 when results differ.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks.harness import Options, measure
from benchmarks.hotspots import profile
from benchmarks.machine import describe, load
from benchmarks.processes import PeerFault
from benchmarks.report import Report, duration, number
from benchmarks.targets import targets_of
from benchmarks.workloads import ASKED_FOR, WORKLOADS, find


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the report is written")
    parser.add_argument(
        "--only", nargs="+", default=[name for name in WORKLOADS if name not in ASKED_FOR], metavar="WORKLOAD"
    )
    parser.add_argument(
        "--peers", nargs="+", default=[], metavar="PEER", help="beside ours, those that begin so"
    )
    parser.add_argument("--rounds", type=int, default=30, help="at most, for each workload (30)")
    parser.add_argument("--seconds", type=float, default=20.0, help="for the rounds of a workload (20)")
    parser.add_argument("--threads", type=int, default=1, help="and CPUs, for all peers (1)")
    parser.add_argument(
        "--clock",
        choices=("wall", "cpu"),
        default="wall",
        help="cpu: time of the process, for one thread on a busy machine",
    )
    parser.add_argument("--quick", action="store_true", help="5 rounds, short turns: to see that it works")
    parser.add_argument("--list", action="store_true", help="the workloads and their peers")
    found = parser.parse_args()
    for name in found.only:
        try:
            find(name)
        except ValueError as unknown:
            parser.error(str(unknown))
    return found


def main() -> int:
    given = arguments()
    if given.list:
        for name, make in WORKLOADS.items():
            workload = make()
            print(f"{name:16} {workload.title}: {', '.join(workload.peers)}")
        return 0
    options = Options(given.rounds, given.seconds, 0.01, given.threads, given.clock, given.peers)
    if given.quick:
        options = Options(5, 2.0, 0.002, given.threads, given.clock, given.peers)
    report = Report({**describe(options.threads), "clock": options.clock}, options)
    begin = time.perf_counter()
    for name in given.only:
        one(name, report)
    report.seconds = time.perf_counter() - begin
    report.machine["load_after"] = load()
    if given.out:
        report.write(given.out)
        picture(report, given.out / "report.png")
        print(f"{given.out / 'report.md'}, {report.seconds:.0f} s", file=sys.stderr)
    for line in report.refused:
        print(f"error: {line}", file=sys.stderr)
    return 1 if report.refused or report.failed else 0


def one(name: str, report: Report) -> None:
    """Measure a workload, and say what was found."""
    try:
        outcome = measure(name, find(name)(), report.options)
    except PeerFault as fault:
        report.failed[name] = str(fault)
        print(f"{name}: {fault}", flush=True)
        return
    report.outcomes.append(outcome)
    if any(found.ratio is not None and not found.met for found in targets_of(outcome)):
        text = profile(name, report.options.threads)
        if text:
            report.profiles[name] = text
    if "ours" not in outcome.peers:
        report.failed[name] = outcome.left_out.get("ours", "")
    told = [f"{peer} {number(outcome.ratio(peer))}" for peer in outcome.peers if peer != "ours"]
    told += [f"{peer}: {why}" for peer, why in outcome.left_out.items()]
    mine = outcome.peers.get("ours")
    print(f"{outcome.title}: {duration(mine.time() if mine else None)}; of {', '.join(told)}", flush=True)


def picture(report: Report, file: Path) -> None:
    try:
        from benchmarks.plot import draw

        draw(report, file)
    except ImportError as missing:
        print(f"no picture: {missing}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
