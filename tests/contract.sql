-- The contract: what an application may hold on to, from release to release. A test compares it with a migrated
-- database. It only grows: `PRESENCE_TEST_BLESS=1 cargo test contract` adds what is new. A line that no longer holds
-- breaks applications that run today; it is taken out by hand, with a release that says so.
-- Ids are text here; they may be uuid or bigint.

domain event_id: as text

domain room_id: as text

domain user_id: as text

function absent_members: takes 1: viewer presence.user_id
function absent_members: takes 2: room_id presence.room_id
function absent_members: takes 3: max_rows integer default 20
function absent_members: returns rows
function absent_members: column 1: user_id presence.user_id
function absent_members: column 2: name text
function absent_members: column 3: avatar_url text
function absent_members: column 4: role text
function absent_members: column 5: last_seen_at timestamp with time zone
function absent_members: grant execute to presence_app
function absent_members: grant execute to presence_service

function activity_counts: takes 1: room_id presence.room_id
function activity_counts: takes 2: viewer presence.user_id
function activity_counts: returns rows
function activity_counts: column 1: activity text
function activity_counts: column 2: online_count integer
function activity_counts: grant execute to presence_app
function activity_counts: grant execute to presence_service

function add_webhook: takes 1: url text
function add_webhook: takes 2: types text[] default NULL::text[]
function add_webhook: takes 3: room_ids presence.room_id[] default NULL::presence.room_id[]
function add_webhook: takes 4: event_ids presence.event_id[] default NULL::presence.event_id[]
function add_webhook: takes 5: user_ids presence.user_id[] default NULL::presence.user_id[]
function add_webhook: takes 6: description text default NULL::text
function add_webhook: returns rows
function add_webhook: column 1: webhook_id bigint
function add_webhook: column 2: secret text
function add_webhook: grant execute to presence_service

function claim_deliveries: takes 1: max_rows integer
function claim_deliveries: takes 2: max_of_one integer
function claim_deliveries: takes 3: busy bigint[] default '{}'::bigint[]
function claim_deliveries: returns rows
function claim_deliveries: column 1: delivery_id bigint
function claim_deliveries: column 2: webhook_id bigint
function claim_deliveries: column 3: attempt integer
function claim_deliveries: column 4: url text
function claim_deliveries: column 5: message_id text
function claim_deliveries: column 6: sent_at_s bigint
function claim_deliveries: column 7: payload text
function claim_deliveries: column 8: secrets bytea[]
function claim_deliveries: grant execute to presence_service

function configure: takes 1: ttl interval default NULL::interval
function configure: takes 2: heartbeat interval default NULL::interval
function configure: takes 3: typing interval default NULL::interval
function configure: takes 4: sessions_max integer default NULL::integer
function configure: takes 5: retention interval default NULL::interval
function configure: returns void
function configure: grant execute to presence_service

function disable_webhook: takes 1: webhook_id bigint
function disable_webhook: takes 2: why text default 'by hand'::text
function disable_webhook: returns boolean
function disable_webhook: grant execute to presence_service

function enable_webhook: takes 1: webhook_id bigint
function enable_webhook: returns boolean
function enable_webhook: grant execute to presence_service

function erase_user: takes 1: user_id presence.user_id
function erase_user: returns bigint
function erase_user: grant execute to presence_app

function event_activity: takes 1: viewer presence.user_id
function event_activity: takes 2: event_id presence.event_id
function event_activity: takes 3: hours integer default 24
function event_activity: returns rows of presence.activity
function event_activity: grant execute to presence_app
function event_activity: grant execute to presence_service

function event_counts: takes 1: event_ids presence.event_id[] default NULL::presence.event_id[]
function event_counts: returns rows
function event_counts: column 1: event_id presence.event_id
function event_counts: column 2: online_count integer
function event_counts: grant execute to presence_app
function event_counts: grant execute to presence_service

function event_occupancy: takes 1: event_id presence.event_id
function event_occupancy: takes 2: from_at timestamp with time zone default NULL::timestamp with time zone
function event_occupancy: takes 3: to_at timestamp with time zone default NULL::timestamp with time zone
function event_occupancy: returns rows
function event_occupancy: column 1: peak integer
function event_occupancy: column 2: peak_at timestamp with time zone
function event_occupancy: column 3: average double precision
function event_occupancy: column 4: people integer
function event_occupancy: grant execute to presence_app
function event_occupancy: grant execute to presence_service

