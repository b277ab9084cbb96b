"""Messages of gateways, recorded: one transaction for what came in a few milliseconds, receipts after commit."""
