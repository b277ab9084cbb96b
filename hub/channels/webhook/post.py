"""Standard Webhooks (standardwebhooks.com): headers ``webhook-id``, ``webhook-timestamp``, ``webhook-signature``.

The signature is ``v1,`` and the base64 of HMAC-SHA256 over ``id.timestamp.body``. The id is the same at every attempt,
so the receiver can drop repeats.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Final

import httpx

from hub.channels import wording
from hub.channels.port import ChannelError, Field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from hub.channels.port import Outgoing
    from hub.settings import WebhookSettings

_GONE: Final = frozenset({httpx.codes.GONE, httpx.codes.NOT_FOUND})


class WebhookChannel:
    """Every webhook of every organisation, by organisation and name."""

    carries = frozenset({Field.WHO, Field.WHAT, Field.WHEN, Field.LINK, Field.PLACE})

    def __init__(
        self,
        webhooks: Mapping[tuple[str, str], WebhookSettings],
        *,
        clock: Callable[[], datetime],
        client: httpx.Client | None = None,
    ) -> None:
        self._webhooks = webhooks
        self._clock = clock
        self._client = client or httpx.Client(follow_redirects=False)

    def send(self, outgoing: Outgoing) -> str:
        settings = self._webhooks.get((outgoing.organisation, outgoing.target))
        if settings is None:
            raise ChannelError("webhook", f"no webhook {outgoing.target} is configured", permanent=True)
        content = _content(outgoing)
        headers = signed(settings.secret(), outgoing.id, self._clock(), content)
        try:
            response = self._client.post(
                str(settings.url), content=content, headers=headers, timeout=settings.timeout_s
            )
        except httpx.HTTPError as failure:
            raise ChannelError("webhook", str(failure) or type(failure).__name__, permanent=False) from failure
        if not response.is_success:
            gone = response.status_code in _GONE
            raise ChannelError("webhook", f"answered {response.status_code}", permanent=gone)
        return f"answered {response.status_code}"


def signed(secret: bytes, message_id: str, at: datetime, content: bytes) -> dict[str, str]:
    """The headers that prove where ``content`` comes from."""
    timestamp = str(int(at.timestamp()))
    mac = hmac.new(secret, b".".join((message_id.encode(), timestamp.encode(), content)), hashlib.sha256)
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(mac.digest()).decode()}",
    }


def _content(outgoing: Outgoing) -> bytes:
    facts = outgoing.facts
    return json.dumps(
        {
            "type": f"tocsin.{facts.message}",
            "timestamp": facts.opened_at.isoformat(),
            "data": {
                "organisation": outgoing.organisation,
                "incident": outgoing.incident,
                "what": facts.what,
                "who": facts.who,
                "place": facts.place,
                "phase": facts.phase,
                "duress": facts.duress,
                "discreet": facts.discreet,
                "certain": facts.certain,
                "reasons": facts.reasons,
                "after_restore": facts.after_restore,
                "observed_at": facts.observed_at.isoformat(),
                "age_s": facts.age_s,
                "audience": facts.audience,
                "round": facts.round,
                "count": facts.count,
                "text": wording.subject(facts),
                "link": facts.link,
            },
        },
        sort_keys=True,
    ).encode()
