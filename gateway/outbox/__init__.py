"""What must not be lost, on disk until the hub has it."""

from gateway.outbox.database import OutboxBusyError
from gateway.outbox.outbox import Outbox

__all__ = ["Outbox", "OutboxBusyError"]
