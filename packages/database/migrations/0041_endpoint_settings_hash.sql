-- expand
-- Writer: ingest alone. Of WEBHOOK_URL and WEBHOOK_SECRET as they were applied last: what somebody
-- changed since through the API stays, until the settings themselves change.
alter table ingest.endpoints add column settings_hash bytea;
