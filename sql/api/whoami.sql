-- Which user of the application the caller is: by the login with which the connection was made, never by anything that
-- the caller can set. Only where an operator mapped the login as a gateway (a server that speaks for many users, such as
-- PostgREST) is a setting believed.
create or replace function presence.whoami()
    returns presence.user_id
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
declare
    me    constant oid := (select r.oid from pg_roles r where r.rolname = session_user);
    gate  presence_private.gateway;
    claim text;
begin
    -- by oid as well: a login that was dropped and made again is somebody else
    select * into gate from presence_private.gateway g where g.login = session_user and g.role = me;
    if not found then
        return (select l.user_id from presence_private.login l where l.login = session_user and l.role = me);
    end if;
    claim := nullif(current_setting(gate.setting, true), '');
    if gate.claim is not null then
        claim := nullif(claim::jsonb ->> gate.claim, '');
    end if;
    return claim::presence.user_id;
exception
    when data_exception or statement_too_complex then   -- no JSON (or too deep), or no id of the installed type: nobody
        return null;
end
$$;
comment on function presence.whoami is
    'the user that the caller''s login is mapped to, or that a gateway''s claims name; null: nobody';
grant execute on function presence.whoami to presence_viewer, presence_app;
