-- The shape of a migrated database, for whoever reviews a change of it: columns, constraints, indexes, arguments, rights.
-- Written by `PRESENCE_TEST_BLESS=1 cargo test contract`. Ids are text here; partitions of days are left out.

domain presence.event_id
    as text

domain presence.room_id
    as text

domain presence.user_id
    as text

function presence.absent_members(viewer presence.user_id, room_id presence.room_id, max_rows integer)
    arguments viewer presence.user_id, room_id presence.room_id, max_rows integer DEFAULT 20
    returns TABLE(user_id presence.user_id, name text, avatar_url text, role text, last_seen_at timestamp with time zone)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_app
    grant execute to presence_service

function presence.activity_counts(room_id presence.room_id, viewer presence.user_id)
    returns TABLE(activity text, online_count integer)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    grant execute to presence_app
    grant execute to presence_service

function presence.add_webhook(url text, types text[], room_ids presence.room_id[], event_ids presence.event_id[], user_ids presence.user_id[], description text)
    arguments url text, types text[] DEFAULT NULL::text[], room_ids presence.room_id[] DEFAULT NULL::presence.room_id[], event_ids presence.event_id[] DEFAULT NULL::presence.event_id[], user_ids presence.user_id[] DEFAULT NULL::presence.user_id[], description text DEFAULT NULL::text
    returns TABLE(webhook_id bigint, secret text)
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_service

function presence.claim_deliveries(max_rows integer, max_of_one integer, busy bigint[])
    arguments max_rows integer, max_of_one integer, busy bigint[] DEFAULT '{}'::bigint[]
    returns TABLE(delivery_id bigint, webhook_id bigint, attempt integer, url text, message_id text, sent_at_s bigint, payload text, secrets bytea[])
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    grant execute to presence_service

function presence.configure(ttl interval, heartbeat interval, typing interval, sessions_max integer, retention interval)
    arguments ttl interval DEFAULT NULL::interval, heartbeat interval DEFAULT NULL::interval, typing interval DEFAULT NULL::interval, sessions_max integer DEFAULT NULL::integer, retention interval DEFAULT NULL::interval
    returns void
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_service

function presence.disable_webhook(webhook_id bigint, why text)
    arguments webhook_id bigint, why text DEFAULT 'by hand'::text
    returns boolean
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_service

function presence.enable_webhook(webhook_id bigint)
    returns boolean
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_service

function presence.erase_user(user_id presence.user_id)
    returns bigint
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_custom_plan
    grant execute to presence_app

function presence.event_activity(viewer presence.user_id, event_id presence.event_id, hours integer)
    arguments viewer presence.user_id, event_id presence.event_id, hours integer DEFAULT 24
    returns SETOF presence.activity
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_app
    grant execute to presence_service

function presence.event_counts(event_ids presence.event_id[])
    arguments event_ids presence.event_id[] DEFAULT NULL::presence.event_id[]
    returns TABLE(event_id presence.event_id, online_count integer)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_app
    grant execute to presence_service

function presence.event_occupancy(event_id presence.event_id, from_at timestamp with time zone, to_at timestamp with time zone)
    arguments event_id presence.event_id, from_at timestamp with time zone DEFAULT NULL::timestamp with time zone, to_at timestamp with time zone DEFAULT NULL::timestamp with time zone
    returns TABLE(peak integer, peak_at timestamp with time zone, average double precision, people integer)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_app
    grant execute to presence_service

function presence.event_snapshot(viewer presence.user_id, event_id presence.event_id)
    returns TABLE(event_name text, coordinator_id presence.user_id, online_count integer, room_id presence.room_id, room_name text, kind text, room_online_count integer, user_id presence.user_id, name text, avatar_url text, role text, online boolean, status text, status_until timestamp with time zone, message text, activity text, data jsonb, joined_at timestamp with time zone, last_seen_at timestamp with time zone)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    grant execute to presence_app
    grant execute to presence_service

function presence.evict(max_rows integer)
    arguments max_rows integer DEFAULT 1000
    returns integer
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_custom_plan
    grant execute to presence_app
    grant execute to presence_service

function presence.expand_edges(max_rows integer, grace interval)
    arguments max_rows integer DEFAULT 1000, grace interval DEFAULT '00:00:05'::interval
    returns integer
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    grant execute to presence_app
    grant execute to presence_service

function presence.heartbeat(room_id presence.room_id, user_id presence.user_id, session_id uuid, status text, status_ttl interval, message text, activity text, data jsonb, seq bigint)
    arguments room_id presence.room_id, user_id presence.user_id, session_id uuid, status text DEFAULT NULL::text, status_ttl interval DEFAULT NULL::interval, message text DEFAULT NULL::text, activity text DEFAULT NULL::text, data jsonb DEFAULT NULL::jsonb, seq bigint DEFAULT NULL::bigint
    returns SETOF presence.lease
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    set enable_seqscan=off
    set enable_hashjoin=off
    set enable_mergejoin=off
    grant execute to presence_app
    grant execute to presence_service

function presence.heartbeat_batch(room_ids presence.room_id[], user_ids presence.user_id[], session_ids uuid[], statuses text[], status_ttls interval[], messages text[], activities text[], datas jsonb[], seqs bigint[], renew_only boolean)
    arguments room_ids presence.room_id[], user_ids presence.user_id[], session_ids uuid[], statuses text[] DEFAULT NULL::text[], status_ttls interval[] DEFAULT NULL::interval[], messages text[] DEFAULT NULL::text[], activities text[] DEFAULT NULL::text[], datas jsonb[] DEFAULT NULL::jsonb[], seqs bigint[] DEFAULT NULL::bigint[], renew_only boolean DEFAULT false
    returns TABLE(item integer, outcome text, session_id uuid, status text, joined_at timestamp with time zone, expires_at timestamp with time zone)
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    set enable_seqscan=off
    set enable_hashjoin=off
    set enable_mergejoin=off
    grant execute to presence_service

function presence.hold_batch(room_ids presence.room_id[], user_ids presence.user_id[], session_ids uuid[], holders uuid[], take boolean[], silence_max interval)
    returns TABLE(item integer, outcome text)
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    set enable_seqscan=off
    set enable_hashjoin=off
    set enable_mergejoin=off
    grant execute to presence_service

function presence.last_notification()
    returns bigint
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_service

function presence.leave(room_id presence.room_id, user_id presence.user_id, session_id uuid, seq bigint)
    arguments room_id presence.room_id, user_id presence.user_id, session_id uuid, seq bigint DEFAULT NULL::bigint
    returns boolean
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    set enable_seqscan=off
    set enable_hashjoin=off
    set enable_mergejoin=off
    grant execute to presence_app
    grant execute to presence_service

function presence.leave_batch(room_ids presence.room_id[], user_ids presence.user_id[], session_ids uuid[], seqs bigint[])
    arguments room_ids presence.room_id[], user_ids presence.user_id[], session_ids uuid[], seqs bigint[] DEFAULT NULL::bigint[]
    returns TABLE(item integer, outcome text)
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    set enable_seqscan=off
    set enable_hashjoin=off
    set enable_mergejoin=off
    grant execute to presence_service

function presence.leave_everywhere(user_id presence.user_id)
    returns integer
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_custom_plan
    grant execute to presence_app
    grant execute to presence_service

