"""Which way a message goes out: over HTTP, as mail, or by Apprise."""

from __future__ import annotations

from alerting.outbound import Outbound, OutboundMail, OutboundNotice, OutboundReply
from monitor.delivery import apprise, http, smtp
from monitor.delivery.addresses import AddressPolicy


def carry(outbound: Outbound, policy: AddressPolicy, timeout: float | None = None) -> OutboundReply:
    """Send and answer; what goes wrong on the way is in ``error``, in words without the address or any secret.

    ``timeout`` in seconds is the way's own (15 over HTTP, 30 for mail and by Apprise) unless given.
    """
    if isinstance(outbound, OutboundMail):
        return smtp.send(outbound, policy, timeout or smtp.TIMEOUT)
    if isinstance(outbound, OutboundNotice):
        return apprise.send(outbound, policy, timeout or apprise.TIMEOUT)
    return http.send(outbound, policy, timeout or http.TIMEOUT)