function event_snapshot: takes 1: viewer presence.user_id
function event_snapshot: takes 2: event_id presence.event_id
function event_snapshot: returns rows
function event_snapshot: column 1: event_name text
function event_snapshot: column 2: coordinator_id presence.user_id
function event_snapshot: column 3: online_count integer
function event_snapshot: column 4: room_id presence.room_id
function event_snapshot: column 5: room_name text
function event_snapshot: column 6: kind text
function event_snapshot: column 7: room_online_count integer
function event_snapshot: column 8: user_id presence.user_id
function event_snapshot: column 9: name text
function event_snapshot: column 10: avatar_url text
function event_snapshot: column 11: role text
function event_snapshot: column 12: online boolean
function event_snapshot: column 13: status text
function event_snapshot: column 14: status_until timestamp with time zone
function event_snapshot: column 15: message text
function event_snapshot: column 16: activity text
function event_snapshot: column 17: data jsonb
function event_snapshot: column 18: joined_at timestamp with time zone
function event_snapshot: column 19: last_seen_at timestamp with time zone
function event_snapshot: grant execute to presence_app
function event_snapshot: grant execute to presence_service

function evict: takes 1: max_rows integer default 1000
function evict: returns integer
function evict: grant execute to presence_app
function evict: grant execute to presence_service

function expand_edges: takes 1: max_rows integer default 1000
function expand_edges: takes 2: grace interval default '00:00:05'::interval
function expand_edges: returns integer
function expand_edges: grant execute to presence_app
function expand_edges: grant execute to presence_service

function heartbeat: takes 1: room_id presence.room_id
function heartbeat: takes 2: user_id presence.user_id
function heartbeat: takes 3: session_id uuid
function heartbeat: takes 4: status text default NULL::text
function heartbeat: takes 5: status_ttl interval default NULL::interval
function heartbeat: takes 6: message text default NULL::text
function heartbeat: takes 7: activity text default NULL::text
function heartbeat: takes 8: data jsonb default NULL::jsonb
function heartbeat: takes 9: seq bigint default NULL::bigint
function heartbeat: returns rows of presence.lease
function heartbeat: grant execute to presence_app
function heartbeat: grant execute to presence_service

function heartbeat_batch: takes 1: room_ids presence.room_id[]
function heartbeat_batch: takes 2: user_ids presence.user_id[]
function heartbeat_batch: takes 3: session_ids uuid[]
function heartbeat_batch: takes 4: statuses text[] default NULL::text[]
function heartbeat_batch: takes 5: status_ttls interval[] default NULL::interval[]
function heartbeat_batch: takes 6: messages text[] default NULL::text[]
function heartbeat_batch: takes 7: activities text[] default NULL::text[]
function heartbeat_batch: takes 8: datas jsonb[] default NULL::jsonb[]
function heartbeat_batch: takes 9: seqs bigint[] default NULL::bigint[]
function heartbeat_batch: takes 10: renew_only boolean default false
function heartbeat_batch: returns rows
function heartbeat_batch: column 1: item integer
function heartbeat_batch: column 2: outcome text
function heartbeat_batch: column 3: session_id uuid
function heartbeat_batch: column 4: status text
function heartbeat_batch: column 5: joined_at timestamp with time zone
function heartbeat_batch: column 6: expires_at timestamp with time zone
function heartbeat_batch: grant execute to presence_service

function hold_batch: takes 1: room_ids presence.room_id[]
function hold_batch: takes 2: user_ids presence.user_id[]
function hold_batch: takes 3: session_ids uuid[]
function hold_batch: takes 4: holders uuid[]
function hold_batch: takes 5: take boolean[]
function hold_batch: takes 6: silence_max interval
function hold_batch: returns rows
function hold_batch: column 1: item integer
function hold_batch: column 2: outcome text
function hold_batch: grant execute to presence_service

function last_notification: returns bigint
function last_notification: grant execute to presence_service

function leave: takes 1: room_id presence.room_id
function leave: takes 2: user_id presence.user_id
function leave: takes 3: session_id uuid
function leave: takes 4: seq bigint default NULL::bigint
function leave: returns boolean
function leave: grant execute to presence_app
function leave: grant execute to presence_service

function leave_batch: takes 1: room_ids presence.room_id[]
function leave_batch: takes 2: user_ids presence.user_id[]
function leave_batch: takes 3: session_ids uuid[]
function leave_batch: takes 4: seqs bigint[] default NULL::bigint[]
function leave_batch: returns rows
function leave_batch: column 1: item integer
function leave_batch: column 2: outcome text
function leave_batch: grant execute to presence_service

function leave_everywhere: takes 1: user_id presence.user_id
function leave_everywhere: returns integer
function leave_everywhere: grant execute to presence_app
function leave_everywhere: grant execute to presence_service

