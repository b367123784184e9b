-- expand
-- Writer: ingest alone, which may only append. A batch reserves its leads at upload; when it ends,
-- what was validated is charged and the rest released, so the three add up to nothing. The unique
-- key makes a second charge impossible, whatever comes twice.
create table ingest.usage_entries (
  entry_id  bigint      generated always as identity primary key,
  tenant_id uuid        not null references ingest.tenants,
  batch_id  uuid        not null,
  kind      text        not null check (kind in ('reserve', 'charge', 'release')),
  leads     integer     not null check (leads > 0),
  at        timestamptz not null default now(),
  unique (batch_id, kind)
);
-- The statement of a month, and what a month has used.
create index usage_entries_of_tenant on ingest.usage_entries (tenant_id, at) include (kind, leads);

-- Null: the batch's leads are still reserved. 'epoch': it is older than the ledger.
alter table ingest.batches add column usage_settled_at timestamptz;
update ingest.batches set usage_settled_at = 'epoch';
-- Few rows: the batches at work, which limits count.
create index batches_unsettled on ingest.batches (tenant_id) where usage_settled_at is null;

grant select, insert on ingest.usage_entries to valify_ingest;
grant usage on sequence ingest.usage_entries_entry_id_seq to valify_ingest;
call ingest.raise_tenant_wall('ingest.usage_entries');
