-- Has presence end within a second where the application's own tables say so. To be run as presence_owner, like the
-- mapping; presence_owner needs the TRIGGER right on the table.
create or replace function presence.watch_table(
        relation    regclass,
        room_column name    default null,
        user_column name    default null,
        also        name[]  default '{}',
        logout      boolean default false)
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
declare
    arguments text := format('%L, %L, %L', coalesce(watch_table.room_column, ''), coalesce(watch_table.user_column, ''),
                             watch_table.logout);
    watched   name[] := array_remove(array[watch_table.room_column, watch_table.user_column], null) || watch_table.also;
    differs   text;
    columns   text;
begin
    if watch_table.room_column is null and watch_table.user_column is null then
        raise exception 'name the room''s column, the user''s column, or both' using errcode = 'PR400',
            hint = 'participants have both, rooms the room''s, users and logins the user''s';
    end if;
    if watch_table.logout and watch_table.user_column is null then
        raise exception 'a logout needs the user''s column' using errcode = 'PR400';
    end if;
    select string_agg(format('old.%I is distinct from new.%I', w.name, w.name), ' or '), string_agg(format('%I', w.name), ', ')
      into differs, columns
      from unnest(watched) as w(name);
    execute format('create or replace trigger presence_gone after delete on %s referencing old table as gone
                    for each statement execute function presence_private.note_gone(%s)', relation, arguments);
    execute format('create or replace trigger presence_truncated after truncate on %s
                    for each statement execute function presence_private.note_gone(%s)', relation, arguments);
    -- with a column list and WHEN, so that the application's other updates cost nothing
    execute format('create or replace trigger presence_changed after update of %s on %s
                    for each row when (%s) execute function presence_private.note_changed(%s)', columns, relation, differs, arguments);
end
$$;
comment on function presence.watch_table is
    'triggers on a table of the application, so that presence ends within a second of its changes: participants (room and user column; also: role), rooms (room column; also: kind, vendor), users (user column), logins (user column, logout => true; also: their expiry)';
