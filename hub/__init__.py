"""The hub: records what gateways hear, matches it to sessions, and does not let go until a named person has it."""
