-- expand
-- Writer of every table in this file: scheduler alone.
-- One row per wake-up still to come; it exists until its webhook.due is published. Rows are never
-- updated: a change is a delete and an insert.
create table scheduling.due (
  due_at    timestamptz not null,
  id        uuid        not null, -- the lead at first, the delivery from then on
  tenant_id uuid        not null,
  batch_id  uuid        not null,
  round     integer     not null check (round >= 0),
  lane      smallint    not null check (lane between 0 and 15),
  -- smallint + check, not an enum type: dropping an enum value needs a table rewrite.
  kind      smallint    not null check (kind between 0 and 4),
  -- The only index, in the claim's own order. A row that exists is pending: no status column, so
  -- there is no partial index for a generic plan to miss.
  primary key (lane, due_at, id)
) partition by range (due_at);

-- A batch whose wake-ups are dropped when they mature, however many they are.
create table scheduling.cancelled_batch (
  batch_id     uuid        primary key,
  cancelled_at timestamptz not null default now()
);

-- Leaves come and go at run time, which only an owner may do.
alter table scheduling.due owner to valify_scheduler;
alter table scheduling.cancelled_batch owner to valify_scheduler;
-- For the status pages. Select alone cannot lock a row, so no claim ever skips one.
grant select on scheduling.due, scheduling.cancelled_batch to valify_ingest;
