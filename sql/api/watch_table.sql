-- Has presence end within a second where the application's own tables say so. To be run as presence_owner, like the
-- mapping; presence_owner needs the TRIGGER right on the table.
create or replace function presence.watch_table(
        relation       regclass,
        room_column    name    default null,
        user_column    name    default null,
        also           name[]  default '{}',
        logout         boolean default false,
        expires_column name    default null)
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
declare
    arguments text := format('%L, %L, %L, %L, %L', coalesce(watch_table.room_column, ''), coalesce(watch_table.user_column, ''),
                             watch_table.logout, coalesce(watch_table.expires_column, ''), watch_table.also);
    missing   name;
begin
    if watch_table.room_column is null and watch_table.user_column is null then
        raise exception 'name the room''s column, the user''s column, or both' using errcode = 'PR400',
            hint = 'participants have both, rooms the room''s, users and logins the user''s';
    end if;
    if watch_table.logout and watch_table.user_column is null then
        raise exception 'a logout needs the user''s column' using errcode = 'PR400',
            hint = 'name the column that says whose login it is, as user_column';
    end if;
    select w.name into missing
      from unnest(watch_table.also || array[watch_table.room_column, watch_table.user_column, watch_table.expires_column]) as w(name)
     where w.name is not null
       and not exists (select from pg_attribute a
                        where a.attrelid = watch_table.relation and a.attname = w.name and a.attnum > 0 and not a.attisdropped
                          and (w.name is distinct from watch_table.expires_column
                               or a.atttypid in ('timestamptz'::regtype, 'timestamp'::regtype)));
    if found then
        raise exception 'the table % has no column %, or it is not of the right type', relation, missing using errcode = 'PR400',
            hint = 'expires_column, the moment at which a login ends, is timestamptz or timestamp';
    end if;
    execute format('create or replace trigger presence_gone after delete on %s referencing old table as gone
                    for each statement execute function presence_private.note_gone(%s)', relation, arguments);
    execute format('create or replace trigger presence_truncated after truncate on %s
                    for each statement execute function presence_private.note_gone(%s)', relation, arguments);
    -- no column is named here: that would forbid the application to alter or drop it; *<> compares values of any type
    execute format('create or replace trigger presence_changed after update on %s
                    for each row when (old.* operator(pg_catalog.*<>) new.*) execute function presence_private.note_changed(%s)', relation, arguments);
end
$$;
comment on function presence.watch_table is
    'triggers on a table of the application, so that presence ends within a second of its changes: participants (room and user column; also: role), rooms (room column; also: kind, vendor), users (user column), logins (user column, logout => true, expires_column: the moment at which a login ends)';
