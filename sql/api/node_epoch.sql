-- Which epoch it is, beginning one where the data is new, was lost or came from elsewhere. For the service, which puts
-- back what it knows before it reads anything of a new one.
create or replace function presence.node_epoch()
    returns uuid
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    if not presence_private.ensure_epoch(false) then
        return null;
    end if;
    return (select e.epoch from presence_private.epoch e);
end
$$;
comment on function presence.node_epoch is 'for the service: the current epoch, which it begins where there is none; null: somebody else is at it';
grant execute on function presence.node_epoch to presence_service;
