"""Actions that call an HTTP endpoint: what is wrong with one before it is called, the call, and reading its answer.

Everything that comes over the network is taken for hostile: where it leads, how long it takes, how much it is.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, NoReturn
from urllib.parse import quote

import httpx

from bot.action_values import ActionError, Filler
from bot.config import SECRET_VARIABLES
from bot.public_network import CheckedTransport, Resolve, is_public, resolve
from intents.catalog import Action
from intents.placeholders import fill, placeholder_names

MOST_BYTES = 65_536
MOST_REDIRECTS = 3
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
KEEPS_METHOD = frozenset({307, 308})
"""The redirects after which a request is repeated as it was (RFC 9110, sections 15.4.8 and 15.4.9)."""

OF_THE_CONNECTION = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that say how a message is sent, which is not the catalog's to say."""

_ADDRESS = re.compile(
    r"(?P<origin>(?P<scheme>https?)://(?P<authority>[^/?#\\\s]+))(?P<rest>(?:[/?#].*)?)", re.DOTALL | re.IGNORECASE
)
_ENVIRONMENT = re.compile(r"\{env:(?P<name>[^{}\s]+)\}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\t -~]*")
_DOT_SEGMENTS = frozenset({".", ".."})


def endpoint_faults(action: Action, environment: Mapping[str, str]) -> list[str]:
    """Return what is wrong with an action that calls an endpoint, each with its mend; nothing is looked up or sent."""
    faults = []
    try:
        url = _parsed(str(action.url))
        if not action.allow_private and _is_literal(url.host) and not is_public(url.host):
            faults.append(f"{url.host} is a private address; set allow_private: true if that is meant")
    except ActionError as error:
        faults.append(str(error))
    if action.method.upper() not in METHODS:
        faults.append(f"the method {action.method} is not known; use one of {', '.join(METHODS)}")
    try:
        body = json.dumps(action.body, allow_nan=False)
        secrets = [name for name in placeholder_names(f"{action.url} {body}") if name.startswith("env:")]
        if secrets:
            faults.append(f"{{{secrets[0]}}} stands outside the headers; secrets go into headers only")
    except (TypeError, ValueError, RecursionError):
        faults.append("the body cannot be written as JSON; quote dates and the like, so that they are texts")
    for name, template in action.headers.items():
        try:
            _header(name, template, environment)
        except ActionError as error:
            faults.append(str(error))
    return faults


class EndpointCaller:
    """Calls endpoints over connections that it keeps to public addresses.

    Parameters
    ----------
    environment
        Where headers take secrets from.
    resolve
        Looks up the addresses of a host.
    """

    def __init__(self, environment: Mapping[str, str], resolve: Resolve = resolve) -> None:
        self._environment = environment
        self._resolve = resolve
        self._clients: dict[bool, httpx.AsyncClient] = {}

    async def call(self, action: Action, filler: Filler) -> str | float | Mapping[str, object] | None:
        """Call an endpoint and return what its answer holds: a scalar, or a mapping of names to scalars.

        Raises
        ------
        ActionError
            It may not be called, gave no answer in time, or not one that can be used.
        """
        url = _parsed(_filled_url(str(action.url), filler))
        headers = dict(_header(name, template, self._environment) for name, template in action.headers.items())
        content = None
        if action.body is not None:
            content = json.dumps(filler.value(action.body), allow_nan=False).encode("ascii")
        try:
            async with asyncio.timeout(action.timeout_s):
                return await self._follow(action, url, headers, content)
        except TimeoutError:
            raise ActionError(f"the endpoint gave no answer within {action.timeout_s:g} s") from None
        except httpx.HTTPError as error:
            fault = error.__cause__ or error  # named without its text, which may hold what was sent
            raise ActionError(f"the endpoint gives no answer: {type(fault).__name__}") from None

    async def aclose(self) -> None:
        """Close every connection."""
        while self._clients:
            await self._clients.popitem()[1].aclose()

    def _client(self, *, allow_private: bool) -> httpx.AsyncClient:
        """Return the client of one policy, so that no connection made under the other serves it."""
        if allow_private not in self._clients:
            self._clients[allow_private] = httpx.AsyncClient(
                transport=CheckedTransport(self._resolve, allow_private=allow_private),
                trust_env=False,
                headers={
                    "User-Agent": "Parley",
                    "Accept": "application/json, text/plain",
                    "Accept-Encoding": "identity",
                },
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # one member's are no other's
            )
        return self._clients[allow_private]

    async def _follow(
        self, action: Action, url: httpx.URL, headers: dict[str, str], content: bytes | None
    ) -> str | float | Mapping[str, object] | None:
        client, method, origin = self._client(allow_private=action.allow_private), action.method.upper(), _origin(url)
        for _ in range(MOST_REDIRECTS + 1):
            sent = headers if _origin(url) == origin else {}  # secrets go to the host that they were meant for
            if content is not None and "content-type" not in {name.lower() for name in sent}:
                sent = sent | {"Content-Type": "application/json"}
            request = client.build_request(method, url, headers=sent, content=content, timeout=action.timeout_s)
            response = await client.send(request, stream=True)
            try:
                if not response.has_redirect_location:
                    return await _read(response)
            finally:
                await response.aclose()
            url = _redirected(url, response.headers["location"])
            if response.status_code not in KEEPS_METHOD:
                method, content = "HEAD" if method == "HEAD" else "GET", None
        raise ActionError(f"the endpoint redirects more than {MOST_REDIRECTS} times")