function presence.logged_out_at(user_ids presence.user_id[])
    returns TABLE(user_id presence.user_id, at timestamp with time zone)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    grant execute to presence_service

function presence.map_gateway(login name, setting text, claim text)
    arguments login name, setting text DEFAULT 'request.jwt.claims'::text, claim text DEFAULT 'sub'::text
    returns void
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp
    set jit=off

function presence.map_login(login name, user_id presence.user_id)
    returns void
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp
    set jit=off

function presence.members_at(room_id presence.room_id, at timestamp with time zone)
    arguments room_id presence.room_id, at timestamp with time zone DEFAULT NULL::timestamp with time zone
    returns TABLE(user_id presence.user_id, began_at timestamp with time zone, ended_at timestamp with time zone, reason text)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_app
    grant execute to presence_service

function presence.new_notifications(notification_ids bigint[])
    returns TABLE(notification_id bigint, kind text, watcher_id presence.user_id, user_id presence.user_id, name text, avatar_url text, room_id presence.room_id, event_id presence.event_id, at timestamp with time zone, read_at timestamp with time zone)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    grant execute to presence_service

function presence.node_beat(node_id text, version text, uptime_ms bigint, figures jsonb)
    returns void
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    grant execute to presence_service

function presence.node_epoch()
    returns uuid
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    grant execute to presence_service

function presence.node_gone(node_id text)
    returns void
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    grant execute to presence_service

function presence.node_secrets()
    returns TABLE(kind text, key bytea)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_service

function presence.node_settings()
    returns TABLE(user_id_type text, room_id_type text, event_id_type text, ttl_ms bigint, heartbeat_ms bigint, typing_ms bigint, sessions_max integer)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_service

function presence.notifications_of(watcher_id presence.user_id, max_rows integer, before bigint, unread boolean)
    arguments watcher_id presence.user_id, max_rows integer DEFAULT 50, before bigint DEFAULT NULL::bigint, unread boolean DEFAULT false
    returns TABLE(notification_id bigint, kind text, user_id presence.user_id, name text, avatar_url text, room_id presence.room_id, event_id presence.event_id, at timestamp with time zone, read_at timestamp with time zone)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    grant execute to presence_app
    grant execute to presence_service

function presence.notified_since(seen bigint)
    returns TABLE(notification_id bigint, watcher_id presence.user_id)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    grant execute to presence_service

function presence.overview()
    returns TABLE(at timestamp with time zone, epoch uuid, rooms bigint, members bigint, people bigint, sessions bigint, overdue bigint, overdue_ms bigint, reaped_ms bigint, evictions bigint, last_minute jsonb)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_app
    grant execute to presence_service

function presence.overview_members(of_room presence.room_id, max_rows integer)
    arguments of_room presence.room_id DEFAULT NULL::text, max_rows integer DEFAULT 100
    returns TABLE(room_id presence.room_id, user_id presence.user_id, name text, status text, status_until timestamp with time zone, message text, activity text, joined_at timestamp with time zone, sessions integer)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_app
    grant execute to presence_service

function presence.overview_nodes()
    returns TABLE(node_id text, version text, uptime_ms bigint, seen_ms bigint, figures jsonb)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_app
    grant execute to presence_service

function presence.overview_rooms(max_rows integer)
    arguments max_rows integer DEFAULT 20
    returns TABLE(room_id presence.room_id, name text, kind text, event_id presence.event_id, members integer, sessions bigint)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_app
    grant execute to presence_service

function presence.put_back_batch(room_ids presence.room_id[], user_ids presence.user_id[], session_ids uuid[], holders uuid[], lasts interval[], joined_ats timestamp with time zone[], statuses text[], status_untils timestamp with time zone[], messages text[], activities text[], datas jsonb[])
    returns TABLE(item integer, outcome text)
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_custom_plan
    set enable_seqscan=off
    grant execute to presence_service

function presence.put_status(user_id presence.user_id, status text, status_until timestamp with time zone, message text)
    arguments user_id presence.user_id, status text DEFAULT NULL::text, status_until timestamp with time zone DEFAULT NULL::timestamp with time zone, message text DEFAULT NULL::text
    returns boolean
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_custom_plan
    grant execute to presence_service

function presence.read_notifications(watcher_id presence.user_id, notification_ids bigint[])
    arguments watcher_id presence.user_id, notification_ids bigint[] DEFAULT NULL::bigint[]
    returns bigint
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    grant execute to presence_app
    grant execute to presence_service

function presence.read_rooms(room_ids presence.room_id[], epochs uuid[], revisions bigint[], viewer_rooms presence.room_id[], viewers presence.user_id[], detail_max integer[])
    arguments room_ids presence.room_id[], epochs uuid[], revisions bigint[], viewer_rooms presence.room_id[], viewers presence.user_id[], detail_max integer[] DEFAULT NULL::integer[]
    returns TABLE(question integer, kind text, what text, room_id presence.room_id, epoch uuid, revision bigint, online_count integer, user_id presence.user_id, name text, avatar_url text, role text, status text, status_until timestamp with time zone, message text, activity text, data jsonb, joined_at timestamp with time zone, reason text, last_seen_at timestamp with time zone)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    set enable_seqscan=off
    grant execute to presence_service

function presence.reap(max_rows integer)
    arguments max_rows integer DEFAULT 5000
    returns integer
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_custom_plan
    grant execute to presence_app
    grant execute to presence_service

function presence.redeliver_webhook(webhook_id bigint, delivery_id bigint, since timestamp with time zone, delivered boolean)
    arguments webhook_id bigint, delivery_id bigint DEFAULT NULL::bigint, since timestamp with time zone DEFAULT NULL::timestamp with time zone, delivered boolean DEFAULT false
    returns integer
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_service

function presence.release_batch(room_ids presence.room_id[], user_ids presence.user_id[], session_ids uuid[], holders uuid[], closed interval[], grace interval)
    returns TABLE(item integer, outcome text)
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    set enable_seqscan=off
    set enable_hashjoin=off
    set enable_mergejoin=off
    grant execute to presence_service

function presence.remove_member(room_id presence.room_id, user_id presence.user_id)
    returns integer
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_custom_plan
    grant execute to presence_app
    grant execute to presence_service

function presence.remove_room(room_id presence.room_id)
    returns integer
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_custom_plan
    grant execute to presence_app
    grant execute to presence_service

function presence.remove_webhook(webhook_id bigint)
    returns boolean
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_service

function presence.room_activity(viewer presence.user_id, room_id presence.room_id, hours integer)
    arguments viewer presence.user_id, room_id presence.room_id, hours integer DEFAULT 24
    returns SETOF presence.activity
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_app
    grant execute to presence_service

function presence.room_counts(viewer presence.user_id, room_ids presence.room_id[])
    arguments viewer presence.user_id, room_ids presence.room_id[] DEFAULT NULL::presence.room_id[]
    returns TABLE(room_id presence.room_id, name text, kind text, event_id presence.event_id, online_count integer)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_app
    grant execute to presence_service

function presence.room_occupancy(room_id presence.room_id, from_at timestamp with time zone, to_at timestamp with time zone)
    arguments room_id presence.room_id, from_at timestamp with time zone DEFAULT NULL::timestamp with time zone, to_at timestamp with time zone DEFAULT NULL::timestamp with time zone
    returns TABLE(peak integer, peak_at timestamp with time zone, average double precision, people integer)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_app
    grant execute to presence_service

