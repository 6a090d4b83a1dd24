-- What nodes ask Postgres, of every version: a node of before goes on while the database is migrated, so each of these
-- is still answered. A test runs them in this order, as the service's login, and finds a statement of src/db that is not
-- here: `PRESENCE_TEST_BLESS=1 cargo nextest run -E 'test(/calls/)'` adds it, and with what it is called is written by hand.
-- It only grows: what no node asks any more stays for as long as nodes that ask it may run.

-- with: 
-- rows: 1
-- columns: user_id_type text, room_id_type text, event_id_type text, ttl_ms bigint, heartbeat_ms bigint, typing_ms bigint, sessions_max integer
select * from presence.node_settings();

-- with: 
-- rows: 2
-- columns: kind text, key bytea
select kind, key from presence.node_secrets();

-- with: null, null, null
-- rows: 1
-- columns: configure void
select presence.configure($1::text::interval, $2::text::interval, $3::text::interval);

-- with: 
-- rows: 1
-- columns: node_epoch uuid
select presence.node_epoch();

-- with: 5000
-- rows: 1
-- columns: reap integer
select presence.reap($1);

-- with: 
-- rows: 1
-- columns: evict integer
select presence.evict();

-- with: 
-- rows: 0
-- columns: 
select from presence.where_now(null::presence.user_id, null::presence.user_id);

-- with: 'alice', 'bob', null, '0 milliseconds', null
-- rows: 1
-- columns: created_at timestamp with time zone, until_at timestamp with time zone
select presence.watch($1::text::presence.user_id, $2::text::presence.user_id, $3::text::presence.room_id, $4::text::interval, u.until_at) as created_at, u.until_at from (select statement_timestamp() + $5::text::interval as until_at) u;

-- with: array['general', 'general'], array['alice', 'bob'], array['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000001']::uuid[], array['busy', null], array['1000 milliseconds', null], array['at the venue', null], array[null, null]::text[], array['{"table": 4}', null], array[1, null]::bigint[], false
-- rows: 2
-- columns: item integer, outcome text, status text, joined_at timestamp with time zone, expires_at timestamp with time zone
select item, outcome, status, joined_at, expires_at from presence.heartbeat_batch($1::text[]::presence.room_id[], $2::text[]::presence.user_id[], $3::uuid[], $4::text[], $5::text[]::interval[], $6::text[], $7::text[], $8::text[]::jsonb[], $9::bigint[], $10);

-- with: array['general'], array['alice'], array['00000000-0000-4000-8000-000000000001']::uuid[], array['00000000-0000-4000-8000-000000000001']::uuid[], array[true], '150000 milliseconds'
-- rows: 1
-- columns: item integer, outcome text
select item, outcome from presence.hold_batch($1::text[]::presence.room_id[], $2::text[]::presence.user_id[], $3::uuid[], $4::uuid[], $5::boolean[], $6::text::interval);

-- with: array['general'], array['carol'], array['00000000-0000-4000-8000-000000000001']::uuid[], array['00000000-0000-4000-8000-000000000001']::uuid[], array['5000 milliseconds'], array[now()], array['away'], array[null]::timestamptz[], array[null], array['viewing budget'], array['{}']
-- rows: 1
-- columns: item integer, outcome text
select item, outcome from presence.put_back_batch($1::text[]::presence.room_id[], $2::text[]::presence.user_id[], $3::uuid[], $4::uuid[], $5::text[]::interval[], $6::timestamptz[], $7::text[], $8::timestamptz[], $9::text[], $10::text[], $11::text[]::jsonb[]);

-- with: 'alice', 'general', 20
-- rows: 3
-- columns: part text, epoch uuid, revision bigint, online_count integer, user_id text, name text, avatar_url text, role text, status text, status_until timestamp with time zone, message text, activity text, data text, joined_at timestamp with time zone, last_seen_at timestamp with time zone
select 'member' as part, epoch, revision, online_count, user_id::text, name, avatar_url, role, status, status_until, message, activity, data::text, joined_at, null::timestamptz as last_seen_at from presence.snapshot($1::text::presence.user_id, $2::text::presence.room_id) union all select 'absent', null, null, null, user_id::text, name, avatar_url, role, null, null, null, null, null, null, last_seen_at from presence.absent_members($1::text::presence.user_id, $2::text::presence.room_id, $3) where $3 > 0;

