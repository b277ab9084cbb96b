"""Virtual time needs no deadline in real time: a busy machine is no failure of a device."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("virtual time", settings.get_profile("default"), deadline=None)
settings.load_profile("virtual time")
