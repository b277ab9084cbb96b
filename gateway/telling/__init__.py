"""The hub's word, and our own, to the wearer over GATT."""
