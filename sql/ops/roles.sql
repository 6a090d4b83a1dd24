-- Roles and schemas: what `migrate` does first, with any login that has CREATEROLE and CREATE on the database.
-- Idempotent. Roles belong to the whole cluster, so two databases may be migrated at the same moment.
do $$
declare
    wanted text;
    meant  text;
begin
    foreach wanted in array array['presence_owner', 'presence_service', 'presence_app', 'presence_viewer'] loop
        begin
            if not exists (select from pg_catalog.pg_roles r where r.rolname = wanted) then
                execute pg_catalog.format('create role %I nologin', wanted);
                meant := case wanted
                    when 'presence_owner' then 'owns all of pg-presence; nobody logs in as it'
                    when 'presence_service' then 'pg-presence: may execute the API, has no right on any table'
                    when 'presence_app' then 'pg-presence: trusted backends; full views and the write functions'
                    else 'pg-presence: end users; the visible_ views alone'
                end;
                execute pg_catalog.format('comment on role %I is %L', wanted, meant);
            end if;
        exception
            when duplicate_object or unique_violation then
                null;   -- another database's migration was faster
        end;
    end loop;
end
$$;

-- To create objects as presence_owner one must be able to become it.
do $$
begin
    if not pg_catalog.pg_has_role(current_user, 'presence_owner', 'member')
       or (pg_catalog.current_setting('server_version_num')::integer >= 160000
           and not pg_catalog.pg_has_role(current_user, 'presence_owner', 'set')) then
        if pg_catalog.current_setting('server_version_num')::integer >= 160000 then
            execute pg_catalog.format('grant presence_owner to %I with inherit true, set true', current_user);
        else
            execute pg_catalog.format('grant presence_owner to %I', current_user);
        end if;
    end if;
exception
    when insufficient_privilege then
        raise exception 'the login % may not become presence_owner', current_user
            using errcode = 'insufficient_privilege',
                  hint = pg_catalog.format('let a superuser run: grant presence_owner to %I', current_user);
end
$$;

do $$
declare
    wanted text;
begin
    foreach wanted in array array['presence', 'presence_private', 'presence_host'] loop
        if not exists (select from pg_catalog.pg_namespace n where n.nspname = wanted) then
            execute pg_catalog.format('create schema %I authorization presence_owner', wanted);
        end if;
    end loop;
end
$$;