function logged_out_at: takes 1: user_ids presence.user_id[]
function logged_out_at: returns rows
function logged_out_at: column 1: user_id presence.user_id
function logged_out_at: column 2: at timestamp with time zone
function logged_out_at: grant execute to presence_service

function map_gateway: takes 1: login name
function map_gateway: takes 2: setting text default 'request.jwt.claims'::text
function map_gateway: takes 3: claim text default 'sub'::text
function map_gateway: returns void

function map_login: takes 1: login name
function map_login: takes 2: user_id presence.user_id
function map_login: returns void

function members_at: takes 1: room_id presence.room_id
function members_at: takes 2: at timestamp with time zone default NULL::timestamp with time zone
function members_at: returns rows
function members_at: column 1: user_id presence.user_id
function members_at: column 2: began_at timestamp with time zone
function members_at: column 3: ended_at timestamp with time zone
function members_at: column 4: reason text
function members_at: grant execute to presence_app
function members_at: grant execute to presence_service

function new_notifications: takes 1: notification_ids bigint[]
function new_notifications: returns rows
function new_notifications: column 1: notification_id bigint
function new_notifications: column 2: kind text
function new_notifications: column 3: watcher_id presence.user_id
function new_notifications: column 4: user_id presence.user_id
function new_notifications: column 5: name text
function new_notifications: column 6: avatar_url text
function new_notifications: column 7: room_id presence.room_id
function new_notifications: column 8: event_id presence.event_id
function new_notifications: column 9: at timestamp with time zone
function new_notifications: column 10: read_at timestamp with time zone
function new_notifications: grant execute to presence_service

function node_beat: takes 1: node_id text
function node_beat: takes 2: version text
function node_beat: takes 3: uptime_ms bigint
function node_beat: takes 4: figures jsonb
function node_beat: returns void
function node_beat: grant execute to presence_service

function node_epoch: returns uuid
function node_epoch: grant execute to presence_service

function node_gone: takes 1: node_id text
function node_gone: returns void
function node_gone: grant execute to presence_service

function node_secrets: returns rows
function node_secrets: column 1: kind text
function node_secrets: column 2: key bytea
function node_secrets: grant execute to presence_service

function node_settings: returns rows
function node_settings: column 1: user_id_type text
function node_settings: column 2: room_id_type text
function node_settings: column 3: event_id_type text
function node_settings: column 4: ttl_ms bigint
function node_settings: column 5: heartbeat_ms bigint
function node_settings: column 6: typing_ms bigint
function node_settings: column 7: sessions_max integer
function node_settings: grant execute to presence_service

function notifications_of: takes 1: watcher_id presence.user_id
function notifications_of: takes 2: max_rows integer default 50
function notifications_of: takes 3: before bigint default NULL::bigint
function notifications_of: takes 4: unread boolean default false
function notifications_of: returns rows
function notifications_of: column 1: notification_id bigint
function notifications_of: column 2: kind text
function notifications_of: column 3: user_id presence.user_id
function notifications_of: column 4: name text
function notifications_of: column 5: avatar_url text
function notifications_of: column 6: room_id presence.room_id
function notifications_of: column 7: event_id presence.event_id
function notifications_of: column 8: at timestamp with time zone
function notifications_of: column 9: read_at timestamp with time zone
function notifications_of: grant execute to presence_app
function notifications_of: grant execute to presence_service

function notified_since: takes 1: seen bigint
function notified_since: returns rows
function notified_since: column 1: notification_id bigint
function notified_since: column 2: watcher_id presence.user_id
function notified_since: grant execute to presence_service

function overview: returns rows
function overview: column 1: at timestamp with time zone
function overview: column 2: epoch uuid
function overview: column 3: rooms bigint
function overview: column 4: members bigint
function overview: column 5: people bigint
function overview: column 6: sessions bigint
function overview: column 7: overdue bigint
function overview: column 8: overdue_ms bigint
function overview: column 9: reaped_ms bigint
function overview: column 10: evictions bigint
function overview: column 11: last_minute jsonb
function overview: grant execute to presence_app
function overview: grant execute to presence_service

function overview_members: takes 1: of_room presence.room_id default NULL::text
function overview_members: takes 2: max_rows integer default 100
function overview_members: returns rows
function overview_members: column 1: room_id presence.room_id
function overview_members: column 2: user_id presence.user_id
function overview_members: column 3: name text
function overview_members: column 4: status text
function overview_members: column 5: status_until timestamp with time zone
function overview_members: column 6: message text
function overview_members: column 7: activity text
function overview_members: column 8: joined_at timestamp with time zone
function overview_members: column 9: sessions integer
function overview_members: grant execute to presence_app
function overview_members: grant execute to presence_service