-- with: array['general', 'planning'], array[null, null]::uuid[], array[null, null]::bigint[], array['general'], array['alice']
-- rows: 6
-- columns: question integer, kind text, what text, room_id text, epoch uuid, revision bigint, online_count integer, user_id text, name text, avatar_url text, role text, status text, status_until timestamp with time zone, message text, activity text, data text, joined_at timestamp with time zone, reason text, last_seen_at timestamp with time zone
select question, kind, what, room_id::text, epoch, revision, online_count, user_id::text, name, avatar_url, role, status, status_until, message, activity, data::text, joined_at, reason, last_seen_at from presence.read_rooms($1::text[]::presence.room_id[], $2::uuid[], $3::bigint[], $4::text[]::presence.room_id[], $5::text[]::presence.user_id[]);

-- with: array['general'], array[null]::uuid[], array[null]::bigint[], array['general'], array['alice'], array[500]
-- rows: 5
-- columns: question integer, kind text, what text, room_id text, epoch uuid, revision bigint, online_count integer, user_id text, name text, avatar_url text, role text, status text, status_until timestamp with time zone, message text, activity text, data text, joined_at timestamp with time zone, reason text, last_seen_at timestamp with time zone
select question, kind, what, room_id::text, epoch, revision, online_count, user_id::text, name, avatar_url, role, status, status_until, message, activity, data::text, joined_at, reason, last_seen_at from presence.read_rooms($1::text[]::presence.room_id[], $2::uuid[], $3::bigint[], $4::text[]::presence.room_id[], $5::text[]::presence.user_id[], $6::integer[]);

-- with: 'alice', array['general']
-- rows: 1
-- columns: room_id text, name text, kind text, event_id text, online_count integer
select room_id::text, name, kind, event_id::text, online_count from presence.room_counts($1::text::presence.user_id, $2::text[]::presence.room_id[]);

-- with: 'alice', 'gala'
-- rows: 7
-- columns: event_name text, coordinator_id text, online_count integer, room_id text, room_name text, kind text, room_online_count integer, user_id text, name text, avatar_url text, role text, online boolean, status text, status_until timestamp with time zone, message text, activity text, data text, joined_at timestamp with time zone, last_seen_at timestamp with time zone
select event_name, coordinator_id::text, online_count, room_id::text, room_name, kind, room_online_count, user_id::text, name, avatar_url, role, online, status, status_until, message, activity, data::text, joined_at, last_seen_at from presence.event_snapshot($1::text::presence.user_id, $2::text::presence.event_id);

-- with: 'alice', 'bob'
-- rows: 2
-- columns: name text, avatar_url text, room_id text, online boolean, status text, last_seen_at timestamp with time zone
select name, avatar_url, room_id::text, online, status, last_seen_at from presence.where_now($1::text::presence.user_id, $2::text::presence.user_id);

-- with: array['general'], array['alice'], array['00000000-0000-4000-8000-000000000001']::uuid[], array['00000000-0000-4000-8000-000000000001']::uuid[], array['0 milliseconds'], '5000 milliseconds'
-- rows: 1
-- columns: item integer, outcome text
select item, outcome from presence.release_batch($1::text[]::presence.room_id[], $2::text[]::presence.user_id[], $3::uuid[], $4::uuid[], $5::text[]::interval[], $6::text::interval);

-- with: array['general'], array['alice'], array['00000000-0000-4000-8000-000000000001']::uuid[], array[2]::bigint[]
-- rows: 1
-- columns: item integer, outcome text
select item, outcome from presence.leave_batch($1::text[]::presence.room_id[], $2::text[]::presence.user_id[], $3::uuid[], $4::bigint[]);

-- with: 'general', 'bob'
-- rows: 1
-- columns: remove_member integer
select presence.remove_member($1::text::presence.room_id, $2::text::presence.user_id);

-- with: 'general'
-- rows: 1
-- columns: remove_room integer
select presence.remove_room($1::text::presence.room_id);

-- with: 'alice'
-- rows: 1
-- columns: leave_everywhere integer
select presence.leave_everywhere($1::text::presence.user_id);

-- with: array['alice', 'bob']
-- rows: 1
-- columns: user_id text, at timestamp with time zone
select user_id::text, at from presence.logged_out_at($1::text[]::presence.user_id[]);

-- with: '00000000-0000-4000-8000-000000000001'
-- rows: 1
-- columns: spend_ticket boolean
select presence.spend_ticket($1);

-- with: 1000, '5000 milliseconds'
-- rows: 1
-- columns: expand_edges integer
select presence.expand_edges($1, $2::text::interval);

-- with: 
-- rows: 1
-- columns: edges bigint, oldest_ms bigint, deliveries bigint
select edges, oldest_ms, deliveries from presence.untold();

-- with: 
-- rows: 1
-- columns: last_notification bigint
select presence.last_notification();

