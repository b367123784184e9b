-- expand
-- Readers added: ingest looks leads up, so that a dry run tells what the validator would say of them.
-- Writer stays validator alone. Behind the tenants' wall, as all that ingest reads.
call ingest.raise_tenant_wall('validation.lead_claims');
call ingest.raise_tenant_wall('validation.suppressions');
grant select on validation.lead_claims, validation.suppressions to valify_ingest;
