-- expand
-- Writer of every table in this file: scheduler alone. No other service reads them.
-- What was emitted: one row per wake-up, written by the claim itself. Kept two hours in leaves of ten
-- minutes, for the day the broker comes back without its last minutes. Only ever read as a whole, so
-- it has no index.
create table scheduling.emitted (
  emitted_at timestamptz not null default clock_timestamp(), -- of the claim: up to 1.5 s before the event
  due_at     timestamptz not null,
  id         uuid        not null,
  tenant_id  uuid        not null,
  batch_id   uuid        not null,
  round      integer     not null,
  lane       smallint    not null,
  kind       smallint    not null
) partition by range (emitted_at);

-- One row per committed claim: where in the stream its last message lies. If the stream holds another
-- message there, or none, it has lost what came after.
create table scheduling.publish_mark (
  at         timestamptz not null default clock_timestamp(),
  stream_seq bigint      not null,
  msg_id     text        not null
) partition by range (at);

-- A tombstone is kept while a row of its batch can exist: the last leaf there was when it was written,
-- and as long as a message of the batch can still be in a stream. The default is beyond any delay.
alter table scheduling.cancelled_batch
  add column keep_until timestamptz not null default now() + interval '400 days';

-- Leaves come and go at run time, which only an owner may do.
alter table scheduling.emitted owner to valify_scheduler;
alter table scheduling.publish_mark owner to valify_scheduler;
