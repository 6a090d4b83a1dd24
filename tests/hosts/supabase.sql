-- A Supabase project: public.profiles as the platform's own starter "User Management" makes it, filled from
-- raw_user_meta_data by a trigger, and rooms in the same manner, all with row-level security. By hand, after the
-- starter's SQL; tests/hosts/supabase_platform.sql stands in for the platform.
create table public.profiles (
    id         uuid references auth.users on delete cascade not null primary key,
    updated_at timestamp with time zone,
    username   text unique,
    full_name  varchar(120),
    avatar_url text,
    website    text,
    constraint username_length check (char_length(username) >= 3)
);
alter table public.profiles enable row level security;
create policy "Public profiles are viewable by everyone." on public.profiles for select using (true);
create policy "Users can insert their own profile." on public.profiles for insert with check (auth.uid() = id);
create policy "Users can update own profile." on public.profiles for update using (auth.uid() = id);

create function public.handle_new_user() returns trigger language plpgsql security definer set search_path = ''
as $$
begin
    insert into public.profiles (id, full_name, avatar_url)
    values (new.id, new.raw_user_meta_data ->> 'full_name', new.raw_user_meta_data ->> 'avatar_url');
    return new;
end
$$;
create trigger on_auth_user_created after insert on auth.users
    for each row execute procedure public.handle_new_user();

create table public.rooms (
    id         uuid primary key default gen_random_uuid(),
    name       varchar(120) not null,
    topic      text,
    created_at timestamptz not null default now()
);
create table public.room_members (
    room_id uuid not null references public.rooms on delete cascade,
    user_id uuid not null references public.profiles on delete cascade,
    role    text not null default 'collaborator',
    primary key (room_id, user_id)
);
create index on public.room_members (user_id);
alter table public.rooms enable row level security;
alter table public.room_members enable row level security;
create policy "Members see their rooms." on public.rooms for select to authenticated
    using (id in (select m.room_id from public.room_members m where m.user_id = auth.uid()));
create policy "Members see their own membership." on public.room_members for select to authenticated
    using (user_id = auth.uid());
grant select on public.profiles, public.rooms, public.room_members to authenticated;
