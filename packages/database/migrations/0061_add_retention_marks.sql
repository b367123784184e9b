-- expand
-- What was deleted when its retention ended. The rows themselves stay: they hold no personal data,
-- and a message that comes back must find that its work was done.
-- Writer: ingest.
alter table ingest.batches add column upload_deleted_at timestamptz;
-- The next uploads to delete, oldest first.
create index batches_with_upload on ingest.batches (created_at) where upload_deleted_at is null;

-- Writer: validator.
alter table validation.runs add column leads_deleted_at timestamptz;
-- The next leads to delete, by the end of their run.
create index runs_with_leads on validation.runs (ended_at) where leads_deleted_at is null;
