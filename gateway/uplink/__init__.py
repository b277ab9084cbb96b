"""To the hub and back over MQTT."""