function overview_nodes: returns rows
function overview_nodes: column 1: node_id text
function overview_nodes: column 2: version text
function overview_nodes: column 3: uptime_ms bigint
function overview_nodes: column 4: seen_ms bigint
function overview_nodes: column 5: figures jsonb
function overview_nodes: grant execute to presence_app
function overview_nodes: grant execute to presence_service

function overview_rooms: takes 1: max_rows integer default 20
function overview_rooms: returns rows
function overview_rooms: column 1: room_id presence.room_id
function overview_rooms: column 2: name text
function overview_rooms: column 3: kind text
function overview_rooms: column 4: event_id presence.event_id
function overview_rooms: column 5: members integer
function overview_rooms: column 6: sessions bigint
function overview_rooms: grant execute to presence_app
function overview_rooms: grant execute to presence_service

function put_back_batch: takes 1: room_ids presence.room_id[]
function put_back_batch: takes 2: user_ids presence.user_id[]
function put_back_batch: takes 3: session_ids uuid[]
function put_back_batch: takes 4: holders uuid[]
function put_back_batch: takes 5: lasts interval[]
function put_back_batch: takes 6: joined_ats timestamp with time zone[]
function put_back_batch: takes 7: statuses text[]
function put_back_batch: takes 8: status_untils timestamp with time zone[]
function put_back_batch: takes 9: messages text[]
function put_back_batch: takes 10: activities text[]
function put_back_batch: takes 11: datas jsonb[]
function put_back_batch: returns rows
function put_back_batch: column 1: item integer
function put_back_batch: column 2: outcome text
function put_back_batch: grant execute to presence_service

function put_status: takes 1: user_id presence.user_id
function put_status: takes 2: status text default NULL::text
function put_status: takes 3: status_until timestamp with time zone default NULL::timestamp with time zone
function put_status: takes 4: message text default NULL::text
function put_status: returns boolean
function put_status: grant execute to presence_service

function read_notifications: takes 1: watcher_id presence.user_id
function read_notifications: takes 2: notification_ids bigint[] default NULL::bigint[]
function read_notifications: returns bigint
function read_notifications: grant execute to presence_app
function read_notifications: grant execute to presence_service

function read_rooms: takes 1: room_ids presence.room_id[]
function read_rooms: takes 2: epochs uuid[]
function read_rooms: takes 3: revisions bigint[]
function read_rooms: takes 4: viewer_rooms presence.room_id[]
function read_rooms: takes 5: viewers presence.user_id[]
function read_rooms: takes 6: detail_max integer[] default NULL::integer[]
function read_rooms: returns rows
function read_rooms: column 1: question integer
function read_rooms: column 2: kind text
function read_rooms: column 3: what text
function read_rooms: column 4: room_id presence.room_id
function read_rooms: column 5: epoch uuid
function read_rooms: column 6: revision bigint
function read_rooms: column 7: online_count integer
function read_rooms: column 8: user_id presence.user_id
function read_rooms: column 9: name text
function read_rooms: column 10: avatar_url text
function read_rooms: column 11: role text
function read_rooms: column 12: status text
function read_rooms: column 13: status_until timestamp with time zone
function read_rooms: column 14: message text
function read_rooms: column 15: activity text
function read_rooms: column 16: data jsonb
function read_rooms: column 17: joined_at timestamp with time zone
function read_rooms: column 18: reason text
function read_rooms: column 19: last_seen_at timestamp with time zone
function read_rooms: grant execute to presence_service

function reap: takes 1: max_rows integer default 5000
function reap: returns integer
function reap: grant execute to presence_app
function reap: grant execute to presence_service

function redeliver_webhook: takes 1: webhook_id bigint
function redeliver_webhook: takes 2: delivery_id bigint default NULL::bigint
function redeliver_webhook: takes 3: since timestamp with time zone default NULL::timestamp with time zone
function redeliver_webhook: takes 4: delivered boolean default false
function redeliver_webhook: returns integer
function redeliver_webhook: grant execute to presence_service

function release_batch: takes 1: room_ids presence.room_id[]
function release_batch: takes 2: user_ids presence.user_id[]
function release_batch: takes 3: session_ids uuid[]
function release_batch: takes 4: holders uuid[]
function release_batch: takes 5: closed interval[]
function release_batch: takes 6: grace interval
function release_batch: returns rows
function release_batch: column 1: item integer
function release_batch: column 2: outcome text
function release_batch: grant execute to presence_service

function remove_member: takes 1: room_id presence.room_id
function remove_member: takes 2: user_id presence.user_id
function remove_member: returns integer
function remove_member: grant execute to presence_app
function remove_member: grant execute to presence_service

