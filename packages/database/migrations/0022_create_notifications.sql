-- expand
-- Writer of every table in this file: ingest alone.
-- What people were told of, by which way: a redelivered event tells nobody twice.
create table ingest.notifications (
  event_id  text        not null, -- the event's own, as `batch.failed:batch_...`
  channel   text        not null check (channel in ('email', 'webhook')),
  tenant_id uuid        not null references ingest.tenants,
  sent_at   timestamptz not null default now(),
  primary key (event_id, channel)
);
grant select, insert, update, delete on ingest.notifications to valify_ingest;
call ingest.raise_tenant_wall('ingest.notifications');

-- Batches whose event was lost are looked for by age.
create index batches_by_age on ingest.batches (created_at);
