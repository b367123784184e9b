-- expand
-- Writer of every table in this file: ingest alone.
-- Every version of a tenant's rules, written once. The newest is in force; a batch keeps a copy of
-- the one it was accepted under, which its event carries to the validator.
create table ingest.rule_profiles (
  tenant_id       uuid        not null references ingest.tenants,
  version         integer     not null check (version > 0),
  profile         json        not null,
  -- A hash of all that decides a verdict: the same for two profiles that judge alike.
  ruleset_version text        not null,
  created_at      timestamptz not null default now(),
  primary key (tenant_id, version)
);
grant select, insert, update, delete on ingest.rule_profiles to valify_ingest;
call ingest.raise_tenant_wall('ingest.rule_profiles');

-- Null: accepted before there were profiles, and judged by the defaults.
alter table ingest.batches
  add column rule_profile         json,
  add column rule_profile_version integer,
  add column ruleset_version      text;
