-- What a user says for all rooms.
create or replace function presence.status_of(user_id presence.user_id)
    returns setof presence.own_status
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    return query
    select o.status, o.status_until, o.message
      from (select) one
      left join presence_private.own_status_at(status_of.user_id, statement_timestamp()) o on true;
end
$$;
comment on function presence.status_of is 'what a user says for all rooms: one row, all null where it is nothing; see presence.set_status()';
grant execute on function presence.status_of to presence_service, presence_app;
