"""How people reach the hub: the console in a browser, and the same over HTTP for programs."""
