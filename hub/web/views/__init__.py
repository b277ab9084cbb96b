"""From records to what is shown: pure functions; times in the organisation's zone."""
