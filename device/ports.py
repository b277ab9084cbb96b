"""What a board brings. The types are in ``ports.pyi``: MicroPython has no protocols, mypy has.

``Ecb``: a function from 16 bytes to 16 bytes, AES-ECB under the device's key.

``Store``: an object that remembers two numbers over a loss of power.

* ``load() -> (epoch, counter)``; ``(0, 0)`` when nothing was ever saved. An error goes up: without its epoch a device
  would repeat the identities of old events, and the hub would take a new alarm for an old one.
* ``save(epoch, counter)`` is atomic: after a loss of power at any moment ``load`` answers the old pair or the new one.
  It may raise OSError; the device then goes on and reports a fault.
"""

Ecb = object
Store = object
