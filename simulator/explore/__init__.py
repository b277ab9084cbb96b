"""A whole Tocsin in one process and one thread, on a virtual clock, looking for lost alarms. See docs/explore.md."""
