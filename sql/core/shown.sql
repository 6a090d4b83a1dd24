-- Leases that ended before this moment count as gone although nobody reaped them: no reaper is running, and nobody is
-- to be haunted. Snapshots leave them out, and a heartbeat on one of them joins anew. After the server's start clients
-- need one heartbeat to renew, and the reaper spares them for so long: none is gone before that.
create or replace function presence_private.gone_by(moment timestamptz, heartbeat interval)
    returns timestamptz
    language sql stable
as $$
    select case when moment > pg_catalog.pg_postmaster_start_time() + heartbeat + interval '5 seconds'
                then moment - interval '5 seconds' else '-infinity' end
$$;
comment on function presence_private.gone_by is 'leases that ended before this are gone, reaped or not; for who has read the settings';

-- Not inlined, since it reads a table: it is planned once for each statement that asks.
create or replace function presence_private.gone_before(moment timestamptz)
    returns timestamptz
    language sql stable
as $$
    select presence_private.gone_by(moment, k.heartbeat) from presence_private.setting k
$$;
comment on function presence_private.gone_before is 'leases that ended before this are gone, reaped or not';

-- One row where no member is gone by that: the reaper ended all that was due less than 5 s ago.
-- A view, not a function: the planner reads it as part of the asking statement.
create or replace view presence_private.reaped as
select e.reaped_at
  from presence_private.epoch e
 where e.reaped_at between statement_timestamp() - interval '4 seconds' and statement_timestamp() + interval '1 second';
comment on view presence_private.reaped is 'one row where all leases were reaped that are gone, so that who is a member is here';

-- What people are told of: members whose last lease is not gone. All reads of what is committed go through here, and look
-- at sessions only where no reaper did.
create or replace view presence_private.shown as
select m.room_id, m.user_id, m.joined_at, m.status, m.status_until, m.message, m.activity, m.data
  from presence_private.member m
 where exists (select from presence_private.reaped)
    or exists (select from presence_private.session s
                where s.room_id = m.room_id and s.user_id = m.user_id and s.ended_at is null
                  and s.expires_at > (select presence_private.gone_before(statement_timestamp())));
comment on view presence_private.shown is 'members, without those whose leases are gone though nobody reaped them';
drop function if exists presence_private.is_reaped(timestamptz); -- of version 2, which the view was built on
