"""What a stranger may send to read or change more than was granted, and a folder that it is after.

The folder has one granted Parquet file, ``open.parquet``, and beside it the same rows unmasked and
other files: in each of them stands `SECRET`, and nothing may bring it out.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import duckdb
from pyarrow import RecordBatch

from mesh_defs.contract.data import Rows
from mesh_defs.errors import AccessDenied
from mesh_defs.gateway.query.answer import Answer
from mesh_defs.urls import MeshUrl

SECRET = "xq7-not-granted-xq7"
URL = MeshUrl("shop", "sales", "sales")
VIEW = str(URL)


def resolve(url: MeshUrl) -> MeshUrl:
    """The one port that may be read."""
    if (url.domain, url.product, url.port or "sales") != ("shop", "sales", "sales"):
        raise AccessDenied(f"{url} is not granted")
    return URL


class Folder:
    """The files; ``relations`` are the granted ones."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.open = root / "open.parquet"
        self.raw = root / "raw.parquet"
        rows = (
            "select i as id, 'JFK' as origin, {} as email, i * 1.5 as price from range(1000) t(i)"
        )
        with duckdb.connect() as connection:
            for file, email in ((self.open, "'***'"), (self.raw, f"'{SECRET}'")):
                query = rows.format(email)
                connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet)")
            connection.execute(f"ATTACH '{root}/other.duckdb' AS other")
            connection.execute(f"CREATE TABLE other.t AS SELECT '{SECRET}' AS secret")
        (root / "data.csv").write_text(f"secret\n{SECRET}\n")
        (root / "data.json").write_text(json.dumps([{"secret": SECRET}]))
        (root / "spilled").mkdir()
        (root / "spilled" / "duckdb_temp_storage-0.tmp").write_text(SECRET)
        self.relations = {VIEW: Rows.parquet([str(self.open)])}

    def digests(self) -> dict[str, str]:
        """Every file with what is in it."""
        return {
            str(file.relative_to(self.root)): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(self.root.rglob("*"))
            if file.is_file()
        }


def text_of(answer: Answer) -> str:
    """Everything that is in the answer."""
    with answer:
        batches: list[RecordBatch] = list(answer)
    return " ".join(str(batch.to_pylist()) for batch in batches)


