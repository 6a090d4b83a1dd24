-- Part of the application's side as installed: empty, so that everything is denied until it is mapped.
-- Applied where the function is missing; a mapping is never overwritten.
-- String-bodied, without SET clauses: the planner inlines it, and the application's own ALTER TABLE is never blocked.
create function presence_host.users()
    returns table (user_id presence.user_id, name text, avatar_url text)
    language sql stable
as $$
    -- pg-presence: not mapped yet
    select null::presence.user_id, null::text, null::text where false
$$;
comment on function presence_host.users is 'the application''s users: public profile only, never e-mail or phone';
