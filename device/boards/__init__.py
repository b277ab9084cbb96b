"""Thin ports of the core to real hardware, one module per board.

A port owns the pins, the radio, the accelerometer, the flash and the clock, and no decision. It

* builds ``Core(block, key, address, store)`` (see ``device/ports.py``), then calls ``battery``, ``start``;
* hands every input to the core with its own monotonic milliseconds (MicroPython's ``ticks_ms`` wraps: extend it);
* calls ``step`` no later than ``core.next_ms``;
* after every call, if ``core.output.revision`` moved: advertises ``output.advertisement``, connectable, every
  ``output.interval_ms``, and plays the patterns of ``device/language.py`` that ``output.led``, ``.buzzer`` and
  ``.vibration`` name;
* serves GATT as ``protocols/ble/gatt.py`` says: a write to DOWNLINK goes to ``core.downlink``, a write to the Alert
  Level to ``core.alert``, a read of REPORT answers ``output.service_data``.
"""
