-- expand
-- Writer of every table in this file: webhook-dispatcher alone.
-- What we owe one endpoint for one lead. Ids only, so it may outlive the lead: it is the guard
-- against a second delivery when an old message comes back.
create table delivery.deliveries (
  delivery_id      uuid        primary key, -- v5 of lead and endpoint
  lead_uuid        uuid        not null,
  endpoint_id      uuid        not null,
  tenant_id        uuid        not null,
  batch_id         uuid        not null,
  state            text        not null check (state in
                     ('sending', 'waiting', 'delivered', 'exhausted', 'cancelled', 'no_endpoint')),
  -- The wake-up being worked on or done last: an older one is a repeat.
  round            integer     not null,
  -- While 'waiting': the kind it will wake with; else the kind of the wake-up in `round`.
  wake_kind        smallint    not null check (wake_kind between 0 and 4),
  attempts         integer     not null default 0,
  -- Attempts since the first wake-up or the last replay: what the retry schedule counts.
  cycle_attempts   integer     not null default 0,
  -- While 'sending': another dispatcher may take over after it.
  lease_until      timestamptz,
  -- While 'waiting': when the scheduler wakes it.
  next_attempt_at  timestamptz,
  last_attempt_at  timestamptz,
  delivered_at     timestamptz,
  last_status_code integer,
  last_error_class text,
  created_at       timestamptz not null default now()
) with (fillfactor = 50); -- room for the outcome beside the claim: no index changes with it
-- The status pages and the replay of a batch read along it.
create index deliveries_of_batch on delivery.deliveries (batch_id, lead_uuid);

-- One row per HTTP request, or refused request. Days are partitions, dropped when their retention ends.
create table delivery.attempts (
  delivery_id    uuid        not null,
  attempt        integer     not null, -- counts requests of this delivery from 1
  round          integer     not null,
  kind           smallint    not null check (kind between 0 and 4),
  tenant_id      uuid        not null,
  endpoint_id    uuid        not null,
  due_at         timestamptz not null,
  started_at     timestamptz not null,
  duration_ms    real        not null,
  outcome        text        not null, -- 'delivered' or an error class
  status_code    integer,
  response_body  text,                 -- the first bytes, cut at a bound
  primary key (delivery_id, attempt, started_at)
) partition by range (started_at);

-- The next free instant of each rate-limited endpoint, shared by every dispatcher.
create table delivery.slots (
  endpoint_id uuid        primary key,
  next_free   timestamptz not null
);

alter table delivery.deliveries owner to valify_dispatcher;
alter table delivery.attempts owner to valify_dispatcher;
alter table delivery.slots owner to valify_dispatcher;
grant select on delivery.deliveries, delivery.attempts to valify_ingest;
