-- expand
-- Writer: validator. Few rows: batches that were uploaded with somebody in them who had asked to be erased.
create index leads_erased on validation.leads (batch_id) where erased_at is not null;
-- Hashes of before have no key: nobody would find them any more, and an erasure could not take them away.
delete from validation.lead_claims;
