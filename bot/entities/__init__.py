"""Values in messages: what a member answers to a prompt, and what a first message already says.

The libraries that read dates, numbers and choices are loaded when the first value of their type is read. Everything
here may take some milliseconds, the first date some hundreds: it belongs on the worker thread.
"""

from bot.entities.finding import find_values
from bot.entities.reading import read_value, warm_up
from bot.entities.values import InvalidValueError, SlotValue

__all__ = ["InvalidValueError", "SlotValue", "find_values", "read_value", "warm_up"]