function remove_room: takes 1: room_id presence.room_id
function remove_room: returns integer
function remove_room: grant execute to presence_app
function remove_room: grant execute to presence_service

function remove_webhook: takes 1: webhook_id bigint
function remove_webhook: returns boolean
function remove_webhook: grant execute to presence_service

function room_activity: takes 1: viewer presence.user_id
function room_activity: takes 2: room_id presence.room_id
function room_activity: takes 3: hours integer default 24
function room_activity: returns rows of presence.activity
function room_activity: grant execute to presence_app
function room_activity: grant execute to presence_service

function room_counts: takes 1: viewer presence.user_id
function room_counts: takes 2: room_ids presence.room_id[] default NULL::presence.room_id[]
function room_counts: returns rows
function room_counts: column 1: room_id presence.room_id
function room_counts: column 2: name text
function room_counts: column 3: kind text
function room_counts: column 4: event_id presence.event_id
function room_counts: column 5: online_count integer
function room_counts: grant execute to presence_app
function room_counts: grant execute to presence_service

function room_occupancy: takes 1: room_id presence.room_id
function room_occupancy: takes 2: from_at timestamp with time zone default NULL::timestamp with time zone
function room_occupancy: takes 3: to_at timestamp with time zone default NULL::timestamp with time zone
function room_occupancy: returns rows
function room_occupancy: column 1: peak integer
function room_occupancy: column 2: peak_at timestamp with time zone
function room_occupancy: column 3: average double precision
function room_occupancy: column 4: people integer
function room_occupancy: grant execute to presence_app
function room_occupancy: grant execute to presence_service

function room_visits: takes 1: viewer presence.user_id
function room_visits: takes 2: room_id presence.room_id
function room_visits: takes 3: visitor presence.user_id default NULL::text
function room_visits: takes 4: from_at timestamp with time zone default NULL::timestamp with time zone
function room_visits: takes 5: to_at timestamp with time zone default NULL::timestamp with time zone
function room_visits: takes 6: before_at timestamp with time zone default NULL::timestamp with time zone
function room_visits: takes 7: before_user presence.user_id default NULL::text
function room_visits: takes 8: max_rows integer default 100
function room_visits: returns rows
function room_visits: column 1: user_id presence.user_id
function room_visits: column 2: name text
function room_visits: column 3: avatar_url text
function room_visits: column 4: began_at timestamp with time zone
function room_visits: column 5: ended_at timestamp with time zone
function room_visits: column 6: reason text
function room_visits: grant execute to presence_app
function room_visits: grant execute to presence_service

function rotate_webhook_secret: takes 1: webhook_id bigint
function rotate_webhook_secret: takes 2: keep interval default '24:00:00'::interval
function rotate_webhook_secret: returns text
function rotate_webhook_secret: grant execute to presence_service

function set_status: takes 1: user_id presence.user_id
function set_status: takes 2: status text default NULL::text
function set_status: takes 3: status_until timestamp with time zone default NULL::timestamp with time zone
function set_status: takes 4: message text default NULL::text
function set_status: returns rows of presence.own_status
function set_status: grant execute to presence_app
function set_status: grant execute to presence_service

function settle_deliveries: takes 1: delivery_ids bigint[]
function settle_deliveries: takes 2: attempts integer[]
function settle_deliveries: takes 3: statuses integer[]
function settle_deliveries: takes 4: errors text[]
function settle_deliveries: takes 5: waits integer[]
function settle_deliveries: returns rows of bigint
function settle_deliveries: grant execute to presence_service

function snapshot: takes 1: viewer presence.user_id
function snapshot: takes 2: room_id presence.room_id
function snapshot: returns rows
function snapshot: column 1: epoch uuid
function snapshot: column 2: revision bigint
function snapshot: column 3: online_count integer
function snapshot: column 4: user_id presence.user_id
function snapshot: column 5: name text
function snapshot: column 6: avatar_url text
function snapshot: column 7: role text
function snapshot: column 8: status text
function snapshot: column 9: status_until timestamp with time zone
function snapshot: column 10: message text
function snapshot: column 11: activity text
function snapshot: column 12: data jsonb
function snapshot: column 13: joined_at timestamp with time zone
function snapshot: grant execute to presence_app
function snapshot: grant execute to presence_service

function spend_ticket: takes 1: ticket_id uuid
function spend_ticket: returns boolean
function spend_ticket: grant execute to presence_service

function status_of: takes 1: user_id presence.user_id
function status_of: returns rows of presence.own_status
function status_of: grant execute to presence_app
function status_of: grant execute to presence_service

