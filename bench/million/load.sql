-- 20,000 rooms of 1,000 events, 50 of 100,000 users in each, all of them here; one more user takes part in 1,000 rooms.
-- (The cast of the reference application stays away: one of them may not be where they take part.)
-- Written straight into the tables: what is measured is what comes after.
set synchronous_commit = off;

insert into event_app.users (id, name) select 'u' || n, 'User ' || n from generate_series(0, 99999) n;
insert into event_app.users (id, name) values ('busy', 'Busy Bee');
insert into event_app.events (id, name) select 'e' || n, 'Event ' || n from generate_series(0, 999) n;
insert into event_app.rooms (id, event_id, name) select 'r' || n, 'e' || n % 1000, 'Room ' || n from generate_series(0, 19999) n;
insert into event_app.room_participants (room_id, user_id)
select 'r' || r, 'u' || (r * 50 + m) % 100000 from generate_series(0, 19999) r, generate_series(0, 49) m;
insert into event_app.room_participants (room_id, user_id, role) select 'r' || n, 'busy', 'coordinator' from generate_series(0, 999) n;

insert into presence_private.session (session_id, joined_at, beat_at, expires_at, room_id, user_id)
select gen_random_uuid(), now(), now(), now() + interval '50 minutes', p.room_id, p.user_id
  from event_app.room_participants p where p.user_id ~ '^u[0-9]+$';
insert into presence_private.member (joined_at, sessions, room_id, user_id, status)
select now(), 1, p.room_id, p.user_id, 'active' from event_app.room_participants p where p.user_id ~ '^u[0-9]+$';
insert into presence_private.room (revision, online_count, room_id) select 50, 50, 'r' || n from generate_series(0, 19999) n;
insert into presence_private.last_seen (last_seen_at, since, room_id, user_id)
select now(), now(), p.room_id, p.user_id from event_app.room_participants p where p.user_id ~ '^u[0-9]+$';
insert into presence_private.visit (began_at, ended_at, room_id, user_id, reason)
select now() - interval '5 hours', now() - interval '4 hours', p.room_id, p.user_id, 'left'
  from event_app.room_participants p where p.user_id ~ '^u[0-9]+$';
select presence.configure(ttl => '1 hour', heartbeat => '10 minutes');
vacuum analyze;
select presence.reap();
checkpoint;
