"""Pure decisions: state and event and time in, state and effects out. No I/O, no clock."""
