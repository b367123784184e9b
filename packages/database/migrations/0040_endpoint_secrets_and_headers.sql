-- expand
-- Writer: ingest alone. The dispatcher reads the whole table at send time.
alter table ingest.endpoints
  -- Set at creation and whenever somebody makes the endpoint active: outdates what disabled it.
  add column if not exists activated_at timestamptz not null default now(),
  -- `whpk_...` of an endpoint that is signed for with ed25519 (v1a); null: HMAC-SHA256 (v1).
  add column public_key            text,
  -- Secrets of the grace period after a rotation, newest first, each with the end of its own.
  add column old_secrets_encrypted bytea[]       not null default '{}',
  add column old_secrets_until     timestamptz[] not null default '{}',
  -- The customer's own headers, a JSON object; they often hold a token.
  add column headers_encrypted     bytea,
  -- What the receiver is shown where it asks for a certificate (PEM); the key is as secret as ours.
  add column client_certificate    text,
  add column client_key_encrypted  bytea,
  add constraint endpoints_old_secrets check (
    cardinality(old_secrets_encrypted) = cardinality(old_secrets_until)
    and cardinality(old_secrets_until) <= 10),
  add constraint endpoints_client_identity check (
    (client_certificate is null) = (client_key_encrypted is null));
