"""A world on a virtual radio, in which the real device, gateway and hub run."""
