"""Where somebody was, and how well that is known."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads it at run time
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class FixSource(StrEnum):
    """What a location was read from."""

    GNSS = "gnss"
    NETWORK = "network"
    GATEWAY = "gateway"
    MANUAL = "manual"


class LocationFix(BaseModel):
    """One location, WGS 84.

    Attributes:
        latitude: degrees north.
        longitude: degrees east.
        accuracy_m: radius in metres within which the true place lies with 68 % (as in W3C Geolocation it is the
            source's own claim).
        fixed_at: when it was measured; its age is judged from this.
        source: what it was read from.
    """

    model_config = ConfigDict(frozen=True)

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    accuracy_m: Annotated[float, Field(ge=0)]
    fixed_at: datetime
    source: FixSource

    def age_s(self, now: datetime) -> float:
        """Seconds since the fix; never negative, so a clock ahead of ours does not make it fresh for long."""
        return max(0.0, (now - self.fixed_at).total_seconds())