function test_webhook: takes 1: webhook_id bigint
function test_webhook: returns bigint
function test_webhook: grant execute to presence_service

function unread_notifications: takes 1: watcher_id presence.user_id
function unread_notifications: returns bigint
function unread_notifications: grant execute to presence_app
function unread_notifications: grant execute to presence_service

function untold: returns rows
function untold: column 1: edges bigint
function untold: column 2: oldest_ms bigint
function untold: column 3: deliveries bigint
function untold: grant execute to presence_service

function unwatch: takes 1: watcher_id presence.user_id
function unwatch: takes 2: user_id presence.user_id
function unwatch: returns boolean
function unwatch: grant execute to presence_app
function unwatch: grant execute to presence_service

function unwatch_for_role: takes 1: event_id presence.event_id
function unwatch_for_role: takes 2: role text
function unwatch_for_role: takes 3: user_id presence.user_id
function unwatch_for_role: returns boolean
function unwatch_for_role: grant execute to presence_app
function unwatch_for_role: grant execute to presence_service

function visible_events: takes 1: event presence.event_id default NULL::text
function visible_events: returns rows
function visible_events: column 1: id text
function visible_events: column 2: event_id presence.event_id
function visible_events: column 3: name text
function visible_events: column 4: coordinator_id presence.user_id
function visible_events: column 5: online_count integer
function visible_events: grant execute to presence_viewer

function visible_last_seen: takes 1: room presence.room_id default NULL::text
function visible_last_seen: returns rows
function visible_last_seen: column 1: id text
function visible_last_seen: column 2: room_id presence.room_id
function visible_last_seen: column 3: user_id presence.user_id
function visible_last_seen: column 4: name text
function visible_last_seen: column 5: avatar_url text
function visible_last_seen: column 6: last_seen_at timestamp with time zone
function visible_last_seen: column 7: reason text
function visible_last_seen: grant execute to presence_viewer

function visible_members: takes 1: room presence.room_id default NULL::text
function visible_members: returns rows
function visible_members: column 1: id text
function visible_members: column 2: room_id presence.room_id
function visible_members: column 3: user_id presence.user_id
function visible_members: column 4: name text
function visible_members: column 5: avatar_url text
function visible_members: column 6: role text
function visible_members: column 7: status text
function visible_members: column 8: status_until timestamp with time zone
function visible_members: column 9: message text
function visible_members: column 10: activity text
function visible_members: column 11: data jsonb
function visible_members: column 12: joined_at timestamp with time zone
function visible_members: grant execute to presence_viewer

function visible_notifications: takes 1: unread boolean default false
function visible_notifications: returns rows
function visible_notifications: column 1: id text
function visible_notifications: column 2: kind text
function visible_notifications: column 3: user_id presence.user_id
function visible_notifications: column 4: name text
function visible_notifications: column 5: avatar_url text
function visible_notifications: column 6: room_id presence.room_id
function visible_notifications: column 7: event_id presence.event_id
function visible_notifications: column 8: at timestamp with time zone
function visible_notifications: column 9: read_at timestamp with time zone
function visible_notifications: grant execute to presence_viewer

function visible_rooms: takes 1: room presence.room_id default NULL::text
function visible_rooms: returns rows
function visible_rooms: column 1: id text
function visible_rooms: column 2: room_id presence.room_id
function visible_rooms: column 3: event_id presence.event_id
function visible_rooms: column 4: name text
function visible_rooms: column 5: kind text
function visible_rooms: column 6: online_count integer
function visible_rooms: grant execute to presence_viewer

function visits: takes 1: room_id presence.room_id
function visits: takes 2: from_at timestamp with time zone default NULL::timestamp with time zone
function visits: takes 3: to_at timestamp with time zone default NULL::timestamp with time zone
function visits: returns rows
function visits: column 1: user_id presence.user_id
function visits: column 2: began_at timestamp with time zone
function visits: column 3: ended_at timestamp with time zone
function visits: column 4: reason text
function visits: grant execute to presence_app
function visits: grant execute to presence_service

function watch: takes 1: watcher_id presence.user_id
function watch: takes 2: user_id presence.user_id
function watch: takes 3: room_id presence.room_id default NULL::text
function watch: takes 4: quiet interval default '00:05:00'::interval
function watch: takes 5: until_at timestamp with time zone default NULL::timestamp with time zone
function watch: returns timestamp with time zone
function watch: grant execute to presence_app
function watch: grant execute to presence_service

