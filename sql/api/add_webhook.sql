-- An endpoint that is told what happens. Its secret is returned this once.
create or replace function presence.add_webhook(
        url         text,
        types       text[]              default null,
        room_ids    presence.room_id[]  default null,
        event_ids   presence.event_id[] default null,
        user_ids    presence.user_id[]  default null,
        description text                default null)
    returns table (webhook_id bigint, secret text)
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    made   bigint;
    broken text;
begin
    if (select count(*) from presence_private.webhook w where w.removed_at is null) >= 100 then
        raise exception 'there are 100 webhooks already' using errcode = 'PR400',
            hint = 'remove one that nobody needs, or tell a service of your own and let it pass on';
    end if;
    insert into presence_private.webhook as w (url, types, room_ids, event_ids, user_ids, description)
    values (add_webhook.url, add_webhook.types, add_webhook.room_ids, add_webhook.event_ids, add_webhook.user_ids,
            add_webhook.description)
    returning w.webhook_id into made;
    return query select made, presence_private.make_webhook_secret(made);
exception
    when check_violation or not_null_violation then
        get stacked diagnostics broken = constraint_name;
        raise exception '%', case broken
                when 'webhook_types' then 'types must be some of member.joined, member.left, room.occupied, room.empty, '
                                          'user.online, user.offline, notification'
                when 'webhook_description' then 'description must have 1 to 200 characters'
                when 'webhook_room_ids' then 'room_ids must have 1 to 1000 rooms'
                when 'webhook_event_ids' then 'event_ids must have 1 to 1000 events'
                when 'webhook_user_ids' then 'user_ids must have 1 to 1000 users'
                else 'url must be https:// or http:// with a host, without a login and a #, of 2048 bytes at most' end
            using errcode = 'PR400', hint = 'null for a filter: no filter';
end
$$;
comment on function presence.add_webhook is
    'adds an endpoint that is told what happens, by type, room, event and user (null: all); returns its number and its secret, which nobody is told again';
grant execute on function presence.add_webhook to presence_service;
