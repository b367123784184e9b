-- expand
-- The dispatchers at work: one row for each process, which keeps saying that it is there, by the
-- database's clock. Who has not said so for a while does not count, and is removed by a periodic job.
-- Writer: webhook-dispatcher alone, and nobody reads across schemas.
create table delivery.replicas (
  replica_id uuid        primary key, -- random, of one run of one process
  seen_at    timestamptz not null
);
alter table delivery.replicas owner to valify_dispatcher;