function presence.room_visits(viewer presence.user_id, room_id presence.room_id, visitor presence.user_id, from_at timestamp with time zone, to_at timestamp with time zone, before_at timestamp with time zone, before_user presence.user_id, max_rows integer)
    arguments viewer presence.user_id, room_id presence.room_id, visitor presence.user_id DEFAULT NULL::text, from_at timestamp with time zone DEFAULT NULL::timestamp with time zone, to_at timestamp with time zone DEFAULT NULL::timestamp with time zone, before_at timestamp with time zone DEFAULT NULL::timestamp with time zone, before_user presence.user_id DEFAULT NULL::text, max_rows integer DEFAULT 100
    returns TABLE(user_id presence.user_id, name text, avatar_url text, began_at timestamp with time zone, ended_at timestamp with time zone, reason text)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_app
    grant execute to presence_service

function presence.rotate_webhook_secret(webhook_id bigint, keep interval)
    arguments webhook_id bigint, keep interval DEFAULT '24:00:00'::interval
    returns text
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_service

function presence.set_status(user_id presence.user_id, status text, status_until timestamp with time zone, message text)
    arguments user_id presence.user_id, status text DEFAULT NULL::text, status_until timestamp with time zone DEFAULT NULL::timestamp with time zone, message text DEFAULT NULL::text
    returns SETOF presence.own_status
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_custom_plan
    grant execute to presence_app
    grant execute to presence_service

function presence.settle_deliveries(delivery_ids bigint[], attempts integer[], statuses integer[], errors text[], waits integer[])
    returns SETOF bigint
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_service

function presence.snapshot(viewer presence.user_id, room_id presence.room_id)
    returns TABLE(epoch uuid, revision bigint, online_count integer, user_id presence.user_id, name text, avatar_url text, role text, status text, status_until timestamp with time zone, message text, activity text, data jsonb, joined_at timestamp with time zone)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    grant execute to presence_app
    grant execute to presence_service

function presence.spend_ticket(ticket_id uuid)
    returns boolean
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_service

function presence.status_of(user_id presence.user_id)
    returns SETOF presence.own_status
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_app
    grant execute to presence_service

function presence.test_webhook(webhook_id bigint)
    returns bigint
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_service

function presence.unread_notifications(watcher_id presence.user_id)
    returns bigint
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    grant execute to presence_app
    grant execute to presence_service

function presence.untold()
    returns TABLE(edges bigint, oldest_ms bigint, deliveries bigint)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_service

function presence.unwatch(watcher_id presence.user_id, user_id presence.user_id)
    returns boolean
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_app
    grant execute to presence_service

function presence.unwatch_for_role(event_id presence.event_id, role text, user_id presence.user_id)
    returns boolean
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_app
    grant execute to presence_service

function presence.visible_events(event presence.event_id)
    arguments event presence.event_id DEFAULT NULL::text
    returns TABLE(id text, event_id presence.event_id, name text, coordinator_id presence.user_id, online_count integer)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    grant execute to presence_viewer

function presence.visible_last_seen(room presence.room_id)
    arguments room presence.room_id DEFAULT NULL::text
    returns TABLE(id text, room_id presence.room_id, user_id presence.user_id, name text, avatar_url text, last_seen_at timestamp with time zone, reason text)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    grant execute to presence_viewer

function presence.visible_members(room presence.room_id)
    arguments room presence.room_id DEFAULT NULL::text
    returns TABLE(id text, room_id presence.room_id, user_id presence.user_id, name text, avatar_url text, role text, status text, status_until timestamp with time zone, message text, activity text, data jsonb, joined_at timestamp with time zone)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    grant execute to presence_viewer

function presence.visible_notifications(unread boolean)
    arguments unread boolean DEFAULT false
    returns TABLE(id text, kind text, user_id presence.user_id, name text, avatar_url text, room_id presence.room_id, event_id presence.event_id, at timestamp with time zone, read_at timestamp with time zone)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    grant execute to presence_viewer

function presence.visible_rooms(room presence.room_id)
    arguments room presence.room_id DEFAULT NULL::text
    returns TABLE(id text, room_id presence.room_id, event_id presence.event_id, name text, kind text, online_count integer)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    grant execute to presence_viewer

function presence.visits(room_id presence.room_id, from_at timestamp with time zone, to_at timestamp with time zone)
    arguments room_id presence.room_id, from_at timestamp with time zone DEFAULT NULL::timestamp with time zone, to_at timestamp with time zone DEFAULT NULL::timestamp with time zone
    returns TABLE(user_id presence.user_id, began_at timestamp with time zone, ended_at timestamp with time zone, reason text)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_app
    grant execute to presence_service

function presence.watch(watcher_id presence.user_id, user_id presence.user_id, room_id presence.room_id, quiet interval, until_at timestamp with time zone)
    arguments watcher_id presence.user_id, user_id presence.user_id, room_id presence.room_id DEFAULT NULL::text, quiet interval DEFAULT '00:05:00'::interval, until_at timestamp with time zone DEFAULT NULL::timestamp with time zone
    returns timestamp with time zone
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    grant execute to presence_app
    grant execute to presence_service

function presence.watch_for_role(event_id presence.event_id, role text, user_id presence.user_id, room_id presence.room_id, quiet interval, until_at timestamp with time zone)
    arguments event_id presence.event_id, role text, user_id presence.user_id, room_id presence.room_id DEFAULT NULL::text, quiet interval DEFAULT '00:05:00'::interval, until_at timestamp with time zone DEFAULT NULL::timestamp with time zone
    returns timestamp with time zone
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_app
    grant execute to presence_service

function presence.watch_table(relation regclass, room_column name, user_column name, also name[], logout boolean, expires_column name)
    arguments relation regclass, room_column name DEFAULT NULL::name, user_column name DEFAULT NULL::name, also name[] DEFAULT '{}'::name[], logout boolean DEFAULT false, expires_column name DEFAULT NULL::name
    returns void
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp
    set jit=off

function presence.watches_of(watcher_id presence.user_id)
    returns TABLE(user_id presence.user_id, name text, avatar_url text, online boolean, room_id presence.room_id, quiet interval, created_at timestamp with time zone, until_at timestamp with time zone)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    grant execute to presence_app
    grant execute to presence_service

function presence.webhook_deliveries(webhook_id bigint, max_rows integer, states text[])
    arguments webhook_id bigint, max_rows integer DEFAULT 20, states text[] DEFAULT NULL::text[]
    returns TABLE(delivery_id bigint, message_id text, type text, room_id presence.room_id, user_id presence.user_id, at timestamp with time zone, state text, attempts integer, status integer, error text, due_at timestamp with time zone, ended_at timestamp with time zone)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_service

function presence.webhooks()
    returns TABLE(webhook_id bigint, url text, description text, types text[], room_ids text[], event_ids text[], user_ids text[], secrets integer, created_at timestamp with time zone, delivered_at timestamp with time zone, failing_since timestamp with time zone, last_error text, disabled_at timestamp with time zone, disabled_why text, waiting bigint, failed bigint)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_service

