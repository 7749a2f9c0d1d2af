BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0012');
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
	contributions JSON NOT NULL, rule VARCHAR, level VARCHAR, first_match_id BIGINT, last_match_id BIGINT, suppression_id BIGINT, 
	CONSTRAINT fk_alerts_workload_id_workloads FOREIGN KEY(workload_id) REFERENCES workloads (id)
);
INSERT INTO "alerts" VALUES(1,1,'anomaly','closed',1764000000000,1764000000000,1763990600000,1763990610000,1,2.85476046092891127094e-10,4.80212123360068289914e+03,'[{"ngram": 1265576474988049510, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1266702375968633959, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1267828276949218408, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1268954177929802857, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1270080078910387306, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1271205979890971755, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1272331880871556204, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1273457781852140653, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1274583682832725102, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1275709583813309551, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1276835484793894000, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1277961385774478449, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1279087286755062898, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1280213187735647347, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1281339088716231796, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1282464989696816245, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1283590890677400694, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1284716791657985143, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1285842692638569592, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1286968593619154041, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}]',NULL,NULL,NULL,NULL,1);
INSERT INTO "alerts" VALUES(2,1,'signature','open',1764000000000,1764000000000,1763990201001,1763990201001,1,1.0,0.0,'[]','Shell spawned','medium',1,1,NULL);
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
INSERT INTO "audit" VALUES(4,1764000000000,'worker','baseline.ready','1','{"workload": 1, "number": 1, "from": "learning", "reason": "Enough windows are learned to rank scores.", "windows": 60}');
INSERT INTO "audit" VALUES(5,1764000000000,'admin','workload.mode','1','{"from": "learning", "to": "enforcement-alert", "reason": "golden"}');
INSERT INTO "audit" VALUES(6,1764000000000,'admin','baseline.active','1','{"workload": 1, "number": 1, "from": "ready", "reason": "golden", "windows": 60}');
INSERT INTO "audit" VALUES(7,1764000000000,'nonself','score.unlearn','21','{"workload": 1, "reason": "The signature rule ''Shell spawned'' matched in the window, as was told after it was learned."}');
INSERT INTO "audit" VALUES(8,1764000000000,'admin','suppression.create','1','{"by": "sequences", "alert": 1, "workload": null, "everywhere": false, "rule": "", "calls": [], "reason": "the nightly backup", "owner": "storage", "days": 30.0, "expires_at": 1766592000000}');
INSERT INTO "audit" VALUES(9,1764000000000,'admin','key.trust','1','{"name": "staging", "public_key": "BUuag+OehSTuSqTBd5BjdDtNLtzORcCTyvMPpb+drd8=", "reason": "golden"}');
CREATE TABLE baseline_versions (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	workload_id INTEGER NOT NULL, 
	number BIGINT NOT NULL, 
	state VARCHAR NOT NULL, 
	origin VARCHAR NOT NULL, 
	parent_id BIGINT, 
	created_at BIGINT NOT NULL, 
	changed_at BIGINT NOT NULL, 
	windows_learned BIGINT NOT NULL, 
	completeness VARCHAR, 
	provenance JSON, 
	manifest JSON, 
	taught_by BLOB, 
	snapshot BLOB, 
	CONSTRAINT fk_baseline_versions_workload_id_workloads FOREIGN KEY(workload_id) REFERENCES workloads (id), 
	CONSTRAINT uq_baseline_versions_workload_id_number UNIQUE (workload_id, number)
);
INSERT INTO "baseline_versions" VALUES(1,1,1,'active','learned',NULL,1764000000000,1764000000000,0,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE baselines (
	workload_id INTEGER NOT NULL, 
	snapshot BLOB NOT NULL, 
	windows_learned BIGINT NOT NULL, 
	ready BOOLEAN NOT NULL, 
	updated_at BIGINT NOT NULL, taught_by BLOB, completeness VARCHAR, version_id BIGINT, provenance JSON, 
	CONSTRAINT pk_baselines PRIMARY KEY (workload_id), 
	CONSTRAINT fk_baselines_workload_id_workloads FOREIGN KEY(workload_id) REFERENCES workloads (id)
);
INSERT INTO "baselines" VALUES(1,X'7801CBCBCF2B4ECD4973EA646260A8564A2C4ACE50B252AAB0308B373351D251CA2BCD4D4A2D2A56B2AA562A4A4D2B2D4E4D894F4ECCC9010A18E8281527E717A516C717A7A6E62959999A01054A128B4AE251848D7594CA33F352F2CB815A4C2DE19CF8B4A2FCDC78B07A90782D506F6A724926D02D4A56D1D14A79E94589B9C54A3AC6B13AD14AC9F9A57925304E466A4E4A7C522554AA38B32A15260366C783E4A19245A940F7A5E841DCAB636401320B2A56909809F414AA58495166410EC8341495C5A985A5A979C918E2B99915682A7352138B4BD0C4C01E84B9C010C9011009A8333025E06EC194427210A624D85598C250A7812592F37381DE2C49CD4B2D2ED64BCAC94FCE067AD9D20012D0485269C010027A07532207EC4D4C71589C61CA1417A482920C16B3C0C10094318E8DD5512A032634600A50B232A965137138C0C0C4C2C02811C0C0C8CC0164263830B2F030E8F13080018CFECC0DE15B432806747A06547C01945E01A585D06871287F941A0D81D11018C01078F0CC6BE9E93C3B060571FE80A00E3B8684F59F73A566D885BCFBB9B7F6EE2C3BB7C96B1ABB66B6DA655C5F7758C337D18E81C1FC8C92901050BDB7D414CE5C3B068F0915CB37B7DB315CC814BC7F6B3A5C9F4271CECBFD8F5BEDD426797E4A544B02EAF3DC56B39FD38EA16189C3BC1BD9760C1F5C2F4D7205EAFB71214F681D42DFD9652C46C5926D76CB2C373CE13B0ED2F780F78D0BB31DC303079FB23F5940F7DD0ADDFDA5CD8E6146DEE4D33D087D82BB2E6BCA38B5D9456D48CB5FE3940CD47760D5DAD77F6D6121BBB3B8232CFDC0577B871A890E91B3FFED9F66B23D9363657170BAAF3EFF04FF3B7B1583B5FF96EEBF6E0F53CF2955762569FB13FB6D73C457A6ECFF69BF66654369443393C3DE232BCDFD9EB23A1CF7F0D81A5FF4D17E715452FA89B69B707DB639E19EAD110FED99952EB56DE3FB6A1FC5FE7A9DEAD77FF65BEE9DBFC8B08EC5E19BA62BABB9F7077BA78AF245FDCB11FA180A52D40F473FB67F57F42166E7B9EFF6CDDDEF324AC2181D64E7E4973271B139B0C7AE0EBDC8F5C9DE2D5FBFDFFDD22DB87D30F7E2A41F38DCBCCD5C0B0C0F0800B639C080114A3343699838940BA746C52141311A0E83331C60E9189D0600B85CA691',59,1,1764000000000,NULL,'converging',1,'{"windows": 59, "calls": 9295, "hours": [[13, 59]], "days": [[20416, 59]], "lengths": [[10000, 59]], "replicas": [["-5290824967659590304", 59]], "images": [["registry.local/shop/cart:1.4", 59]], "kernels": [["", 59]], "lost": []}');
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
INSERT INTO "containers" VALUES(1,1,'boot-1','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',1,'container','containerd','web','cart-6d4cf56db6-x7k2p','shop','','registry.local/shop/cart:1.4','','{}','',1,1763990000000,1763990610000,'[[[3.223311004009584, 1763990600000], [0.0, null], [0.0, null], [0.0, null], [0.0, null]], null, 0.0]');
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
CREATE TABLE dropped (
	day BIGINT NOT NULL, 
	cause VARCHAR NOT NULL, 
	what VARCHAR NOT NULL, 
	count BIGINT NOT NULL, 
	oldest BIGINT NOT NULL, 
	newest BIGINT NOT NULL, 
	CONSTRAINT pk_dropped PRIMARY KEY (day, cause, what)
);
INSERT INTO "dropped" VALUES(1764201600000,'age','counts',60,1763990000000,1763990590000);
CREATE TABLE falco_queue (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	target VARCHAR NOT NULL, 
	line VARCHAR NOT NULL
);
CREATE TABLE findings (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	workload_id INTEGER NOT NULL, 
	score_id INTEGER NOT NULL, 
	alert_id INTEGER, 
	kind VARCHAR NOT NULL, 
	created_at BIGINT NOT NULL, suppression_id BIGINT, unseen JSON, 
	CONSTRAINT fk_findings_alert_id_alerts FOREIGN KEY(alert_id) REFERENCES alerts (id), 
	CONSTRAINT fk_findings_score_id_scores FOREIGN KEY(score_id) REFERENCES scores (id), 
	CONSTRAINT fk_findings_workload_id_workloads FOREIGN KEY(workload_id) REFERENCES workloads (id), 
	CONSTRAINT uq_findings_score_id UNIQUE (score_id)
);
INSERT INTO "findings" VALUES(1,1,61,1,'anomaly',1764000000000,NULL,'[1265576474988049510, 1266702375968633959, 1267828276949218408, 1268954177929802857, 1270080078910387306, 1271205979890971755, 1272331880871556204, 1273457781852140653, 1274583682832725102, 1275709583813309551, 1276835484793894000, 1277961385774478449, 1279087286755062898, 1280213187735647347, 1281339088716231796, 1282464989696816245, 1283590890677400694, 1284716791657985143, 1285842692638569592, 1286968593619154041, 1288094494599738490, 1289220395580322939, 1290346296560907388, 1291472197541491837, 1292598098522076286, 1293723999502660735, 1294849900483245184, 1295975801463829633, 1297101702444414082, 1298227603424998531, 1299353504405582980, 1300479405386167429, 1301605306366751878, 1302731207347336327, 1303857108327920776, 1304983009308505225, 1306108910289089674, 1307234811269674123, 1308360712250258572, 1309486613230843021, 1310612514211427470, 1311738415192011919, 1312864316172596368, 1313990217153180817, 1315116118133765266, 1316242019114349715, 1317367920094934164, 1318493821075518613, 1319619722056103062, 1320745623036687511, 1321871524017271960, 1322997424997856409, 1324123325978440858, 1325249226959025307, 1326375127939609756, 1327501028920194205, 1328626929900778654, 1329752830881363103, 1330878731861947552, 1332004632842532001]');
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
INSERT INTO "inbox" VALUES(1,1,'boot-1','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',1763990000000,X'715D8DE9235E98AAB3C1D59FF0177EF0AB0B78853FD6F55063E02878D866DA7E',NULL,1764000000000,1764000000000,NULL);
INSERT INTO "inbox" VALUES(2,1,'boot-1','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',1763990010000,X'269A44B3AF33B00AE9D301099CA3F5DFF5A876044AE2A65D43C383B7B62777C2',NULL,1764000000000,1764000000000,NULL);
INSERT INTO "inbox" VALUES(3,1,'boot-1','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',1763990020000,X'42B7BBCADC07593AB6698973003C07AAB0272FD34C13F420119F30A18AF9F16A',NULL,1764000000000,1764000000000,NULL);
INSERT INTO "inbox" VALUES(59,1,'boot-1','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',1763990580000,X'0BA4ADA5B46D997C4932210E11D9F084BAE35DF28FFC163A03741BE004E06167',NULL,1764000000000,1764000000000,NULL);
INSERT INTO "inbox" VALUES(60,1,'boot-1','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',1763990590000,X'84440492D6F9FB8D0DAD8FE366343A14F9F152607EB58B529DDADE1A86BE8B28',NULL,1764000000000,1764000000000,NULL);
INSERT INTO "inbox" VALUES(61,1,'boot-1','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',1763990600000,X'A2657886F04B8988B2CB78806ABB314146B5EA2B3E66B414DA21286DB6D8FE21',NULL,1764000000000,1764000000000,NULL);
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
INSERT INTO "ledgers" VALUES(1,1763990600000,1,60,1.0,1763990610000,1.76168251608474735192e+00,1763990600000,NULL,10000,'[[[3.223311004009584, 1763990600000], [0.0, null], [0.0, null], [0.0, null], [0.0, null]], null, 0.0]');
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
	raised_at BIGINT, suppression_id BIGINT, 
	CONSTRAINT fk_matches_node_id_nodes FOREIGN KEY(node_id) REFERENCES nodes (id), 
	CONSTRAINT fk_matches_workload_id_workloads FOREIGN KEY(workload_id) REFERENCES workloads (id), 
	CONSTRAINT fk_matches_container_id_containers FOREIGN KEY(container_id) REFERENCES containers (id), 
	CONSTRAINT fk_matches_alert_id_alerts FOREIGN KEY(alert_id) REFERENCES alerts (id), 
	CONSTRAINT uq_matches_finding_id UNIQUE (finding_id), 
	CONSTRAINT uq_matches_node_id_boot_id_sequence UNIQUE (node_id, boot_id, sequence)
);
INSERT INTO "matches" VALUES(1,1,'boot-1',1763990201001123456,1,'Shell spawned','Warning',X'97CA0FE3AC99F4A429AB2A2ED2F510ADB1F8D3C11A43B902032350646D67D33F',X'7B22616E636573746F7273223A5B7B22636D646C696E65223A227368202D69222C22657865223A227368222C226E616D65223A227368222C22706964223A343332317D2C7B22636D646C696E65223A226E67696E78222C22657865223A222F7573722F7362696E2F6E67696E78222C226E616D65223A226E67696E78222C22706964223A343330307D5D2C22626F6F745F6964223A22626F6F742D31222C22636F6E7461696E6572223A7B226367726F7570223A22222C226964223A2263636363636363636363636363636363636363636363636363636363636363636363636363636363636363636363636363636363636363636363636363636363222C22696D616765223A2272656769737472792E6C6F63616C2F73686F702F636172743A312E34222C22696D6167655F646967657374223A22222C226B696E64223A22636F6E7461696E6572222C226C6162656C73223A7B7D2C226E616D65223A22776562222C226E616D657370616365223A2273686F70222C22706F64223A22636172742D366434636635366462362D78376B3270222C22706F645F756964223A22222C2272756E74696D65223A22636F6E7461696E657264222C227365656E5F66726F6D5F7374617274223A747275657D2C226576656E745F74797065223A22657865637665222C226E6F6465223A226E6F64652D61222C226F70656E5F636F6E646974696F6E223A22222C226F7574707574223A2241207368656C6C2028757365723D726F6F7420636F6D6D616E643D7368202D6929222C226F75747075745F6669656C6473223A7B226576742E726177726573223A2D322C2270726F632E636D646C696E65223A227368202D69222C22757365722E6E616D65223A22726F6F74227D2C22706964223A343332312C227072696F72697479223A225761726E696E67222C2272756C65223A225368656C6C20737061776E6564222C2272756C65736574223A223966222C22736368656D615F76657273696F6E223A312C2273657175656E6365223A312C22736F75726365223A2273797363616C6C222C2274616773223A5B225431303539222C2261747461636B5F763138222C226D697472655F657865637574696F6E225D2C2274696D65223A313736333939303230313030313132333435362C227472756E6361746564223A5B5D7D',1764000000000,'raised',NULL,1,1,2,1,1764000000000,NULL);
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
INSERT INTO "nodes" VALUES(1,'node-a','boot-1','{"version": "0.1.0", "window_s": 10.0, "kernel": "", "started_at": 0, "containers": 0, "spool_bytes": 0, "spool_batches": 0, "discarded_deltas": 0, "missed_runs": 0, "dropped_events": 0, "unwatched_containers": 0, "cpu_s": 0.0, "rss_bytes": 0, "rule_engine": "", "rule_engine_error": "", "rule_engine_restarts": 0}',1764000000000,1764000000000,1764000000000,1763990610000,61,'{}');
CREATE TABLE rollup_marks (
	id INTEGER NOT NULL, 
	score_id BIGINT NOT NULL, 
	CONSTRAINT pk_rollup_marks PRIMARY KEY (id)
);
INSERT INTO "rollup_marks" VALUES(1,61);
CREATE TABLE rollups (
	workload_id INTEGER NOT NULL, 
	span_ms BIGINT NOT NULL, 
	start BIGINT NOT NULL, 
	normal BIGINT NOT NULL, 
	anomalous BIGINT NOT NULL, 
	insufficient BIGINT NOT NULL, 
	calls BIGINT NOT NULL, 
	p_values JSON NOT NULL, 
	lost JSON NOT NULL, 
	CONSTRAINT pk_rollups PRIMARY KEY (workload_id, span_ms, start), 
	CONSTRAINT fk_rollups_workload_id_workloads FOREIGN KEY(workload_id) REFERENCES workloads (id)
)
 WITHOUT ROWID

