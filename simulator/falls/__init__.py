"""The fall detector held against recordings of real accelerometers."""