-- with: 0
-- rows: 1
-- columns: notification_id bigint, user_id text
select notification_id, watcher_id::text as user_id from presence.notified_since($1);

-- with: array[1]
-- rows: 1
-- columns: notification_id bigint, kind text, watcher_id text, user_id text, name text, avatar_url text, room_id text, event_id text, at timestamp with time zone, read_at timestamp with time zone
select notification_id, kind, watcher_id::text, user_id::text, name, avatar_url, room_id::text, event_id::text, at, read_at from presence.new_notifications($1);

-- with: 'alice'
-- rows: 1
-- columns: user_id text, name text, avatar_url text, online boolean, room_id text, quiet_ms bigint, until_at timestamp with time zone, created_at timestamp with time zone
select user_id::text, name, avatar_url, online, room_id::text, (extract(epoch from quiet) * 1000)::bigint as quiet_ms, until_at, created_at from presence.watches_of($1::text::presence.user_id);

-- with: 'alice', 51, null, false
-- rows: 1
-- columns: notification_id bigint, kind text, user_id text, name text, avatar_url text, room_id text, event_id text, at timestamp with time zone, read_at timestamp with time zone
select notification_id, kind, user_id::text, name, avatar_url, room_id::text, event_id::text, at, read_at from presence.notifications_of($1::text::presence.user_id, $2, $3, $4);

-- with: 'alice'
-- rows: 1
-- columns: unread_notifications bigint
select presence.unread_notifications($1::text::presence.user_id);

-- with: 'alice', array[1]
-- rows: 1
-- columns: read_notifications bigint
select presence.read_notifications($1::text::presence.user_id, $2::bigint[]);

-- with: 'alice', 'bob'
-- rows: 1
-- columns: unwatch boolean
select presence.unwatch($1::text::presence.user_id, $2::text::presence.user_id);

-- with: 'https://app.example.com/hooks', array['member.joined'], array['general'], array['gala'], array['alice'], 'a service of ours'
-- rows: 1
-- columns: webhook_id bigint, secret text
select webhook_id, secret from presence.add_webhook($1, $2, $3::text[]::presence.room_id[], $4::text[]::presence.event_id[], $5::text[]::presence.user_id[], $6);

-- with: 
-- rows: 1
-- columns: told text
select row_to_json(w)::text as told from presence.webhooks() w;

-- with: 1
-- rows: 1
-- columns: test_webhook bigint
select presence.test_webhook($1);

-- with: 64, 8, array[]::bigint[]
-- rows: 1
-- columns: delivery_id bigint, webhook_id bigint, attempt integer, url text, message_id text, sent_at_s bigint, payload text, secrets bytea[]
select * from presence.claim_deliveries($1, $2, $3);

-- with: array[1]::bigint[], array[1], array[204], array[null]::text[], array[null]::integer[]
-- rows: 0
-- columns: webhook_id bigint
select webhook_id from presence.settle_deliveries($1, $2, $3, $4, $5) as s(webhook_id);

-- with: 1, 20, array['delivered']
-- rows: 1
-- columns: told text
select row_to_json(d)::text as told from presence.webhook_deliveries($1, $2, $3) d;

-- with: 1, null, '1 hour', true
-- rows: 1
-- columns: redeliver_webhook integer
select presence.redeliver_webhook($1, $2, now() - $3::text::interval, $4);

-- with: 1, '24 hours'
-- rows: 1
-- columns: rotate_webhook_secret text
select presence.rotate_webhook_secret($1, $2::text::interval);

-- with: 1, 'moving house'
-- rows: 1
-- columns: disable_webhook boolean
select presence.disable_webhook($1, $2);

-- with: 1
-- rows: 1
-- columns: enable_webhook boolean
select presence.enable_webhook($1);

-- with: 1
-- rows: 1
-- columns: remove_webhook boolean
select presence.remove_webhook($1);

-- with: 'alice', 'general', 'dave', null, null, null, null, 101
-- rows: 1
-- columns: user_id text, name text, avatar_url text, began_at timestamp with time zone, ended_at timestamp with time zone, reason text
select user_id::text, name, avatar_url, began_at, ended_at, reason from presence.room_visits($1::text::presence.user_id, $2::text::presence.room_id, $3::text::presence.user_id, $4, $5, $6, $7::text::presence.user_id, $8);

-- with: 'carol', 'expo', 24
-- rows: 26
-- columns: kind text, room_id text, room_name text, user_id text, name text, avatar_url text, last_seen_at timestamp with time zone, online boolean, at timestamp with time zone, online_count integer, average double precision, active_users integer
select kind, room_id::text, room_name, user_id::text, name, avatar_url, last_seen_at, online, at, online_count, average, active_users from presence.event_activity($1::text::presence.user_id, $2::text::presence.event_id, $3);

