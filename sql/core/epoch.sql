-- The epoch: one id for as long as the unlogged data has lived, so that its loss is noticed.

create or replace function presence_private.begin_epoch()
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
begin
    delete from presence_private.epoch;
    insert into presence_private.epoch (system_identifier, database_oid)
    select c.system_identifier, d.oid
      from pg_control_system() c, pg_database d
     where d.datname = current_database()
        on conflict (one) do nothing;
    update presence_private.alive
       set lost_at = nullif(alive_at, '-infinity'), close_at = clock_timestamp() + (select k.ttl from presence_private.setting k);
    perform pg_notify('presence', '*');
end
$$;
comment on function presence_private.begin_epoch is 'a new epoch: everything that anybody knew is void, so everybody is rung';

create or replace function presence_private.epoch_is_ours()
    returns boolean
    language plpgsql volatile   -- each look has a snapshot of its own; and a plan that is kept, since every change asks
    set search_path = pg_catalog, pg_temp
as $$
begin
    return exists (select
                     from presence_private.epoch e, pg_control_system() c, pg_database d
                    where d.datname = current_database()
                      and e.system_identifier = c.system_identifier and e.database_oid = d.oid);
end
$$;
comment on function presence_private.epoch_is_ours is 'whether there is an epoch, of this cluster and this database';

-- After a crash the row is gone with the data; in a restored dump or a cloned database it is somebody else's.
-- wait false: where somebody else is at it, in a transaction that may stay open for long, the answer is false at once.
create or replace function presence_private.ensure_epoch(wait boolean)
    returns boolean
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
begin
    if presence_private.epoch_is_ours() then
        return true;
    end if;
    -- a lock on a table of ours, since anybody who can connect may take an advisory one, and keep it
    if ensure_epoch.wait then
        lock table presence_private.epoch in share update exclusive mode;
    else
        begin
            lock table presence_private.epoch in share update exclusive mode nowait;
        exception
            when lock_not_available then
                return false;
        end;
    end if;
    if presence_private.epoch_is_ours() then
        return true;   -- somebody else was faster
    end if;
    if exists (select from presence_private.epoch) then
        delete from presence_private.session;
        delete from presence_private.member;
        delete from presence_private.room;
        delete from presence_private.change;
        delete from presence_private.eviction;
        delete from presence_private.logout;
        delete from presence_private.edge;
        -- in another cluster the same logins have other oids
        update presence_private.login l set role = r.oid from pg_roles r where r.rolname = l.login;
        update presence_private.gateway g set role = r.oid from pg_roles r where r.rolname = g.login;
    end if;
    perform presence_private.begin_epoch();
    return true;
end
$$;
comment on function presence_private.ensure_epoch is 'makes sure that the epoch is of this very data; empties what came with a dump; false: somebody else is at it';

create or replace function presence_private.data_lost()
    returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    -- one of the tables alone may have been emptied
    delete from presence_private.session;
    delete from presence_private.member;
    delete from presence_private.room;
    delete from presence_private.change;
    perform presence_private.begin_epoch();
    return null;
end
$$;
comment on function presence_private.data_lost is 'trigger: a TRUNCATE by hand is a loss like any other';

create or replace trigger session_truncated after truncate on presence_private.session
    for each statement execute function presence_private.data_lost();
create or replace trigger member_truncated after truncate on presence_private.member
    for each statement execute function presence_private.data_lost();
create or replace trigger room_truncated after truncate on presence_private.room
    for each statement execute function presence_private.data_lost();
create or replace trigger change_truncated after truncate on presence_private.change
    for each statement execute function presence_private.data_lost();
comment on trigger session_truncated on presence_private.session is 'begins a new epoch';
comment on trigger member_truncated on presence_private.member is 'begins a new epoch';
comment on trigger room_truncated on presence_private.room is 'begins a new epoch';
comment on trigger change_truncated on presence_private.change is 'begins a new epoch';

create or replace function presence_private.room_deleted()
    returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (select from gone) then
        return null;
    end if;
    -- Revisions begin again: no row of before may stand in their way, and no cursor of before may seem current.
    delete from presence_private.session s using gone g where s.room_id = g.room_id;
    delete from presence_private.member m using gone g where m.room_id = g.room_id;
    delete from presence_private.change c using gone g where c.room_id = g.room_id;
    perform presence_private.begin_epoch();
    return null;
end
$$;
comment on function presence_private.room_deleted is 'trigger: a room that is deleted by hand is a loss like a TRUNCATE';
create or replace trigger room_deleted after delete on presence_private.room
    referencing old table as gone for each statement execute function presence_private.room_deleted();
comment on trigger room_deleted on presence_private.room is 'begins a new epoch';
