"""REST, version 1. The organisation is the signed-in account's; nobody can name another."""
