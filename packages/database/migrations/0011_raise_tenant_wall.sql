-- expand
-- The second wall between tenants: a query of ingest sees the rows of the tenant named in its
-- transaction, even where it forgets to ask for them alone. Background work says `valify.system`.
-- No other service is bound by it: the GRANTs bound those. Owners of a table pass it too.
create procedure ingest.raise_tenant_wall(walled regclass) language plpgsql as $$
begin
  execute format('alter table %s enable row level security', walled);
  -- Each setting is read once per query, not once per row.
  execute format(
    'create policy tenant_wall on %s to valify_ingest using (
       tenant_id = (select nullif(current_setting(''valify.tenant'', true), '''')::uuid)
       or (select current_setting(''valify.system'', true)) = ''on'')', walled);
  execute format(
    'create policy other_services on %s
       to valify_validator, valify_scheduler, valify_dispatcher using (true)', walled);
end $$;

call ingest.raise_tenant_wall('ingest.tenants');
call ingest.raise_tenant_wall('ingest.users');
call ingest.raise_tenant_wall('ingest.api_keys');
call ingest.raise_tenant_wall('ingest.sessions');
call ingest.raise_tenant_wall('ingest.batches');
call ingest.raise_tenant_wall('ingest.endpoints');
call ingest.raise_tenant_wall('ingest.audit_log');
call ingest.raise_tenant_wall('validation.runs');
call ingest.raise_tenant_wall('validation.leads');
call ingest.raise_tenant_wall('scheduling.due');
call ingest.raise_tenant_wall('delivery.deliveries');
call ingest.raise_tenant_wall('delivery.attempts');
