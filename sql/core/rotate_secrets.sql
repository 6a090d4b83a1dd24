-- Keys. Without pgcrypto on a bare server: sha256 over two random uuids, 244 bits from the server's own generator.
create or replace function presence_private.rotate_secrets()
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
begin
    insert into presence_private.secret (kind, key)
    select k.kind, sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))
      from unnest(array['ring', 'leave']) as k(kind);
    delete from presence_private.secret s
     where s.made_at < clock_timestamp() - interval '25 hours'
       and exists (select from presence_private.secret n where n.kind = s.kind and n.made_at > s.made_at);
    perform pg_notify('presence', '*');   -- nodes read their keys again
end
$$;
comment on function presence_private.rotate_secrets is 'makes a new key of each kind; leave tokens of the last day stay good';

do $$
begin
    if not exists (select from presence_private.secret) then
        perform presence_private.rotate_secrets();
    end if;
end
$$;