function presence.where_now(viewer presence.user_id, user_id presence.user_id)
    returns TABLE(whom presence.user_id, name text, avatar_url text, room_id presence.room_id, online boolean, status text, last_seen_at timestamp with time zone)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    set plan_cache_mode=force_generic_plan
    grant execute to presence_app
    grant execute to presence_service

function presence.whoami()
    returns presence.user_id
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_app
    grant execute to presence_viewer

function presence.why(user_id presence.user_id, room_id presence.room_id)
    returns TABLE(reason text, holds boolean, detail text)
    language plpgsql stable security definer
    set search_path=pg_catalog, pg_temp
    set jit=off
    grant execute to presence_app
    grant execute to presence_service

function presence_host.events()
    returns TABLE(event_id presence.event_id, name text, coordinator_id presence.user_id)
    language sql stable

function presence_host.participants()
    returns TABLE(room_id presence.room_id, user_id presence.user_id, role text)
    language sql stable

function presence_host.rooms()
    returns TABLE(room_id presence.room_id, event_id presence.event_id, name text, kind text, vendor_id presence.user_id)
    language sql stable

function presence_host.users()
    returns TABLE(user_id presence.user_id, name text, avatar_url text)
    language sql stable

function presence_private.accessible_rooms()
    returns TABLE(room_id presence.room_id, user_id presence.user_id, role text, name text, kind text, event_id presence.event_id)
    language sql stable

function presence_private.activity(room_ids presence.room_id[], hours integer)
    returns SETOF presence.activity
    language plpgsql stable
    set search_path=pg_catalog, pg_temp
    set plan_cache_mode=force_generic_plan

function presence_private.apply_beats(room_ids presence.room_id[], user_ids presence.user_id[], session_ids uuid[], statuses text[], status_ttls interval[], messages text[], activities text[], datas jsonb[], seqs bigint[], renew_only boolean, wait boolean, at_time timestamp with time zone)
    arguments room_ids presence.room_id[], user_ids presence.user_id[], session_ids uuid[], statuses text[], status_ttls interval[], messages text[], activities text[], datas jsonb[], seqs bigint[], renew_only boolean, wait boolean, at_time timestamp with time zone DEFAULT NULL::timestamp with time zone
    returns SETOF presence_private.beat
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.apply_own_status(user_ids presence.user_id[], wait boolean, moment timestamp with time zone)
    returns void
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.begin_epoch()
    returns void
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.behind_own_status(user_ids presence.user_id[], moment timestamp with time zone)
    returns TABLE(room_id presence.room_id, user_id presence.user_id, session_id uuid, hides boolean, status text, status_until timestamp with time zone, said_status text, said_until timestamp with time zone, message text, lent_message boolean)
    language sql stable

function presence_private.change_sessions(rest presence_private.said[], wait boolean, moment timestamp with time zone, knobs presence_private.setting)
    returns SETOF presence_private.beat
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.check_hours(hours integer)
    returns void
    language plpgsql stable
    set search_path=pg_catalog, pg_temp

function presence_private.check_watch(user_id presence.user_id, quiet interval, until_at timestamp with time zone)
    returns void
    language plpgsql stable
    set search_path=pg_catalog, pg_temp

function presence_private.claim_deliveries(max_rows integer, max_of_one integer, busy bigint[], at_time timestamp with time zone)
    arguments max_rows integer, max_of_one integer, busy bigint[], at_time timestamp with time zone DEFAULT NULL::timestamp with time zone
    returns SETOF presence_private.claim
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.close_lost(max_rows integer, moment timestamp with time zone)
    returns void
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.data_lost()
    returns trigger
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp

function presence_private.end_all(room_id presence.room_id, user_id presence.user_id, reason text, at_time timestamp with time zone)
    arguments room_id presence.room_id, user_id presence.user_id, reason text, at_time timestamp with time zone DEFAULT NULL::timestamp with time zone
    returns integer
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.end_due(max_rows integer, moment timestamp with time zone)
    returns integer
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.end_sessions(room_ids presence.room_id[], user_ids presence.user_id[], session_ids uuid[], seqs bigint[], wait boolean, at_time timestamp with time zone)
    arguments room_ids presence.room_id[], user_ids presence.user_id[], session_ids uuid[], seqs bigint[], wait boolean, at_time timestamp with time zone DEFAULT NULL::timestamp with time zone
    returns TABLE(item integer, outcome text)
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.end_without_space(max_rows integer, moment timestamp with time zone, after_try boolean)
    returns integer
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.ensure_epoch(wait boolean)
    returns boolean
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.epoch_is_ours()
    returns boolean
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.erase_deliveries(user_id presence.user_id)
    returns bigint
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.evict_queued(max_rows integer, at_time timestamp with time zone)
    arguments max_rows integer, at_time timestamp with time zone DEFAULT NULL::timestamp with time zone
    returns integer
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.forget_told(moment timestamp with time zone)
    returns void
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.gone_before(moment timestamp with time zone)
    returns timestamp with time zone
    language sql stable

function presence_private.gone_by(moment timestamp with time zone, heartbeat interval)
    returns timestamp with time zone
    language sql stable

function presence_private.hold_webhook(webhook_id bigint)
    returns presence_private.webhook
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.holds_lane(delivery presence_private.delivery, taken_at timestamp with time zone)
    returns boolean
    language sql stable

function presence_private.hurry_deliveries(webhook_id bigint, max_rows integer, moment timestamp with time zone)
    returns integer
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.is_ours(context text)
    returns boolean
    language sql immutable

function presence_private.is_over(expires_at timestamp with time zone, beat_at timestamp with time zone, moment timestamp with time zone, heartbeat interval)
    returns boolean
    language sql stable

function presence_private.is_true_edge(edge presence_private.edge, grace interval)
    returns boolean
    language plpgsql stable
    set search_path=pg_catalog, pg_temp

function presence_private.keep_history(moment timestamp with time zone)
    returns boolean
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp
    set lock_timeout=100ms
    set TimeZone=UTC
    set DateStyle=ISO

function presence_private.keep_own_statuses(max_rows integer, moment timestamp with time zone)
    returns void
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.lock_rooms(room_ids presence.room_id[], wait boolean)
    returns presence.room_id[]
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.make_webhook_secret(webhook_id bigint)
    returns text
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.member_deleted()
    returns trigger
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp

function presence_private.next_of_lane(webhook_id bigint, lane text, moment timestamp with time zone)
    returns void
    language sql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.note_changed()
    returns trigger
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set TimeZone=UTC

function presence_private.note_committed()
    returns trigger
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp

function presence_private.note_edges(turns presence_private.touch[], moment timestamp with time zone)
    returns void
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.note_gone()
    returns trigger
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set TimeZone=UTC

function presence_private.note_logouts(user_ids presence.user_id[], ats timestamp with time zone[])
    returns void
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.note_lost(lost presence_private.touch[], moment timestamp with time zone)
    returns void
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.notices()
    returns TABLE(notification_id bigint, kind text, watcher_id presence.user_id, user_id presence.user_id, name text, avatar_url text, room_id presence.room_id, event_id presence.event_id, at timestamp with time zone, read_at timestamp with time zone)
    language sql stable

function presence_private.notify_of(joined presence_private.edge, grace interval, max_people integer, OUT made bigint[], OUT watched_to bigint, OUT told_to presence.user_id, OUT cost integer)
    returns record
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp
    set enable_seqscan=off

