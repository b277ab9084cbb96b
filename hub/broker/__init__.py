"""The broker: who may do what there, what it refused, and a small one of our own for one box."""
