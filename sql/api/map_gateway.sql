-- A login that speaks for many users, and where it says for whom. Whoever can connect as that login can name any user:
-- an operator decides that, and nobody else can. For the owner alone: set role presence_owner first.
create or replace function presence.map_gateway(
        login   name,
        setting text default 'request.jwt.claims',
        claim   text default 'sub')
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    role oid;
begin
    if map_gateway.setting is null then
        delete from presence_private.gateway g where g.login = map_gateway.login;
        return;
    end if;
    select r.oid into role from pg_roles r where r.rolname = map_gateway.login and r.rolcanlogin;
    if not found then
        raise exception 'there is no login %', map_gateway.login using errcode = 'PR400',
            hint = 'name the login with which the gateway connects, not the role that it takes';
    end if;
    if map_gateway.setting !~ '^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)+$' then
        raise exception 'a setting''s name has a dot and no odd characters: %', map_gateway.setting using errcode = 'PR400',
            hint = 'PostgREST and Supabase: request.jwt.claims';
    end if;
    delete from presence_private.login l where l.login = map_gateway.login;
    insert into presence_private.gateway as g (login, role, setting, claim)
    values (map_gateway.login, role, map_gateway.setting, nullif(map_gateway.claim, ''))
        on conflict (login) do update set role = excluded.role, setting = excluded.setting, claim = excluded.claim;
end
$$;
comment on function presence.map_gateway is
    'says that a login speaks for many users, whom it names in a setting: by this claim of its JSON, or, claim null, by the setting itself; setting null: not any more. For presence_owner alone';
