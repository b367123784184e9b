-- expand
-- Writer of every table in this file: ingest alone.
create table ingest.tenants (
  tenant_id  uuid        primary key,
  name       text        not null,
  created_at timestamptz not null default now()
);

create table ingest.api_keys (
  api_key_id uuid        primary key default gen_random_uuid(),
  tenant_id  uuid        not null references ingest.tenants,
  name       text        not null,
  -- SHA-256 of the key. A key has 256 random bits, so a slow hash would add nothing.
  key_hash   bytea       not null unique,
  created_at timestamptz not null default now(),
  revoked_at timestamptz
);

create table ingest.sessions (
  session_hash bytea       primary key, -- SHA-256 of the cookie's value
  tenant_id    uuid        not null references ingest.tenants,
  api_key_id   uuid        not null references ingest.api_keys,
  created_at   timestamptz not null default now(),
  expires_at   timestamptz not null
);

create table ingest.batches (
  batch_id         uuid        primary key, -- the 128 bits behind `batch_...`
  tenant_id        uuid        not null references ingest.tenants,
  filename         text        not null,
  object_key       text        not null,
  byte_count       integer     not null,
  content_sha256   bytea       not null,
  encoding         text        not null,
  delimiter        text        not null,
  total_leads      integer     not null check (total_leads > 0),
  warnings         json        not null,
  -- "Today" in London at upload: ages are judged by it.
  as_of            date        not null,
  -- Fixed at upload, so a changed setting never moves a promise already made.
  webhook_delay_ms bigint      not null check (webhook_delay_ms >= 0),
  idempotency_key  text,
  created_at       timestamptz not null default now(),
  cancelled_at     timestamptz,
  unique (tenant_id, idempotency_key)
);
-- The list of a tenant's batches, newest first, pages along it.
create index batches_newest on ingest.batches (tenant_id, created_at desc, batch_id desc);

create table ingest.endpoints (
  endpoint_id      uuid        primary key default gen_random_uuid(),
  tenant_id        uuid        not null references ingest.tenants,
  url              text        not null,
  description      text        not null default '',
  secret_encrypted bytea       not null, -- AES-256-GCM under SECRET_KEY
  send             text        not null default 'all' check (send in ('all', 'valid', 'invalid')),
  -- Null: the service's default.
  rate_per_second  integer     check (rate_per_second >= 0),
  concurrency      integer     check (concurrency > 0),
  retry_delays_ms  integer[],
  status           text        not null default 'active' check (status in ('active', 'paused', 'disabled')),
  -- The one that WEBHOOK_URL describes; at most one per tenant.
  is_default       boolean     not null default false,
  created_at       timestamptz not null default now(),
  updated_at       timestamptz not null default now()
);
create index endpoints_of_tenant on ingest.endpoints (tenant_id);
create unique index endpoints_one_default on ingest.endpoints (tenant_id) where is_default;

-- Events written in the transaction of the fact they tell; the relay publishes and deletes them.
create table ingest.outbox (
  outbox_id  bigint      generated always as identity primary key,
  subject    text        not null,
  event      json        not null,
  created_at timestamptz not null default now()
);

grant select, insert, update, delete on all tables in schema ingest to valify_ingest;
grant usage on all sequences in schema ingest to valify_ingest;
-- The dispatcher builds a request at send time; a cancelled batch sends nothing more.
grant select on ingest.endpoints to valify_dispatcher;
grant select (batch_id, cancelled_at) on ingest.batches to valify_dispatcher;
