"""A signed HTTP POST to a system of the organisation's own."""

from hub.channels.webhook.post import WebhookChannel

__all__ = ["WebhookChannel"]
