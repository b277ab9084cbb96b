"""How a gateway becomes one of an organisation's, and stays it: code, credential, keys."""
