-- A hub's database of version 0.1.0 (revision 0001), made by that version's code: SQLite.
-- One organisation, two closed and two live incidents, a session under way; the device's key is 00 01 … 0f.
BEGIN TRANSACTION;
CREATE TABLE accounts (
	organisation VARCHAR(40) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	email VARCHAR(320), 
	password_hash VARCHAR(200), 
	role VARCHAR(20) NOT NULL, 
	active BOOLEAN NOT NULL, 
	CONSTRAINT pk_accounts PRIMARY KEY (organisation, id)
);
INSERT INTO "accounts" VALUES('acme','sam','Sam Super','sam@acme.example',NULL,'supervisor',1);
INSERT INTO "accounts" VALUES('acme','mo','Mo Manager','mo@acme.example',NULL,'manager',1);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE assignments (
	organisation VARCHAR(40) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	address VARCHAR(17) NOT NULL, 
	worker VARCHAR(64) NOT NULL, 
	since DATETIME NOT NULL, 
	until DATETIME, 
	CONSTRAINT pk_assignments PRIMARY KEY (organisation, id)
);
INSERT INTO "assignments" VALUES('acme','98af00875e0a47d8b65c','C0:FF:EE:00:00:01','alice','2026-03-02 09:00:00.000000',NULL);
CREATE TABLE chains (
	organisation VARCHAR(40) NOT NULL, 
	chain VARCHAR(64) NOT NULL, 
	length INTEGER NOT NULL, 
	head VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_chains PRIMARY KEY (organisation, chain)
);
INSERT INTO "chains" VALUES('acme','d75a5f10916a467a93c3',4,'e5685aca0bf52927b75788a9641e4c10297040b8b4f0e74e0c57fe80a64b6c98');
INSERT INTO "chains" VALUES('acme','6c557d78d13a4b64a591',4,'fe73bdf7e4dbee759ae51b05852f921c721e3eec19b58dbe7f41c161913c21cc');
INSERT INTO "chains" VALUES('acme','aa3fbae8645d4dc9b032',4,'91390123b26bb433f6d3793d9a07b626f5831f7da5120eba6e46bd06af882d9d');
INSERT INTO "chains" VALUES('acme','00960950c2f04a659e50',2,'6f688ea8a36239c8dc5e4cb2d16e3052add61d16bef47471f43ce76560d51151');
INSERT INTO "chains" VALUES('acme','01d94829f5714ea9b1fb',1,'2ad452fece3a9fc77c554e2da266f5cdbf77d770b6d85748e9ebb96f4557eb95');
CREATE TABLE deadlines (
	organisation VARCHAR(40) NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	subject VARCHAR(80) NOT NULL, 
	due_at DATETIME NOT NULL, 
	CONSTRAINT pk_deadlines PRIMARY KEY (organisation, kind, subject)
);
INSERT INTO "deadlines" VALUES('acme','overrun','d75a5f10916a467a93c3','2026-03-02 10:05:00.000000');
INSERT INTO "deadlines" VALUES('acme','silence','d75a5f10916a467a93c3','2026-03-02 09:01:30.000000');
INSERT INTO "deadlines" VALUES('acme','incident','00960950c2f04a659e50','2026-03-02 09:03:50.000000');
INSERT INTO "deadlines" VALUES('acme','incident','01d94829f5714ea9b1fb','2026-03-02 09:03:50.000000');
CREATE TABLE devices (
	organisation VARCHAR(40) NOT NULL, 
	address VARCHAR(17) NOT NULL, 
	label VARCHAR(200) NOT NULL, 
	"key" BLOB NOT NULL, 
	downlink_counter BIGINT NOT NULL, 
	revoked_at DATETIME, 
	proved_at DATETIME, 
	CONSTRAINT pk_devices PRIMARY KEY (organisation, address)
);
INSERT INTO "devices" VALUES('acme','C0:FF:EE:00:00:01','alarm 1',X'000102030405060708090A0B0C0D0E0F',7,NULL,NULL);
CREATE TABLE events (
	organisation VARCHAR(40) NOT NULL, 
	address VARCHAR(17) NOT NULL, 
	epoch INTEGER NOT NULL, 
	sequence INTEGER NOT NULL, 
	stage INTEGER NOT NULL, 
	cause INTEGER NOT NULL, 
	counter BIGINT NOT NULL, 
	battery INTEGER NOT NULL, 
	observed_at DATETIME NOT NULL, 
	time_quality VARCHAR(20) NOT NULL, 
	received_at DATETIME NOT NULL, 
	recorded_at DATETIME NOT NULL, 
	gateway VARCHAR(40) NOT NULL, 
	rssi INTEGER NOT NULL, 
	frame BLOB NOT NULL, 
	incident VARCHAR(64), 
	CONSTRAINT pk_events PRIMARY KEY (organisation, address, epoch, sequence, stage)
);
INSERT INTO "events" VALUES('acme','C0:FF:EE:00:00:01',1,1,0,7,2,80,'2026-03-02 09:00:30.000000','unsynchronised','2026-03-02 09:00:30.000000','2026-03-02 09:00:30.000000','north',-60,X'41DF4E6375C87EE1746685DD93BA1D89020000001FC2647A',NULL);
INSERT INTO "events" VALUES('acme','C0:FF:EE:00:00:01',1,2,1,3,3,80,'2026-03-02 09:00:30.000000','unsynchronised','2026-03-02 09:00:30.000000','2026-03-02 09:00:30.000000','north',-60,X'418A8F3C068D8216E381C17AF102751F03000000E65BA9F1','6c557d78d13a4b64a591');
INSERT INTO "events" VALUES('acme','C0:FF:EE:00:00:01',1,2,3,3,4,80,'2026-03-02 09:00:30.000000','unsynchronised','2026-03-02 09:00:30.000000','2026-03-02 09:00:30.000000','north',-60,X'41FCA8C2064613E5312CA17ACEDD3A2A04000000FB770015','6c557d78d13a4b64a591');
INSERT INTO "events" VALUES('acme','C0:FF:EE:00:00:01',1,3,2,1,5,80,'2026-03-02 09:00:50.000000','unsynchronised','2026-03-02 09:00:50.000000','2026-03-02 09:00:50.000000','north',-60,X'4157F5129AE6FAB3C17FD167449A68FC050000007AA9F111','aa3fbae8645d4dc9b032');
INSERT INTO "events" VALUES('acme','C0:FF:EE:00:00:01',1,4,2,1,6,80,'2026-03-02 09:02:50.000000','unsynchronised','2026-03-02 09:02:50.000000','2026-03-02 09:02:50.000000','north',-60,X'4192E154321A2C71AD3D8FE9CBAF4F9B06000000E75A701A','00960950c2f04a659e50');
CREATE TABLE faults (
	organisation VARCHAR(40) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	subject VARCHAR(80) NOT NULL, 
	open_key VARCHAR(130), 
	detail TEXT NOT NULL, 
	raised_at DATETIME NOT NULL, 
	cleared_at DATETIME, 
	shelved_until DATETIME, 
	shelved_by VARCHAR(64), 
	shelved_why TEXT, 
	CONSTRAINT pk_faults PRIMARY KEY (organisation, id), 
	CONSTRAINT uq_faults_organisation_open_key UNIQUE (organisation, open_key)
);
INSERT INTO "faults" VALUES('acme','b2e6877e9eff4208bb27','gateway silent','south','gateway silent/south','its connection is gone','2026-03-02 09:00:00.000000',NULL,NULL,NULL,NULL);
INSERT INTO "faults" VALUES('acme','d2c3b027e9a64a8996b6','gateway silent','north','gateway silent/north','nothing heard of it since 2026-03-02T09:00:00+00:00','2026-03-02 09:00:45.000000',NULL,NULL,NULL,NULL);
INSERT INTO "faults" VALUES('acme','e66a7ea97ad04ab1a625','wearer could not be told','C0:FF:EE:00:00:01','wearer could not be told/C0:FF:EE:00:00:01','C0:FF:EE:00:00:01 has not shown for 120 s what its wearer should know','2026-03-02 09:02:50.000000',NULL,NULL,NULL,NULL);
CREATE TABLE gateways (
	organisation VARCHAR(40) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	place VARCHAR(64), 
	state VARCHAR(20) NOT NULL, 
	boot VARCHAR(64) NOT NULL, 
	version VARCHAR(40) NOT NULL, 
	outbox_depth INTEGER NOT NULL, 
	blind BOOLEAN NOT NULL, 
	heard_at DATETIME NOT NULL, 
	CONSTRAINT pk_gateways PRIMARY KEY (organisation, id)
);
INSERT INTO "gateways" VALUES('acme','north',NULL,'silent','b','1',0,0,'2026-03-02 09:00:00.000000');
INSERT INTO "gateways" VALUES('acme','south',NULL,'offline','b','1',0,0,'2026-03-02 09:00:00.000000');
CREATE TABLE hearings (
	organisation VARCHAR(40) NOT NULL, 
	address VARCHAR(17) NOT NULL, 
	gateway VARCHAR(40) NOT NULL, 
	heard_at DATETIME NOT NULL, 
	rssi INTEGER NOT NULL, 
	CONSTRAINT pk_hearings PRIMARY KEY (organisation, address, gateway)
);
INSERT INTO "hearings" VALUES('acme','C0:FF:EE:00:00:01','north','2026-03-02 09:02:50.000000',-60);
CREATE TABLE incidents (
	organisation VARCHAR(40) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	subject VARCHAR(80) NOT NULL, 
	live_subject VARCHAR(80), 
	kind VARCHAR(20) NOT NULL, 
	phase VARCHAR(20) NOT NULL, 
	due DATETIME, 
	rung INTEGER NOT NULL, 
	round INTEGER NOT NULL, 
	duress BOOLEAN NOT NULL, 
	cancelled_by_wearer BOOLEAN NOT NULL, 
	holder VARCHAR(64), 
	outcome VARCHAR(20), 
	opened_at DATETIME NOT NULL, 
	observed_at DATETIME NOT NULL, 
	verdict VARCHAR(20) NOT NULL, 
	reasons TEXT NOT NULL, 
	worker VARCHAR(64), 
	session VARCHAR(64), 
	place VARCHAR(64), 
	address VARCHAR(17), 
	gateway VARCHAR(40), 
	CONSTRAINT pk_incidents PRIMARY KEY (organisation, id), 
	CONSTRAINT uq_incidents_organisation_live_subject UNIQUE (organisation, live_subject)
);
INSERT INTO "incidents" VALUES('acme','6c557d78d13a4b64a591','worker:alice',NULL,'fall','withdrawn',NULL,0,0,0,0,NULL,NULL,'2026-03-02 09:00:30.000000','2026-03-02 09:00:30.000000','matched','["the device is assigned to alice", "session d75a5f10916a467a93c3 is under way"]','alice','d75a5f10916a467a93c3','home-17','C0:FF:EE:00:00:01','north');
INSERT INTO "incidents" VALUES('acme','aa3fbae8645d4dc9b032','worker:alice',NULL,'panic','closed',NULL,0,0,0,0,'sam','genuine','2026-03-02 09:00:50.000000','2026-03-02 09:00:50.000000','matched','["the device is assigned to alice", "session d75a5f10916a467a93c3 is under way"]','alice','d75a5f10916a467a93c3','home-17','C0:FF:EE:00:00:01','north');
INSERT INTO "incidents" VALUES('acme','00960950c2f04a659e50','worker:alice','worker:alice','panic','open','2026-03-02 09:03:50.000000',0,0,0,0,NULL,NULL,'2026-03-02 09:02:50.000000','2026-03-02 09:02:50.000000','matched','["the device is assigned to alice", "session d75a5f10916a467a93c3 is under way"]','alice','d75a5f10916a467a93c3','home-17','C0:FF:EE:00:00:01','north');
INSERT INTO "incidents" VALUES('acme','01d94829f5714ea9b1fb','gateway:north','gateway:north','unreadable','open','2026-03-02 09:03:50.000000',0,0,0,0,NULL,NULL,'2026-03-02 09:02:50.000000','2026-03-02 09:02:50.000000','unmatched','["a message of gateway north can''t be read"]',NULL,NULL,NULL,NULL,'north');
CREATE TABLE journal (
	id INTEGER NOT NULL, 
	organisation VARCHAR(40) NOT NULL, 
	chain VARCHAR(80) NOT NULL, 
	number INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	action VARCHAR(40) NOT NULL, 
	"by" VARCHAR(64), 
	detail TEXT NOT NULL, 
	previous VARCHAR(64) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_journal PRIMARY KEY (id), 
	CONSTRAINT uq_journal_organisation_chain_number UNIQUE (organisation, chain, number)
);
INSERT INTO "journal" VALUES(1,'acme','d75a5f10916a467a93c3',1,'2026-03-02 09:00:00.000000','logged','sam','{"ends_at":"2026-03-02T10:00:00+00:00","risk":"high"}','0000000000000000000000000000000000000000000000000000000000000000','305ed9396788a7cc0697356c555f3de40394d99fc5a09be149cc38a349595f85');
INSERT INTO "journal" VALUES(2,'acme','d75a5f10916a467a93c3',2,'2026-03-02 09:00:00.000000','started','sam','{}','305ed9396788a7cc0697356c555f3de40394d99fc5a09be149cc38a349595f85','cc22c4c434cd79282f45ec1bbdf7290700871739dc3b3fa9d0d0f03dfef9b4e6');
INSERT INTO "journal" VALUES(3,'acme','d75a5f10916a467a93c3',3,'2026-03-02 09:00:30.000000','event',NULL,'{"cause":"check in","event":"C0:FF:EE:00:00:01/1/1","gateway":"north","observed":"2026-03-02T09:00:30+00:00","received":"2026-03-02T09:00:30+00:00","stage":"notice"}','cc22c4c434cd79282f45ec1bbdf7290700871739dc3b3fa9d0d0f03dfef9b4e6','d81c76b22435b9cc92623afd2404f6aa71b3defff1714f4d0c6087dcb88d20af');
INSERT INTO "journal" VALUES(4,'acme','d75a5f10916a467a93c3',4,'2026-03-02 09:00:30.000000','check-in',NULL,'{"gateway":"north","observed":"2026-03-02T09:00:30+00:00"}','d81c76b22435b9cc92623afd2404f6aa71b3defff1714f4d0c6087dcb88d20af','e5685aca0bf52927b75788a9641e4c10297040b8b4f0e74e0c57fe80a64b6c98');
INSERT INTO "journal" VALUES(5,'acme','6c557d78d13a4b64a591',1,'2026-03-02 09:00:30.000000','raised',NULL,'{"kind":"fall","withdrawable":"true"}','0000000000000000000000000000000000000000000000000000000000000000','a1e5a16990044b87f78a569ecc96b907a8e24e86a731d81e4696748ac99f83f8');
INSERT INTO "journal" VALUES(6,'acme','6c557d78d13a4b64a591',2,'2026-03-02 09:00:30.000000','event',NULL,'{"cause":"fall","event":"C0:FF:EE:00:00:01/1/2","gateway":"north","observed":"2026-03-02T09:00:30+00:00","received":"2026-03-02T09:00:30+00:00","stage":"pre-alarm"}','a1e5a16990044b87f78a569ecc96b907a8e24e86a731d81e4696748ac99f83f8','cbb133d0649ea03aea6bd1ba5ea88eda130ee7e567934072e53b9ef699037bf7');
INSERT INTO "journal" VALUES(7,'acme','6c557d78d13a4b64a591',3,'2026-03-02 09:00:30.000000','event',NULL,'{"cause":"fall","event":"C0:FF:EE:00:00:01/1/2","gateway":"north","observed":"2026-03-02T09:00:30+00:00","received":"2026-03-02T09:00:30+00:00","stage":"cancelled"}','cbb133d0649ea03aea6bd1ba5ea88eda130ee7e567934072e53b9ef699037bf7','f5a01b63893ce27a6f4347af974e2ea5aadb1afef349d4789ea63ddee56530f2');
INSERT INTO "journal" VALUES(8,'acme','6c557d78d13a4b64a591',4,'2026-03-02 09:00:30.000000','withdrawn',NULL,'{"why":"cancelled on the device"}','f5a01b63893ce27a6f4347af974e2ea5aadb1afef349d4789ea63ddee56530f2','fe73bdf7e4dbee759ae51b05852f921c721e3eec19b58dbe7f41c161913c21cc');
INSERT INTO "journal" VALUES(9,'acme','aa3fbae8645d4dc9b032',1,'2026-03-02 09:00:50.000000','raised',NULL,'{"kind":"panic","withdrawable":"false"}','0000000000000000000000000000000000000000000000000000000000000000','4b0701c4159d33889aef09ad06f097f66da0729e02cb73b1e15846911159df27');
INSERT INTO "journal" VALUES(10,'acme','aa3fbae8645d4dc9b032',2,'2026-03-02 09:00:50.000000','event',NULL,'{"cause":"panic","event":"C0:FF:EE:00:00:01/1/3","gateway":"north","observed":"2026-03-02T09:00:50+00:00","received":"2026-03-02T09:00:50+00:00","stage":"alarm"}','4b0701c4159d33889aef09ad06f097f66da0729e02cb73b1e15846911159df27','7d4da7e782a1adf5e4ebab4d5e0bc00e07755ce0adf6e762b3d7153280c7843c');
INSERT INTO "journal" VALUES(11,'acme','aa3fbae8645d4dc9b032',3,'2026-03-02 09:00:50.000000','taken','sam','{}','7d4da7e782a1adf5e4ebab4d5e0bc00e07755ce0adf6e762b3d7153280c7843c','cae890d7b3d3228f92f0234b60b9ffb2c025c662a46083411370ed6e276dd15b');
INSERT INTO "journal" VALUES(12,'acme','aa3fbae8645d4dc9b032',4,'2026-03-02 09:00:50.000000','closed','sam','{"note":"the neighbour helped","outcome":"genuine"}','cae890d7b3d3228f92f0234b60b9ffb2c025c662a46083411370ed6e276dd15b','91390123b26bb433f6d3793d9a07b626f5831f7da5120eba6e46bd06af882d9d');
INSERT INTO "journal" VALUES(13,'acme','00960950c2f04a659e50',1,'2026-03-02 09:02:50.000000','raised',NULL,'{"kind":"panic","withdrawable":"false"}','0000000000000000000000000000000000000000000000000000000000000000','bea908f7b03f1f439cd1c5f6e9dc5b2e2d310650d3699677e4ed1e43fc02265e');
INSERT INTO "journal" VALUES(14,'acme','00960950c2f04a659e50',2,'2026-03-02 09:02:50.000000','event',NULL,'{"cause":"panic","event":"C0:FF:EE:00:00:01/1/4","gateway":"north","observed":"2026-03-02T09:02:50+00:00","received":"2026-03-02T09:02:50+00:00","stage":"alarm"}','bea908f7b03f1f439cd1c5f6e9dc5b2e2d310650d3699677e4ed1e43fc02265e','6f688ea8a36239c8dc5e4cb2d16e3052add61d16bef47471f43ce76560d51151');
INSERT INTO "journal" VALUES(15,'acme','01d94829f5714ea9b1fb',1,'2026-03-02 09:02:50.000000','raised',NULL,'{"kind":"unreadable","withdrawable":"false"}','0000000000000000000000000000000000000000000000000000000000000000','2ad452fece3a9fc77c554e2da266f5cdbf77d770b6d85748e9ebb96f4557eb95');
CREATE TABLE organisations (
	id VARCHAR(40) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	zone VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_organisations PRIMARY KEY (id)
);
INSERT INTO "organisations" VALUES('acme','Acme','Europe/London');
CREATE TABLE outbox (
	organisation VARCHAR(40) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	rank INTEGER NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	incident VARCHAR(64), 
	fault VARCHAR(64), 
	channel VARCHAR(20) NOT NULL, 
	recipient VARCHAR(64), 
	message VARCHAR(40) NOT NULL, 
	payload TEXT NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	attempts INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	due_at DATETIME, 
	done_at DATETIME, 
	detail TEXT NOT NULL, 
	CONSTRAINT pk_outbox PRIMARY KEY (organisation, id)
);
INSERT INTO "outbox" VALUES('acme','eaed4e6116f548dc8416',2,'information',NULL,'b2e6877e9eff4208bb27','email','account:mo','fault','{}','sent',1,'2026-03-02 09:00:00.000000',NULL,'2026-03-02 09:00:00.000000','taken');
INSERT INTO "outbox" VALUES('acme','aaba1d7c73914f79b1fa',2,'information',NULL,'b2e6877e9eff4208bb27','email','account:sam','fault','{}','sent',1,'2026-03-02 09:00:00.000000',NULL,'2026-03-02 09:00:00.000000','taken');
INSERT INTO "outbox" VALUES('acme','4f0307e0baf6464e8230',2,'information',NULL,'d2c3b027e9a64a8996b6','email','account:mo','fault','{}','sent',1,'2026-03-02 09:00:45.000000',NULL,'2026-03-02 09:00:45.000000','taken');
INSERT INTO "outbox" VALUES('acme','ff9be47286bd49e5aeb0',2,'information',NULL,'d2c3b027e9a64a8996b6','email','account:sam','fault','{}','sent',1,'2026-03-02 09:00:45.000000',NULL,'2026-03-02 09:00:45.000000','taken');
INSERT INTO "outbox" VALUES('acme','4a2d75378fe3492e95ea',0,'alert','aa3fbae8645d4dc9b032',NULL,'email','account:sam','alarm','{"audience": "supervisor", "round": 0, "rung": 0}','sent',1,'2026-03-02 09:00:50.000000',NULL,'2026-03-02 09:00:50.000000','taken');
INSERT INTO "outbox" VALUES('acme','16313b194ec14ba9a225',1,'downlink','aa3fbae8645d4dc9b032',NULL,'downlink','C0:FF:EE:00:00:01','stage','{"epoch": 1, "sequence": 3, "told": 3}','cancelled',1,'2026-03-02 09:00:50.000000',NULL,'2026-03-02 09:00:50.000000','sent to north');
INSERT INTO "outbox" VALUES('acme','581d665c999d4b30a846',1,'downlink','aa3fbae8645d4dc9b032',NULL,'downlink','C0:FF:EE:00:00:01','stage','{"epoch": 1, "sequence": 3, "told": 6}','pending',1,'2026-03-02 09:00:50.000000','2026-03-02 09:02:53.000000',NULL,'sent to north');
INSERT INTO "outbox" VALUES('acme','66f93b726ec64c97b391',0,'alert','00960950c2f04a659e50',NULL,'email','account:sam','alarm','{"audience": "supervisor", "round": 0, "rung": 0}','sent',1,'2026-03-02 09:02:50.000000',NULL,'2026-03-02 09:02:50.000000','taken');
INSERT INTO "outbox" VALUES('acme','ddbce3f38a134ca18803',2,'information',NULL,'e66a7ea97ad04ab1a625','email','account:mo','fault','{}','sent',1,'2026-03-02 09:02:50.000000',NULL,'2026-03-02 09:02:50.000000','taken');
INSERT INTO "outbox" VALUES('acme','012f5b7c322b4f7da69e',2,'information',NULL,'e66a7ea97ad04ab1a625','email','account:sam','fault','{}','sent',1,'2026-03-02 09:02:50.000000',NULL,'2026-03-02 09:02:50.000000','taken');
INSERT INTO "outbox" VALUES('acme','ff293aec27f842b0aab1',0,'alert','01d94829f5714ea9b1fb',NULL,'email','account:mo','alarm','{"audience": "supervisor", "round": 0, "rung": 0}','sent',1,'2026-03-02 09:02:50.000000',NULL,'2026-03-02 09:02:50.000000','taken');
INSERT INTO "outbox" VALUES('acme','530c629ffdea4683899e',0,'alert','01d94829f5714ea9b1fb',NULL,'email','account:sam','alarm','{"audience": "supervisor", "round": 0, "rung": 0}','sent',1,'2026-03-02 09:02:50.000000',NULL,'2026-03-02 09:02:50.000000','taken');
CREATE TABLE places (
	organisation VARCHAR(40) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	address TEXT NOT NULL, 
	latitude FLOAT, 
	longitude FLOAT, 
	CONSTRAINT pk_places PRIMARY KEY (organisation, id)
);
INSERT INTO "places" VALUES('acme','home-17','Home 17','17 Elm Row',51.5,-0.1);
CREATE TABLE presence (
	organisation VARCHAR(40) NOT NULL, 
	address VARCHAR(17) NOT NULL, 
	counter BIGINT NOT NULL, 
	heard_at DATETIME NOT NULL, 
	gateway VARCHAR(40) NOT NULL, 
	battery INTEGER NOT NULL, 
	worn BOOLEAN NOT NULL, 
	fault BOOLEAN NOT NULL, 
	epoch INTEGER NOT NULL, 
	sequence INTEGER NOT NULL, 
	told INTEGER NOT NULL, 
	CONSTRAINT pk_presence PRIMARY KEY (organisation, address)
);
INSERT INTO "presence" VALUES('acme','C0:FF:EE:00:00:01',1,'2026-03-02 09:00:00.000000','north',80,1,0,1,0,0);
CREATE TABLE sessions (
	organisation VARCHAR(40) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	worker VARCHAR(64) NOT NULL, 
	place VARCHAR(64) NOT NULL, 
	phase VARCHAR(20) NOT NULL, 
	risk VARCHAR(20) NOT NULL, 
	starts_at DATETIME NOT NULL, 
	ends_at DATETIME NOT NULL, 
	wears_device BOOLEAN NOT NULL, 
	ended_at DATETIME, 
	start_due DATETIME, 
	overrun_due DATETIME, 
	silence_due DATETIME, 
	CONSTRAINT pk_sessions PRIMARY KEY (organisation, id)
);
INSERT INTO "sessions" VALUES('acme','d75a5f10916a467a93c3','alice','home-17','active','high','2026-03-02 09:00:00.000000','2026-03-02 10:00:00.000000',1,NULL,NULL,'2026-03-02 10:05:00.000000','2026-03-02 09:01:30.000000');
CREATE TABLE sign_ins (
	token_hash VARCHAR(64) NOT NULL, 
	organisation VARCHAR(40) NOT NULL, 
	account VARCHAR(64) NOT NULL, 
	csrf VARCHAR(64) NOT NULL, 
	expires_at DATETIME NOT NULL, 
	CONSTRAINT pk_sign_ins PRIMARY KEY (token_hash)
);
INSERT INTO "sign_ins" VALUES('e7b2b7458bc4ef5b033d0313e920638349c99239503078bba845061a22fb612e','acme','sam','csrf','2026-03-03 09:02:50.000000');
CREATE TABLE unreadable (
	organisation VARCHAR(40) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	gateway VARCHAR(40) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	payload BLOB NOT NULL, 
	problems TEXT NOT NULL, 
	recorded_at DATETIME NOT NULL, 
	incident VARCHAR(64), 
	CONSTRAINT pk_unreadable PRIMARY KEY (organisation, id), 
	CONSTRAINT uq_unreadable_organisation_gateway_digest UNIQUE (organisation, gateway, digest)
);
INSERT INTO "unreadable" VALUES('acme','431e8e13d71d4d4aa5d6','north','d76cc92df2472d17ebc97ac9f1573b830183c0bc1da38858d1dd4996b16f9a17',X'7B22736368656D6176657273696F6E223A20372C20226964223A202278227D','source: Field required; time: Field required; receivedtime: Field required; schemaversion: Input should be 1; data: Field required','2026-03-02 09:02:50.000000','01d94829f5714ea9b1fb');
CREATE TABLE workers (
	organisation VARCHAR(40) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	email VARCHAR(320), 
	phone VARCHAR(40), 
	supervisor VARCHAR(64), 
	CONSTRAINT pk_workers PRIMARY KEY (organisation, id)
);
INSERT INTO "workers" VALUES('acme','alice','Alice Archer','alice@acme.example','07700 900001','sam');
CREATE INDEX ix_assignments_organisation_address ON assignments (organisation, address);
CREATE INDEX ix_assignments_organisation_worker ON assignments (organisation, worker);
CREATE INDEX ix_deadlines_due_at ON deadlines (due_at);
CREATE INDEX ix_events_organisation_incident ON events (organisation, incident);
CREATE INDEX ix_incidents_organisation_phase ON incidents (organisation, phase);
CREATE INDEX ix_outbox_due ON outbox (due_at, rank);
CREATE INDEX ix_outbox_organisation_incident ON outbox (organisation, incident);
CREATE INDEX ix_sessions_organisation_phase ON sessions (organisation, phase);
CREATE INDEX ix_sessions_organisation_worker ON sessions (organisation, worker);
COMMIT;
