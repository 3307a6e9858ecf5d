"""Where requests may go: not into private networks, unless the operator names the host, address or network."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

PRIVATE = "its address is private; PLIMSOLL_ALLOW_TARGETS can name it"
MAX_ADDRESSES = 4  # of one name that are tried

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """``allow`` holds host names, addresses and networks; ``loopback`` lets this machine be called."""

    allow: tuple[str, ...] = ()
    loopback: bool = False

    def permits(self, host: str, address: str) -> bool:
        """Whether a request to ``host``, which resolved to ``address``, may be sent there."""
        if host.lower().rstrip(".") in {name.lower().rstrip(".") for name in self.allow}:
            return True
        found = _inner(ipaddress.ip_address(address.split("%")[0]))
        if any(found in network for network in self._networks() if network.version == found.version):
            return True
        if found.is_loopback:
            return self.loopback
        return found.is_global and not found.is_multicast and not found.is_reserved

    def _networks(self) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        found = []
        for text in self.allow:
            try:
                found.append(ipaddress.ip_network(text.strip("[]"), strict=False))
            except ValueError:
                continue  # a name
        return found


def _inner(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that only carries it, so that no disguise helps."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
