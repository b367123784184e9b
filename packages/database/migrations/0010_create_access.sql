-- expand
-- Writer of every table in this file: ingest alone.
-- Null: no limit.
alter table ingest.tenants
  add column files_per_day_max      integer check (files_per_day_max >= 0),
  add column leads_per_month_max    bigint  check (leads_per_month_max >= 0),
  add column stored_bytes_max       bigint  check (stored_bytes_max >= 0),
  add column concurrent_batches_max integer check (concurrent_batches_max >= 0);

create table ingest.users (
  user_id         uuid        primary key default gen_random_uuid(),
  tenant_id       uuid        not null references ingest.tenants,
  -- What one signs in with, so unique over all tenants.
  email           text        not null unique check (email = lower(email)),
  role            text        not null check (role in ('admin', 'operator', 'viewer')),
  -- Argon2id, as a PHC string. Null: signs in through the identity provider alone.
  password_hash   text,
  -- The provider's issuer and subject, once they signed in through it.
  oidc_subject    text        unique,
  created_at      timestamptz not null default now(),
  disabled_at     timestamptz
);
create index users_of_tenant on ingest.users (tenant_id);

alter table ingest.api_keys
  -- Permissions as `batches:read`; `*` stands for all.
  add column scopes       text[]      not null default '{*}',
  -- Its first characters, to tell keys apart. Too few to help a guess.
  add column hint         text        not null default '',
  -- Coarse: written at most every few minutes, not with each request.
  add column last_used_at timestamptz;

alter table ingest.sessions
  -- To name one in a list or a URL, where its hash has no business.
  add column session_id   uuid        not null unique default gen_random_uuid(),
  add column user_id      uuid        references ingest.users on delete cascade,
  -- Coarse too. A session ends half an hour after it, and at expires_at at the latest.
  add column last_seen_at timestamptz not null default now(),
  alter column api_key_id drop not null,
  add constraint sessions_one_owner check (num_nonnulls(user_id, api_key_id) = 1);
create index sessions_of_user on ingest.sessions (user_id);

-- How often somebody tried to sign in, by hash of the address or of the network address.
create table ingest.sign_in_attempts (
  bucket     bytea       primary key,
  attempts   integer     not null,
  started_at timestamptz not null
);

-- Every change and every download. Chained by hash per tenant: a row that is changed or taken out
-- breaks the chain from there on.
create table ingest.audit_log (
  tenant_id     uuid        not null references ingest.tenants,
  sequence      bigint      not null, -- from 1, without gaps
  at            timestamptz not null,
  actor_kind    text        not null check (actor_kind in ('user', 'api_key', 'system')),
  actor_id      uuid,
  ip            inet,
  action        text        not null, -- as `batch.cancelled`
  object_kind   text        not null,
  object_id     text,
  details       json        not null, -- ids, counts and names of settings; never a lead
  previous_hash bytea       not null,
  hash          bytea       not null,
  primary key (tenant_id, sequence)
);

create function ingest.hash_of_audit_entry(entry ingest.audit_log) returns bytea
language sql stable as $$
  select sha256(convert_to(json_build_array(
    entry.tenant_id, entry.sequence, (extract(epoch from entry.at) * 1000000)::bigint,
    entry.actor_kind, entry.actor_id, host(entry.ip), entry.action, entry.object_kind,
    entry.object_id, entry.details::text, encode(entry.previous_hash, 'hex'))::text, 'utf8'))
$$;

-- The lock makes entries of one tenant wait for each other until the end of the transaction, so
-- an audit entry is written last. The statement after it sees what the one before committed.
create function ingest.chain_audit_entry() returns trigger language plpgsql as $$
declare
  previous record;
begin
  perform pg_advisory_xact_lock(hashtextextended(new.tenant_id::text, 7205010));
  select sequence, hash into previous from ingest.audit_log
    where tenant_id = new.tenant_id order by sequence desc limit 1;
  new.sequence := coalesce(previous.sequence, 0) + 1;
  new.previous_hash := coalesce(previous.hash, '\x');
  new.at := clock_timestamp();
  new.hash := ingest.hash_of_audit_entry(new);
  return new;
end $$;

create trigger chain before insert on ingest.audit_log
  for each row execute function ingest.chain_audit_entry();

grant select, insert, update, delete on ingest.users, ingest.sign_in_attempts to valify_ingest;
-- Append-only: ingest may neither change an entry nor take one out.
grant select, insert on ingest.audit_log to valify_ingest;

-- Who asks is not known before these have answered, so they look past the tenants' wall, and show
-- nothing but what belongs to the hash.
create function ingest.find_api_key(wanted_hash bytea, stale_after interval)
returns table (tenant_id uuid, api_key_id uuid, scopes text[], is_stale boolean)
language sql stable security definer set search_path = '' as $$
  select k.tenant_id, k.api_key_id, k.scopes,
         coalesce(k.last_used_at < now() - stale_after, true)
  from ingest.api_keys as k where k.key_hash = wanted_hash and k.revoked_at is null
$$;

-- A session ends with its key, and with its user: revoking one signs its people out.
create function ingest.find_session(wanted_hash bytea, idle_max interval, stale_after interval)
returns table (tenant_id uuid, session_id uuid, api_key_id uuid, scopes text[], user_id uuid,
               role text, is_stale boolean)
language sql stable security definer set search_path = '' as $$
  select s.tenant_id, s.session_id, s.api_key_id, k.scopes, s.user_id, u.role,
         s.last_seen_at < now() - stale_after
  from ingest.sessions as s
  left join ingest.api_keys as k on k.api_key_id = s.api_key_id
  left join ingest.users as u on u.user_id = s.user_id
  where s.session_hash = wanted_hash and s.expires_at > now() and s.last_seen_at > now() - idle_max
    and k.revoked_at is null and u.disabled_at is null
$$;

revoke all on function ingest.find_api_key, ingest.find_session from public;
grant execute on function ingest.find_api_key, ingest.find_session to valify_ingest;
