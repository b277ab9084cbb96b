"""What a board brings. The types are in ``ports.pyi``: MicroPython has no protocols, mypy has.

``Ecb``: a function from 16 bytes to 16 bytes, AES-ECB under one key.

``Block``: a function from a key (16 bytes) to its ``Ecb``. The device has two keys at a time: root and working.

``Store``: an object that remembers three numbers over a loss of power.

* ``load() -> (epoch, counter, generation)``; ``(0, 0, 0)`` when nothing was ever saved. An error goes up: without its
  epoch a device would repeat the identities of old events, and the hub would take a new alarm for an old one.
* ``save(epoch, counter, generation)`` is atomic: after a loss of power at any moment ``load`` answers the old numbers
  or the new ones, all three. It may raise OSError; the device then goes on and reports a fault.
"""

Ecb = object
Block = object
Store = object
