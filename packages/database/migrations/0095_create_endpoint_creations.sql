-- expand
-- Writer: ingest alone.
-- Answers to POST /endpoints that came with an Idempotency-Key, kept for 24 hours: a client that lost
-- the answer gets it again, secret included, so it is sealed under SECRET_KEY as the endpoint's own is.
create table ingest.endpoint_creations (
  tenant_id        uuid        not null references ingest.tenants on delete cascade,
  idempotency_key  text        not null check (length(idempotency_key) between 1 and 255),
  -- Keyed, since the request may hold the receiver's credentials.
  request_hash     bytea       not null check (length(request_hash) = 32),
  answer_encrypted bytea       not null,
  created_at       timestamptz not null default now(),
  primary key (tenant_id, idempotency_key)
);
grant select, insert, update, delete on ingest.endpoint_creations to valify_ingest;
call ingest.raise_tenant_wall('ingest.endpoint_creations');
