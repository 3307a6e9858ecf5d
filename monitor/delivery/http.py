"""One HTTP request, sent to an address that was checked, within an overall time limit."""

from __future__ import annotations

import asyncio
import functools
import logging
import socket
import ssl

import httpx

from alerting.outbound import OutboundReply, OutboundRequest
from monitor.delivery.addresses import MAX_ADDRESSES, PRIVATE, AddressPolicy

TIMEOUT = 15.0

for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # below it they write whole addresses, which hold secrets


class NotSent(Exception):
    """Nothing was sent; the message says why and names no address."""


def send(request: OutboundRequest, policy: AddressPolicy, timeout: float = TIMEOUT) -> OutboundReply:
    """Send and answer; what goes wrong on the way is in ``error``, in words without the address or any secret.

    The name is resolved once, and the connection goes to the address that was checked. Redirects are not followed,
    proxies of the environment not used. ``timeout`` in seconds holds for everything together.
    """
    begun: list[str] = []
    try:
        return asyncio.run(asyncio.wait_for(_send(request, policy, timeout, begun), timeout))
    except NotSent as error:
        return OutboundReply(None, error=str(error), unsent=True)
    except (TimeoutError, httpx.TimeoutException):
        return OutboundReply(None, error=f"no answer within {timeout:g} s", unsent=not begun)
    except httpx.ConnectError as error:
        untrusted = "CERTIFICATE" in str(error).upper()
        words = "its certificate is not trusted" if untrusted else "no connection could be made"
        return OutboundReply(None, error=words, unsent=True)
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, ValueError) as error:
        return OutboundReply(None, error=f"the exchange failed ({type(error).__name__})")


async def _send(request: OutboundRequest, policy: AddressPolicy, timeout: float, begun: list[str]) -> OutboundReply:
    """``begun`` is not empty from the moment on that the first byte of the request is written."""
    url = httpx.URL(request.url)
    if url.scheme not in ("http", "https") or not url.host:
        raise NotSent("its address does not start with https:// or http://")
    addresses = await _checked(url, policy)
    async with httpx.AsyncClient(verify=_certificates(), trust_env=False, timeout=timeout) as client:
        for address in addresses[:-1]:
            try:
                return await _exchange(client, url, address, request, begun)
            except httpx.ConnectError:
                continue  # the next address of the same name
        return await _exchange(client, url, addresses[-1], request, begun)


async def _checked(url: httpx.URL, policy: AddressPolicy) -> list[str]:
    """The addresses of the host that may be called."""
    port = url.port or (443 if url.scheme == "https" else 80)
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotSent("its name does not resolve") from error
    addresses = list(dict.fromkeys(str(where[4][0]) for where in found))
    permitted = [address for address in addresses if policy.permits(url.host, address)]
    if not permitted:
        raise NotSent(PRIVATE)
    return permitted[:MAX_ADDRESSES]


async def _exchange(
    client: httpx.AsyncClient, url: httpx.URL, address: str, request: OutboundRequest, begun: list[str]
) -> OutboundReply:
    async def note(event: str, _info: object) -> None:
        if event.endswith("send_request_headers.started"):
            begun.append(event)

    prepared = client.build_request(
        request.method,
        url.copy_with(host=address),
        headers={**request.headers, "host": url.netloc.decode("ascii"), "accept-encoding": "identity"},
        content=request.body,
        extensions={"sni_hostname": url.host, "trace": note},
    )
    reply = await client.send(prepared, stream=True)
    try:
        return OutboundReply(reply.status_code, dict(reply.headers), await _beginning(reply, request.most))
    finally:
        await reply.aclose()


async def _beginning(reply: httpx.Response, most: int) -> bytes:
    """The first bytes of a body, as sent: plain ones were asked for, and unpacking others could blow up."""
    body = b""
    async for part in reply.aiter_raw():
        body += part
        if len(body) >= most:
            break
    return body[:most]


@functools.cache
def _certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()
