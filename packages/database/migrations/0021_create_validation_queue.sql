-- expand
-- Writer of every table in this file: validator alone.
-- Batches that wait for a validator or are at work, until their run has ended and was announced. A
-- stream hands out what came first; this lets whoever has a free slot choose whose turn it is.
create table validation.queue (
  batch_id    uuid        primary key,
  tenant_id   uuid        not null,
  event       json        not null, -- batch.uploaded, as it came
  is_high     boolean     not null,
  total_leads integer     not null,
  queued_at   timestamptz not null default clock_timestamp(),
  -- Picks, those that ended in a crash included.
  attempts    integer     not null default 0,
  -- After an error it waits a little.
  not_before  timestamptz not null default '-infinity'
);
grant select, insert, update, delete on validation.queue to valify_validator;
-- For the pages that show what waits.
grant select on validation.queue to valify_ingest;
call ingest.raise_tenant_wall('validation.queue');

-- When rows were last announced: a run that holds its lease and does not move is stuck.
alter table validation.runs
  add column progressed_at timestamptz not null default now(),
  add column stuck_count   integer     not null default 0;
-- Who is at work, and who had the last turn.
create index runs_at_work on validation.runs (tenant_id) where status = 'processing';
create index runs_of_tenant on validation.runs (tenant_id, started_at desc);
