-- expand
-- Writer of every table in this file: validator alone.
-- Progress of one batch. The lease keeps two validators from working on it at once; its token
-- fences off one that was frozen and comes back.
create table validation.runs (
  batch_id           uuid        primary key,
  tenant_id          uuid        not null,
  status             text        not null default 'processing'
                                 check (status in ('processing', 'completed', 'failed', 'cancelled')),
  total_leads        integer     not null,
  -- Rows 1..announced_rows are stored and announced: where a successor goes on.
  announced_rows     integer     not null default 0,
  valid_leads        integer     not null default 0,
  invalid_leads      integer     not null default 0,
  skipped_rows       integer     not null default 0,
  results_object_key text,
  error_code         text,
  error_message      text,
  lease_token        uuid,
  lease_until        timestamptz,
  started_at         timestamptz not null default now(),
  ended_at           timestamptz
);

-- One row per CSV row, written once and never changed: a published verdict stays true, and the
-- body of a webhook is the same at every attempt.
create table validation.leads (
  lead_uuid             uuid        primary key, -- v5 of batch and row: the dispatcher loads by it
  batch_id              uuid        not null,
  row_number            integer     not null check (row_number > 0),
  line_number           integer     not null,
  tenant_id             uuid        not null,
  lead_id               text        not null, -- a label, not unique
  slug_version          smallint    not null,
  first_name            text        not null,
  last_name             text        not null,
  dob                   text        not null,
  dob_date              date,
  status                text        not null check (status in ('valid', 'invalid', 'skipped')),
  errors                json        not null,
  warnings              json        not null,
  validated_at          timestamptz not null,
  webhook_scheduled_for timestamptz not null,
  unique (batch_id, row_number)
);

grant select, insert, update, delete on all tables in schema validation to valify_validator;
grant select on all tables in schema validation to valify_ingest;
grant select on validation.leads to valify_dispatcher;
