-- expand
-- Writer: ingest alone.
-- Deliveries to be queued again, on behalf of a person or because an endpoint came back. Worked off
-- in chunks by whatever replica comes first; the chunk under way is kept until it is published, so
-- that a successor publishes the same wake-ups, rounds included, and none is queued twice.
create table ingest.replays (
  replay_id        uuid        primary key default gen_random_uuid(),
  tenant_id        uuid        not null references ingest.tenants,
  -- failed: exhausted, or no endpoint then. missing: due, and never tried. held: kept for an endpoint.
  scope            text        not null check (scope in ('failed', 'missing', 'held')),
  endpoint_id      uuid,
  batch_id         uuid,
  from_at          timestamptz,
  to_at            timestamptz not null default now(),
  status           text        not null default 'running'
                               check (status in ('running', 'completed', 'cancelled')),
  planned_count    bigint      not null,
  queued_count     bigint      not null default 0,
  -- The place up to which deliveries are chosen: a batch, and a delivery in it or all of it.
  place_created_at timestamptz,
  place_batch_id   uuid,
  place_lead_uuid  uuid,
  place_id         uuid,
  is_last_chunk    boolean     not null default false,
  chunk            json,       -- [[delivery, round, batch], ...]
  lease_token      uuid,
  lease_until      timestamptz,
  created_at       timestamptz not null default now(),
  worked_at        timestamptz not null default now(),
  ended_at         timestamptz
);
create index replays_newest on ingest.replays (tenant_id, created_at desc, replay_id desc);
create index replays_running on ingest.replays (worked_at) where status = 'running';

-- What a wake-up stands for whose delivery does not exist yet; the dispatcher looks here once.
create table ingest.replay_targets (
  delivery_id uuid primary key, -- v5 of lead and endpoint
  replay_id   uuid not null references ingest.replays on delete cascade,
  tenant_id   uuid not null,
  lead_uuid   uuid not null,
  endpoint_id uuid not null,
  batch_id    uuid not null
);
create index replay_targets_of_replay on ingest.replay_targets (replay_id);

grant select, insert, update, delete on ingest.replays, ingest.replay_targets to valify_ingest;
grant select on ingest.replay_targets to valify_dispatcher;
call ingest.raise_tenant_wall('ingest.replays');
call ingest.raise_tenant_wall('ingest.replay_targets');
