"""From the radio to what is worth telling."""