;
INSERT INTO "rollups" VALUES(1,3600000,1763989200000,27,1,33,9791,'[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 11, 12]','{}');
CREATE TABLE rule_activations (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	rule_set_id INTEGER NOT NULL, 
	created_at BIGINT NOT NULL, 
	actor VARCHAR NOT NULL, 
	reason VARCHAR NOT NULL, 
	CONSTRAINT fk_rule_activations_rule_set_id_rule_sets FOREIGN KEY(rule_set_id) REFERENCES rule_sets (id)
);
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
CREATE TABLE rule_texts (
	digest VARCHAR NOT NULL, 
	text VARCHAR NOT NULL, 
	CONSTRAINT pk_rule_texts PRIMARY KEY (digest)
);
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
	rest DOUBLE NOT NULL, "view" VARCHAR, views JSON, learned_score DOUBLE, matches BIGINT DEFAULT '0' NOT NULL, learning_changed_at BIGINT, phase VARCHAR, not_unlearned VARCHAR, windows_per_week DOUBLE, 
	CONSTRAINT fk_scores_container_id_containers FOREIGN KEY(container_id) REFERENCES containers (id), 
	CONSTRAINT fk_scores_inbox_id_inbox FOREIGN KEY(inbox_id) REFERENCES inbox (id), 
	CONSTRAINT fk_scores_workload_id_workloads FOREIGN KEY(workload_id) REFERENCES workloads (id), 
	CONSTRAINT uq_scores_inbox_id UNIQUE (inbox_id)
);
INSERT INTO "scores" VALUES(1,1,1,1,1763990000000,1763990010000,1764000000000,'learning','insufficient_evidence',6.79452487845210498576e+02,NULL,1.65343915343915355067e-05,1.0,0,1.0,149,'{}','[]','[{"code": "few_windows", "text": "The baseline has learned 0 windows of this phase; it ranks scores from 30 on."}]',1,0,NULL,'[{"ngram": 1128102155523078, "count": 50, "bits": 226.865031, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 2255102648784897, "count": 50, "bits": 226.865031, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 3382103142040578, "count": 49, "bits": 225.722426, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}]',0.0,NULL,'[{"view": "calls", "bits": 169.863122, "p_value": null}, {"view": "pairs", "bits": 169.863122, "p_value": null}, {"view": "triples", "bits": 169.863122, "p_value": null}, {"view": "sequences", "bits": 169.863122, "p_value": null}, {"view": "mix", "bits": 0.0, "p_value": null}]',6.79452487845210498576e+02,0,NULL,'start',NULL,60480.0);
INSERT INTO "scores" VALUES(2,2,1,1,1763990010000,1763990020000,1764000000000,'learning','insufficient_evidence',5.0970811014451351123e-08,NULL,1.65343915343915355067e-05,0.5,0,0.0,152,'{}','[]','[{"code": "few_windows", "text": "The baseline has learned 1 windows of this phase; it ranks scores from 30 on."}]',1,0,NULL,'[{"ngram": 3382103142040578, "count": 50, "bits": 0.0, "baseline_count": 49, "baseline_rank": 3, "nearest": ["open", "close", "stat", "fstat", "read", "write"], "known_ending": 6}, {"ngram": 1128102155523078, "count": 51, "bits": 0.0, "baseline_count": 50, "baseline_rank": 1, "nearest": ["read", "write", "open", "close", "stat", "fstat"], "known_ending": 6}, {"ngram": 2255102648784897, "count": 51, "bits": 0.0, "baseline_count": 50, "baseline_rank": 1, "nearest": ["write", "open", "close", "stat", "fstat", "read"], "known_ending": 6}]',0.0,NULL,'[{"view": "calls", "bits": 0.0, "p_value": null}, {"view": "pairs", "bits": 0.0, "p_value": null}, {"view": "triples", "bits": 0.0, "p_value": null}, {"view": "sequences", "bits": 0.0, "p_value": null}, {"view": "mix", "bits": 0.0, "p_value": null}]',5.0970811014451351123e-08,0,NULL,'start',NULL,60480.0);
INSERT INTO "scores" VALUES(3,3,1,1,1763990020000,1763990030000,1764000000000,'learning','insufficient_evidence',1.08089571349760486806e-07,NULL,1.65343915343915355067e-05,0.5,0,0.0,155,'{}','[]','[{"code": "few_windows", "text": "The baseline has learned 2 windows of this phase; it ranks scores from 30 on."}]',1,0,NULL,'[{"ngram": 3382103142040578, "count": 51, "bits": 0.0, "baseline_count": 99, "baseline_rank": 3, "nearest": ["open", "close", "stat", "fstat", "read", "write"], "known_ending": 6}, {"ngram": 1128102155523078, "count": 52, "bits": 0.0, "baseline_count": 101, "baseline_rank": 1, "nearest": ["read", "write", "open", "close", "stat", "fstat"], "known_ending": 6}, {"ngram": 2255102648784897, "count": 52, "bits": 0.0, "baseline_count": 101, "baseline_rank": 1, "nearest": ["write", "open", "close", "stat", "fstat", "read"], "known_ending": 6}]',0.0,NULL,'[{"view": "calls", "bits": 0.0, "p_value": null}, {"view": "pairs", "bits": 0.0, "p_value": null}, {"view": "triples", "bits": 0.0, "p_value": null}, {"view": "sequences", "bits": 0.0, "p_value": null}, {"view": "mix", "bits": 0.0, "p_value": null}]',1.08089571349760486806e-07,0,NULL,'start',NULL,60480.0);
INSERT INTO "scores" VALUES(59,59,1,1,1763990580000,1763990590000,1764000000000,'learning','normal',3.58753719399560923363e-08,7.47899101840149072017e-01,1.65343915343915355067e-05,3.57142857142857123031e-02,0,0.0,155,'{}','[]','[]',1,0,NULL,'[{"ngram": 3382103142040578, "count": 51, "bits": 0.0, "baseline_count": 3011, "baseline_rank": 3, "nearest": ["open", "close", "stat", "fstat", "read", "write"], "known_ending": 6}, {"ngram": 1128102155523078, "count": 52, "bits": 0.0, "baseline_count": 3069, "baseline_rank": 1, "nearest": ["read", "write", "open", "close", "stat", "fstat"], "known_ending": 6}, {"ngram": 2255102648784897, "count": 52, "bits": 0.0, "baseline_count": 3069, "baseline_rank": 1, "nearest": ["write", "open", "close", "stat", "fstat", "read"], "known_ending": 6}]',0.0,'mix','[{"view": "calls", "bits": 0.0, "p_value": 1.0}, {"view": "pairs", "bits": 0.0, "p_value": 1.0}, {"view": "triples", "bits": 0.0, "p_value": 1.0}, {"view": "sequences", "bits": 0.0, "p_value": 1.0}, {"view": "mix", "bits": 0.0, "p_value": 0.7478991018401491}]',3.58753719399560923363e-08,0,NULL,'steady',NULL,60480.0);
INSERT INTO "scores" VALUES(60,60,1,1,1763990590000,1763990600000,1764000000000,'learning','normal',4.35402306873597377823e-10,1.0,1.65343915343915355067e-05,3.44827586206896546938e-02,0,0.0,158,'{}','[]','[]',1,0,NULL,'[{"ngram": 3382103142040578, "count": 52, "bits": 0.0, "baseline_count": 3062, "baseline_rank": 3, "nearest": ["open", "close", "stat", "fstat", "read", "write"], "known_ending": 6}, {"ngram": 1128102155523078, "count": 53, "bits": 0.0, "baseline_count": 3121, "baseline_rank": 1, "nearest": ["read", "write", "open", "close", "stat", "fstat"], "known_ending": 6}, {"ngram": 2255102648784897, "count": 53, "bits": 0.0, "baseline_count": 3121, "baseline_rank": 1, "nearest": ["write", "open", "close", "stat", "fstat", "read"], "known_ending": 6}]',0.0,'calls','[{"view": "calls", "bits": 0.0, "p_value": 1.0}, {"view": "pairs", "bits": 0.0, "p_value": 1.0}, {"view": "triples", "bits": 0.0, "p_value": 1.0}, {"view": "sequences", "bits": 0.0, "p_value": 1.0}, {"view": "mix", "bits": 0.0, "p_value": 1.0}]',4.35402306873597377823e-10,0,NULL,'steady',NULL,60480.0);
INSERT INTO "scores" VALUES(61,61,1,1,1763990600000,1763990610000,1764000000000,'enforcement-alert','anomalous',4.80212123360068289914e+03,2.85476046092891127094e-10,1.65343915343915355067e-05,3.44827586206896546938e-02,1,0.547112462006079,329,'{}','[]','[{"code": "unseen_lineage", "text": "The window holds a program that an exec brought into the container; none was ever learned."}]',0,0,'The window has a finding.','[{"ngram": 1265576474988049510, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1266702375968633959, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1267828276949218408, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1268954177929802857, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1270080078910387306, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1271205979890971755, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1272331880871556204, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1273457781852140653, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1274583682832725102, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1275709583813309551, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1276835484793894000, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1277961385774478449, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1279087286755062898, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1280213187735647347, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1281339088716231796, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1282464989696816245, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1283590890677400694, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1284716791657985143, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1285842692638569592, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}, {"ngram": 1286968593619154041, "count": 3, "bits": 80.025198, "baseline_count": 0, "baseline_rank": null, "nearest": null, "known_ending": 0}]',3.2016172815587556216e+03,'calls','[{"view": "calls", "bits": 1199.830852, "p_value": 2.8547604609289113e-10}, {"view": "pairs", "bits": 1199.830852, "p_value": 2.8547604609289113e-10}, {"view": "triples", "bits": 1199.830852, "p_value": 2.8547604609289113e-10}, {"view": "sequences", "bits": 1199.830852, "p_value": 2.8547604609289113e-10}, {"view": "mix", "bits": 2.797827, "p_value": 9.440487751420375e-06}]',NULL,0,NULL,'steady',NULL,60480.0);
CREATE TABLE suppressions (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	"by" VARCHAR NOT NULL, 
	workload_id INTEGER, 
	rule VARCHAR, 
	ngrams JSON NOT NULL, 
	tokens JSON NOT NULL, 
	arch VARCHAR NOT NULL, 
	alert_id INTEGER, 
	reason VARCHAR NOT NULL, 
	owner VARCHAR NOT NULL, 
	actor VARCHAR NOT NULL, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	ended_at BIGINT, 
	suppressed BIGINT DEFAULT '0' NOT NULL, 
	last_at BIGINT, 
	CONSTRAINT fk_suppressions_workload_id_workloads FOREIGN KEY(workload_id) REFERENCES workloads (id), 
	CONSTRAINT fk_suppressions_alert_id_alerts FOREIGN KEY(alert_id) REFERENCES alerts (id)
);
INSERT INTO "suppressions" VALUES(1,'sequences',1,NULL,'[1265576474988049510, 1266702375968633959, 1267828276949218408, 1268954177929802857, 1270080078910387306, 1271205979890971755, 1272331880871556204, 1273457781852140653, 1274583682832725102, 1275709583813309551, 1276835484793894000, 1277961385774478449, 1279087286755062898, 1280213187735647347, 1281339088716231796, 1282464989696816245, 1283590890677400694, 1284716791657985143, 1285842692638569592, 1286968593619154041, 1288094494599738490, 1289220395580322939, 1290346296560907388, 1291472197541491837, 1292598098522076286, 1293723999502660735, 1294849900483245184, 1295975801463829633, 1297101702444414082, 1298227603424998531, 1299353504405582980, 1300479405386167429, 1301605306366751878, 1302731207347336327, 1303857108327920776, 1304983009308505225, 1306108910289089674, 1307234811269674123, 1308360712250258572, 1309486613230843021, 1310612514211427470, 1311738415192011919, 1312864316172596368, 1313990217153180817, 1315116118133765266, 1316242019114349715, 1317367920094934164, 1318493821075518613, 1319619722056103062, 1320745623036687511, 1321871524017271960, 1322997424997856409, 1324123325978440858, 1325249226959025307, 1326375127939609756, 1327501028920194205, 1328626929900778654, 1329752830881363103, 1330878731861947552, 1332004632842532001]','[]','x86_64',1,'the nightly backup','storage','admin',1764000000000,1766592000000,NULL,0,NULL);
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
INSERT INTO "tokens" VALUES(1,'admin','admin',X'D13DD0CE79D478E880699EC14DEEE6F8E354CB233932C978445E4AD4E944BB0E',1764000000000,NULL);
INSERT INTO "tokens" VALUES(2,'read','read',X'AD947B06A37ECEEDB4C2632535945993DD9134554DE77F888DDE043AEF4F033F',1764000000000,NULL);
INSERT INTO "tokens" VALUES(3,'ingest','ingest',X'E0C91980ED7C30F7052249628DCC2724D15D8D55CA326D0C9D3234309997ED65',1764000000000,NULL);
CREATE TABLE trusted_keys (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name VARCHAR NOT NULL, 
	public_key BLOB NOT NULL, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT, 
	revoked_at BIGINT, 
	CONSTRAINT uq_trusted_keys_name UNIQUE (name), 
	CONSTRAINT uq_trusted_keys_public_key UNIQUE (public_key)
);
INSERT INTO "trusted_keys" VALUES(1,'staging',X'054B9A83E39E8524EE4AA4C1779063743B4D2EDCCE45C093CAF30FA5BF9DADDF',1764000000000,NULL,NULL);
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
INSERT INTO "weeks" VALUES(1,1763596800000,28,1,1,1,1,4.6296296296296270958e-04);
CREATE TABLE workload_aliases (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind VARCHAR NOT NULL, 
	cluster VARCHAR NOT NULL, 
	namespace VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	container VARCHAR NOT NULL, 
	workload_id INTEGER, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT fk_workload_aliases_workload_id_workloads FOREIGN KEY(workload_id) REFERENCES workloads (id), 
	CONSTRAINT uq_workload_aliases_kind_cluster_namespace_name_container UNIQUE (kind, cluster, namespace, name, container)
);
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
	last_score_id BIGINT, budget_per_week DOUBLE, owner_kind VARCHAR, owner_name VARCHAR, role VARCHAR, adopted BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT uq_workloads_kind_cluster_namespace_name_container UNIQUE (kind, cluster, namespace, name, container)
);
INSERT INTO "workloads" VALUES(1,'pod','','shop','cart','web','pod_name','enforcement-alert',1764000000000,1764000000000,61,61,NULL,NULL,NULL,NULL,0);
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
CREATE INDEX ix_baseline_versions_state_id ON baseline_versions (state, id);
CREATE INDEX ix_baselines_version_id ON baselines (version_id);
CREATE INDEX ix_audit_target_action ON audit (target, action);
CREATE INDEX ix_workload_aliases_workload_id ON workload_aliases (workload_id);
CREATE INDEX ix_suppressions_workload_id ON suppressions (workload_id);
CREATE INDEX ix_suppressions_active ON suppressions (expires_at) WHERE ended_at IS NULL;
CREATE INDEX ix_findings_suppression_id ON findings (suppression_id) WHERE suppression_id IS NOT NULL;
CREATE INDEX ix_matches_suppression_id ON matches (suppression_id) WHERE suppression_id IS NOT NULL;
CREATE INDEX ix_rollups_span_ms_start ON rollups (span_ms, start);
CREATE INDEX ix_falco_queue_target_id ON falco_queue (target, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('tokens',3);
INSERT INTO "sqlite_sequence" VALUES('audit',9);
INSERT INTO "sqlite_sequence" VALUES('nodes',1);
INSERT INTO "sqlite_sequence" VALUES('inbox',61);
INSERT INTO "sqlite_sequence" VALUES('containers',1);
INSERT INTO "sqlite_sequence" VALUES('workloads',1);
INSERT INTO "sqlite_sequence" VALUES('scores',61);
INSERT INTO "sqlite_sequence" VALUES('baseline_versions',1);
INSERT INTO "sqlite_sequence" VALUES('alerts',2);
INSERT INTO "sqlite_sequence" VALUES('findings',1);
INSERT INTO "sqlite_sequence" VALUES('matches',1);
INSERT INTO "sqlite_sequence" VALUES('suppressions',1);
INSERT INTO "sqlite_sequence" VALUES('trusted_keys',1);
COMMIT;
