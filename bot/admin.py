"""Who is an admin."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.base import IncomingMessage


@dataclass(frozen=True, slots=True)
class Admins:
    """Who is an admin.

    Parameters
    ----------
    ids
        The users' ids by platform. Who sits at the terminal is the operator, and an admin.
    role_ids
        The ids of roles whose members are admins, by platform.
    managed
        The ids of servers, by platform, whose managers are admins as well. Of those only: whoever wants to can have a
        server of their own, and add the bot to it.
    """

    ids: Mapping[str, frozenset[str]]
    role_ids: Mapping[str, frozenset[str]] = field(default_factory=dict)
    managed: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def include(self, message: IncomingMessage) -> bool:
        """Whether the message comes from an admin."""
        platform = message.platform
        return (
            platform == "console"
            or message.user_id in self.ids.get(platform, frozenset())
            or not message.role_ids.isdisjoint(self.role_ids.get(platform, frozenset()))
            or (message.can_manage and message.server_id in self.managed.get(platform, frozenset()))
        )
