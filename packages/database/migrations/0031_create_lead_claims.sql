-- expand
-- Writer of every table in this file: validator alone.
-- Who came first with a lead: of two files that are validated at once, exactly one. Kept apart from
-- the leads, which are purged earlier. Leads validated before this table have no claim.
create table validation.lead_claims (
  -- Of tenant and lead id: 128 bits of a SHA-256, so that no name stands here.
  lead_hash  uuid        primary key,
  tenant_id  uuid        not null,
  batch_id   uuid        not null,
  claimed_at timestamptz not null,
  -- The last time the same lead came and was taken: the window is reckoned from here.
  seen_at    timestamptz not null
);
-- Rows come in the order of time, so a few bytes per hundred pages find the old ones.
create index lead_claims_age on validation.lead_claims using brin (seen_at);

-- People who asked to be erased, known by the same hash. A row stays when everything else is gone.
create table validation.suppressions (
  lead_hash  uuid        primary key,
  tenant_id  uuid        not null,
  created_at timestamptz not null default now()
);

grant select, insert, update, delete
  on validation.lead_claims, validation.suppressions to valify_validator;

-- Set whenever a batch is cancelled, also after it completed: its leads no longer count as seen.
alter table validation.runs add column cancelled_at timestamptz;
