# Bytes on the air <-> events. Kept importable by MicroPython: nothing in this file.
