"""The process that `scripts.benchmark` starts and measures: an engine as the bot builds it, without a network.

Writes a line when the first answer is there, then its figures as one line of JSON.
"""

import argparse
import asyncio
import importlib
import json
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from adapters.base import IncomingMessage
from bot.actions import ActionRunner
from bot.config import Settings
from bot.context import ContextStore
from bot.engine import IntentEngine
from bot.handoff import Handoff
from bot.inference import Inference
from bot.process import prepare_process
from bot.service import ServiceLoader
from model.classifier import IntentClassifier

READY = "ready"
N_MESSAGES = 2_000
N_AT_ONCE = 50
WARM_UP = 100


def main() -> int:
    """Build the engine, answer, measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("models", type=Path)
    parser.add_argument("runtime", choices=("litert", "keras"))
    arguments = parser.parse_args()
    prepare_process()  # as the bot does
    service = ServiceLoader(arguments.models, None, runtime=arguments.runtime).at_start()
    print(json.dumps(asyncio.run(_measure(service.classifier))))
    return 0


async def _measure(classifier: IntentClassifier) -> dict[str, object]:
    inference = Inference(classifier)
    contexts = ContextStore(capacity=10_000, ttl_s=1_200.0)
    actions = ActionRunner(Settings().action_modules)
    engine = IntentEngine(inference, contexts, actions, Handoff({}), random.Random(0))  # noqa: S311 - draws responses
    # a word more than the pattern: what equals a pattern is answered without the network
    texts = [f"{pattern} please" for intent in classifier.catalog.topics for pattern in intent.patterns]
    await engine.reply(_message(texts[0], 0))
    print(READY, flush=True)
    for name in ("adapters.discord_adapter", "adapters.telegram_adapter"):
        importlib.import_module(name)
    latencies_ms = []
    for number in range(N_MESSAGES + WARM_UP):
        message = _message(texts[number % len(texts)], number)
        started = time.perf_counter()
        await engine.reply(message)
        latencies_ms.append(1_000 * (time.perf_counter() - started))
    started = time.perf_counter()
    for number in range(0, N_MESSAGES, N_AT_ONCE):
        await asyncio.gather(
            *(engine.reply(_message(texts[one % len(texts)], one)) for one in range(number, number + N_AT_ONCE))
        )
    duration_s = time.perf_counter() - started
    p50, p99 = np.percentile(latencies_ms[WARM_UP:], [50, 99]).round(3).tolist()
    inference.close()
    return {
        "rss_mb": round(_resident_mb(), 1),
        "latency_ms": {"p50": p50, "p99": p99},
        "messages_per_s": round(N_MESSAGES / duration_s),
        "runtime": classifier.runtime.name,
    }


def _message(text: str, user: int) -> IncomingMessage:
    return IncomingMessage(
        platform="console",
        conversation_id="benchmark",
        user_id=str(user % 1_000),
        message_id="0",
        text=text,
        display_name="you",
        is_direct=True,
        is_addressed=True,
        locale=None,
        received_at=datetime.now(UTC),
    )


def _resident_mb() -> float:
    """Return the resident memory: the present one where the system tells it (Linux), else the greatest."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1_024
    import resource  # noqa: PLC0415 - Windows has none

    greatest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return greatest / (1_024**2 if sys.platform == "darwin" else 1_024)


if __name__ == "__main__":
    sys.exit(main())