function watch_for_role: takes 1: event_id presence.event_id
function watch_for_role: takes 2: role text
function watch_for_role: takes 3: user_id presence.user_id
function watch_for_role: takes 4: room_id presence.room_id default NULL::text
function watch_for_role: takes 5: quiet interval default '00:05:00'::interval
function watch_for_role: takes 6: until_at timestamp with time zone default NULL::timestamp with time zone
function watch_for_role: returns timestamp with time zone
function watch_for_role: grant execute to presence_app
function watch_for_role: grant execute to presence_service

function watch_table: takes 1: relation regclass
function watch_table: takes 2: room_column name default NULL::name
function watch_table: takes 3: user_column name default NULL::name
function watch_table: takes 4: also name[] default '{}'::name[]
function watch_table: takes 5: logout boolean default false
function watch_table: takes 6: expires_column name default NULL::name
function watch_table: returns void

function watches_of: takes 1: watcher_id presence.user_id
function watches_of: returns rows
function watches_of: column 1: user_id presence.user_id
function watches_of: column 2: name text
function watches_of: column 3: avatar_url text
function watches_of: column 4: online boolean
function watches_of: column 5: room_id presence.room_id
function watches_of: column 6: quiet interval
function watches_of: column 7: created_at timestamp with time zone
function watches_of: column 8: until_at timestamp with time zone
function watches_of: grant execute to presence_app
function watches_of: grant execute to presence_service

function webhook_deliveries: takes 1: webhook_id bigint
function webhook_deliveries: takes 2: max_rows integer default 20
function webhook_deliveries: takes 3: states text[] default NULL::text[]
function webhook_deliveries: returns rows
function webhook_deliveries: column 1: delivery_id bigint
function webhook_deliveries: column 2: message_id text
function webhook_deliveries: column 3: type text
function webhook_deliveries: column 4: room_id presence.room_id
function webhook_deliveries: column 5: user_id presence.user_id
function webhook_deliveries: column 6: at timestamp with time zone
function webhook_deliveries: column 7: state text
function webhook_deliveries: column 8: attempts integer
function webhook_deliveries: column 9: status integer
function webhook_deliveries: column 10: error text
function webhook_deliveries: column 11: due_at timestamp with time zone
function webhook_deliveries: column 12: ended_at timestamp with time zone
function webhook_deliveries: grant execute to presence_service

function webhooks: returns rows
function webhooks: column 1: webhook_id bigint
function webhooks: column 2: url text
function webhooks: column 3: description text
function webhooks: column 4: types text[]
function webhooks: column 5: room_ids text[]
function webhooks: column 6: event_ids text[]
function webhooks: column 7: user_ids text[]
function webhooks: column 8: secrets integer
function webhooks: column 9: created_at timestamp with time zone
function webhooks: column 10: delivered_at timestamp with time zone
function webhooks: column 11: failing_since timestamp with time zone
function webhooks: column 12: last_error text
function webhooks: column 13: disabled_at timestamp with time zone
function webhooks: column 14: disabled_why text
function webhooks: column 15: waiting bigint
function webhooks: column 16: failed bigint
function webhooks: grant execute to presence_service

function where_now: takes 1: viewer presence.user_id
function where_now: takes 2: user_id presence.user_id
function where_now: returns rows
function where_now: column 1: whom presence.user_id
function where_now: column 2: name text
function where_now: column 3: avatar_url text
function where_now: column 4: room_id presence.room_id
function where_now: column 5: online boolean
function where_now: column 6: status text
function where_now: column 7: last_seen_at timestamp with time zone
function where_now: grant execute to presence_app
function where_now: grant execute to presence_service

function whoami: returns presence.user_id
function whoami: grant execute to presence_app
function whoami: grant execute to presence_viewer

function why: takes 1: user_id presence.user_id
function why: takes 2: room_id presence.room_id
function why: returns rows
function why: column 1: reason text
function why: column 2: holds boolean
function why: column 3: detail text
function why: grant execute to presence_app
function why: grant execute to presence_service

schema presence: grant usage to presence_app
schema presence: grant usage to presence_service
schema presence: grant usage to presence_viewer

type activity: column 1: kind text
type activity: column 2: room_id presence.room_id
type activity: column 3: room_name text
type activity: column 4: user_id presence.user_id
type activity: column 5: name text
type activity: column 6: avatar_url text
type activity: column 7: last_seen_at timestamp with time zone
type activity: column 8: online boolean
type activity: column 9: at timestamp with time zone
type activity: column 10: online_count integer
type activity: column 11: average double precision
type activity: column 12: active_users integer

type lease: column 1: session_id uuid
type lease: column 2: status text
type lease: column 3: joined_at timestamp with time zone
type lease: column 4: expires_at timestamp with time zone

