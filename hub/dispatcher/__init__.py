"""What the outbox holds, sent: notifications to people, stages and questions to devices."""

from hub.dispatcher.dispatcher import Dispatcher

__all__ = ["Dispatcher"]
