"""A process with some shards of a bot that repeats what it is told, for tests of several processes."""

import asyncio
import signal
import sys
from pathlib import Path

from adapters.discord_adapter import DiscordAdapter
from tests.bots import BotOf
from tests.e2e.discord_runs import COMMANDS, echo


async def serve(token: str, api_url: str, gateway_url: str, state_dir: str, shard_count: str, *shard_ids: str) -> None:
    adapter = DiscordAdapter(
        token=token,
        bot=BotOf(echo, COMMANDS),
        guild_ids=(),
        state_dir=Path(state_dir),
        api_url=api_url,
        gateway_url=gateway_url,
        shard_count=int(shard_count),
        shard_ids=[int(shard_id) for shard_id in shard_ids],
    )
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await adapter.run(stopping)


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
