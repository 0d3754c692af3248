"""What an adapter may raise: one class per different reaction of the supervisor.

AdapterError
├── TokenRefusedError         stop this platform: only the operator can mend it
└── PlatformUnavailableError  try again later
"""


class AdapterError(Exception):
    """Base of everything that leaves an adapter. Its text never holds a token."""


class TokenRefusedError(AdapterError):
    """The platform does not accept the token.

    Parameters
    ----------
    variable
        The environment variable that holds the token.
    or_else
        What else may be at fault, and its mend; nothing if it can only be the token.
    """

    def __init__(self, variable: str, *, or_else: str = "") -> None:
        text = f"{variable} was refused by the platform: copy the bot's token again, whole, into {variable}"
        super().__init__(f"{text}; {or_else}" if or_else else text)
        self.variable = variable


class PlatformUnavailableError(AdapterError):
    """The platform cannot be reached, or the connection ended for good; trying again may help."""