function presence_private.notify_watchers(edges presence_private.edge[], grace interval, max_people integer, OUT unfinished bigint, OUT made bigint[])
    returns record
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.occupancy(room_ids presence.room_id[], from_at timestamp with time zone, to_at timestamp with time zone)
    returns TABLE(peak integer, peak_at timestamp with time zone, average double precision, people integer)
    language plpgsql stable
    set search_path=pg_catalog, pg_temp

function presence_private.own_status_at(user_id presence.user_id, moment timestamp with time zone)
    returns TABLE(status text, status_until timestamp with time zone, message text)
    language sql stable

function presence_private.plan_for(items integer)
    returns void
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.queue_deliveries(news presence_private.news[])
    returns integer
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.queue_edges(edges presence_private.edge[], notification_ids bigint[], grace interval)
    returns integer
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.reap_sessions(max_rows integer, at_time timestamp with time zone)
    arguments max_rows integer, at_time timestamp with time zone DEFAULT NULL::timestamp with time zone
    returns integer
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.retry_delay(attempts integer)
    returns interval
    language sql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.ring()
    returns trigger
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp

function presence_private.ring_name(room_id presence.room_id, key bytea)
    returns text
    language sql stable

function presence_private.room_access()
    returns TABLE(room_id presence.room_id, user_id presence.user_id, role text)
    language sql stable

function presence_private.room_deleted()
    returns trigger
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp

function presence_private.rotate_secrets()
    returns void
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.seen_at(last_seen_at timestamp with time zone, reason text)
    returns timestamp with time zone
    language sql stable

function presence_private.sessions_deleted()
    returns trigger
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp
    set plan_cache_mode=force_custom_plan

function presence_private.set_own_status(user_id presence.user_id, status text, status_until timestamp with time zone, message text, wait boolean, at_time timestamp with time zone)
    arguments user_id presence.user_id, status text, status_until timestamp with time zone, message text, wait boolean, at_time timestamp with time zone DEFAULT NULL::timestamp with time zone
    returns void
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.settle(touched presence_private.touch[], moment timestamp with time zone)
    returns integer
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.settle_deliveries(delivery_ids bigint[], attempts integer[], statuses integer[], errors text[], waits integer[], at_time timestamp with time zone)
    arguments delivery_ids bigint[], attempts integer[], statuses integer[], errors text[], waits integer[], at_time timestamp with time zone DEFAULT NULL::timestamp with time zone
    returns SETOF bigint
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.status_at(status text, status_until timestamp with time zone, typing_until timestamp with time zone, moment timestamp with time zone)
    returns text
    language sql immutable

function presence_private.trim_deliveries(moment timestamp with time zone)
    returns void
    language plpgsql volatile
    set search_path=pg_catalog, pg_temp

function presence_private.webhook_wants()
    returns trigger
    language plpgsql volatile security definer
    set search_path=pg_catalog, pg_temp

index presence_private.change_at
    CREATE INDEX change_at ON presence_private.change USING btree (at)

index presence_private.delivery_due
    CREATE INDEX delivery_due ON presence_private.delivery USING btree (webhook_id, due_at) WHERE (due_at IS NOT NULL)

index presence_private.delivery_ended_at
    CREATE INDEX delivery_ended_at ON presence_private.delivery USING btree (ended_at) WHERE (ended_at IS NOT NULL)

index presence_private.delivery_failed
    CREATE INDEX delivery_failed ON presence_private.delivery USING btree (webhook_id) WHERE (state = 'failed'::text)

index presence_private.delivery_hurry_at
    CREATE INDEX delivery_hurry_at ON presence_private.delivery USING btree (webhook_id, hurry_at) WHERE ((state = 'waiting'::text) AND (hurry_at < 'infinity'::timestamp with time zone))

index presence_private.delivery_lane
    CREATE INDEX delivery_lane ON presence_private.delivery USING btree (webhook_id, lane, delivery_id) WHERE (ended_at IS NULL)

index presence_private.delivery_notified
    CREATE INDEX delivery_notified ON presence_private.delivery USING btree (lane) WHERE (type = 'notification'::text)

index presence_private.delivery_user_id
    CREATE INDEX delivery_user_id ON presence_private.delivery USING btree (user_id) WHERE (user_id IS NOT NULL)

index presence_private.delivery_webhook_id
    CREATE INDEX delivery_webhook_id ON presence_private.delivery USING btree (webhook_id, delivery_id)

index presence_private.last_seen_user_id_room_id
    CREATE INDEX last_seen_user_id_room_id ON presence_private.last_seen USING btree (user_id, room_id)

index presence_private.logout_at
    CREATE INDEX logout_at ON presence_private.logout USING btree (at)

index presence_private.logout_user_id_at
    CREATE INDEX logout_user_id_at ON presence_private.logout USING btree (user_id, at)

index presence_private.member_user_id_room_id
    CREATE INDEX member_user_id_room_id ON presence_private.member USING btree (user_id, room_id)

index presence_private.notification_pair
    CREATE INDEX notification_pair ON presence_private.notification USING btree (watcher_id, user_id, at)

index presence_private.notification_unread
    CREATE INDEX notification_unread ON presence_private.notification USING btree (watcher_id) WHERE (read_at IS NULL)

index presence_private.notification_watcher
    CREATE INDEX notification_watcher ON presence_private.notification USING btree (watcher_id, notification_id)

index presence_private.offline_at
    CREATE INDEX offline_at ON presence_private.offline USING btree (at)

index presence_private.own_status_pending
    CREATE INDEX own_status_pending ON presence_private.own_status USING btree (user_id) WHERE pending

index presence_private.own_status_status_until
    CREATE INDEX own_status_status_until ON presence_private.own_status USING btree (status_until) WHERE (status_until IS NOT NULL)

index presence_private.session_user_id_room_id
    CREATE INDEX session_user_id_room_id ON presence_private.session USING btree (user_id, room_id)

index presence_private.spent_ticket_spent_at
    CREATE INDEX spent_ticket_spent_at ON presence_private.spent_ticket USING btree (spent_at)

index presence_private.visit_user_id_room_id
    CREATE INDEX visit_user_id_room_id ON ONLY presence_private.visit USING btree (user_id, room_id)

index presence_private.watch_role
    CREATE UNIQUE INDEX watch_role ON presence_private.watch USING btree (event_id, role, user_id) WHERE (watcher_id IS NULL)

index presence_private.watch_until_at
    CREATE INDEX watch_until_at ON presence_private.watch USING btree (until_at) WHERE (until_at IS NOT NULL)

index presence_private.watch_user_id
    CREATE INDEX watch_user_id ON presence_private.watch USING btree (user_id, watch_id)

index presence_private.watch_watcher
    CREATE UNIQUE INDEX watch_watcher ON presence_private.watch USING btree (watcher_id, user_id) WHERE (watcher_id IS NOT NULL)

partitioned table presence_private.visit
    partition by RANGE (ended_at)
    began_at timestamp with time zone not null
    ended_at timestamp with time zone not null
    room_id presence.room_id not null
    user_id presence.user_id not null
    reason text not null
    constraint visit_not_backwards CHECK ((began_at <= ended_at))
    constraint visit_pkey PRIMARY KEY (room_id, user_id, ended_at)

