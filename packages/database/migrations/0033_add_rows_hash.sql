-- expand
-- Writer: ingest. Of the leads alone: the same for a file that was only saved another way. Null for
-- batches of before.
alter table ingest.batches add column rows_sha256 bytea;
create index batches_by_rows on ingest.batches (tenant_id, rows_sha256);