-- with: 'carol', 'expo-floor', 24
-- rows: 25
-- columns: kind text, room_id text, room_name text, user_id text, name text, avatar_url text, last_seen_at timestamp with time zone, online boolean, at timestamp with time zone, online_count integer, average double precision, active_users integer
select kind, room_id::text, room_name, user_id::text, name, avatar_url, last_seen_at, online, at, online_count, average, active_users from presence.room_activity($1::text::presence.user_id, $2::text::presence.room_id, $3);

-- with: 'general', 'alice'
-- rows: 1
-- columns: activity text, online_count integer
select activity, online_count from presence.activity_counts($1::text::presence.room_id, $2::text::presence.user_id);

-- with: 'alice'
-- rows: 1
-- columns: status text, status_until timestamp with time zone, message text
select status, status_until, message from presence.status_of($1::text::presence.user_id);

-- with: 'alice', 'busy', '60000 milliseconds', 'on site'
-- rows: 1
-- columns: status text, status_until timestamp with time zone, message text
select status, status_until, message from presence.set_status($1::text::presence.user_id, $2, now() + $3::text::interval, $4);

-- with: 
-- rows: 1
-- columns: version text, uptime_ms bigint, notify_queue double precision, kind text, age bigint, open_ms bigint, whose text
select current_setting('server_version') as version, (extract(epoch from clock_timestamp() - pg_postmaster_start_time()) * 1000)::bigint as uptime_ms, pg_notification_queue_usage() as notify_queue, h.kind, h.age, h.open_ms, h.whose from (select) one left join ( select 'transaction' as kind, age(a.backend_xmin)::bigint as age, (extract(epoch from clock_timestamp() - a.xact_start) * 1000)::bigint as open_ms, 'pid ' || a.pid || coalesce(' of ' || a.usename::text, '') || coalesce(' (' || nullif(a.application_name, '') || ')', '') as whose from pg_stat_activity a where a.backend_xmin is not null and a.pid <> pg_backend_pid() and (a.backend_type = 'client backend' and a.datname = current_database() or a.backend_type = 'walsender') union all select 'prepared transaction', age(x.transaction)::bigint, (extract(epoch from clock_timestamp() - x.prepared) * 1000)::bigint, x.gid || ' of ' || x.owner::text from pg_prepared_xacts x where x.database = current_database() union all select 'replication slot', age(s.xmin)::bigint, null, s.slot_name::text from pg_replication_slots s where s.xmin is not null order by 2 desc, 3 desc nulls last limit 1) h on true;

-- with: '91fc77b2', '0.1.0', 1000, '{"is_ready": true}'
-- rows: 1
-- columns: node_beat void
select presence.node_beat($1, $2, $3, $4::text::jsonb);

-- with: 'nobody'
-- rows: 1
-- columns: node_gone void
select presence.node_gone($1);

-- with: 
-- rows: 1
-- columns: at timestamp with time zone, epoch uuid, rooms bigint, members bigint, people bigint, sessions bigint, overdue bigint, overdue_ms bigint, reaped_ms bigint, evictions bigint, last_minute text
select at, epoch, rooms, members, people, sessions, overdue, overdue_ms, reaped_ms, evictions, last_minute::text from presence.overview();

-- with: 
-- rows: 1
-- columns: node_id text, version text, uptime_ms bigint, seen_ms bigint, figures text
select node_id, version, uptime_ms, seen_ms, figures::text from presence.overview_nodes();

-- with: 20
-- rows: 0
-- columns: room_id text, name text, kind text, event_id text, members integer, sessions bigint
select room_id::text, name, kind, event_id::text, members, sessions from presence.overview_rooms($1);

-- with: 'general', 100
-- rows: 0
-- columns: room_id text, user_id text, name text, status text, status_until timestamp with time zone, message text, activity text, joined_at timestamp with time zone, sessions integer
select room_id::text, user_id::text, name, status, status_until, message, activity, joined_at, sessions from presence.overview_members($1::text::presence.room_id, $2);

-- with: 'alice', 'general'
-- rows: 7
-- columns: reason text, holds boolean, detail text
select reason, holds, detail from presence.why($1::text::presence.user_id, $2::text::presence.room_id);

-- with: 'alice', 'busy', '60000 milliseconds', 'on site'
-- rows: 1
-- columns: agrees boolean
select presence.put_status($1::text::presence.user_id, $2, now() + $3::text::interval, $4) as agrees;
