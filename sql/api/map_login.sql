-- Which user an end user's own login is. For the owner alone: set role presence_owner first, as for the mapping.
create or replace function presence.map_login(login name, user_id presence.user_id)
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    role oid;
begin
    if map_login.user_id is null then
        delete from presence_private.login l where l.login = map_login.login;
        return;
    end if;
    select r.oid into role from pg_roles r where r.rolname = map_login.login and r.rolcanlogin;
    if not found then
        raise exception 'there is no login %', map_login.login using errcode = 'PR400',
            hint = 'name the role that the end user connects as';
    end if;
    if exists (select from presence_private.gateway g where g.login = map_login.login) then
        raise exception 'the login % is mapped as a gateway', map_login.login using errcode = 'PR400',
            hint = 'presence.map_gateway(login, null) ends that';
    end if;
    insert into presence_private.login as l (login, role, user_id)
    values (map_login.login, role, map_login.user_id)
        on conflict (login) do update set role = excluded.role, user_id = excluded.user_id;
end
$$;
comment on function presence.map_login is
    'says which user an end user''s own login is, for presence.whoami(); user_id null: nobody any more. For presence_owner alone';
