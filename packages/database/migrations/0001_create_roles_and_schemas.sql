-- expand
-- One schema and one role per service: the GRANTs below and in every later file make a second
-- writer of a table impossible. Roles cannot log in; a service logs in as a member and takes its
-- role at connect. Roles belong to the whole cluster, so another database may have made them.
do $$
declare
  service_role text;
  -- From Postgres 16 on, who creates a role is its member and still may not SET ROLE to it, which
  -- is what handing over a table needs. Before, every member may, and there is no such question.
  membership constant text :=
    case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end;
begin
  foreach service_role in array
    array['valify_ingest', 'valify_validator', 'valify_scheduler', 'valify_dispatcher']
  loop
    begin
      execute format('create role %I nologin', service_role);
    exception when duplicate_object or unique_violation then null;
    end;
    -- To hand a table over one must be able to take its role, which whoever made a role may grant
    -- itself; where an administrator made it, the administrator grants it.
    if not (select rolsuper from pg_roles where rolname = current_user) then
      begin
        execute format('grant %I to current_user', service_role);
      exception when insufficient_privilege then null;
      end;
    end if;
  end loop;
end $$;

create schema ingest;
create schema validation;
create schema scheduling;
create schema delivery;

grant usage on schema ingest to valify_ingest, valify_dispatcher;
grant usage on schema validation to valify_validator, valify_ingest, valify_dispatcher;
grant usage, create on schema scheduling to valify_scheduler;
grant usage on schema scheduling to valify_ingest;
grant usage, create on schema delivery to valify_dispatcher;
grant usage on schema delivery to valify_ingest;
