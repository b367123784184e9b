-- expand
-- When each periodic job of a service last ran, by the database's clock: one row per job. Whoever
-- holds the job's advisory lock writes it when a run has ended; a run that was killed leaves no
-- trace, and the next replica that looks does it again.
-- Writer: the service that owns the schema, and nobody reads across schemas.
create table ingest.periodic_jobs (
  job          text        primary key,
  started_at   timestamptz not null, -- of the last run that ended, well or not
  ended_at     timestamptz not null,
  succeeded_at timestamptz           -- end of the last run that did well
);
create table validation.periodic_jobs (like ingest.periodic_jobs including all);
create table scheduling.periodic_jobs (like ingest.periodic_jobs including all);
create table delivery.periodic_jobs (like ingest.periodic_jobs including all);

grant select, insert, update, delete on ingest.periodic_jobs to valify_ingest;
grant select, insert, update, delete on validation.periodic_jobs to valify_validator;
grant select, insert, update, delete on scheduling.periodic_jobs to valify_scheduler;
grant select, insert, update, delete on delivery.periodic_jobs to valify_dispatcher;

-- As every table of these two schemas, whose partitions their services make.
alter table scheduling.periodic_jobs owner to valify_scheduler;
alter table delivery.periodic_jobs owner to valify_dispatcher;
