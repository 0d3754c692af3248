"""`python -m scripts.benchmark`: latency, throughput, start and memory of the current bundle, LiteRT beside Keras."""

import argparse
import functools
import json
import operator
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from model.bundle import BundleError, current_path, load_bundle
from scripts.benchmark_probe import READY
from scripts.options import fail, settings_or_exit, training_libraries, write_json

with training_libraries():
    from rich.table import Table

    from scripts.tables import plain_console

N_RUNS = 3
"""Processes started for each runtime, in turn; every figure is their median."""


class ProbeError(Exception):
    """The measured process ended without its figures."""


def main() -> int:
    """Measure and print; return 0, or 1 if there is no bundle or a process fails."""
    settings = settings_or_exit()
    parser = argparse.ArgumentParser(prog="python -m scripts.benchmark", description=__doc__)
    parser.add_argument("--models", type=Path, default=settings.models_dir, metavar="DIR", help="(%(default)s)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures here too")
    arguments = parser.parse_args()
    try:
        bundle = load_bundle(current_path(arguments.models))
        size_mb = sum(file.stat().st_size for file in bundle.path.iterdir()) / 1_000_000
        runs: dict[str, list[dict[str, Any]]] = {"litert": [], "keras": []}
        for _ in range(N_RUNS):
            for runtime, measured in runs.items():
                measured.append(_run(arguments.models, runtime))
    except (BundleError, ProbeError) as error:
        fail(error)
    figures = _median(runs["litert"]) | {"bundle_mb": round(size_mb, 2)}
    figures["baseline"] = _median(runs["keras"]) | {"bundle_mb": round(size_mb, 2)}
    _print(figures)
    if arguments.json is not None:
        write_json(arguments.json, figures)
    return 0


def _run(models_dir: Path, runtime: str) -> dict[str, Any]:
    """Start a process, and return its figures and how long it took to its first answer."""
    command = [sys.executable, "-m", "scripts.benchmark_probe", str(models_dir), runtime]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        started = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process:  # noqa: S603
            assert process.stdout is not None
            is_ready = process.stdout.readline().strip() == READY
            ready_s = time.perf_counter() - started
            rest = process.stdout.read()
        if not is_ready or process.returncode:
            errors.seek(0)
            raise ProbeError(f"the measured process failed:\n{errors.read()}")
    figures: dict[str, Any] = json.loads(rest)
    return {"ready_s": round(ready_s, 3)} | figures


def _median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    first = runs[0]
    return {
        name: _median([run[name] for run in runs])
        if isinstance(value, dict)
        else statistics.median(run[name] for run in runs)
        if isinstance(value, float | int)
        else value
        for name, value in first.items()
    }


def _print(figures: dict[str, Any]) -> None:
    baseline = figures["baseline"]
    table = Table("", figures["runtime"], baseline["runtime"], title="Medians of the runs", title_justify="left")
    for name, *path in (
        ("start to first answer, s", "ready_s"),
        ("resident memory, MB", "rss_mb"),
        ("one answer, p50 ms", "latency_ms", "p50"),
        ("one answer, p99 ms", "latency_ms", "p99"),
        ("messages a second", "messages_per_s"),
    ):
        table.add_row(name, *(str(functools.reduce(operator.getitem, path, of)) for of in (figures, baseline)))
    console = plain_console()
    console.print(table)
    console.print(f"bundle: {figures['bundle_mb']} MB")


if __name__ == "__main__":
    sys.exit(main())