def _parsed(address: str) -> httpx.URL:
    """Return an address that may be called, as far as that can be told without looking anything up."""
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise ActionError("the url does not begin with https:// or http:// and a host")
    if placeholder_names(match["authority"]):
        raise ActionError("the url has a placeholder in its host; placeholders go into its path and query only")
    if "@" in match["authority"]:
        raise ActionError("the url holds a user or password; put them into a header, with {env:NAME}")
    try:
        url = httpx.URL(address)
    except (httpx.InvalidURL, ValueError):
        raise ActionError("the url cannot be read; see that its host and port are right") from None
    if not url.host or url.userinfo or not 0 < (url.port or 80) < 65_536:  # noqa: PLR2004 - ports have 16 bits
        raise ActionError("the url has no host that can be called")
    return url


def _filled_url(template: str, filler: Filler) -> str:
    """Return the address with percent-encoded values, none of which leaves its part of the path or query."""
    match = _ADDRESS.fullmatch(template)
    if match is None:
        return template
    texts = {name: quote(text, safe="", errors="replace") for name, text in filler.texts(match["rest"]).items()}
    rest = fill(match["rest"], texts)
    path = re.split(r"[?#]", rest, maxsplit=1)[0]
    if not _DOT_SEGMENTS.isdisjoint(path.split("/")):
        raise ActionError("a value would change the path of the url")
    return match["origin"] + rest


def _redirected(url: httpx.URL, location: str) -> httpx.URL:
    try:
        target = _parsed(str(url.join(location)))
    except (httpx.InvalidURL, ValueError, ActionError):
        raise ActionError("the endpoint redirects to an address that cannot be called") from None
    if url.scheme == "https" and target.scheme != "https":
        raise ActionError("the endpoint redirects from https to http, where anyone can read along")
    return target


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}[url.scheme]


def _is_literal(host: str) -> bool:
    """Tell whether a host is an address rather than a name."""
    return ":" in host or host.replace(".", "").isdigit() or host == "localhost"


def _header(name: str, template: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """Return a header with its secrets in it."""
    if not _HEADER_NAME.fullmatch(name) or name.lower() in OF_THE_CONNECTION:
        raise ActionError(f"the header {name} cannot be set; leave it out")

    def secret(match: re.Match[str]) -> str:
        variable = match["name"]
        if variable in SECRET_VARIABLES:
            raise ActionError(f"the header {name} asks for {variable}, which is the bot's own secret; use another")
        if not environment.get(variable):
            raise ActionError(f"the header {name} asks for {variable}, which is not set; set it in the environment")
        return environment[variable]

    if others := [one for one in placeholder_names(template) if not one.startswith("env:")]:
        raise ActionError(f"the header {name} has the placeholder {others[0]}; headers take {{env:NAME}} only")
    value = _ENVIRONMENT.sub(secret, template).strip()
    if not _HEADER_VALUE.fullmatch(value):
        raise ActionError(f"the header {name} has characters that headers cannot have; use printable ASCII")
    return name, value


async def _read(response: httpx.Response) -> str | float | Mapping[str, object] | None:
    """Return what an answer holds."""
    if response.status_code >= 300:  # noqa: PLR2004 - HTTP's successes end here; redirects are followed before
        raise ActionError(f"the endpoint answers with status {response.status_code}")
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise ActionError("the endpoint compresses its answer, though it was asked not to")
    body = bytearray()
    async for part in response.aiter_raw():
        body += part
        if len(body) > MOST_BYTES:
            raise ActionError(f"the endpoint's answer is larger than {MOST_BYTES} bytes")
    kind = response.headers.get("content-type", "text/plain").partition(";")[0].strip().lower()
    try:
        text = body.decode(response.charset_encoding or "utf-8").removeprefix("\ufeff")
        if kind == "application/json" or kind.endswith("+json"):
            return _scalars(json.loads(text, parse_constant=_refuse) if text.strip() else None)
    except (ValueError, LookupError, RecursionError):
        raise ActionError("the endpoint's answer is damaged: it is not what its content type says") from None
    if kind != "text/plain" and text:
        raise ActionError("the endpoint's answer is neither JSON nor plain text")
    return text.strip()


def _scalars(value: Any) -> str | float | Mapping[str, object] | None:  # noqa: ANN401 - any JSON
    """Return the part of a JSON value that responses can name."""
    if isinstance(value, list):
        raise ActionError("the endpoint's answer is a list; it has to be an object, a text or a number")
    if isinstance(value, dict):
        return {name: item for name, item in value.items() if not isinstance(item, dict | list)}
    scalar: str | float | None = value
    return scalar


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
