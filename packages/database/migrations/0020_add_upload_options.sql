-- expand
-- Writer: ingest alone.
-- How the uploader wanted the file treated; a repeat under the same idempotency key must say the
-- same. Empty: accepted before there were options, so with the defaults.
alter table ingest.batches add column options json not null default '{}';
-- Whether a tenant has uploaded the same bytes before.
create index batches_by_content on ingest.batches (tenant_id, content_sha256);
