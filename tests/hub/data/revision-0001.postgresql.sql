-- A hub's database of version 0.1.0 (revision 0001), made by that version's code: PostgreSQL.
-- One organisation, two closed and two live incidents, a session under way; the device's key is 00 01 … 0f.
CREATE TABLE public.accounts (
    organisation character varying(40) NOT NULL,
    id character varying(64) NOT NULL,
    name character varying(200) NOT NULL,
    email character varying(320),
    password_hash character varying(200),
    role character varying(20) NOT NULL,
    active boolean NOT NULL
);
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.assignments (
    organisation character varying(40) NOT NULL,
    id character varying(64) NOT NULL,
    address character varying(17) NOT NULL,
    worker character varying(64) NOT NULL,
    since timestamp with time zone NOT NULL,
    until timestamp with time zone
);
CREATE TABLE public.chains (
    organisation character varying(40) NOT NULL,
    chain character varying(64) NOT NULL,
    length integer NOT NULL,
    head character varying(64) NOT NULL
);
CREATE TABLE public.deadlines (
    organisation character varying(40) NOT NULL,
    kind character varying(20) NOT NULL,
    subject character varying(80) NOT NULL,
    due_at timestamp with time zone NOT NULL
);
CREATE TABLE public.devices (
    organisation character varying(40) NOT NULL,
    address character varying(17) NOT NULL,
    label character varying(200) NOT NULL,
    key bytea NOT NULL,
    downlink_counter bigint NOT NULL,
    revoked_at timestamp with time zone,
    proved_at timestamp with time zone
);
CREATE TABLE public.events (
    organisation character varying(40) NOT NULL,
    address character varying(17) NOT NULL,
    epoch integer NOT NULL,
    sequence integer NOT NULL,
    stage integer NOT NULL,
    cause integer NOT NULL,
    counter bigint NOT NULL,
    battery integer NOT NULL,
    observed_at timestamp with time zone NOT NULL,
    time_quality character varying(20) NOT NULL,
    received_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    gateway character varying(40) NOT NULL,
    rssi integer NOT NULL,
    frame bytea NOT NULL,
    incident character varying(64)
);
CREATE TABLE public.faults (
    organisation character varying(40) NOT NULL,
    id character varying(64) NOT NULL,
    kind character varying(40) NOT NULL,
    subject character varying(80) NOT NULL,
    open_key character varying(130),
    detail text NOT NULL,
    raised_at timestamp with time zone NOT NULL,
    cleared_at timestamp with time zone,
    shelved_until timestamp with time zone,
    shelved_by character varying(64),
    shelved_why text
);
CREATE TABLE public.gateways (
    organisation character varying(40) NOT NULL,
    id character varying(64) NOT NULL,
    place character varying(64),
    state character varying(20) NOT NULL,
    boot character varying(64) NOT NULL,
    version character varying(40) NOT NULL,
    outbox_depth integer NOT NULL,
    blind boolean NOT NULL,
    heard_at timestamp with time zone NOT NULL
);
CREATE TABLE public.hearings (
    organisation character varying(40) NOT NULL,
    address character varying(17) NOT NULL,
    gateway character varying(40) NOT NULL,
    heard_at timestamp with time zone NOT NULL,
    rssi integer NOT NULL
);
CREATE TABLE public.incidents (
    organisation character varying(40) NOT NULL,
    id character varying(64) NOT NULL,
    subject character varying(80) NOT NULL,
    live_subject character varying(80),
    kind character varying(20) NOT NULL,
    phase character varying(20) NOT NULL,
    due timestamp with time zone,
    rung integer NOT NULL,
    round integer NOT NULL,
    duress boolean NOT NULL,
    cancelled_by_wearer boolean NOT NULL,
    holder character varying(64),
    outcome character varying(20),
    opened_at timestamp with time zone NOT NULL,
    observed_at timestamp with time zone NOT NULL,
    verdict character varying(20) NOT NULL,
    reasons text NOT NULL,
    worker character varying(64),
    session character varying(64),
    place character varying(64),
    address character varying(17),
    gateway character varying(40)
);
CREATE TABLE public.journal (
    id bigint NOT NULL,
    organisation character varying(40) NOT NULL,
    chain character varying(80) NOT NULL,
    number integer NOT NULL,
    at timestamp with time zone NOT NULL,
    action character varying(40) NOT NULL,
    by character varying(64),
    detail text NOT NULL,
    previous character varying(64) NOT NULL,
    digest character varying(64) NOT NULL
);
CREATE SEQUENCE public.journal_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.journal_id_seq OWNED BY public.journal.id;
CREATE TABLE public.organisations (
    id character varying(40) NOT NULL,
    name character varying(200) NOT NULL,
    zone character varying(64) NOT NULL
);
CREATE TABLE public.outbox (
    organisation character varying(40) NOT NULL,
    id character varying(64) NOT NULL,
    rank integer NOT NULL,
    kind character varying(20) NOT NULL,
    incident character varying(64),
    fault character varying(64),
    channel character varying(20) NOT NULL,
    recipient character varying(64),
    message character varying(40) NOT NULL,
    payload text NOT NULL,
    state character varying(20) NOT NULL,
    attempts integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone,
    done_at timestamp with time zone,
    detail text NOT NULL
);
CREATE TABLE public.places (
    organisation character varying(40) NOT NULL,
    id character varying(64) NOT NULL,
    name character varying(200) NOT NULL,
    address text NOT NULL,
    latitude double precision,
    longitude double precision
);
CREATE TABLE public.presence (
    organisation character varying(40) NOT NULL,
    address character varying(17) NOT NULL,
    counter bigint NOT NULL,
    heard_at timestamp with time zone NOT NULL,
    gateway character varying(40) NOT NULL,
    battery integer NOT NULL,
    worn boolean NOT NULL,
    fault boolean NOT NULL,
    epoch integer NOT NULL,
    sequence integer NOT NULL,
    told integer NOT NULL
);
CREATE TABLE public.sessions (
    organisation character varying(40) NOT NULL,
    id character varying(64) NOT NULL,
    worker character varying(64) NOT NULL,
    place character varying(64) NOT NULL,
    phase character varying(20) NOT NULL,
    risk character varying(20) NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    wears_device boolean NOT NULL,
    ended_at timestamp with time zone,
    start_due timestamp with time zone,
    overrun_due timestamp with time zone,
    silence_due timestamp with time zone
);
CREATE TABLE public.sign_ins (
    token_hash character varying(64) NOT NULL,
    organisation character varying(40) NOT NULL,
    account character varying(64) NOT NULL,
    csrf character varying(64) NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.unreadable (
    organisation character varying(40) NOT NULL,
    id character varying(64) NOT NULL,
    gateway character varying(40) NOT NULL,
    digest character varying(64) NOT NULL,
    payload bytea NOT NULL,
    problems text NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    incident character varying(64)
);
CREATE TABLE public.workers (
    organisation character varying(40) NOT NULL,
    id character varying(64) NOT NULL,
    name character varying(200) NOT NULL,
    email character varying(320),
    phone character varying(40),
    supervisor character varying(64)
);
ALTER TABLE ONLY public.journal ALTER COLUMN id SET DEFAULT nextval('public.journal_id_seq'::regclass);
INSERT INTO public.accounts VALUES ('acme', 'sam', 'Sam Super', 'sam@acme.example', NULL, 'supervisor', true);
INSERT INTO public.accounts VALUES ('acme', 'mo', 'Mo Manager', 'mo@acme.example', NULL, 'manager', true);
INSERT INTO public.alembic_version VALUES ('0001');
INSERT INTO public.assignments VALUES ('acme', 'c0b8ff96010847408027', 'C0:FF:EE:00:00:01', 'alice', '2026-03-02 09:00:00+00', NULL);
INSERT INTO public.chains VALUES ('acme', 'e89aba9a6b4a49e9965a', 4, 'f591da08b8dcb68539d8697a4628bc65fab8707e1641461f2dd5ff1fc6c8553e');
INSERT INTO public.chains VALUES ('acme', 'ae2a39adbebf47b1ac82', 4, 'bd928caccfb30017d377a213cc21eb1406b41d94e8719417da03b3d32f4351d0');
INSERT INTO public.chains VALUES ('acme', 'fb0718f423164c33abf2', 4, '12df907945a4d21475ed2fe0ed6ad5779c23029106276d59c6411c8c9ca8cd66');
INSERT INTO public.chains VALUES ('acme', '9ae8bfede92846da86de', 2, '5759ca23946a11f7292f0d5be1014cf30c917a8d83176ee836276ea61a5fd088');
INSERT INTO public.chains VALUES ('acme', 'd081c787d6964efca101', 1, '210b3fe47035a0848638ad18295dd146aae048cbdd28673517a8e8d587f94f76');
INSERT INTO public.deadlines VALUES ('acme', 'overrun', 'e89aba9a6b4a49e9965a', '2026-03-02 10:05:00+00');
INSERT INTO public.deadlines VALUES ('acme', 'silence', 'e89aba9a6b4a49e9965a', '2026-03-02 09:01:30+00');
INSERT INTO public.deadlines VALUES ('acme', 'incident', '9ae8bfede92846da86de', '2026-03-02 09:03:50+00');
INSERT INTO public.deadlines VALUES ('acme', 'incident', 'd081c787d6964efca101', '2026-03-02 09:03:50+00');
INSERT INTO public.devices VALUES ('acme', 'C0:FF:EE:00:00:01', 'alarm 1', '\x000102030405060708090a0b0c0d0e0f', 7, NULL, NULL);
INSERT INTO public.events VALUES ('acme', 'C0:FF:EE:00:00:01', 1, 1, 0, 7, 2, 80, '2026-03-02 09:00:30+00', 'unsynchronised', '2026-03-02 09:00:30+00', '2026-03-02 09:00:30+00', 'north', -60, '\x41df4e6375c87ee1746685dd93ba1d89020000001fc2647a', NULL);
INSERT INTO public.events VALUES ('acme', 'C0:FF:EE:00:00:01', 1, 2, 1, 3, 3, 80, '2026-03-02 09:00:30+00', 'unsynchronised', '2026-03-02 09:00:30+00', '2026-03-02 09:00:30+00', 'north', -60, '\x418a8f3c068d8216e381c17af102751f03000000e65ba9f1', 'ae2a39adbebf47b1ac82');
INSERT INTO public.events VALUES ('acme', 'C0:FF:EE:00:00:01', 1, 2, 3, 3, 4, 80, '2026-03-02 09:00:30+00', 'unsynchronised', '2026-03-02 09:00:30+00', '2026-03-02 09:00:30+00', 'north', -60, '\x41fca8c2064613e5312ca17acedd3a2a04000000fb770015', 'ae2a39adbebf47b1ac82');
INSERT INTO public.events VALUES ('acme', 'C0:FF:EE:00:00:01', 1, 3, 2, 1, 5, 80, '2026-03-02 09:00:50+00', 'unsynchronised', '2026-03-02 09:00:50+00', '2026-03-02 09:00:50+00', 'north', -60, '\x4157f5129ae6fab3c17fd167449a68fc050000007aa9f111', 'fb0718f423164c33abf2');
INSERT INTO public.events VALUES ('acme', 'C0:FF:EE:00:00:01', 1, 4, 2, 1, 6, 80, '2026-03-02 09:02:50+00', 'unsynchronised', '2026-03-02 09:02:50+00', '2026-03-02 09:02:50+00', 'north', -60, '\x4192e154321a2c71ad3d8fe9cbaf4f9b06000000e75a701a', '9ae8bfede92846da86de');
INSERT INTO public.faults VALUES ('acme', 'b6dabde6252e4ce89189', 'gateway silent', 'south', 'gateway silent/south', 'its connection is gone', '2026-03-02 09:00:00+00', NULL, NULL, NULL, NULL);
INSERT INTO public.faults VALUES ('acme', 'df664fac24af4b5d9b42', 'gateway silent', 'north', 'gateway silent/north', 'nothing heard of it since 2026-03-02T09:00:00+00:00', '2026-03-02 09:00:45+00', NULL, NULL, NULL, NULL);
INSERT INTO public.faults VALUES ('acme', '191ac6659eb94c89a4b6', 'wearer could not be told', 'C0:FF:EE:00:00:01', 'wearer could not be told/C0:FF:EE:00:00:01', 'C0:FF:EE:00:00:01 has not shown for 120 s what its wearer should know', '2026-03-02 09:02:50+00', NULL, NULL, NULL, NULL);
INSERT INTO public.gateways VALUES ('acme', 'south', NULL, 'offline', 'b', '1', 0, false, '2026-03-02 09:00:00+00');
INSERT INTO public.gateways VALUES ('acme', 'north', NULL, 'silent', 'b', '1', 0, false, '2026-03-02 09:00:00+00');
INSERT INTO public.hearings VALUES ('acme', 'C0:FF:EE:00:00:01', 'north', '2026-03-02 09:02:50+00', -60);
INSERT INTO public.incidents VALUES ('acme', 'ae2a39adbebf47b1ac82', 'worker:alice', NULL, 'fall', 'withdrawn', NULL, 0, 0, false, false, NULL, NULL, '2026-03-02 09:00:30+00', '2026-03-02 09:00:30+00', 'matched', '["the device is assigned to alice", "session e89aba9a6b4a49e9965a is under way"]', 'alice', 'e89aba9a6b4a49e9965a', 'home-17', 'C0:FF:EE:00:00:01', 'north');
INSERT INTO public.incidents VALUES ('acme', 'fb0718f423164c33abf2', 'worker:alice', NULL, 'panic', 'closed', NULL, 0, 0, false, false, 'sam', 'genuine', '2026-03-02 09:00:50+00', '2026-03-02 09:00:50+00', 'matched', '["the device is assigned to alice", "session e89aba9a6b4a49e9965a is under way"]', 'alice', 'e89aba9a6b4a49e9965a', 'home-17', 'C0:FF:EE:00:00:01', 'north');
INSERT INTO public.incidents VALUES ('acme', '9ae8bfede92846da86de', 'worker:alice', 'worker:alice', 'panic', 'open', '2026-03-02 09:03:50+00', 0, 0, false, false, NULL, NULL, '2026-03-02 09:02:50+00', '2026-03-02 09:02:50+00', 'matched', '["the device is assigned to alice", "session e89aba9a6b4a49e9965a is under way"]', 'alice', 'e89aba9a6b4a49e9965a', 'home-17', 'C0:FF:EE:00:00:01', 'north');
INSERT INTO public.incidents VALUES ('acme', 'd081c787d6964efca101', 'gateway:north', 'gateway:north', 'unreadable', 'open', '2026-03-02 09:03:50+00', 0, 0, false, false, NULL, NULL, '2026-03-02 09:02:50+00', '2026-03-02 09:02:50+00', 'unmatched', '["a message of gateway north can''t be read"]', NULL, NULL, NULL, NULL, 'north');
INSERT INTO public.journal VALUES (1, 'acme', 'e89aba9a6b4a49e9965a', 1, '2026-03-02 09:00:00+00', 'logged', 'sam', '{"ends_at":"2026-03-02T10:00:00+00:00","risk":"high"}', '0000000000000000000000000000000000000000000000000000000000000000', '21a376948d6e0e0e95cc3ec64ee98589646392da2f5f049de726b7e206015445');
INSERT INTO public.journal VALUES (2, 'acme', 'e89aba9a6b4a49e9965a', 2, '2026-03-02 09:00:00+00', 'started', 'sam', '{}', '21a376948d6e0e0e95cc3ec64ee98589646392da2f5f049de726b7e206015445', 'eaa969bb83ad2ad8f873789b6f47f88040afe6508647d7075b2518fecc9a05fa');
INSERT INTO public.journal VALUES (3, 'acme', 'e89aba9a6b4a49e9965a', 3, '2026-03-02 09:00:30+00', 'event', NULL, '{"cause":"check in","event":"C0:FF:EE:00:00:01/1/1","gateway":"north","observed":"2026-03-02T09:00:30+00:00","received":"2026-03-02T09:00:30+00:00","stage":"notice"}', 'eaa969bb83ad2ad8f873789b6f47f88040afe6508647d7075b2518fecc9a05fa', 'acf401fca702ce31036307246d7dabab2719297c01dc08bc1e5d4510c8d2e838');
INSERT INTO public.journal VALUES (4, 'acme', 'e89aba9a6b4a49e9965a', 4, '2026-03-02 09:00:30+00', 'check-in', NULL, '{"gateway":"north","observed":"2026-03-02T09:00:30+00:00"}', 'acf401fca702ce31036307246d7dabab2719297c01dc08bc1e5d4510c8d2e838', 'f591da08b8dcb68539d8697a4628bc65fab8707e1641461f2dd5ff1fc6c8553e');
INSERT INTO public.journal VALUES (5, 'acme', 'ae2a39adbebf47b1ac82', 1, '2026-03-02 09:00:30+00', 'raised', NULL, '{"kind":"fall","withdrawable":"true"}', '0000000000000000000000000000000000000000000000000000000000000000', '9d4bb0cd9915b2cc1a9027a511ac9e55615d501af6e7be107ef121365a95b555');
INSERT INTO public.journal VALUES (6, 'acme', 'ae2a39adbebf47b1ac82', 2, '2026-03-02 09:00:30+00', 'event', NULL, '{"cause":"fall","event":"C0:FF:EE:00:00:01/1/2","gateway":"north","observed":"2026-03-02T09:00:30+00:00","received":"2026-03-02T09:00:30+00:00","stage":"pre-alarm"}', '9d4bb0cd9915b2cc1a9027a511ac9e55615d501af6e7be107ef121365a95b555', 'cf270e30a03790b7bbe9f027275fdd574a4975962dd5b7b1345405f69d76ea1f');
INSERT INTO public.journal VALUES (7, 'acme', 'ae2a39adbebf47b1ac82', 3, '2026-03-02 09:00:30+00', 'event', NULL, '{"cause":"fall","event":"C0:FF:EE:00:00:01/1/2","gateway":"north","observed":"2026-03-02T09:00:30+00:00","received":"2026-03-02T09:00:30+00:00","stage":"cancelled"}', 'cf270e30a03790b7bbe9f027275fdd574a4975962dd5b7b1345405f69d76ea1f', 'a331d9d8fcaf61eacf38cce927d9dea330eacaf12c0b17a0c2bdeb97ef14b5f7');
INSERT INTO public.journal VALUES (8, 'acme', 'ae2a39adbebf47b1ac82', 4, '2026-03-02 09:00:30+00', 'withdrawn', NULL, '{"why":"cancelled on the device"}', 'a331d9d8fcaf61eacf38cce927d9dea330eacaf12c0b17a0c2bdeb97ef14b5f7', 'bd928caccfb30017d377a213cc21eb1406b41d94e8719417da03b3d32f4351d0');
INSERT INTO public.journal VALUES (9, 'acme', 'fb0718f423164c33abf2', 1, '2026-03-02 09:00:50+00', 'raised', NULL, '{"kind":"panic","withdrawable":"false"}', '0000000000000000000000000000000000000000000000000000000000000000', '1accf03b8b1c871998800f3d5e341d3ad5bc66adea907b37ef7544b13f9ebda7');
INSERT INTO public.journal VALUES (10, 'acme', 'fb0718f423164c33abf2', 2, '2026-03-02 09:00:50+00', 'event', NULL, '{"cause":"panic","event":"C0:FF:EE:00:00:01/1/3","gateway":"north","observed":"2026-03-02T09:00:50+00:00","received":"2026-03-02T09:00:50+00:00","stage":"alarm"}', '1accf03b8b1c871998800f3d5e341d3ad5bc66adea907b37ef7544b13f9ebda7', '8c995b7aae6d97e346560247df4d03d1a9899fdf76a016ee7a9dc6a71553813c');
INSERT INTO public.journal VALUES (11, 'acme', 'fb0718f423164c33abf2', 3, '2026-03-02 09:00:50+00', 'taken', 'sam', '{}', '8c995b7aae6d97e346560247df4d03d1a9899fdf76a016ee7a9dc6a71553813c', '64f74b19ca20ee753e6f6105fd3eae7aca501eba0e01428279c4b83a00c9f001');
INSERT INTO public.journal VALUES (12, 'acme', 'fb0718f423164c33abf2', 4, '2026-03-02 09:00:50+00', 'closed', 'sam', '{"note":"the neighbour helped","outcome":"genuine"}', '64f74b19ca20ee753e6f6105fd3eae7aca501eba0e01428279c4b83a00c9f001', '12df907945a4d21475ed2fe0ed6ad5779c23029106276d59c6411c8c9ca8cd66');
INSERT INTO public.journal VALUES (13, 'acme', '9ae8bfede92846da86de', 1, '2026-03-02 09:02:50+00', 'raised', NULL, '{"kind":"panic","withdrawable":"false"}', '0000000000000000000000000000000000000000000000000000000000000000', 'e416b550ac157870617685bc17046901a9d000f66c8b8d64a4260b6b00c94809');
INSERT INTO public.journal VALUES (14, 'acme', '9ae8bfede92846da86de', 2, '2026-03-02 09:02:50+00', 'event', NULL, '{"cause":"panic","event":"C0:FF:EE:00:00:01/1/4","gateway":"north","observed":"2026-03-02T09:02:50+00:00","received":"2026-03-02T09:02:50+00:00","stage":"alarm"}', 'e416b550ac157870617685bc17046901a9d000f66c8b8d64a4260b6b00c94809', '5759ca23946a11f7292f0d5be1014cf30c917a8d83176ee836276ea61a5fd088');
INSERT INTO public.journal VALUES (15, 'acme', 'd081c787d6964efca101', 1, '2026-03-02 09:02:50+00', 'raised', NULL, '{"kind":"unreadable","withdrawable":"false"}', '0000000000000000000000000000000000000000000000000000000000000000', '210b3fe47035a0848638ad18295dd146aae048cbdd28673517a8e8d587f94f76');
INSERT INTO public.organisations VALUES ('acme', 'Acme', 'Europe/London');
INSERT INTO public.outbox VALUES ('acme', '986f58a85f484b6cb222', 2, 'information', NULL, 'b6dabde6252e4ce89189', 'email', 'account:mo', 'fault', '{}', 'sent', 1, '2026-03-02 09:00:00+00', NULL, '2026-03-02 09:00:00+00', 'taken');
INSERT INTO public.outbox VALUES ('acme', '8f663f9cf81049f1b89b', 2, 'information', NULL, 'b6dabde6252e4ce89189', 'email', 'account:sam', 'fault', '{}', 'sent', 1, '2026-03-02 09:00:00+00', NULL, '2026-03-02 09:00:00+00', 'taken');
INSERT INTO public.outbox VALUES ('acme', '77b3caffa3344f53afbd', 2, 'information', NULL, 'df664fac24af4b5d9b42', 'email', 'account:mo', 'fault', '{}', 'sent', 1, '2026-03-02 09:00:45+00', NULL, '2026-03-02 09:00:45+00', 'taken');
INSERT INTO public.outbox VALUES ('acme', '2bdc3691d9e648c58387', 2, 'information', NULL, 'df664fac24af4b5d9b42', 'email', 'account:sam', 'fault', '{}', 'sent', 1, '2026-03-02 09:00:45+00', NULL, '2026-03-02 09:00:45+00', 'taken');
INSERT INTO public.outbox VALUES ('acme', '28c65794bf95464894b8', 0, 'alert', 'fb0718f423164c33abf2', NULL, 'email', 'account:sam', 'alarm', '{"audience": "supervisor", "round": 0, "rung": 0}', 'sent', 1, '2026-03-02 09:00:50+00', NULL, '2026-03-02 09:00:50+00', 'taken');
INSERT INTO public.outbox VALUES ('acme', '5eaa8cd856f04ec6b1c2', 1, 'downlink', 'fb0718f423164c33abf2', NULL, 'downlink', 'C0:FF:EE:00:00:01', 'stage', '{"epoch": 1, "sequence": 3, "told": 3}', 'cancelled', 1, '2026-03-02 09:00:50+00', NULL, '2026-03-02 09:00:50+00', 'sent to north');
INSERT INTO public.outbox VALUES ('acme', '13ea56f145f343aa9b04', 1, 'downlink', 'fb0718f423164c33abf2', NULL, 'downlink', 'C0:FF:EE:00:00:01', 'stage', '{"epoch": 1, "sequence": 3, "told": 6}', 'pending', 1, '2026-03-02 09:00:50+00', '2026-03-02 09:02:53+00', NULL, 'sent to north');
INSERT INTO public.outbox VALUES ('acme', '6b2ee48c4cad49658f56', 0, 'alert', '9ae8bfede92846da86de', NULL, 'email', 'account:sam', 'alarm', '{"audience": "supervisor", "round": 0, "rung": 0}', 'sent', 1, '2026-03-02 09:02:50+00', NULL, '2026-03-02 09:02:50+00', 'taken');
INSERT INTO public.outbox VALUES ('acme', '1e8e9523b08c4d3fa4cf', 2, 'information', NULL, '191ac6659eb94c89a4b6', 'email', 'account:mo', 'fault', '{}', 'sent', 1, '2026-03-02 09:02:50+00', NULL, '2026-03-02 09:02:50+00', 'taken');
INSERT INTO public.outbox VALUES ('acme', 'aed7a5fb4865486fa4ea', 2, 'information', NULL, '191ac6659eb94c89a4b6', 'email', 'account:sam', 'fault', '{}', 'sent', 1, '2026-03-02 09:02:50+00', NULL, '2026-03-02 09:02:50+00', 'taken');
INSERT INTO public.outbox VALUES ('acme', '73f3ea9a72e947868d03', 0, 'alert', 'd081c787d6964efca101', NULL, 'email', 'account:mo', 'alarm', '{"audience": "supervisor", "round": 0, "rung": 0}', 'sent', 1, '2026-03-02 09:02:50+00', NULL, '2026-03-02 09:02:50+00', 'taken');
INSERT INTO public.outbox VALUES ('acme', 'dd2484d4f6fb41dbb399', 0, 'alert', 'd081c787d6964efca101', NULL, 'email', 'account:sam', 'alarm', '{"audience": "supervisor", "round": 0, "rung": 0}', 'sent', 1, '2026-03-02 09:02:50+00', NULL, '2026-03-02 09:02:50+00', 'taken');
INSERT INTO public.places VALUES ('acme', 'home-17', 'Home 17', '17 Elm Row', 51.5, -0.1);
INSERT INTO public.presence VALUES ('acme', 'C0:FF:EE:00:00:01', 1, '2026-03-02 09:00:00+00', 'north', 80, true, false, 1, 0, 0);
INSERT INTO public.sessions VALUES ('acme', 'e89aba9a6b4a49e9965a', 'alice', 'home-17', 'active', 'high', '2026-03-02 09:00:00+00', '2026-03-02 10:00:00+00', true, NULL, NULL, '2026-03-02 10:05:00+00', '2026-03-02 09:01:30+00');
INSERT INTO public.sign_ins VALUES ('e7b2b7458bc4ef5b033d0313e920638349c99239503078bba845061a22fb612e', 'acme', 'sam', 'csrf', '2026-03-03 09:02:50+00');
INSERT INTO public.unreadable VALUES ('acme', 'a6b489e0f1ee4e4e91a7', 'north', 'd76cc92df2472d17ebc97ac9f1573b830183c0bc1da38858d1dd4996b16f9a17', '\x7b22736368656d6176657273696f6e223a20372c20226964223a202278227d', 'source: Field required; time: Field required; receivedtime: Field required; schemaversion: Input should be 1; data: Field required', '2026-03-02 09:02:50+00', 'd081c787d6964efca101');
INSERT INTO public.workers VALUES ('acme', 'alice', 'Alice Archer', 'alice@acme.example', '07700 900001', 'sam');
SELECT pg_catalog.setval('public.journal_id_seq', 15, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT pk_accounts PRIMARY KEY (organisation, id);
ALTER TABLE ONLY public.assignments
    ADD CONSTRAINT pk_assignments PRIMARY KEY (organisation, id);
ALTER TABLE ONLY public.chains
    ADD CONSTRAINT pk_chains PRIMARY KEY (organisation, chain);
ALTER TABLE ONLY public.deadlines
    ADD CONSTRAINT pk_deadlines PRIMARY KEY (organisation, kind, subject);
ALTER TABLE ONLY public.devices
    ADD CONSTRAINT pk_devices PRIMARY KEY (organisation, address);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT pk_events PRIMARY KEY (organisation, address, epoch, sequence, stage);
ALTER TABLE ONLY public.faults
    ADD CONSTRAINT pk_faults PRIMARY KEY (organisation, id);
ALTER TABLE ONLY public.gateways
    ADD CONSTRAINT pk_gateways PRIMARY KEY (organisation, id);
ALTER TABLE ONLY public.hearings
    ADD CONSTRAINT pk_hearings PRIMARY KEY (organisation, address, gateway);
ALTER TABLE ONLY public.incidents
    ADD CONSTRAINT pk_incidents PRIMARY KEY (organisation, id);
ALTER TABLE ONLY public.journal
    ADD CONSTRAINT pk_journal PRIMARY KEY (id);
ALTER TABLE ONLY public.organisations
    ADD CONSTRAINT pk_organisations PRIMARY KEY (id);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT pk_outbox PRIMARY KEY (organisation, id);
ALTER TABLE ONLY public.places
    ADD CONSTRAINT pk_places PRIMARY KEY (organisation, id);
ALTER TABLE ONLY public.presence
    ADD CONSTRAINT pk_presence PRIMARY KEY (organisation, address);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT pk_sessions PRIMARY KEY (organisation, id);
ALTER TABLE ONLY public.sign_ins
    ADD CONSTRAINT pk_sign_ins PRIMARY KEY (token_hash);
ALTER TABLE ONLY public.unreadable
    ADD CONSTRAINT pk_unreadable PRIMARY KEY (organisation, id);
ALTER TABLE ONLY public.workers
    ADD CONSTRAINT pk_workers PRIMARY KEY (organisation, id);
ALTER TABLE ONLY public.faults
    ADD CONSTRAINT uq_faults_organisation_open_key UNIQUE (organisation, open_key);
ALTER TABLE ONLY public.incidents
    ADD CONSTRAINT uq_incidents_organisation_live_subject UNIQUE (organisation, live_subject);
ALTER TABLE ONLY public.journal
    ADD CONSTRAINT uq_journal_organisation_chain_number UNIQUE (organisation, chain, number);
ALTER TABLE ONLY public.unreadable
    ADD CONSTRAINT uq_unreadable_organisation_gateway_digest UNIQUE (organisation, gateway, digest);
CREATE INDEX ix_assignments_organisation_address ON public.assignments USING btree (organisation, address);
CREATE INDEX ix_assignments_organisation_worker ON public.assignments USING btree (organisation, worker);
CREATE INDEX ix_deadlines_due_at ON public.deadlines USING btree (due_at);
CREATE INDEX ix_events_organisation_incident ON public.events USING btree (organisation, incident);
CREATE INDEX ix_incidents_organisation_phase ON public.incidents USING btree (organisation, phase);
CREATE INDEX ix_outbox_due ON public.outbox USING btree (due_at, rank);
CREATE INDEX ix_outbox_organisation_incident ON public.outbox USING btree (organisation, incident);
CREATE INDEX ix_sessions_organisation_phase ON public.sessions USING btree (organisation, phase);
CREATE INDEX ix_sessions_organisation_worker ON public.sessions USING btree (organisation, worker);
