-- What a broker without Mosquitto's dynamic security has to let in, read from the hub's own database: two views for a
-- broker that asks PostgreSQL (see docs/replicas.md). The hub's own account is not among them.

CREATE OR REPLACE VIEW broker_users AS
SELECT concat_ws('.', organisation, gateway, generation, connection) AS username,
       concat_ws('.', organisation, gateway, connection) AS client_id,
       secret_hash AS password_hash -- SHA-256 of the password, hexadecimal, no salt: it is 256 random bits
FROM credentials CROSS JOIN (VALUES ('alarm'), ('presence')) AS connections (connection)
WHERE ends_at IS NULL;

CREATE OR REPLACE VIEW broker_rules AS
SELECT concat_ws('.', organisation, gateway, generation, connection) AS username,
       'allow' AS permission, action,
       concat_ws('/', 'tocsin/v1', organisation, CASE WHEN owner = '' THEN gateway ELSE owner END, channel) AS topic
FROM credentials
CROSS JOIN (VALUES ('alarm'), ('presence')) AS connections (connection)
CROSS JOIN (VALUES ('publish', '', 'event'), ('publish', '', 'status'), ('publish', '', 'presence'),
                   ('publish', '', 'position'), ('subscribe', '', 'receipt'), ('subscribe', '', 'command'),
                   ('subscribe', 'hub', 'status')) AS rules (action, owner, channel)
WHERE ends_at IS NULL;
