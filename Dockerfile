# Images of Tocsin: `docker build .` makes the hub's; --target gateway or simulator the others'.
#
# The base can be pinned:  --build-arg PYTHON=python:3.11-slim-trixie@sha256:…
# What is installed on it is pinned by the hashes in requirements.lock.

ARG PYTHON=python:3.11-slim-trixie

FROM ${PYTHON} AS checkout
WORKDIR /src
COPY . .

FROM checkout AS hub-installed
RUN tools/install-locked /opt/tocsin hub

FROM checkout AS gateway-installed
RUN tools/install-locked /opt/tocsin gateway

FROM checkout AS simulator-installed
RUN tools/install-locked /opt/tocsin simulator

# What all of them share: a user without a password or a shell, and a directory that it may write to. Everything else
# belongs to root; run it with a read-only root file system.
FROM ${PYTHON} AS runtime
LABEL org.opencontainers.image.title="Tocsin" \
      org.opencontainers.image.description="An open, self-hosted lone-worker alarm system" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/tocsin/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONSAFEPATH=1
RUN groupadd --gid 10001 tocsin \
    && useradd --uid 10001 --gid tocsin --no-create-home --home-dir /var/lib/tocsin-hub --shell /usr/sbin/nologin tocsin \
    && install --directory --owner tocsin --group tocsin --mode 0700 \
        /var/lib/tocsin-hub /var/lib/tocsin-authority /var/lib/tocsin-broker /var/lib/tocsin-broker/log \
        /var/lib/tocsin-site /var/lib/tocsin-gateway /var/backups/tocsin \
    && install --directory /etc/tocsin
USER 10001:10001
WORKDIR /var/lib/tocsin-hub
STOPSIGNAL SIGTERM
ENTRYPOINT ["tocsin"]
CMD ["--help"]

FROM runtime AS gateway
COPY --from=gateway-installed /opt/tocsin /opt/tocsin
CMD ["gateway", "run", "--config", "/etc/tocsin/gateway.toml"]

FROM runtime AS simulator
COPY --from=simulator-installed /opt/tocsin /opt/tocsin

# pg_dump and pg_restore, for `tocsin hub backup`; not older than the PostgreSQL of docker-compose.yml.
FROM runtime AS hub
USER 0
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/*
USER 10001:10001
COPY --from=hub-installed /opt/tocsin /opt/tocsin
EXPOSE 8443
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["tocsin", "hub", "healthy", "--config", "/etc/tocsin/hub.toml"]
CMD ["hub", "run", "--config", "/etc/tocsin/hub.toml"]
