"""What every program of Tocsin needs and no other module is the place for: command, settings, log, MQTT link."""

from importlib.metadata import version

__version__ = version("tocsin")