type own_status: column 1: status text
type own_status: column 2: status_until timestamp with time zone
type own_status: column 3: message text

view activity_24h: column 1: id text
view activity_24h: column 2: room_id presence.room_id
view activity_24h: column 3: user_id presence.user_id
view activity_24h: column 4: visits integer
view activity_24h: column 5: present interval
view activity_24h: column 6: first_at timestamp with time zone
view activity_24h: column 7: last_at timestamp with time zone
view activity_24h: grant select to presence_app

view events: column 1: id text
view events: column 2: event_id presence.event_id
view events: column 3: online_count integer
view events: grant select to presence_app

view last_seen: column 1: id text
view last_seen: column 2: room_id presence.room_id
view last_seen: column 3: user_id presence.user_id
view last_seen: column 4: last_seen_at timestamp with time zone
view last_seen: column 5: reason text
view last_seen: grant select to presence_app

view members: column 1: id text
view members: column 2: room_id presence.room_id
view members: column 3: user_id presence.user_id
view members: column 4: status text
view members: column 5: status_until timestamp with time zone
view members: column 6: message text
view members: column 7: activity text
view members: column 8: data jsonb
view members: column 9: joined_at timestamp with time zone
view members: column 10: sessions integer
view members: grant select to presence_app

view notifications: column 1: id text
view notifications: column 2: notification_id bigint
view notifications: column 3: kind text
view notifications: column 4: watcher_id presence.user_id
view notifications: column 5: user_id presence.user_id
view notifications: column 6: room_id presence.room_id
view notifications: column 7: event_id presence.event_id
view notifications: column 8: at timestamp with time zone
view notifications: column 9: read_at timestamp with time zone
view notifications: grant select to presence_app

view rooms: column 1: id text
view rooms: column 2: room_id presence.room_id
view rooms: column 3: online_count integer
view rooms: grant select to presence_app

view sessions: column 1: id text
view sessions: column 2: room_id presence.room_id
view sessions: column 3: user_id presence.user_id
view sessions: column 4: session_id uuid
view sessions: column 5: status text
view sessions: column 6: joined_at timestamp with time zone
view sessions: column 7: expires_at timestamp with time zone
view sessions: grant select to presence_app

view visible_events: column 1: id text
view visible_events: column 2: event_id presence.event_id
view visible_events: column 3: name text
view visible_events: column 4: coordinator_id presence.user_id
view visible_events: column 5: online_count integer
view visible_events: grant select to presence_viewer

view visible_last_seen: column 1: id text
view visible_last_seen: column 2: room_id presence.room_id
view visible_last_seen: column 3: user_id presence.user_id
view visible_last_seen: column 4: name text
view visible_last_seen: column 5: avatar_url text
view visible_last_seen: column 6: last_seen_at timestamp with time zone
view visible_last_seen: column 7: reason text
view visible_last_seen: grant select to presence_viewer

view visible_members: column 1: id text
view visible_members: column 2: room_id presence.room_id
view visible_members: column 3: user_id presence.user_id
view visible_members: column 4: name text
view visible_members: column 5: avatar_url text
view visible_members: column 6: role text
view visible_members: column 7: status text
view visible_members: column 8: status_until timestamp with time zone
view visible_members: column 9: message text
view visible_members: column 10: activity text
view visible_members: column 11: data jsonb
view visible_members: column 12: joined_at timestamp with time zone
view visible_members: grant select to presence_viewer

view visible_notifications: column 1: id text
view visible_notifications: column 2: kind text
view visible_notifications: column 3: user_id presence.user_id
view visible_notifications: column 4: name text
view visible_notifications: column 5: avatar_url text
view visible_notifications: column 6: room_id presence.room_id
view visible_notifications: column 7: event_id presence.event_id
view visible_notifications: column 8: at timestamp with time zone
view visible_notifications: column 9: read_at timestamp with time zone
view visible_notifications: grant select to presence_viewer

view visible_rooms: column 1: id text
view visible_rooms: column 2: room_id presence.room_id
view visible_rooms: column 3: event_id presence.event_id
view visible_rooms: column 4: name text
view visible_rooms: column 5: kind text
view visible_rooms: column 6: online_count integer
view visible_rooms: grant select to presence_viewer

view watches: column 1: id text
view watches: column 2: watcher_id presence.user_id
view watches: column 3: event_id presence.event_id
view watches: column 4: role text
view watches: column 5: user_id presence.user_id
view watches: column 6: room_id presence.room_id
view watches: column 7: quiet interval
view watches: column 8: created_at timestamp with time zone
view watches: column 9: until_at timestamp with time zone
view watches: grant select to presence_app
