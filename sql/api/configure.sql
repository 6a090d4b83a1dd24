-- Settings that SQL goes by. Null leaves one as it is.
create or replace function presence.configure(
        ttl          interval default null,
        heartbeat    interval default null,
        typing       interval default null,
        sessions_max integer  default null,
        retention    interval default null)
    returns void
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    broken text;
begin
    update presence_private.setting k
       set ttl = coalesce(configure.ttl, k.ttl),
           heartbeat = coalesce(configure.heartbeat, k.heartbeat),
           typing = coalesce(configure.typing, k.typing),
           sessions_max = coalesce(configure.sessions_max, k.sessions_max),
           retention = coalesce(configure.retention, k.retention);
    perform pg_notify('presence', '*');   -- nodes read their settings again
exception
    when check_violation then
        get stacked diagnostics broken = constraint_name;
        raise exception '%', case broken
                when 'setting_ttl' then 'ttl must be 500 ms to 1 hour'
                when 'setting_heartbeat' then 'heartbeat must be 100 ms to 10 minutes'
                when 'setting_typing' then 'typing must be 500 ms to 1 minute'
                when 'setting_sessions_max' then 'sessions_max must be 1 to 1000'
                when 'setting_retention' then 'retention must be 1 day to 10 years'
                else 'ttl must be at least 2.5 times heartbeat' end
            using errcode = 'PR400', hint = 'give ttl and heartbeat in one call where both change';
end
$$;
comment on function presence.configure is
    'sets what SQL goes by: ttl (500 ms to 1 h, at least 2.5 x heartbeat), heartbeat (100 ms to 10 min), typing (500 ms to 1 min), sessions_max (1 to 1000), retention (1 day to 10 years); null leaves one as it is';
grant execute on function presence.configure to presence_service;
