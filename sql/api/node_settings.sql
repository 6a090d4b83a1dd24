-- What a node must know of this installation before it serves.
create or replace function presence.node_settings()
    returns table (user_id_type text, room_id_type text, event_id_type text,
                   ttl_ms bigint, heartbeat_ms bigint, typing_ms bigint, sessions_max integer)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    return query
    select (select format_type(t.typbasetype, null) from pg_type t where t.oid = 'presence.user_id'::regtype),
           (select format_type(t.typbasetype, null) from pg_type t where t.oid = 'presence.room_id'::regtype),
           (select format_type(t.typbasetype, null) from pg_type t where t.oid = 'presence.event_id'::regtype),
           (extract(epoch from k.ttl) * 1000)::bigint, (extract(epoch from k.heartbeat) * 1000)::bigint,
           (extract(epoch from k.typing) * 1000)::bigint, k.sessions_max
      from presence_private.setting k;
end
$$;
comment on function presence.node_settings is 'for the service: the id types and the settings in force';
grant execute on function presence.node_settings to presence_service;
