"""Which way a message goes out: over HTTP, as mail, or by Apprise."""

from __future__ import annotations

from alerting.outbound import Outbound, OutboundMail, OutboundNotice, OutboundReply
from monitor.delivery import apprise, http, smtp
from monitor.delivery.addresses import AddressPolicy


def carry(outbound: Outbound, policy: AddressPolicy) -> OutboundReply:
    """Send and answer; what goes wrong on the way is in ``error``, in words without the address or any secret."""
    if isinstance(outbound, OutboundMail):
        return smtp.send(outbound, policy)
    if isinstance(outbound, OutboundNotice):
        return apprise.send(outbound, policy)
    return http.send(outbound, policy)
