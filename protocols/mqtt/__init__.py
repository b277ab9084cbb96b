"""What travels over MQTT: topics, envelopes, and the AsyncAPI document made from them."""
