-- Triggers on the application's own tables, made by presence.watch_table. They only append to the eviction queue: the
-- application's transactions never NOTIFY and never take a presence lock. Nothing depends on a column of the table: it may
-- be renamed, altered or dropped, and a change of the table is never refused (a watched column that is gone notes nothing).
-- Arguments: the room's column, the user's column ('' where there is none), whether a row that goes is a logout, the column
-- with the end of a login (''), and the other columns whose change matters. Times without a zone are UTC, as the tools that
-- make such columns write them.

create or replace function presence_private.note_gone()
    returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    set timezone = 'UTC'
as $$
begin
    if tg_op = 'TRUNCATE' then
        insert into presence_private.eviction (logout) values (tg_argv[2]::boolean);
        return null;
    end if;
    insert into presence_private.eviction (room_id, user_id, logout)
    select distinct (r.gone ->> tg_argv[0])::presence.room_id, (r.gone ->> tg_argv[1])::presence.user_id, tg_argv[2]::boolean
      from (select to_jsonb(g) as gone from gone g) r
     where (tg_argv[0] = '' or r.gone ? tg_argv[0])
       and (tg_argv[1] = '' or r.gone ? tg_argv[1])
       -- an application that sweeps logins which ended long ago signs nobody out
       and coalesce((r.gone ->> tg_argv[3])::timestamptz > now(), true);
    return null;
exception
    when data_exception then   -- a row that is no JSON (json with \u0000): the application goes on, access is looked at anew
        insert into presence_private.eviction default values;
        return null;
end
$$;
comment on function presence_private.note_gone is 'trigger on tables of the application: rows are gone, somebody may have lost access';

create or replace function presence_private.note_changed()
    returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    set timezone = 'UTC'
as $$
declare
    was    jsonb;
    is_now jsonb;
begin
    begin
        was := to_jsonb(old);
        is_now := to_jsonb(new);
    exception
        when data_exception then
            return null;   -- a row that is no JSON (json with \u0000): the application goes on
    end;
    if (tg_argv[0] = '' or was ? tg_argv[0])
       and (tg_argv[1] = '' or was ? tg_argv[1])
       and (was -> tg_argv[0] is distinct from is_now -> tg_argv[0]
            or was -> tg_argv[1] is distinct from is_now -> tg_argv[1]
            or exists (select from unnest(tg_argv[4]::name[]) as w(name) where was -> w.name::text is distinct from is_now -> w.name::text)
            -- a login that is prolonged ends nothing
            or (was ->> tg_argv[3])::timestamptz > now() and (is_now ->> tg_argv[3])::timestamptz <= now()) then
        insert into presence_private.eviction (room_id, user_id, logout)
        values ((was ->> tg_argv[0])::presence.room_id, (was ->> tg_argv[1])::presence.user_id, tg_argv[2]::boolean);
    end if;
    return null;
end
$$;
comment on function presence_private.note_changed is 'trigger on tables of the application: a row reads differently, somebody may have lost access';

-- A logout ends what joined before it was committed, and no new login of after it: an application that deletes a user's
-- logins and makes a new one does so in one transaction, which may have begun long before. Deferred, so this is the last
-- thing that the transaction does.
create or replace function presence_private.note_committed()
    returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    update presence_private.eviction e set at = clock_timestamp() where e.ctid = new.ctid;
    return null;
end
$$;
comment on function presence_private.note_committed is 'trigger on eviction: a logout counts from its commit';

-- There is no create or replace of a constraint trigger, and to drop it waits for whoever writes to the queue.
do $$
begin
    if not exists (select from pg_catalog.pg_trigger t
                    where t.tgrelid = 'presence_private.eviction'::pg_catalog.regclass
                      and t.tgname = 'logout_committed' and t.tgenabled = 'O') then
        drop trigger if exists logout_committed on presence_private.eviction;
        create constraint trigger logout_committed
            after insert on presence_private.eviction
            deferrable initially deferred
            for each row when (new.logout and new.at is null) execute function presence_private.note_committed();
    end if;
end
$$;
comment on trigger logout_committed on presence_private.eviction is 'notes when a logout is committed';
