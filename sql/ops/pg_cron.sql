-- Reaping without a service: pg_cron runs presence.reap(), presence.evict() and presence.expand_edges(). Nothing else is
-- needed where no `pg-presence serve` runs; where nodes run it does no harm, since one at a time does the work.
--
--   psql -v ON_ERROR_STOP=1 -d app -f pg_cron.sql
--
-- Every second with pg_cron 1.5 or newer; every minute with older ones, which know no seconds: then leases end up to a
-- minute late. Views are right by the clock either way.
--
-- Needs: the extension pg_cron in this database, and a login with `usage on schema cron` that may execute these functions
-- (`grant presence_app to ...`). The jobs run as that login, so it must be able to log in as pg_cron does it.
-- Where pg_cron lives in another database, run this file there, as a superuser, with the name of the one that presence
-- is in: psql -v ON_ERROR_STOP=1 -d postgres -c "set presence.database = 'app'" -f pg_cron.sql
--
-- Run again, it replaces its own jobs, and no others. To be rid of them:
--   select cron.unschedule(jobid) from cron.job where jobname like 'presence % in app';
--
-- pg_cron writes a line a run to cron.job_run_details. One more job drops these jobs' lines after an hour;
-- `cron.log_run = off` in postgresql.conf writes none at all.

create or replace function pg_temp.presence_every(pg_cron_version text)
    returns text
    language sql immutable
as $$
    select case when (regexp_match(pg_cron_version, '^(\d+)\.(\d+)'))::integer[] >= array[1, 5] then '1 second' else '* * * * *' end
$$;

do $$
declare
    into_database constant text := coalesce(nullif(current_setting('presence.database', true), ''), current_database());
    is_here       constant boolean := into_database = current_database();
    reap          constant text := 'presence reap in ' || into_database;
    evict         constant text := 'presence evict in ' || into_database;
    tell          constant text := 'presence tell in ' || into_database;
    purge         constant text := 'presence purge in ' || into_database;
    found_version constant text := (select e.extversion from pg_catalog.pg_extension e where e.extname = 'pg_cron');
    every         text;
    job           record;
begin
    if found_version is null then
        raise exception 'pg_cron is not installed in the database %', current_database()
            using errcode = 'undefined_object',
                  hint = 'add pg_cron to shared_preload_libraries, restart, and let a superuser run: create extension pg_cron';
    end if;
    if is_here and not exists (select from pg_catalog.pg_namespace n where n.nspname = 'presence') then
        raise exception 'pg-presence is not installed in the database %', into_database
            using errcode = 'undefined_object', hint = 'run `pg-presence migrate` first, or say where it is: set presence.database';
    end if;
    if is_here and not (pg_catalog.has_schema_privilege('presence', 'usage')
                        and pg_catalog.has_function_privilege('presence.reap(integer)', 'execute')
                        and pg_catalog.has_function_privilege('presence.evict(integer)', 'execute')
                        and pg_catalog.has_function_privilege('presence.expand_edges(integer, interval)', 'execute')) then
        raise exception 'the login % may not execute presence.reap, presence.evict and presence.expand_edges', current_user
            using errcode = 'insufficient_privilege',
                  hint = pg_catalog.format('let a superuser run: grant presence_app to %I', current_user);
    end if;

    every := pg_temp.presence_every(found_version);
    for job in select j.jobid from cron.job j where j.jobname in (reap, evict, tell, purge) loop
        perform cron.unschedule(job.jobid);
    end loop;
    -- More than a service takes at a time: where a run comes once a minute it must do all that came due in it.
    for job in select * from (values (reap, 'select presence.reap(50000)'), (evict, 'select presence.evict(10000)'),
                                     (tell, 'select presence.expand_edges() from generate_series(1, 20)')) v (name, command) loop
        if is_here then
            perform cron.schedule(job.name, every, job.command);
        else
            perform cron.schedule_in_database(job.name, every, job.command, into_database);
        end if;
    end loop;
    perform cron.schedule(purge, '7 * * * *', pg_catalog.format(
        'delete from cron.job_run_details d using cron.job j '
        'where j.jobid = d.jobid and j.jobname in (%L, %L, %L, %L) and d.end_time < now() - interval ''1 hour''', reap, evict, tell, purge));
    raise notice 'pg_cron % ends leases in %: %', found_version, into_database, every;
end
$$;

drop function pg_temp.presence_every(text);
