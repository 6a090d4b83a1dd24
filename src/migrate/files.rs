//! Every file of `sql/` that is applied, in order. A tidy test finds a file that is not listed.

/// A file and its text.
pub type File = (&'static str, &'static str);

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../", $path)))),*]
    };
}

/// Roles and schemas: applied first, as the migrating login.
pub const ROLES: &str = include_str!("../../sql/ops/roles.sql");

/// The application's side as installed, by function; applied where the function is missing.
pub const HOST: &[File] = files![
    "sql/host/users.sql",
    "sql/host/rooms.sql",
    "sql/host/participants.sql",
    "sql/host/events.sql",
];

/// The reference application.
pub const EVENT_APP: &str = include_str!("../../sql/host/event_app.sql");

/// Functions, triggers and views: re-applied at every migrate.
pub const BEHAVIOUR: &[File] = files![
    "sql/core/room_access.sql",
    "sql/core/status_at.sql",
    "sql/core/shown.sql",
    "sql/core/epoch.sql",
    "sql/core/history.sql",
    "sql/core/ring.sql",
    "sql/core/rotate_secrets.sql",
    "sql/core/lock_rooms.sql",
    "sql/core/edges.sql",
    "sql/core/settle.sql",
    "sql/core/by_hand.sql",
    "sql/core/logouts.sql",
    "sql/core/notices.sql",
    "sql/core/notify_watchers.sql",
    "sql/core/change_sessions.sql",
    "sql/core/apply_beats.sql",
    "sql/core/end_sessions.sql",
    "sql/core/end_due.sql",
    "sql/core/end_without_space.sql",
    "sql/core/reap_sessions.sql",
    "sql/core/host_changes.sql",
    "sql/core/evict_queued.sql",
    "sql/core/queue_deliveries.sql",
    "sql/core/queue_edges.sql",
    "sql/core/claim_deliveries.sql",
    "sql/core/settle_deliveries.sql",
    "sql/core/webhooks.sql",
    "sql/api/absent_members.sql",
    "sql/api/add_webhook.sql",
    "sql/api/claim_deliveries.sql",
    "sql/api/configure.sql",
    "sql/api/disable_webhook.sql",
    "sql/api/enable_webhook.sql",
    "sql/api/event_counts.sql",
    "sql/api/event_occupancy.sql",
    "sql/api/event_snapshot.sql",
    "sql/api/evict.sql",
    "sql/api/expand_edges.sql",
    "sql/api/heartbeat.sql",
    "sql/api/heartbeat_batch.sql",
    "sql/api/hold_batch.sql",
    "sql/api/last_notification.sql",
    "sql/api/leave.sql",
    "sql/api/leave_batch.sql",
    "sql/api/leave_everywhere.sql",
    "sql/api/logged_out_at.sql",
    "sql/api/map_gateway.sql",
    "sql/api/map_login.sql",
    "sql/api/new_notifications.sql",
    "sql/api/node_epoch.sql",
    "sql/api/node_secrets.sql",
    "sql/api/node_settings.sql",
    "sql/api/notifications_of.sql",
    "sql/api/notified_since.sql",
    "sql/api/put_back_batch.sql",
    "sql/api/unread_notifications.sql",
    "sql/api/read_notifications.sql",
    "sql/api/read_rooms.sql",
    "sql/api/reap.sql",
    "sql/api/redeliver_webhook.sql",
    "sql/api/release_batch.sql",
    "sql/api/remove_member.sql",
    "sql/api/remove_room.sql",
    "sql/api/remove_webhook.sql",
    "sql/api/rotate_webhook_secret.sql",
    "sql/api/room_counts.sql",
    "sql/api/room_occupancy.sql",
    "sql/api/settle_deliveries.sql",
    "sql/api/snapshot.sql",
    "sql/api/spend_ticket.sql",
    "sql/api/unwatch.sql",
    "sql/api/unwatch_for_role.sql",
    "sql/api/test_webhook.sql",
    "sql/api/visits.sql",
    "sql/api/watch.sql",
    "sql/api/watch_for_role.sql",
    "sql/api/watch_table.sql",
    "sql/api/watches_of.sql",
    "sql/api/webhook_deliveries.sql",
    "sql/api/webhooks.sql",
    "sql/api/where_now.sql",
    "sql/api/whoami.sql",
    "sql/api/why.sql",
    "sql/view/members.sql",
    "sql/view/sessions.sql",
    "sql/view/rooms.sql",
    "sql/view/last_seen.sql",
    "sql/view/events.sql",
    "sql/view/activity_24h.sql",
    "sql/view/notifications.sql",
    "sql/view/watches.sql",
    // Over those: end users see through functions and views of one name.
    "sql/api/visible_members.sql",
    "sql/api/visible_rooms.sql",
    "sql/api/visible_events.sql",
    "sql/api/visible_last_seen.sql",
    "sql/api/visible_notifications.sql",
];
