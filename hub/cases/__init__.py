"""What the hub does, one transaction each: load the state, decide, save it, queue the effects, write the journal."""
