"""What the bot says of itself, where a catalog's `phrases` has no words of its own. Standard library only."""

from collections.abc import Mapping
from typing import Literal

PhraseName = Literal[
    "stale",
    "cancelled",
    "cancel_hint",
    "given_up",
    "nothing_to_repeat",
    "consent",
    "passed_on",
    "not_passed_on",
    "nobody",
    "yes",
    "no",
    "examples",
]

PHRASES: Mapping[PhraseName, str] = {
    "stale": "That choice is no longer open. Ask me again, and I will show you what there is now.",
    "cancelled": "All right, I have stopped there.",
    "cancel_hint": "Say 'cancel' to stop.",
    "given_up": "Let us leave it there for now. Ask me again whenever you like.",
    "nothing_to_repeat": "I have not said anything yet.",
    "consent": "Shall I pass this on to a person? They will see your name and your message.",
    "passed_on": "Done, I have passed it on. Somebody will get back to you.",
    "not_passed_on": "All right, nothing was passed on.",
    "nobody": "Sorry, I cannot reach anybody just now. Please try again later.",
    "yes": "Yes, please",
    "no": "No, thanks",
    "examples": "Ask me in your own words, for example:",
}
