"""Connections to checked addresses alone: what an action may reach over the network.

A host's addresses are resolved once, checked, and connected to as they were checked. No name is looked up a second
time: no answer of a name server can slip between the check and the connection.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpcore
import httpx

from bot.action_values import ActionError

MOST_CONNECTIONS = 16
MOST_ADDRESSES = 4
"""Of a host, that are tried one after the other."""

GLOBAL_UNICAST = IPv6Network("2000::/3")
"""The only part of IPv6 that is given out for the public internet (RFC 4291, section 2.4; IANA's registry)."""

DOCUMENTATION = (IPv6Network("2001:db8::/32"), IPv6Network("3fff::/20"))
NAT64 = IPv6Network("64:ff9b::/96")
"""The well-known prefix of RFC 6052: the last 32 bits are an IPv4 address."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a host; raises OSError when it has none."""


class PrivateAddressError(ActionError):
    """An endpoint, or what it redirects to, is not on the public internet."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host as the system knows them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: str) -> bool:
    """Tell whether an address is on the public internet, and not private, loopback, link-local, multicast or reserved.

    An IPv6 address that carries one of IPv4 (mapped, 6to4, NAT64) is what the carried one is.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        if parsed.scope_id is not None:
            return False
        carried = parsed.ipv4_mapped or parsed.sixtofour
        if parsed in NAT64:
            carried = IPv4Address(int(parsed) & 0xFFFFFFFF)
        if carried is None:
            is_documentation = any(parsed in network for network in DOCUMENTATION)
            return parsed in GLOBAL_UNICAST and parsed.is_global and not is_documentation
        parsed = carried
    return parsed.is_global and not (parsed.is_multicast or parsed.is_reserved or parsed.is_unspecified)


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to the addresses of a host after checking every one of them.

    Parameters
    ----------
    resolve
        Looks up addresses.
    allow_private
        Whether any address will do.
    """

    def __init__(self, resolve: Resolve, *, allow_private: bool) -> None:
        self._resolve = resolve
        self._allow_private = allow_private
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers.

        Raises
        ------
        PrivateAddressError
            One of the addresses is not public, though it has to be.
        """
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the host has no address") from error
        if not self._allow_private and not all(is_public(address) for address in addresses):
            raise PrivateAddressError("the endpoint is at a private address; set allow_private: true if that is meant")
        fault = httpcore.ConnectError("the host has no address")
        tried = addresses[:MOST_ADDRESSES]
        for address in tried:
            try:
                return await self._network.connect_tcp(
                    address, port, timeout and timeout / len(tried), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = httpcore.ConnectError(str(error))
        raise fault

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._network.sleep(seconds)


class CheckedTransport(httpx.AsyncBaseTransport):
    """A transport of httpx over checked connections.

    Proxies are not used: they would look names up on their own. Connections are not shared between transports, so that
    what one may reach is not passed on to another.

    Parameters
    ----------
    resolve
        Looks up addresses.
    allow_private
        Whether any address will do.
    """

    def __init__(self, resolve: Resolve, *, allow_private: bool) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=MOST_CONNECTIONS,
            max_keepalive_connections=0,  # actions are rare, and an old connection has an old address
            network_backend=CheckedBackend(resolve, allow_private=allow_private),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the response's body is read by who gets it.

        Raises
        ------
        httpx.TransportError
            The host does not answer, or not HTTP.
        PrivateAddressError
            The host may not be reached.
        """
        url = request.url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        with _errors_of_httpx():
            response = await self._pool.handle_async_request(
                httpcore.Request(
                    request.method,
                    target,
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(response.status, headers=response.headers, stream=_Body(response))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors_of_httpx():
            async for part in self._response.aiter_stream():
                yield part

    async def aclose(self) -> None:
        await self._response.aclose()


@contextmanager
def _errors_of_httpx() -> Iterator[None]:
    try:
        yield
    except (
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.TimeoutException,
        httpcore.UnsupportedProtocol,
    ) as error:
        raise httpx.TransportError(type(error).__name__) from error  # its text may hold a header's secret
