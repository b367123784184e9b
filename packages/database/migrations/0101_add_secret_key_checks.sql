-- expand
-- Which SECRET_KEY a schema was written under: an HMAC of a constant, under a key derived from it. A
-- service that is given another does not start. One row, written at the first start and never changed;
-- an operator who has lost the key truncates the three tables (docs/secret-key.md).
-- Writer: the service that owns the schema. Readers: the two others that have the key, since what one
-- hashes another looks up.
create table ingest.secret_key_check (
  is_only     boolean     primary key default true check (is_only),
  check_value bytea       not null check (length(check_value) = 32),
  created_at  timestamptz not null default now()
);
create table validation.secret_key_check (like ingest.secret_key_check including all);
create table delivery.secret_key_check (like ingest.secret_key_check including all);

grant select, insert, update, delete on ingest.secret_key_check to valify_ingest;
grant select, insert, update, delete on validation.secret_key_check to valify_validator;
grant select, insert, update, delete on delivery.secret_key_check to valify_dispatcher;

grant usage on schema ingest, delivery to valify_validator;
grant select on ingest.secret_key_check to valify_validator, valify_dispatcher;
grant select on validation.secret_key_check to valify_ingest, valify_dispatcher;
grant select on delivery.secret_key_check to valify_ingest, valify_validator;

-- As every table of this schema, whose partitions its service makes.
alter table delivery.secret_key_check owner to valify_dispatcher;
