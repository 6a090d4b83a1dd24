-- What one session says at a moment, by the clock: the typing overlay, else the stored status until its end.
-- Inlined by the planner, hence no SET clause.
create or replace function presence_private.status_at(status text, status_until timestamptz, typing_until timestamptz, moment timestamptz)
    returns text
    language sql immutable
as $$
    select case when typing_until > moment then 'typing'
                when status_until <= moment then 'active'
                else status end
$$;
comment on function presence_private.status_at is 'typing while it lasts, else the stored status, else active';
