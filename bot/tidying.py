"""Letting go of models that have had their day, after another is in service: a failure there undoes nothing."""

import asyncio
import logging
from concurrent.futures import Executor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bot.process import give_memory_back
from intents.catalog import spoken_list
from model.versions import prune

logger = logging.getLogger(__name__)

N_NAMED = 3


async def tidy(
    executor: Executor, models_dir: Path, *, n_kept: int, in_use: str, has_replaced: bool
) -> tuple[str, ...]:
    """Remove old models, and give back their memory; return what the admin should know: nothing where all went well.

    Parameters
    ----------
    executor
        The threads to do it on.
    models_dir
        Where the models are.
    n_kept
        How many are kept.
    in_use
        The name of that in service.
    has_replaced
        Whether it is another one than before.
    """
    pruning = partial(prune, models_dir, n_kept=n_kept, in_use=(in_use,), now=datetime.now(UTC))
    loop = asyncio.get_running_loop()
    if has_replaced:
        await loop.run_in_executor(executor, give_memory_back)
    try:
        pruned = await loop.run_in_executor(executor, pruning)
    except Exception as error:
        logger.exception("old models of %s could not be removed", models_dir)
        return (f"Old models in {models_dir} could not be removed ({type(error).__name__}, see the log).",)
    if pruned.removed:
        logger.info("removed old models of %s: %s", models_dir, ", ".join(pruned.removed))
    if not pruned.left:
        return ()
    named = spoken_list(pruned.left, N_NAMED)
    mend = f"Let the bot's account write to {models_dir}, or remove them by hand."
    return (f"Old models could not be removed: {named} (the log says why). {mend}",)
