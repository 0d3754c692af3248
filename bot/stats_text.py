"""What `/admin stats` shows: the figures since the start, in words. Pure functions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.metrics import Summary

N_INTENTS = 5
"""Of the intents answered, how many are named."""

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400


@dataclass(frozen=True, slots=True)
class Serving:
    """What serves.

    Parameters
    ----------
    model
        The name of the bundle.
    trained_at
        When it was trained, aware.
    n_intents
        In its catalog.
    runtime
        What runs it.
    uptime_s
        How long the process has run, in seconds.
    memory_bytes
        What it holds of the memory; None where that cannot be told.
    """

    model: str
    trained_at: datetime
    n_intents: int
    runtime: str
    uptime_s: float
    memory_bytes: int | None


def stats_text(serving: Serving, summary: Summary, n_by_intent: Mapping[str, int], now: datetime) -> str:
    """Return the figures, a line each.

    Parameters
    ----------
    serving
        What serves.
    summary
        What was counted since the start.
    n_by_intent
        How often each intent was answered.
    now
        Aware.
    """
    age = spoken_duration((now - serving.trained_at).total_seconds())
    most = sorted(n_by_intent.items(), key=lambda item: (-item[1], item[0]))[:N_INTENTS]
    memory = "" if serving.memory_bytes is None else f", {serving.memory_bytes / 2**20:.0f} MB of memory"
    platforms = [f"{name} {'connected' if is_up else 'not connected'}" for name, is_up in summary.platforms.items()]
    lines = [
        f"Running for {spoken_duration(serving.uptime_s)}{memory}.",
        f"Model: {serving.model}, trained {age} ago, {serving.n_intents} intents, runtime {serving.runtime}.",
        f"Platforms: {_listed(platforms)}.",
        f"Messages: {_counts(summary.messages)}.",
        f"Answers by reason: {_counts(summary.answers)}.",
        f"Most answered: {_counts(dict(most))}.",
        f"Votes: {summary.votes_up} up, {summary.votes_down} down.",
        f"Contexts held: {summary.contexts}. Waiting to be scored: {summary.waiting}.",
        f"Reloads: {_counts(summary.reloads)}.",
    ]
    if summary.median_s is not None and summary.slowest_s is not None:
        lines.append(f"Half of the answers {_within(summary.median_s)}, 99 of 100 {_within(summary.slowest_s)}.")
    return "\n".join(lines)


def resident_bytes() -> int | None:
    """Return what the process holds of the memory; None where the system does not tell."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return 1_024 * int(line.split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return None


def spoken_duration(seconds: float) -> str:
    """Return a duration in its two greatest units."""
    minutes = max(0, int(seconds)) // MINUTE_S
    if minutes == 0:
        return f"{max(0, int(seconds))} s"
    if minutes < HOUR_S // MINUTE_S:
        return f"{minutes} min"
    if minutes < DAY_S // MINUTE_S:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = minutes // 60
    return f"{hours // 24} d {hours % 24} h"


def _within(bound_s: float) -> str:
    if math.isinf(bound_s):
        return "took longer than any bound"
    return f"within {1_000 * bound_s:.0f} ms" if bound_s < 1 else f"within {bound_s:g} s"


def _counts(counts: Mapping[str, int]) -> str:
    return _listed([f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))])


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts) or "none"
