-- Triggers on the application's own tables, made by presence.watch_table. They only append to the eviction queue: the
-- application's transactions never NOTIFY and never take a presence lock. Arguments: the room's column, the user's
-- column ('' where there is none), and whether a row that goes is a logout.

create or replace function presence_private.note_gone()
    returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'TRUNCATE' then
        insert into presence_private.eviction (room_id) values (null);
        return null;
    end if;
    execute format(
        'insert into presence_private.eviction (room_id, user_id, logout) select distinct %s, %s, %L::boolean from gone g',
        case tg_argv[0] when '' then 'null::presence.room_id' else format('g.%I::presence.room_id', tg_argv[0]) end,
        case tg_argv[1] when '' then 'null::presence.user_id' else format('g.%I::presence.user_id', tg_argv[1]) end,
        tg_argv[2]);
    return null;
end
$$;
comment on function presence_private.note_gone is 'trigger on tables of the application: rows are gone, somebody may have lost access';

create or replace function presence_private.note_changed()
    returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    execute format(
        'insert into presence_private.eviction (room_id, user_id, logout) select %s, %s, %L::boolean',
        case tg_argv[0] when '' then 'null::presence.room_id' else format('($1).%I::presence.room_id', tg_argv[0]) end,
        case tg_argv[1] when '' then 'null::presence.user_id' else format('($1).%I::presence.user_id', tg_argv[1]) end,
        tg_argv[2]) using old;
    return null;
end
$$;
comment on function presence_private.note_changed is 'trigger on tables of the application: a row reads differently, somebody may have lost access';
