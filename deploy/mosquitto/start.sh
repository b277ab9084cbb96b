#!/bin/sh
# Start the broker in its directory. A list of who may come in that is missing is begun anew from access/seed.json, which
# lets in the hub's administration alone; the hub then writes the rest of it within seconds.
set -eu
cd "${TOCSIN_BROKER_DIR:-/mosquitto}"
umask 077
mkdir -p data log
if [ ! -s data/dynamic-security.json ]; then
    cp access/seed.json data/dynamic-security.json
fi
exec mosquitto -c "${TOCSIN_BROKER_CONF:-mosquitto.conf}"