FILES = """
SELECT * FROM '{root}/raw.parquet'
SELECT * FROM "{root}/raw.parquet"
SELECT * FROM '/etc/passwd'
SELECT * FROM read_parquet('{root}/raw.parquet')
SELECT * FROM parquet_scan('{root}/raw.parquet')
SELECT * FROM read_parquet(['{open}', '{root}/raw.parquet'])
SELECT * FROM read_parquet('{root}/*.parquet')
SELECT * FROM read_parquet('{root}/ra[w].parquet')
SELECT * FROM read_parquet('{root}/spilled/../raw.parquet')
SELECT * FROM read_csv('/etc/passwd')
SELECT * FROM read_csv('{root}/data.csv')
SELECT * FROM read_csv_auto('{root}/data.csv', all_varchar = true)
SELECT * FROM read_json('{root}/data.json')
SELECT * FROM read_ndjson_objects('{root}/data.json')
SELECT * FROM read_text('{root}/data.csv')
SELECT * FROM read_text('/proc/self/environ')
SELECT * FROM read_blob('{root}/raw.parquet')
SELECT * FROM read_blob('{root}/spilled/duckdb_temp_storage-0.tmp')
SELECT * FROM read_duckdb('{root}/other.duckdb')
SELECT * FROM sniff_csv('{root}/data.csv')
SELECT * FROM glob('{root}/*')
SELECT * FROM parquet_metadata('{root}/raw.parquet')
SELECT * FROM parquet_schema('{root}/raw.parquet')
SELECT * FROM parquet_kv_metadata('{root}/raw.parquet')
SELECT * FROM parquet_file_metadata('{root}/raw.parquet')
SELECT * FROM parquet_bloom_probe('{root}/raw.parquet', 'email', 'x')
SELECT * FROM read_csv('https://127.0.0.1:1/x.csv')
SELECT * FROM read_parquet('s3://bucket/x.parquet')
SELECT * FROM 'https://127.0.0.1:1/x.parquet'
SELECT (SELECT max(content) FROM read_text('{root}/data.csv')) FROM shop.sales.sales
SELECT * FROM shop.sales.sales WHERE email IN (FROM read_csv('{root}/data.csv'))
WITH a AS (SELECT * FROM read_csv('{root}/data.csv')) SELECT * FROM a
SELECT * FROM shop.sales.sales, LATERAL (SELECT * FROM read_text('{root}/data.csv'))
SELECT * FROM query('SELECT * FROM read_csv(''{root}/data.csv'')')
SELECT * FROM query_table('{root}/raw.parquet')
SELECT * FROM query_table(['{root}/raw.parquet'])
SELECT * FROM json_execute_serialized_sql(json_serialize_sql('FROM ''{root}/raw.parquet'''))
SELECT 1 UNION ALL SELECT content FROM read_text('{root}/data.csv')
FROM '{root}/raw.parquet'
TABLE '{root}/raw.parquet'
PIVOT '{root}/raw.parquet' ON origin USING max(email)
DESCRIBE '{root}/raw.parquet'
SUMMARIZE '{root}/raw.parquet'
SELECT * FROM (DESCRIBE '{root}/raw.parquet')
EXPLAIN ANALYZE SELECT * FROM '{root}/raw.parquet'
""".strip().splitlines()
CHANGES = """
ATTACH '{root}/other.duckdb' AS other
ATTACH '{root}/new.duckdb'
ATTACH ':memory:' AS more
DETACH memory
USE memory
COPY (SELECT 1) TO '{root}/new.csv'
COPY (SELECT 1 AS id) TO '{open}' (FORMAT parquet)
COPY (SELECT 1 AS id) TO '{open}' (FORMAT parquet, USE_TMP_FILE false)
COPY shop.sales.sales TO '{root}/new.parquet'
COPY shop.sales.sales FROM '{root}/data.csv'
EXPORT DATABASE '{root}/new'
IMPORT DATABASE '{root}'
CREATE TABLE t AS SELECT 1
CREATE TEMP TABLE t AS FROM '{root}/raw.parquet'
CREATE VIEW v AS FROM '{root}/raw.parquet'
CREATE MACRO m() AS 1
CREATE SECRET s (TYPE s3, KEY_ID 'x', SECRET 'y')
CREATE SEQUENCE q
DROP VIEW "mesh://shop/sales/sales"
INSERT INTO shop.sales.sales VALUES (1)
UPDATE shop.sales.sales SET id = 1
DELETE FROM shop.sales.sales
TRUNCATE shop.sales.sales
ALTER VIEW "mesh://shop/sales/sales" RENAME TO v
WITH a AS (INSERT INTO shop.sales.sales VALUES (1) RETURNING *) SELECT * FROM a
MERGE INTO shop.sales.sales USING shop.sales.sales s ON true WHEN MATCHED THEN DELETE
SET enable_external_access = true
SET allowed_directories = ['/']
SET threads = 64
SET memory_limit = '100GB'
SET lock_configuration = false
SET VARIABLE x = 1
SET schema = 'pg_catalog'
RESET memory_limit
RESET ALL
PRAGMA enable_profiling
PRAGMA profiling_output = '{root}/new.json'
PRAGMA database_list
PRAGMA show_tables
PRAGMA version
CALL pragma_version()
CALL enable_logging()
INSTALL httpfs
INSTALL '{root}/x.duckdb_extension'
LOAD httpfs
LOAD '{root}/x.duckdb_extension'
FORCE INSTALL httpfs FROM community
UPDATE EXTENSIONS
CHECKPOINT
VACUUM
ANALYZE
BEGIN
COMMIT
PREPARE p AS SELECT 1
EXECUTE p
DEALLOCATE p
SHOW TABLES
SHOW ALL TABLES
EXPLAIN SELECT 1
SELECT 1; DROP VIEW "mesh://shop/sales/sales"
SELECT 1; COPY (SELECT 1) TO '{root}/new.csv'
SELECT 1 INTO t
SELECT * FROM shop.sales.sales FOR UPDATE
""".strip().splitlines()
SNOOPING = """
SELECT getenv('HOME')
SELECT current_setting('temp_directory')
SELECT getvariable('x')
SELECT nextval('q')
SELECT setseed(0.5)
SELECT sleep_ms(1)
SELECT pg_sleep(1)
SELECT write_log('x')
SELECT current_query()
SELECT version()
SELECT txid_current()
SELECT current_user
SELECT pg_get_viewdef(1)
SELECT json_serialize_sql('SELECT 1')
SELECT json_serialize_plan('SELECT 1')
SELECT list_transform([1], x -> x + 1)
SELECT list_transform([1], lambda x: x + 1)
SELECT list_aggregate([1], 'sum')
SELECT main.getenv('HOME')
SELECT system.main.current_setting('temp_directory')
SELECT memory.main.version()
SELECT 'temp_directory'.current_setting()
SELECT * FROM duckdb_settings()
SELECT * FROM duckdb_settings
SELECT * FROM duckdb_views()
SELECT * FROM duckdb_views
SELECT * FROM duckdb_tables
SELECT * FROM duckdb_secrets()
SELECT * FROM which_secret('s3://x', 's3')
SELECT * FROM duckdb_extensions()
SELECT * FROM duckdb_temporary_files()
SELECT * FROM duckdb_external_file_cache()
SELECT * FROM duckdb_logs()
SELECT * FROM duckdb_logs
SELECT * FROM enable_logging()
SELECT * FROM enable_logging(storage := 'file', storage_path := '{root}/logs')
SELECT * FROM duckdb_prepared_statements()
SELECT * FROM information_schema.tables
SELECT * FROM system.information_schema.tables
SELECT * FROM pg_catalog.pg_class
SELECT * FROM pg_class
SELECT * FROM sqlite_master
SELECT * FROM pragma_database_list
SELECT * FROM pragma_table_info('mesh://shop/sales/sales')
SELECT * FROM system.main.duckdb_settings()
SELECT * FROM memory.main.other
SELECT * FROM sales
SELECT * FROM office.people.people
SELECT * FROM "mesh://office/people/people"
SELECT * FROM "mesh://shop/sales/sales#email"
SELECT * FROM "mesh://shop/sales/../people"
SELECT * FROM (WITH duckdb_settings AS (SELECT 1) SELECT 1), duckdb_settings
WITH a AS (WITH pg_class AS (SELECT 1) SELECT * FROM pg_class) SELECT * FROM a, pg_class
WITH duckdb_views AS (SELECT * FROM duckdb_views) SELECT * FROM duckdb_views
WITH a AS (SELECT 1) SELECT * FROM main.a
SELECT * FROM shop.sales.sales AT (VERSION => 1)
SELECT * FROM arrow_scan(1, 2, 3)
SELECT * FROM pandas_scan(1)
SELECT * FROM seq_scan()
SELECT * FROM test_all_types()
SELECT * FROM repeat('x', 10)
SELECT * FROM histogram('mesh://shop/sales/sales', 'email')
SELECT 1::"{root}/raw.parquet"
SELECT 'a'::enum_of_others
SELECT x FROM (SHOW TABLES)
SELECT COLUMNS(x -> true) FROM shop.sales.sales
WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT 1 FROM r) SELECT * FROM r
""".strip().splitlines()
HOSTILE = [*FILES, *CHANGES, *SNOOPING]
