"""``tocsin hub …`` and ``tocsin journal …``."""

from hub.cli.journal import journal
from hub.cli.main import app

__all__ = ["app", "journal"]
