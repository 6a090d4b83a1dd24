-- Rows that somebody deletes by hand, and not by our functions. Those run as the owner, or are on the stack: for them
-- these triggers do nothing.

-- Whether what fires a trigger stands in a function of ours; context: of the trigger's own function.
create or replace function presence_private.is_ours(context text)
    returns boolean
    language sql immutable
as $$
    select context ~ E'\n.*presence_private\\.[a-z_]+\\('
$$;
comment on function presence_private.is_ours is 'whether a stack has a function of ours below its first line';

create or replace function presence_private.sessions_deleted()
    returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    set plan_cache_mode = force_custom_plan   -- however many; see plan_for
as $$
declare
    context text;
    lost    presence_private.touch[];
begin
    get diagnostics context = pg_context;
    if presence_private.is_ours(context) then
        return null;
    end if;
    select array_agg(row(m.room_id, m.user_id, 'removed', null)::presence_private.touch)
      into lost
      from presence_private.member m
      left join (select s.room_id, s.user_id, count(*) as sessions
                   from presence_private.session s
                  where s.ended_at is null
                  group by s.room_id, s.user_id) l on l.room_id = m.room_id and l.user_id = m.user_id
     where m.sessions <> coalesce(l.sessions, 0);
    if lost is not null then
        perform set_config('synchronous_commit', 'off', true);
        perform presence_private.lock_rooms((select array_agg(distinct t.room_id) from unnest(lost) t), true);
        perform presence_private.settle(lost, statement_timestamp());
    end if;
    return null;
end
$$;
comment on function presence_private.sessions_deleted is 'trigger: whose sessions are deleted by hand is taken out of the room, and everybody is told';

create or replace trigger session_deleted after delete on presence_private.session
    for each statement when (current_user <> 'presence_owner') execute function presence_private.sessions_deleted();
comment on trigger session_deleted on presence_private.session is 'members follow what is deleted by hand';

create or replace function presence_private.member_deleted()
    returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    context text;
begin
    get diagnostics context = pg_context;
    if presence_private.is_ours(context)
       or not exists (select from presence_private.session s
                       where s.room_id = old.room_id and s.user_id = old.user_id and s.ended_at is null) then
        return old;
    end if;
    raise warning 'a member with a live session stays: it is what the sessions say'
        using hint = 'to take somebody out: select presence.remove_member(room_id, user_id)';
    return null;
end
$$;
comment on function presence_private.member_deleted is 'trigger: a member is no more than the merge of its sessions, and stays as long as they do';

create or replace trigger member_deleted before delete on presence_private.member
    for each row when (current_user <> 'presence_owner') execute function presence_private.member_deleted();
comment on trigger member_deleted on presence_private.member is 'who has a live session is not deleted by hand';
