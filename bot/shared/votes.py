"""Votes that several processes share: an answer of one can be voted on through another."""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from bot.feedback import DAY_S, KEPT_DAYS, OPEN_DAYS, Feedback, Thumbs, Vote
from bot.shared.link import RedisLink, StateAwayError, key, pattern

KEPT_S = round(KEPT_DAYS * DAY_S)
MONTH_S = round(31 * DAY_S)

_VOTE = """
local votable = redis.call('GET', KEYS[1])
if not votable then return 'closed' end
local intent, is_up = votable, ARGV[2]
local before = redis.call('HGET', KEYS[2], ARGV[1])
if before then
    local vote = cjson.decode(before)
    if vote.is_up == is_up then return 'same' end
    redis.call('HINCRBY', ARGV[3] .. vote.month, cjson.encode({vote.is_up, vote.intent}), -1)
end
redis.call('HSET', KEYS[2], ARGV[1], cjson.encode({is_up = is_up, intent = intent, month = ARGV[4]}))
redis.call('EXPIRE', KEYS[2], ARGV[5])
local counts = ARGV[3] .. ARGV[4]
redis.call('HINCRBY', counts, cjson.encode({is_up, intent}), 1)
redis.call('EXPIRE', counts, ARGV[6])
return before and 'changed' or 'new'
"""

_FORGET = """
local votes = redis.call('HVALS', KEYS[1])
for _, text in ipairs(votes) do
    local vote = cjson.decode(text)
    if redis.call('EXISTS', ARGV[1] .. vote.month) == 1 then
        redis.call('HINCRBY', ARGV[1] .. vote.month, cjson.encode({vote.is_up, vote.intent}), -1)
    end
end
redis.call('DEL', KEYS[1])
return #votes
"""

UP, DOWN = "up", "down"


class SharedFeedback(Feedback):
    """Votes in Redis: by person, so that each has one and can be forgotten, and counted by month.

    Parameters
    ----------
    link
        To the Redis that all processes share.
    local
        Votes on answers from before there was one, or given while it was away.
    clock
        Returns seconds since the epoch.
    """

    def __init__(self, link: RedisLink, local: Feedback, *, clock: Callable[[], float] = time.time) -> None:
        self._link = link
        self._local = local
        self._clock = clock

    async def open_vote(self, platform: str, answer_id: str, intent: str) -> None:
        """Take votes on an answer from now on; see `Feedback.open_vote`."""
        try:
            await self._link.do("SET", key("votable", platform, answer_id), intent, "EX", round(OPEN_DAYS * DAY_S))
        except StateAwayError:
            await self._local.open_vote(platform, answer_id, intent)

    async def prune(self) -> None:
        """Forget what is too old; Redis does so by itself."""
        await self._local.prune()

    async def vote(self, platform: str, answer_id: str, user_id: str, *, is_up: bool) -> Vote:
        """Count a person's vote in place of their earlier one; see `Feedback.vote`."""
        month = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m")
        keys = [key("votable", platform, answer_id), key("votes", platform, user_id)]
        counts = key("thumbs", "")
        choice = UP if is_up else DOWN
        # those that were opened here while Redis was away, or before there was one, are not known there
        vote = await self._local.vote(platform, answer_id, user_id, is_up=is_up)
        if vote is Vote.CLOSED:
            vote = Vote(await self._link.run(_VOTE, keys, answer_id, choice, counts, month, KEPT_S, KEPT_S + MONTH_S))
        return vote

    async def counts(self) -> Mapping[str, Thumbs]:
        """Return the votes by intent; see `Feedback.counts`."""
        found: dict[str, dict[str, int]] = defaultdict(lambda: {UP: 0, DOWN: 0})
        for intent, thumbs in (await self._local.counts()).items():
            found[intent] = {UP: thumbs.up, DOWN: thumbs.down}
        for name in await self._link.find(pattern("thumbs", None)):
            flat = await self._link.do("HGETALL", name)
            for field, number in flat.items():
                choice, intent = json.loads(field)
                found[intent][choice] += int(number)
        counted = [(intent, Thumbs(one[UP], one[DOWN])) for intent, one in found.items() if any(one.values())]
        return dict(sorted(counted, key=lambda one: (-one[1].down, one[0])))

    async def forget_person(self, platform: str, user_id: str) -> None:
        """Forget a person's votes; see `Feedback.forget_person`."""
        await self._local.forget_person(platform, user_id)
        await self._link.run(_FORGET, [key("votes", platform, user_id)], key("thumbs", ""))
