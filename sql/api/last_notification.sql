-- Where a node begins: of notifications up to this one it tells no stream. For the service.
create or replace function presence.last_notification()
    returns bigint
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
begin
    return coalesce((select max(n.notification_id) from presence_private.notification n), 0);
end
$$;
comment on function presence.last_notification is 'for the service: the id of the latest notification of all; 0: there is none';
grant execute on function presence.last_notification to presence_service;
