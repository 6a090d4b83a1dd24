-- Uses up a ticket, which opens one stream on whatever node. For the service, which has checked that it made the ticket
-- and that its 30 s are not over: this only says that nobody was here with it before. Two at once: the primary key
-- decides, and the later one waits for the earlier.
--
-- A ticket is forgotten after 10 min, far beyond its end by any node's clock. Each call forgets a few old ones, so that
-- the table stays small without anybody's help. It commits like any other: a ticket is not used twice across a crash.
create or replace function presence.spend_ticket(ticket_id uuid)
    returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    delete from presence_private.spent_ticket t
     where t.ticket_id in (select o.ticket_id
                             from presence_private.spent_ticket o
                            where o.spent_at < statement_timestamp() - interval '10 min'
                            order by o.spent_at
                            limit 4
                              for update skip locked);

    insert into presence_private.spent_ticket (ticket_id, spent_at)
    values (spend_ticket.ticket_id, statement_timestamp())
        on conflict do nothing;
    return found;
end
$$;
comment on function presence.spend_ticket is 'for the service: uses up a ticket for a stream; false: it was used before';
grant execute on function presence.spend_ticket to presence_service;
