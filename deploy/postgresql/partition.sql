-- Divide the large tables of a hub into 16 partitions by organisation. Run it once, with every hub stopped, as the
-- owner of the tables: psql --single-transaction -v ON_ERROR_STOP=1 -f partition.sql. Hubs notice nothing of it.
-- See docs/replicas.md for what may be divided by time, and what may not.

DO $$
DECLARE
    tables CONSTANT text[] := ARRAY['events', 'journal', 'chains', 'incidents', 'outbox', 'deadlines', 'presence',
                                    'hearings', 'unreadable', 'wired_events', 'faults', 'sessions'];
    parts CONSTANT int := 16;
    name text;
    whole text;
    part int;
    key record;
BEGIN
    FOREACH name IN ARRAY tables LOOP
        whole := name || '_whole';
        EXECUTE format('ALTER TABLE %I RENAME TO %I', name, whole);
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS) PARTITION BY HASH (organisation)', name, whole);
        FOR part IN 0 .. parts - 1 LOOP
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS %s, REMAINDER %s)',
                           name || '_' || part, name, parts, part);
        END LOOP;
        EXECUTE format('INSERT INTO %I SELECT * FROM %I', name, whole);
        FOR key IN SELECT c.conname, pg_get_constraintdef(c.oid) AS definition FROM pg_constraint c
                   WHERE c.conrelid = whole::regclass AND c.contype IN ('p', 'u') LOOP
            EXECUTE format('ALTER TABLE %I RENAME CONSTRAINT %I TO %I', whole, key.conname, key.conname || '_whole');
            -- a unique key of a partitioned table has to contain what it is divided by
            EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I %s', name, key.conname,
                           replace(key.definition, 'PRIMARY KEY (id)', 'PRIMARY KEY (organisation, id)'));
        END LOOP;
        FOR key IN SELECT i.indexname, i.indexdef FROM pg_indexes i
                   WHERE i.schemaname = current_schema() AND i.tablename = whole
                   AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conname = i.indexname) LOOP
            EXECUTE format('ALTER INDEX %I RENAME TO %I', key.indexname, key.indexname || '_whole');
            EXECUTE replace(key.indexdef, '.' || whole || ' ', '.' || name || ' ');
        END LOOP;
        IF name = 'journal' THEN
            ALTER SEQUENCE journal_id_seq OWNED BY journal.id;
        END IF;
        EXECUTE format('DROP TABLE %I', whole);
    END LOOP;
END
$$;