role presence_app

role presence_owner

role presence_service

role presence_viewer

schema presence
    grant usage to presence_app
    grant usage to presence_service
    grant usage to presence_viewer

schema presence_host

schema presence_private

sequence presence_private.delivery_delivery_id_seq
    last_value bigint not null
    log_cnt bigint not null
    is_called boolean not null

sequence presence_private.edge_edge_id_seq
    last_value bigint not null
    log_cnt bigint not null
    is_called boolean not null

sequence presence_private.notification_notification_id_seq
    last_value bigint not null
    log_cnt bigint not null
    is_called boolean not null

sequence presence_private.watch_watch_id_seq
    last_value bigint not null
    log_cnt bigint not null
    is_called boolean not null

sequence presence_private.webhook_webhook_id_seq
    last_value bigint not null
    log_cnt bigint not null
    is_called boolean not null

table presence_private.alive
    with fillfactor=10
    one boolean not null default true
    alive_at timestamp with time zone not null default '-infinity'::timestamp with time zone
    keep_at timestamp with time zone not null default '-infinity'::timestamp with time zone
    lost_at timestamp with time zone
    close_at timestamp with time zone
    constraint alive_one CHECK (one)
    constraint alive_pkey PRIMARY KEY (one)

table presence_private.delivery
    with fillfactor=80, autovacuum_vacuum_scale_factor=0.05, autovacuum_vacuum_threshold=5000, autovacuum_vacuum_cost_delay=0
    delivery_id bigint not null
    webhook_id bigint not null
    at timestamp with time zone not null
    due_at timestamp with time zone
    hurry_at timestamp with time zone
    ended_at timestamp with time zone
    message_id uuid not null default gen_random_uuid()
    attempts integer not null default 0
    status integer
    room_id presence.room_id
    user_id presence.user_id
    type text not null
    state text not null default 'waiting'::text
    lane text not null
    error text
    payload text not null
    constraint delivery_due CHECK (((due_at IS NULL) OR (ended_at IS NULL)))
    constraint delivery_ended CHECK (((ended_at IS NOT NULL) = (state = ANY (ARRAY['delivered'::text, 'failed'::text]))))
    constraint delivery_pkey PRIMARY KEY (delivery_id)
    constraint delivery_state CHECK ((state = ANY (ARRAY['waiting'::text, 'sending'::text, 'delivered'::text, 'failed'::text])))

table presence_private.edge
    with autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000, autovacuum_vacuum_cost_delay=0
    edge_id bigint not null
    at timestamp with time zone not null
    was_seen_at timestamp with time zone
    watched_to bigint not null default 0
    room_id presence.room_id not null
    user_id presence.user_id
    told_to presence.user_id
    what text not null
    reason text
    constraint edge_pkey PRIMARY KEY (edge_id)
    constraint edge_reason CHECK (((what = ANY (ARRAY['member.left'::text, 'user.offline'::text])) = (reason IS NOT NULL)))
    constraint edge_user CHECK (((what = ANY (ARRAY['room.occupied'::text, 'room.empty'::text])) = (user_id IS NULL)))
    constraint edge_what CHECK ((what = ANY (ARRAY['member.joined'::text, 'member.left'::text, 'room.occupied'::text, 'room.empty'::text, 'user.online'::text, 'user.offline'::text])))

table presence_private.gateway
    login name not null
    role oid not null
    setting text not null
    claim text
    constraint gateway_pkey PRIMARY KEY (login)

table presence_private.installed
    one boolean not null default true
    behaviour text not null
    catalog text not null
    version text not null
    at timestamp with time zone not null default clock_timestamp()
    constraint installed_one CHECK (one)
    constraint installed_pkey PRIMARY KEY (one)

table presence_private.last_seen
    with fillfactor=70
    last_seen_at timestamp with time zone not null
    room_id presence.room_id not null
    user_id presence.user_id not null
    reason text
    since timestamp with time zone
    constraint last_seen_pkey PRIMARY KEY (room_id, user_id)

table presence_private.login
    login name not null
    role oid not null
    user_id presence.user_id not null
    constraint login_pkey PRIMARY KEY (login)

table presence_private.migration
    version integer not null
    name character varying(255)
    applied_on character varying(255)
    checksum character varying(255)
    constraint migration_pkey PRIMARY KEY (version)

table presence_private.notification
    notification_id bigint not null
    at timestamp with time zone not null
    read_at timestamp with time zone
    watcher_id presence.user_id not null
    user_id presence.user_id not null
    room_id presence.room_id not null
    event_id presence.event_id
    kind text not null default 'online'::text
    constraint notification_kind CHECK ((kind = 'online'::text))
    constraint notification_pkey PRIMARY KEY (notification_id)

table presence_private.own_status
    with fillfactor=70
    status_until timestamp with time zone
    horizon xid8
    pending boolean not null default true
    user_id presence.user_id not null
    status text
    message text
    constraint own_status_message CHECK (((char_length(message) >= 1) AND (char_length(message) <= 140)))
    constraint own_status_pkey PRIMARY KEY (user_id)
    constraint own_status_status CHECK ((status = ANY (ARRAY['active'::text, 'idle'::text, 'away'::text, 'busy'::text, 'in_meeting'::text, 'invisible'::text])))
    constraint own_status_status_until CHECK (((status IS NOT NULL) OR (status_until IS NULL)))

table presence_private.secret
    made_at timestamp with time zone not null default clock_timestamp()
    kind text not null
    key bytea not null
    constraint secret_key_length CHECK (((octet_length(key) >= 32) AND (octet_length(key) <= 64)))
    constraint secret_kind CHECK ((kind = ANY (ARRAY['ring'::text, 'leave'::text])))
    constraint secret_pkey PRIMARY KEY (kind, made_at)

table presence_private.setting
    one boolean not null default true
    ttl interval not null default '00:01:15'::interval
    heartbeat interval not null default '00:00:25'::interval
    typing interval not null default '00:00:06'::interval
    sessions_max integer not null default 10
    retention interval not null default '90 days'::interval
    constraint setting_heartbeat CHECK (((heartbeat >= '00:00:00.1'::interval) AND (heartbeat <= '00:10:00'::interval)))
    constraint setting_one CHECK (one)
    constraint setting_pkey PRIMARY KEY (one)
    constraint setting_retention CHECK (((retention >= '1 day'::interval) AND (retention <= '10 years'::interval)))
    constraint setting_sessions_max CHECK (((sessions_max >= 1) AND (sessions_max <= 1000)))
    constraint setting_ttl CHECK (((ttl >= '00:00:00.5'::interval) AND (ttl <= '01:00:00'::interval)))
    constraint setting_ttl_outlives_heartbeat CHECK ((ttl >= ((2.5)::double precision * heartbeat)))
    constraint setting_typing CHECK (((typing >= '00:00:00.5'::interval) AND (typing <= '00:01:00'::interval)))

table presence_private.spent_ticket
    ticket_id uuid not null
    spent_at timestamp with time zone not null
    constraint spent_ticket_pkey PRIMARY KEY (ticket_id)

table presence_private.visit_default
    partition of presence_private.visit DEFAULT
    began_at timestamp with time zone not null
    ended_at timestamp with time zone not null
    room_id presence.room_id not null
    user_id presence.user_id not null
    reason text not null
    constraint visit_default_pkey PRIMARY KEY (room_id, user_id, ended_at)
    constraint visit_not_backwards CHECK ((began_at <= ended_at))

