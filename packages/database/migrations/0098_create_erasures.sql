-- expand
-- Writer: ingest alone.
-- Who is to be forgotten, and how far that is: ids and keyed hashes, nothing of the person. A copy of
-- what is asked lies in the object store, for the day the database comes back from a backup.
create table ingest.erasures (
  erasure_id    uuid        primary key, -- v5 of what it names: asked twice it is the same
  tenant_id     uuid        not null references ingest.tenants,
  -- Told so many times: each a message of its own.
  attempt       integer     not null default 1,
  leads         json        not null, -- [{lead_uuid, batch_id, webhook_scheduled_for}]
  -- Of the lead ids that are refused from now on; the keys of validation.suppressions.
  tombstones    uuid[]      not null,
  requested_at  timestamptz not null default now(),
  told_at       timestamptz not null default now(),
  -- When each part was done.
  validator_at  timestamptz,
  scheduler_at  timestamptz,
  dispatcher_at timestamptz,
  uploads_at    timestamptz,
  completed_at  timestamptz
);
create index erasures_newest on ingest.erasures (tenant_id, requested_at desc, erasure_id desc);
-- Few rows: what the deadline is watched for.
create index erasures_open on ingest.erasures (requested_at) where completed_at is null;
grant select, insert, update, delete on ingest.erasures to valify_ingest;
call ingest.raise_tenant_wall('ingest.erasures');
