#!/usr/bin/env bash
# psql: views and functions, a rollback that leaves no trace, SQLSTATEs with hints, and who sees what by which login.
set -euo pipefail

backend() { psql -X -qAt -v ON_ERROR_STOP=1 -U backend "$@"; }

says() { # says PROMISE EXPECTED ACTUAL
    [[ $2 == "$3" ]] || { printf 'NOT: %s\n  expected: %s\n  actual:   %s\n' "$@" >&2; exit 1; }
    echo "ok - $1"
}

contains() { # contains PROMISE PART ACTUAL
    [[ $3 == *"$2"* ]] || { printf 'NOT: %s\n  expected in it: %s\n  actual: %s\n' "$@" >&2; exit 1; }
    echo "ok - $1"
}

tab=11111111-1111-4111-8111-111111111111
other=22222222-2222-4222-8222-222222222222

says 'a heartbeat returns the lease' "$tab|busy|t" "$(
    backend -c "select session_id, status, expires_at > now()
                  from presence.heartbeat('general', 'alice', '$tab', status => 'busy', message => 'at the venue')"
)"
says 'a view joins with the own tables' 'Alice Adams|general|busy|at the venue' "$(
    backend -c "select u.name, m.room_id, m.status, m.message
                  from presence.members m join event_app.users u on u.id = m.user_id"
)"
says 'members, sessions, rooms and last_seen tell of the same' 'general.alice|1|1|t' "$(
    backend -c "select m.id, m.sessions, r.online_count, l.reason is null
                  from presence.members m
                  join presence.sessions s on s.room_id = m.room_id and s.user_id = m.user_id
                  join presence.rooms r on r.room_id = m.room_id
                  join presence.last_seen l on l.room_id = m.room_id and l.user_id = m.user_id"
)"
says 'the reading functions see with the eyes of a user' 'alice|1|0' "$(
    backend -c "select (select user_id from presence.snapshot('bob', 'general')),
                       (select online_count from presence.room_counts('bob') where room_id = 'general'),
                       (select count(*) from presence.snapshot('dave', 'general'))"
)"

before=$(backend -c "select revision from presence.snapshot('alice', 'general')")
says 'inside the transaction the heartbeat is there' $'bob|active\n2' "$(
    backend <<SQL
begin;
insert into event_app.messages (room_id, author_id, body) values ('general', 'bob', 'hello');
select m.user_id, m.status
  from presence.heartbeat('general', 'bob', '$other') h join lateral
       (select 'bob' as user_id, h.status) m on true;
select online_count from presence.snapshot('bob', 'general') limit 1;
rollback;
SQL
)"
says 'after a rollback there is no trace of it' "$before|1|0|0|0" "$(
    backend -c "select (select revision from presence.snapshot('alice', 'general')),
                       (select online_count from presence.rooms where room_id = 'general'),
                       (select count(*) from presence.sessions where user_id = 'bob'),
                       (select count(*) from presence.last_seen where user_id = 'bob'),
                       (select count(*) from event_app.messages)"
)"

refused=$(backend -v VERBOSITY=verbose -c "select presence.heartbeat('general', 'dave', '$other')" 2>&1 || true)
contains 'who may not enter is told so by SQLSTATE' 'ERROR:  PR404: no such room' "$refused"
contains 'and by a hint' 'HINT:  ' "$refused"
missing=$(backend -v VERBOSITY=verbose -c "select presence.heartbeat('no-such-room', 'dave', '$other')" 2>&1 || true)
says 'a missing room and a forbidden one are answered alike' "$refused" "$missing"
says 'a script can go by the SQLSTATE' 'PR400' "$(
    psql -X -qAt -U backend 2>/dev/null <<SQL || true
select presence.heartbeat('general', 'alice', '$tab', status => 'asleep');
\echo :LAST_ERROR_SQLSTATE
SQL
)"
contains 'a table of presence_private is nobody else'\''s business' 'permission denied' "$(
    backend -c 'table presence_private.session' 2>&1 || true
)"

says 'a login of an end user is that user' 'alice|general.alice|busy' "$(
    psql -X -qAt -U alice -c 'select presence.whoami(), id, status from presence.visible_members'
)"
says 'an outsider sees nobody, and no room' '0|0|0' "$(
    psql -X -qAt -U dave -c 'select (select count(*) from presence.visible_members),
                                    (select count(*) from presence.visible_rooms),
                                    (select count(*) from presence.visible_last_seen)'
)"
says 'no setting makes an outsider somebody else' 'dave|0' "$(
    psql -X -qAt -U dave -v ON_ERROR_STOP=1 <<'SQL'
set request.jwt.claims = '{"sub": "alice"}';
select presence.whoami(), (select count(*) from presence.visible_members);
SQL
)"

# What PostgREST does for each request: one login, the claims of the token that it has verified, one transaction.
request() { # request CLAIMS QUERY
    psql -X -qAt -v ON_ERROR_STOP=1 -U gateway <<SQL
begin read only;
set local role presence_viewer;
select from set_config('request.jwt.claims', '$1', true);
$2;
commit;
SQL
}
says 'a gateway shows each user their own' $'general.alice\n0\n0' "$(
    request '{"sub": "bob", "role": "presence_viewer"}' 'select id from presence.visible_members'
    request '{"sub": "dave", "role": "presence_viewer"}' 'select count(*) from presence.visible_members'
    request '{"role": "anonymous"}' 'select count(*) from presence.visible_members'
)"

says 'a leave is seen at once' $'t\n0|left' "$(
    backend -c "select presence.leave('general', 'alice', '$tab')"
    backend -c "select (select count(*) from presence.members), reason from presence.last_seen"
)"