table presence_private.wanted
    one boolean not null default true
    hooks boolean not null default false
    constraint wanted_one CHECK (one)
    constraint wanted_pkey PRIMARY KEY (one)

table presence_private.watch
    watch_id bigint not null
    created_at timestamp with time zone not null
    until_at timestamp with time zone
    quiet interval not null
    user_id presence.user_id not null
    watcher_id presence.user_id
    event_id presence.event_id
    room_id presence.room_id
    role text
    constraint watch_not_oneself CHECK (((watcher_id)::text <> (user_id)::text))
    constraint watch_one_or_role CHECK ((((watcher_id IS NULL) = ((role IS NOT NULL) AND (event_id IS NOT NULL))) AND ((watcher_id IS NULL) OR ((role IS NULL) AND (event_id IS NULL)))))
    constraint watch_pkey PRIMARY KEY (watch_id)
    constraint watch_quiet CHECK (((quiet >= '00:00:00'::interval) AND (quiet <= '24:00:00'::interval)))

table presence_private.webhook
    with fillfactor=50
    webhook_id bigint not null
    created_at timestamp with time zone not null default clock_timestamp()
    disabled_at timestamp with time zone
    removed_at timestamp with time zone
    failing_since timestamp with time zone
    delivered_at timestamp with time zone
    url text not null
    description text
    disabled_why text
    last_error text
    types text[]
    room_ids presence.room_id[]
    event_ids presence.event_id[]
    user_ids presence.user_id[]
    constraint webhook_description CHECK (((char_length(description) >= 1) AND (char_length(description) <= 200)))
    constraint webhook_disabled CHECK (((disabled_at IS NULL) = (disabled_why IS NULL)))
    constraint webhook_event_ids CHECK (((cardinality(event_ids) >= 1) AND (cardinality(event_ids) <= 1000)))
    constraint webhook_pkey PRIMARY KEY (webhook_id)
    constraint webhook_room_ids CHECK (((cardinality(room_ids) >= 1) AND (cardinality(room_ids) <= 1000)))
    constraint webhook_types CHECK (((cardinality(types) > 0) AND (types <@ ARRAY['member.joined'::text, 'member.left'::text, 'room.occupied'::text, 'room.empty'::text, 'user.online'::text, 'user.offline'::text, 'notification'::text])))
    constraint webhook_url CHECK (((url ~ '^https?://[^[:space:]/?#@]+([/?][^[:space:]#]*)?$'::text) AND (octet_length(url) <= 2048)))
    constraint webhook_user_ids CHECK (((cardinality(user_ids) >= 1) AND (cardinality(user_ids) <= 1000)))

table presence_private.webhook_secret
    webhook_id bigint not null
    made_at timestamp with time zone not null default clock_timestamp()
    until_at timestamp with time zone
    key bytea not null
    constraint webhook_secret_key_length CHECK (((octet_length(key) >= 24) AND (octet_length(key) <= 64)))
    constraint webhook_secret_pkey PRIMARY KEY (webhook_id, made_at)

trigger change_truncated on presence_private.change
    CREATE TRIGGER change_truncated AFTER TRUNCATE ON presence_private.change FOR EACH STATEMENT EXECUTE FUNCTION presence_private.data_lost()

trigger logout_committed on presence_private.eviction
    CREATE CONSTRAINT TRIGGER logout_committed AFTER INSERT ON presence_private.eviction DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.logout AND (new.at IS NULL))) EXECUTE FUNCTION presence_private.note_committed()

trigger member_deleted on presence_private.member
    CREATE TRIGGER member_deleted BEFORE DELETE ON presence_private.member FOR EACH ROW WHEN ((CURRENT_USER <> 'presence_owner'::name)) EXECUTE FUNCTION presence_private.member_deleted()

trigger member_truncated on presence_private.member
    CREATE TRIGGER member_truncated AFTER TRUNCATE ON presence_private.member FOR EACH STATEMENT EXECUTE FUNCTION presence_private.data_lost()

trigger room_deleted on presence_private.room
    CREATE TRIGGER room_deleted AFTER DELETE ON presence_private.room REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION presence_private.room_deleted()

trigger room_ring on presence_private.room
    CREATE TRIGGER room_ring AFTER UPDATE ON presence_private.room REFERENCING NEW TABLE AS changed_room FOR EACH STATEMENT EXECUTE FUNCTION presence_private.ring()

trigger room_truncated on presence_private.room
    CREATE TRIGGER room_truncated AFTER TRUNCATE ON presence_private.room FOR EACH STATEMENT EXECUTE FUNCTION presence_private.data_lost()

trigger session_deleted on presence_private.session
    CREATE TRIGGER session_deleted AFTER DELETE ON presence_private.session FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'presence_owner'::name)) EXECUTE FUNCTION presence_private.sessions_deleted()

trigger session_truncated on presence_private.session
    CREATE TRIGGER session_truncated AFTER TRUNCATE ON presence_private.session FOR EACH STATEMENT EXECUTE FUNCTION presence_private.data_lost()

trigger webhook_added on presence_private.webhook
    CREATE TRIGGER webhook_added AFTER INSERT OR DELETE ON presence_private.webhook FOR EACH ROW EXECUTE FUNCTION presence_private.webhook_wants()

trigger webhook_changed on presence_private.webhook
    CREATE TRIGGER webhook_changed AFTER UPDATE ON presence_private.webhook FOR EACH ROW WHEN (((old.disabled_at IS DISTINCT FROM new.disabled_at) OR (old.removed_at IS DISTINCT FROM new.removed_at))) EXECUTE FUNCTION presence_private.webhook_wants()

type presence.activity
    kind text
    room_id presence.room_id
    room_name text
    user_id presence.user_id
    name text
    avatar_url text
    last_seen_at timestamp with time zone
    online boolean
    at timestamp with time zone
    online_count integer
    average double precision
    active_users integer

type presence.lease
    session_id uuid
    status text
    joined_at timestamp with time zone
    expires_at timestamp with time zone

type presence.own_status
    status text
    status_until timestamp with time zone
    message text

type presence_private.beat
    item integer
    outcome text
    session_id uuid
    status text
    joined_at timestamp with time zone
    expires_at timestamp with time zone

type presence_private.claim
    delivery_id bigint
    webhook_id bigint
    attempt integer
    url text
    message_id text
    sent_at_s bigint
    payload text
    secrets bytea[]

type presence_private.news
    at timestamp with time zone
    what text
    room_id presence.room_id
    user_id presence.user_id
    reason text
    watcher_id presence.user_id
    notification_id bigint

type presence_private.said
    item integer
    room_id presence.room_id
    user_id presence.user_id
    session_id uuid
    status text
    status_ttl interval
    message text
    activity text
    data jsonb
    seq bigint

type presence_private.touch
    room_id presence.room_id
    user_id presence.user_id
    reason text
    seen_at timestamp with time zone

