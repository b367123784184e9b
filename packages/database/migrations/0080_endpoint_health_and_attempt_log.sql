-- expand
-- Writer: webhook-dispatcher alone.
alter table delivery.deliveries
  drop constraint deliveries_state_check,
  add constraint deliveries_state_check check (state in
    ('sending', 'waiting', 'held', 'delivered', 'exhausted', 'cancelled', 'no_endpoint')),
  -- While 'waiting' or 'held': what for. 'held' is no request's fault and spends nothing; it has a
  -- next_attempt_at, and a row in scheduling.due, only where it ends by itself ('open').
  add column wait_reason text check (wait_reason in
    ('retry', 'rate', 'full', 'throttled', 'open', 'paused', 'disabled', 'internal')),
  -- When the attempt under way was due at first: waiting for a slot does not move it.
  add column due_since timestamptz,
  -- Of the bytes signed at attempt 1; other bytes are never sent under the same webhook-id.
  add column body_sha256 bytea;
-- Who waits, per endpoint and reason. None of its columns changes where a webhook is delivered at
-- once, so that those updates stay heap-only.
create index deliveries_waiting on delivery.deliveries (endpoint_id, wait_reason, delivery_id)
  where wait_reason is not null;

-- What a customer needs to find a fault. Secrets are masked before they come here. Null where the
-- connection was reused (dns, connect, tls) or never came about.
alter table delivery.attempts
  add column request_headers    json,
  add column response_headers   json,
  add column response_truncated boolean,
  add column remote_address     inet,
  add column dns_ms             real,
  add column connect_ms         real,
  add column tls_ms             real,
  add column first_byte_ms      real;

-- How an endpoint does, shared by every dispatcher. No row: nothing has failed yet.
create table delivery.endpoint_health (
  endpoint_id           uuid        primary key,
  tenant_id             uuid        not null,
  state                 text        not null check (state in ('healthy', 'degraded', 'open', 'disabled')),
  consecutive_failures  integer     not null,
  failing_since         timestamptz, -- the first failure since the last success
  recent                json        not null, -- [{minute, failures, successes}] of the last five minutes
  -- While 'open': the first delivery from this instant on is the probe, and moves it.
  probe_at              timestamptz,
  probe_delay_ms        integer     not null,
  -- It answered 429, or 503 with Retry-After, and nothing better since.
  throttled_since       timestamptz,
  paused_until          timestamptz,
  -- It counts while ingest.endpoints.activated_at is older.
  disabled_at           timestamptz,
  disabled_reason       text,
  -- Null: endpoint.disabled is still to be published.
  disabled_announced_at timestamptz,
  updated_at            timestamptz not null
) with (fillfactor = 50);
create index endpoint_health_to_announce on delivery.endpoint_health (endpoint_id)
  where disabled_at is not null and disabled_announced_at is null;
call ingest.raise_tenant_wall('delivery.endpoint_health');
alter table delivery.endpoint_health owner to valify_dispatcher;
grant select on delivery.endpoint_health to valify_ingest;
