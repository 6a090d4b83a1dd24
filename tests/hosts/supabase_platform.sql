-- What Supabase brings before a project's first migration, as far as presence meets it: the roles of its gateway, the
-- schema `auth`, which a role of its own owns, and row-level security on it. After the migrations of supabase/auth
-- (20240612123726: RLS on, SELECT with grant option to the project's owner) and of supabase/postgres; by hand, with the
-- columns of auth.users that matter here. `$owner` is the project's owner, there called postgres, who is no
-- superuser but sees through row-level security; presence_owner does not.
do $$
declare
    wanted text;
begin
    foreach wanted in array array['anon', 'authenticated', 'supabase_auth_admin'] loop
        begin
            execute format('create role %I nologin noinherit', wanted);
        exception
            when duplicate_object or unique_violation then
                null;
        end;
    end loop;
end
$$;

alter role $owner bypassrls;
create schema auth authorization supabase_auth_admin;
set role supabase_auth_admin;
create table auth.users (
    instance_id        uuid,
    id                 uuid primary key,
    aud                varchar(255),
    role               varchar(255),
    email              varchar(255),
    raw_app_meta_data  jsonb,
    raw_user_meta_data jsonb,
    created_at         timestamptz,
    updated_at         timestamptz
);
create function auth.uid() returns uuid language sql stable
as $$ select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
alter table auth.users enable row level security;
grant usage on schema auth to $owner, anon, authenticated;
grant select on auth.users to $owner with grant option;
grant references, trigger, insert, update, delete on auth.users to $owner;
reset role;
grant usage on schema public to anon, authenticated;
