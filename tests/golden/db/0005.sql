BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0005');
CREATE TABLE alerts (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	workload_id INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	start BIGINT NOT NULL, 
	"end" BIGINT NOT NULL, 
	findings BIGINT NOT NULL, 
	p_value DOUBLE NOT NULL, 
	score DOUBLE NOT NULL, 
	contributions JSON NOT NULL, rule VARCHAR, level VARCHAR, first_match_id BIGINT, last_match_id BIGINT, 
	CONSTRAINT fk_alerts_workload_id_workloads FOREIGN KEY(workload_id) REFERENCES workloads (id)
);
INSERT INTO "alerts" VALUES(1,1,'anomaly','open',1764000000000,1764000000000,1763991000000,1763991010000,1,7.73299106244059738764e-10,1.20262867888833375215e+03,'[{"ngram": 1265576474988049510, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1266702375968633959, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1267828276949218408, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1268954177929802857, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1270080078910387306, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1271205979890971755, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1272331880871556204, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1273457781852140653, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1274583682832725102, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1275709583813309551, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1276835484793894000, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1277961385774478449, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1279087286755062898, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1280213187735647347, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1281339088716231796, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1282464989696816245, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1283590890677400694, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1284716791657985143, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1285842692638569592, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1286968593619154041, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}]',NULL,NULL,NULL,NULL);
CREATE TABLE audit (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	created_at BIGINT NOT NULL, 
	actor VARCHAR NOT NULL, 
	action VARCHAR NOT NULL, 
	target VARCHAR NOT NULL, 
	detail JSON NOT NULL
);
INSERT INTO "audit" VALUES(1,1764000000000,'test','token.create','admin','{"role": "admin"}');
INSERT INTO "audit" VALUES(2,1764000000000,'test','token.create','read','{"role": "read"}');
INSERT INTO "audit" VALUES(3,1764000000000,'test','token.create','ingest','{"role": "ingest"}');
INSERT INTO "audit" VALUES(4,1764000000000,'admin','workload.mode','1','{"from": "learning", "to": "enforcement-alert", "reason": "golden"}');
CREATE TABLE baselines (
	workload_id INTEGER NOT NULL, 
	snapshot BLOB NOT NULL, 
	windows_learned BIGINT NOT NULL, 
	ready BOOLEAN NOT NULL, 
	updated_at BIGINT NOT NULL, taught_by BLOB, completeness VARCHAR, 
	CONSTRAINT pk_baselines PRIMARY KEY (workload_id), 
	CONSTRAINT fk_baselines_workload_id_workloads FOREIGN KEY(workload_id) REFERENCES workloads (id)
);
INSERT INTO "baselines" VALUES(1,X'7801CBCBCF2B4ECD4973EA636060A8564A2C4ACE50B252AAB0308B373351D251CA492C4A4F2D2E894F4ECCC92956B2323433078AA5E6A597640079D1C63A20686410ABA354949A565A9C9A025368A0A3549C9C5F945A1C5F9C9A9AA764650214284B2D2ACECC07720C7594CA33F352F2CB81668024A09CF8B4A2FCDCF8E292C4A21290782D9B88C301062616064689000646660E2033C181918587C19903E8542080D1D250BE064498019D6658E012785369A61DC38E7F7F5ED4CCB163C8B8F1BBDDA6D58EE1C12F559E6731760C0E71C7B476ABD931282CD8B8F152811D43C041899D5E9D407EE38E25D53310FA0A8AFB4CBE03F539B85EF91C9960C7D0F066C7160369A039CFBC969ECE03AA17E70F08EAB0634858FF39570A499F06C3FEED596D760C0BB63CF6999E68C7C0607E46494808A8DE5B6A0A67AE1D00F74C7820',40,1,1764000000000,NULL,NULL);
CREATE TABLE containers (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	node_id INTEGER NOT NULL, 
	boot_id VARCHAR NOT NULL, 
	container_id VARCHAR NOT NULL, 
	workload_id INTEGER, 
	kind VARCHAR NOT NULL, 
	runtime VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	pod VARCHAR NOT NULL, 
	namespace VARCHAR NOT NULL, 
	pod_uid VARCHAR NOT NULL, 
	image VARCHAR NOT NULL, 
	image_digest VARCHAR NOT NULL, 
	labels JSON NOT NULL, 
	cgroup VARCHAR NOT NULL, 
	seen_from_start BOOLEAN NOT NULL, 
	first_start BIGINT NOT NULL, 
	last_end BIGINT NOT NULL, bets JSON, 
	CONSTRAINT fk_containers_node_id_nodes FOREIGN KEY(node_id) REFERENCES nodes (id), 
	CONSTRAINT fk_containers_workload_id_workloads FOREIGN KEY(workload_id) REFERENCES workloads (id), 
	CONSTRAINT uq_containers_node_id_boot_id_container_id UNIQUE (node_id, boot_id, container_id)
);
INSERT INTO "containers" VALUES(1,1,'boot-1','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',1,'container','containerd','web','cart-6d4cf56db6-x7k2p','shop','','registry.local/shop/cart:1.4','','{}','',1,1763990000000,1763991010000,NULL);
CREATE TABLE drifts (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	workload_id INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	began BIGINT NOT NULL, 
	reported BIGINT NOT NULL, 
	ended BIGINT, 
	evidence DOUBLE NOT NULL, 
	needed DOUBLE NOT NULL, 
	reporting BIGINT NOT NULL, 
	replicas JSON NOT NULL, 
	CONSTRAINT fk_drifts_workload_id_workloads FOREIGN KEY(workload_id) REFERENCES workloads (id)
);
INSERT INTO "drifts" VALUES(1,1,'slow_change',1764000000000,1764000000000,1763999400000,1764000000000,NULL,14.2,13.1,1,'[1]');
CREATE TABLE findings (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	workload_id INTEGER NOT NULL, 
	score_id INTEGER NOT NULL, 
	alert_id INTEGER, 
	kind VARCHAR NOT NULL, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT fk_findings_alert_id_alerts FOREIGN KEY(alert_id) REFERENCES alerts (id), 
	CONSTRAINT fk_findings_score_id_scores FOREIGN KEY(score_id) REFERENCES scores (id), 
	CONSTRAINT fk_findings_workload_id_workloads FOREIGN KEY(workload_id) REFERENCES workloads (id), 
	CONSTRAINT uq_findings_score_id UNIQUE (score_id)
);
INSERT INTO "findings" VALUES(1,1,41,1,'anomaly',1764000000000);
CREATE TABLE inbox (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	node_id INTEGER NOT NULL, 
	boot_id VARCHAR NOT NULL, 
	container_id VARCHAR NOT NULL, 
	start BIGINT NOT NULL, 
	digest BLOB NOT NULL, 
	payload BLOB, 
	received_at BIGINT NOT NULL, 
	processed_at BIGINT, 
	error VARCHAR, 
	CONSTRAINT fk_inbox_node_id_nodes FOREIGN KEY(node_id) REFERENCES nodes (id), 
	CONSTRAINT uq_inbox_node_id_boot_id_container_id_start UNIQUE (node_id, boot_id, container_id, start)
);
INSERT INTO "inbox" VALUES(39,1,'boot-1','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',1763990380000,X'D49D33959C136004DCEC6D46FE6E67B14F42C79BFD7A0AB556648561E105E9F1',NULL,1764000000000,1764000000000,NULL);
INSERT INTO "inbox" VALUES(40,1,'boot-1','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',1763990390000,X'16229B63D57DDF7DCCF7BC069D4B93491E5D105EDAD01590C879765F1CD0E5C1',NULL,1764000000000,1764000000000,NULL);
INSERT INTO "inbox" VALUES(41,1,'boot-1','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',1763991000000,X'92C4C5BCDDC50AF460FF73B694B0D5C0BD7100C7781B772028F7B0E0A20B58E1',NULL,1764000000000,1764000000000,NULL);
CREATE TABLE ledgers (
	workload_id INTEGER NOT NULL, 
	newest_start BIGINT NOT NULL, 
	newest_windows BIGINT NOT NULL, 
	slots BIGINT NOT NULL, 
	replicas DOUBLE NOT NULL, 
	anomaly_end BIGINT, 
	drift_evidence DOUBLE NOT NULL, 
	drift_began BIGINT, 
	drift_since BIGINT, window_ms BIGINT, bets JSON, 
	CONSTRAINT pk_ledgers PRIMARY KEY (workload_id), 
	CONSTRAINT fk_ledgers_workload_id_workloads FOREIGN KEY(workload_id) REFERENCES workloads (id)
);
INSERT INTO "ledgers" VALUES(1,1763999990000,1,64,1.0,NULL,0.5,1763999990000,NULL,NULL,NULL);
CREATE TABLE matches (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	node_id INTEGER NOT NULL, 
	boot_id VARCHAR NOT NULL, 
	time_ns BIGINT NOT NULL, 
	sequence BIGINT NOT NULL, 
	rule VARCHAR NOT NULL, 
	priority VARCHAR NOT NULL, 
	digest BLOB NOT NULL, 
	payload BLOB, 
	received_at BIGINT NOT NULL, 
	outcome VARCHAR, 
	error VARCHAR, 
	workload_id INTEGER, 
	container_id INTEGER, 
	alert_id INTEGER, 
	finding_id BIGINT, 
	raised_at BIGINT, 
	CONSTRAINT fk_matches_node_id_nodes FOREIGN KEY(node_id) REFERENCES nodes (id), 
	CONSTRAINT fk_matches_workload_id_workloads FOREIGN KEY(workload_id) REFERENCES workloads (id), 
	CONSTRAINT fk_matches_container_id_containers FOREIGN KEY(container_id) REFERENCES containers (id), 
	CONSTRAINT fk_matches_alert_id_alerts FOREIGN KEY(alert_id) REFERENCES alerts (id), 
	CONSTRAINT uq_matches_finding_id UNIQUE (finding_id), 
	CONSTRAINT uq_matches_node_id_boot_id_sequence UNIQUE (node_id, boot_id, sequence)
);
INSERT INTO "matches" VALUES(1,1,'boot',1764000000000000000,1,'r','Informational',X'6464646464646464646464646464646464646464646464646464646464646464',NULL,1764000000000,'raised',NULL,1,1,NULL,NULL,1764000000000);
CREATE TABLE node_engines (
	node_id INTEGER NOT NULL, 
	ruleset VARCHAR NOT NULL, 
	error VARCHAR NOT NULL, 
	rules JSON NOT NULL, 
	counters JSON NOT NULL, 
	sent_at BIGINT NOT NULL, 
	reported_at BIGINT NOT NULL, 
	CONSTRAINT pk_node_engines PRIMARY KEY (node_id), 
	CONSTRAINT fk_node_engines_node_id_nodes FOREIGN KEY(node_id) REFERENCES nodes (id)
);
INSERT INTO "node_engines" VALUES(1,'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','','[]','{"events": 7}',1764000000000,1764000000000);
CREATE TABLE nodes (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name VARCHAR NOT NULL, 
	boot_id VARCHAR NOT NULL, 
	agent JSON NOT NULL, 
	sent_at BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	seen_at BIGINT NOT NULL, 
	last_end BIGINT, 
	deltas BIGINT NOT NULL, 
	lost JSON NOT NULL, 
	CONSTRAINT uq_nodes_name UNIQUE (name)
);
INSERT INTO "nodes" VALUES(1,'node-a','boot-1','{"version": "0.1.0", "window_s": 10.0, "kernel": "", "started_at": 0, "containers": 0, "spool_bytes": 0, "spool_batches": 0, "discarded_deltas": 0, "missed_runs": 0, "dropped_events": 0, "unwatched_containers": 0, "cpu_s": 0.0, "rss_bytes": 0}',1764000000000,1764000000000,1764000000000,1763991010000,41,'{}');
CREATE TABLE rule_activations (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	rule_set_id INTEGER NOT NULL, 
	created_at BIGINT NOT NULL, 
	actor VARCHAR NOT NULL, 
	reason VARCHAR NOT NULL, 
	CONSTRAINT fk_rule_activations_rule_set_id_rule_sets FOREIGN KEY(rule_set_id) REFERENCES rule_sets (id)
);
INSERT INTO "rule_activations" VALUES(1,1,1764000000000,'admin','upload');
CREATE TABLE rule_selections (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	enable BOOLEAN NOT NULL, 
	"by" VARCHAR NOT NULL, 
	pattern VARCHAR NOT NULL, 
	namespace VARCHAR NOT NULL, 
	workload BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	actor VARCHAR NOT NULL, 
	reason VARCHAR NOT NULL, 
	CONSTRAINT uq_rule_selections_by_pattern_namespace_workload UNIQUE ("by", pattern, namespace, workload)
);
INSERT INTO "rule_selections" VALUES(1,0,'tag','noisy','shop',0,1764000000000,'admin','CHG-7');
CREATE TABLE rule_sets (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	digest VARCHAR NOT NULL, 
	files JSON NOT NULL, 
	rules BIGINT NOT NULL, 
	shipped BOOLEAN NOT NULL, 
	created_at BIGINT NOT NULL, 
	actor VARCHAR NOT NULL, 
	comment VARCHAR NOT NULL
);
INSERT INTO "rule_sets" VALUES(1,'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','[{"name": "mine.yaml", "digest": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}]',1,0,1764000000000,'admin','first');
CREATE TABLE rule_texts (
	digest VARCHAR NOT NULL, 
	text VARCHAR NOT NULL, 
	CONSTRAINT pk_rule_texts PRIMARY KEY (digest)
);
INSERT INTO "rule_texts" VALUES('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','- rule: r
  desc: d
  condition: evt.type=open
  output: o
  priority: INFO
');
CREATE TABLE scores (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	inbox_id INTEGER NOT NULL, 
	workload_id INTEGER NOT NULL, 
	container_id INTEGER NOT NULL, 
	start BIGINT NOT NULL, 
	"end" BIGINT NOT NULL, 
	scored_at BIGINT NOT NULL, 
	mode VARCHAR NOT NULL, 
	verdict VARCHAR NOT NULL, 
	score DOUBLE NOT NULL, 
	p_value DOUBLE, 
	alpha DOUBLE NOT NULL, 
	resolution DOUBLE NOT NULL, 
	extrapolated BOOLEAN NOT NULL, 
	novelty DOUBLE NOT NULL, 
	calls BIGINT NOT NULL, 
	lost JSON NOT NULL, 
	marks JSON NOT NULL, 
	evidence JSON NOT NULL, 
	learned BOOLEAN NOT NULL, 
	quarantined BOOLEAN NOT NULL, 
	not_learned VARCHAR, 
	contributions JSON NOT NULL, 
	rest DOUBLE NOT NULL, "view" VARCHAR, views JSON, learned_score DOUBLE, matches BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT fk_scores_container_id_containers FOREIGN KEY(container_id) REFERENCES containers (id), 
	CONSTRAINT fk_scores_inbox_id_inbox FOREIGN KEY(inbox_id) REFERENCES inbox (id), 
	CONSTRAINT fk_scores_workload_id_workloads FOREIGN KEY(workload_id) REFERENCES workloads (id), 
	CONSTRAINT uq_scores_inbox_id UNIQUE (inbox_id)
);
INSERT INTO "scores" VALUES(39,39,1,1,1763990380000,1763990390000,1764000000000,'learning','normal',1.05186152917922850352e-09,1.0,1.65343915343915355067e-05,0.05,0,0.0,158,'{}','[]','[]',1,0,NULL,'[{"ngram": 3382103142040578, "count": 52, "bits": 0.0, "baseline_count": 1970, "nearest": ["open", "close", "stat", "fstat", "read", "write"]}, {"ngram": 1128102155523078, "count": 53, "bits": 0.0, "baseline_count": 2008, "nearest": ["read", "write", "open", "close", "stat", "fstat"]}, {"ngram": 2255102648784897, "count": 53, "bits": 0.0, "baseline_count": 2008, "nearest": ["write", "open", "close", "stat", "fstat", "read"]}]',0.0,NULL,NULL,NULL,0);
INSERT INTO "scores" VALUES(40,40,1,1,1763990390000,1763990400000,1764000000000,'learning','normal',5.4086402278381243841e-08,7.00000000000000066613e-01,1.65343915343915355067e-05,0.05,0,0.0,161,'{}','[]','[]',1,0,NULL,'[{"ngram": 3382103142040578, "count": 53, "bits": 0.0, "baseline_count": 2022, "nearest": ["open", "close", "stat", "fstat", "read", "write"]}, {"ngram": 1128102155523078, "count": 54, "bits": 0.0, "baseline_count": 2061, "nearest": ["read", "write", "open", "close", "stat", "fstat"]}, {"ngram": 2255102648784897, "count": 54, "bits": 0.0, "baseline_count": 2061, "nearest": ["write", "open", "close", "stat", "fstat", "read"]}]',0.0,NULL,NULL,NULL,0);
INSERT INTO "scores" VALUES(41,41,1,1,1763991000000,1763991010000,1764000000000,'enforcement-alert','anomalous',1.20262867888833375215e+03,7.73299106244059738764e-10,1.65343915343915355067e-05,4.76190476190476164042e-02,1,0.547112462006079,329,'{}','[]','[]',0,0,'The window has a finding.','[{"ngram": 1265576474988049510, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1266702375968633959, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1267828276949218408, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1268954177929802857, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1270080078910387306, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1271205979890971755, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1272331880871556204, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1273457781852140653, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1274583682832725102, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1275709583813309551, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1276835484793894000, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1277961385774478449, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1279087286755062898, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1280213187735647347, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1281339088716231796, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1282464989696816245, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1283590890677400694, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1284716791657985143, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1285842692638569592, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}, {"ngram": 1286968593619154041, "count": 3, "bits": 20.033655, "baseline_count": 0, "nearest": null}]',8.01955578415845820889e+02,NULL,NULL,NULL,0);
CREATE TABLE tokens (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name VARCHAR NOT NULL, 
	role VARCHAR NOT NULL, 
	digest BLOB NOT NULL, 
	created_at BIGINT NOT NULL, 
	revoked_at BIGINT, 
	CONSTRAINT uq_tokens_digest UNIQUE (digest), 
	CONSTRAINT uq_tokens_name UNIQUE (name)
);
INSERT INTO "tokens" VALUES(1,'admin','admin',X'958D3AE4AD3C86C2CEBFCCC4EAEE31997FA14CEFB21C68CD84ED2E1F466F94D5',1764000000000,NULL);
INSERT INTO "tokens" VALUES(2,'read','read',X'08AAB2511F6E3835077BE2975C86138E8730251EF3D71F87D2EF2ABBF93990D4',1764000000000,NULL);
INSERT INTO "tokens" VALUES(3,'ingest','ingest',X'DA61C749BD166941826497ADEDFCFCF457F424028F46951E53D3CA0CF0E5301F',1764000000000,NULL);
CREATE TABLE weeks (
	workload_id INTEGER NOT NULL, 
	start BIGINT NOT NULL, 
	ranked BIGINT NOT NULL, 
	at_5_percent BIGINT NOT NULL, 
	at_1_percent BIGINT NOT NULL, 
	at_1_permille BIGINT NOT NULL, 
	alerts BIGINT NOT NULL, 
	exposure DOUBLE NOT NULL, 
	CONSTRAINT pk_weeks PRIMARY KEY (workload_id, start), 
	CONSTRAINT fk_weeks_workload_id_workloads FOREIGN KEY(workload_id) REFERENCES workloads (id)
);
INSERT INTO "weeks" VALUES(1,1763596800000,100,5,1,0,0,1.65343915343915334736e-03);
CREATE TABLE workloads (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind VARCHAR NOT NULL, 
	cluster VARCHAR NOT NULL, 
	namespace VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	container VARCHAR NOT NULL, 
	identity_source VARCHAR NOT NULL, 
	mode VARCHAR NOT NULL, 
	mode_changed_at BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	windows BIGINT NOT NULL, 
	last_score_id BIGINT, budget_per_week DOUBLE, 
	CONSTRAINT uq_workloads_kind_cluster_namespace_name_container UNIQUE (kind, cluster, namespace, name, container)
);
INSERT INTO "workloads" VALUES(1,'pod','','shop','cart','web','pod_name','enforcement-alert',1764000000000,1764000000000,41,41,7.0);
CREATE INDEX ix_alerts_workload_id_id ON alerts (workload_id, id);
CREATE INDEX ix_containers_workload_id ON containers (workload_id);
CREATE INDEX ix_inbox_pending ON inbox (id) WHERE processed_at IS NULL;
CREATE INDEX ix_scores_quarantined ON scores (workload_id) WHERE quarantined;
CREATE INDEX ix_scores_scored_at ON scores (scored_at);
CREATE INDEX ix_scores_workload_id_id ON scores (workload_id, id);
CREATE INDEX ix_findings_alert_id ON findings (alert_id);
CREATE INDEX ix_findings_workload_id ON findings (workload_id);
CREATE INDEX ix_inbox_kept ON inbox (processed_at) WHERE payload IS NOT NULL AND processed_at IS NOT NULL;
CREATE INDEX ix_drifts_workload_id_id ON drifts (workload_id, id);
CREATE INDEX ix_drifts_open ON drifts (workload_id) WHERE ended IS NULL;
CREATE INDEX ix_matches_pending ON matches (id) WHERE outcome IS NULL;
CREATE INDEX ix_matches_waiting ON matches (id) WHERE outcome = 'waiting';
CREATE INDEX ix_matches_samples ON matches (alert_id, id) WHERE payload IS NOT NULL;
CREATE INDEX ix_matches_workload_id_time_ns ON matches (workload_id, time_ns);
CREATE INDEX ix_matches_container_id_time_ns ON matches (container_id, time_ns);
CREATE INDEX ix_matches_received_at ON matches (received_at);
CREATE INDEX ix_scores_container_id_start ON scores (container_id, start);
CREATE INDEX ix_alerts_workload_id_rule_id ON alerts (workload_id, rule, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('tokens',3);
INSERT INTO "sqlite_sequence" VALUES('audit',4);
INSERT INTO "sqlite_sequence" VALUES('nodes',1);
INSERT INTO "sqlite_sequence" VALUES('inbox',41);
INSERT INTO "sqlite_sequence" VALUES('containers',1);
INSERT INTO "sqlite_sequence" VALUES('workloads',1);
INSERT INTO "sqlite_sequence" VALUES('scores',41);
INSERT INTO "sqlite_sequence" VALUES('alerts',1);
INSERT INTO "sqlite_sequence" VALUES('findings',1);
INSERT INTO "sqlite_sequence" VALUES('drifts',1);
INSERT INTO "sqlite_sequence" VALUES('rule_sets',1);
INSERT INTO "sqlite_sequence" VALUES('matches',1);
INSERT INTO "sqlite_sequence" VALUES('rule_activations',1);
INSERT INTO "sqlite_sequence" VALUES('rule_selections',1);
COMMIT;
