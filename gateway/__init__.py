"""The gateway: hears the wearables, keeps their alarms until the hub has them, and answers the wearer."""