unlogged table presence_private.change
    with autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=20000, autovacuum_vacuum_cost_delay=0
    revision bigint not null
    at timestamp with time zone not null
    room_id presence.room_id not null
    user_id presence.user_id not null
    what text not null
    reason text
    constraint change_pkey PRIMARY KEY (room_id, revision, user_id)
    constraint change_reason CHECK ((((what = 'leave'::text) = (reason IS NOT NULL)) AND (reason = ANY (ARRAY['left'::text, 'expired'::text, 'disconnected'::text, 'revoked'::text, 'removed'::text, 'logged_out'::text]))))
    constraint change_what CHECK ((what = ANY (ARRAY['join'::text, 'update'::text, 'leave'::text])))

unlogged table presence_private.epoch
    one boolean not null default true
    epoch uuid not null default gen_random_uuid()
    system_identifier bigint not null
    database_oid oid not null
    reaped_at timestamp with time zone
    constraint epoch_one CHECK (one)
    constraint epoch_pkey PRIMARY KEY (one)

unlogged table presence_private.eviction
    room_id presence.room_id
    user_id presence.user_id
    logout boolean not null default false
    at timestamp with time zone

unlogged table presence_private.logout
    at timestamp with time zone not null
    user_id presence.user_id not null

unlogged table presence_private.member
    with fillfactor=70, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=5000, autovacuum_vacuum_cost_delay=0
    joined_at timestamp with time zone not null
    status_until timestamp with time zone
    sessions integer not null
    room_id presence.room_id not null
    user_id presence.user_id not null
    status text not null
    message text
    activity text
    data jsonb
    constraint member_pkey PRIMARY KEY (room_id, user_id)
    constraint member_sessions_positive CHECK ((sessions > 0))

unlogged table presence_private.node
    with fillfactor=20, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000
    started_at timestamp with time zone not null
    seen_at timestamp with time zone not null
    node_id text not null
    version text not null
    figures jsonb not null
    constraint node_figures_length CHECK ((octet_length((figures)::text) <= 8192))
    constraint node_figures_object CHECK ((jsonb_typeof(figures) = 'object'::text))
    constraint node_id_length CHECK (((octet_length(node_id) >= 1) AND (octet_length(node_id) <= 64)))
    constraint node_pkey PRIMARY KEY (node_id)
    constraint node_version_length CHECK (((octet_length(version) >= 1) AND (octet_length(version) <= 64)))

unlogged table presence_private.offline
    at timestamp with time zone not null
    user_id presence.user_id not null
    constraint offline_pkey PRIMARY KEY (user_id)

unlogged table presence_private.room
    with fillfactor=50, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=5000, autovacuum_vacuum_cost_delay=0
    revision bigint not null default 0
    online_count integer not null default 0
    room_id presence.room_id not null
    constraint room_online_count_not_negative CHECK ((online_count >= 0))
    constraint room_pkey PRIMARY KEY (room_id)

unlogged table presence_private.session
    with fillfactor=70, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=20000, autovacuum_vacuum_insert_scale_factor=0.2, autovacuum_analyze_scale_factor=0.2, autovacuum_vacuum_cost_delay=0
    session_id uuid not null
    joined_at timestamp with time zone not null
    beat_at timestamp with time zone not null
    expires_at timestamp with time zone not null
    changed_at timestamp with time zone
    status_until timestamp with time zone
    typing_until timestamp with time zone
    ended_at timestamp with time zone
    seq bigint
    holder uuid
    room_id presence.room_id not null
    user_id presence.user_id not null
    status text not null default 'active'::text
    ended_as text
    message text
    activity text
    data jsonb
    said_until timestamp with time zone
    said_status text
    lent_message boolean
    constraint session_activity CHECK (((char_length(activity) >= 1) AND (char_length(activity) <= 80)))
    constraint session_data CHECK ((jsonb_typeof(data) = 'object'::text))
    constraint session_ended CHECK (((ended_at IS NULL) = (ended_as IS NULL)))
    constraint session_expires_at_finite CHECK ((expires_at < 'infinity'::timestamp with time zone))
    constraint session_message CHECK (((char_length(message) >= 1) AND (char_length(message) <= 140)))
    constraint session_pkey PRIMARY KEY (room_id, user_id, session_id)
    constraint session_status CHECK ((status = ANY (ARRAY['active'::text, 'idle'::text, 'away'::text, 'busy'::text, 'in_meeting'::text])))

view presence.activity_24h
    id text
    room_id presence.room_id
    user_id presence.user_id
    visits integer
    present interval
    first_at timestamp with time zone
    last_at timestamp with time zone
    grant select to presence_app

view presence.events
    id text
    event_id presence.event_id
    online_count integer
    grant select to presence_app

view presence.last_seen
    id text
    room_id presence.room_id
    user_id presence.user_id
    last_seen_at timestamp with time zone
    reason text
    grant select to presence_app

view presence.members
    id text
    room_id presence.room_id
    user_id presence.user_id
    status text
    status_until timestamp with time zone
    message text
    activity text
    data jsonb
    joined_at timestamp with time zone
    sessions integer
    grant select to presence_app

view presence.notifications
    id text
    notification_id bigint
    kind text
    watcher_id presence.user_id
    user_id presence.user_id
    room_id presence.room_id
    event_id presence.event_id
    at timestamp with time zone
    read_at timestamp with time zone
    grant select to presence_app

view presence.rooms
    id text
    room_id presence.room_id
    online_count integer
    grant select to presence_app

view presence.sessions
    id text
    room_id presence.room_id
    user_id presence.user_id
    session_id uuid
    status text
    joined_at timestamp with time zone
    expires_at timestamp with time zone
    grant select to presence_app

view presence.visible_events
    id text
    event_id presence.event_id
    name text
    coordinator_id presence.user_id
    online_count integer
    grant select to presence_viewer

view presence.visible_last_seen
    id text
    room_id presence.room_id
    user_id presence.user_id
    name text
    avatar_url text
    last_seen_at timestamp with time zone
    reason text
    grant select to presence_viewer

view presence.visible_members
    id text
    room_id presence.room_id
    user_id presence.user_id
    name text
    avatar_url text
    role text
    status text
    status_until timestamp with time zone
    message text
    activity text
    data jsonb
    joined_at timestamp with time zone
    grant select to presence_viewer

view presence.visible_notifications
    id text
    kind text
    user_id presence.user_id
    name text
    avatar_url text
    room_id presence.room_id
    event_id presence.event_id
    at timestamp with time zone
    read_at timestamp with time zone
    grant select to presence_viewer

view presence.visible_rooms
    id text
    room_id presence.room_id
    event_id presence.event_id
    name text
    kind text
    online_count integer
    grant select to presence_viewer

view presence.watches
    id text
    watcher_id presence.user_id
    event_id presence.event_id
    role text
    user_id presence.user_id
    room_id presence.room_id
    quiet interval
    created_at timestamp with time zone
    until_at timestamp with time zone
    grant select to presence_app

view presence_private.open
    room_id presence.room_id
    user_id presence.user_id
    began_at timestamp with time zone
    live boolean
    seen_at timestamp with time zone

view presence_private.reaped
    reaped_at timestamp with time zone

view presence_private.shown
    room_id presence.room_id
    user_id presence.user_id
    joined_at timestamp with time zone
    status text
    status_until timestamp with time zone
    message text
    activity text
    data jsonb

view presence_private.stay
    room_id presence.room_id
    user_id presence.user_id
    began_at timestamp with time zone
    ended_at timestamp with time zone
    reason text
