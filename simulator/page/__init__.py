"""The page of a world, and the API behind it, on loopback."""

from simulator.page.app import create

__all__ = ["create"]
