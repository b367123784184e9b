-- expand
-- Erasure of a person. Writer: validator.
-- Set: a tombstone. Who it was is overwritten; batch, row, verdict and times stay, so that every count
-- and every later message still fits.
alter table validation.leads add column erased_at timestamptz;
-- By the lead id, which is what a person asks with. By bytes, since a text index by the rules of a
-- language costs each insert several times as much.
create index leads_by_lead_id on validation.leads (lead_id text_pattern_ops) where erased_at is null;

-- Writer: webhook-dispatcher alone, from here on.
alter table delivery.deliveries
  drop constraint deliveries_state_check,
  add constraint deliveries_state_check check (state in
    ('sending', 'waiting', 'held', 'delivered', 'exhausted', 'cancelled', 'no_endpoint', 'erased'));
-- Leads of which no answer may be kept: what ends after its erasure asks here before it is recorded.
create table delivery.erased_leads (
  lead_uuid uuid        primary key,
  erased_at timestamptz not null default now()
);
alter table delivery.erased_leads owner to valify_dispatcher;
