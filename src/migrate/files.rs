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
    "sql/core/gone_before.sql",
    "sql/core/epoch.sql",
    "sql/core/ring.sql",
    "sql/core/rotate_secrets.sql",
    "sql/core/lock_rooms.sql",
    "sql/core/settle.sql",
    "sql/core/change_sessions.sql",
    "sql/core/apply_beats.sql",
    "sql/core/end_sessions.sql",
    "sql/core/reap_sessions.sql",
    "sql/core/host_changes.sql",
    "sql/core/evict_queued.sql",
    "sql/api/absent_members.sql",
    "sql/api/configure.sql",
    "sql/api/event_snapshot.sql",
    "sql/api/evict.sql",
    "sql/api/heartbeat.sql",
    "sql/api/heartbeat_batch.sql",
    "sql/api/leave.sql",
    "sql/api/leave_batch.sql",
    "sql/api/leave_everywhere.sql",
    "sql/api/node_secrets.sql",
    "sql/api/node_settings.sql",
    "sql/api/read_rooms.sql",
    "sql/api/reap.sql",
    "sql/api/remove_member.sql",
    "sql/api/remove_room.sql",
    "sql/api/room_counts.sql",
    "sql/api/snapshot.sql",
    "sql/api/watch_table.sql",
    "sql/api/where_now.sql",
    "sql/api/why.sql",
    "sql/view/members.sql",
    "sql/view/sessions.sql",
    "sql/view/rooms.sql",
    "sql/view/last_seen.sql",
];

/// A digest of what the catalog holds of us: functions, views, triggers, columns, indexes, constraints. It changes
/// when somebody changes the database by hand.
pub const CATALOG_DIGEST: &str = "\
select md5(string_agg(d.line, e'\\n' order by d.line collate \"C\"))
  from (select pg_get_functiondef(p.oid) as line
          from pg_proc p
         where p.pronamespace in ('presence'::regnamespace, 'presence_private'::regnamespace) and p.prokind = 'f'
         union all
        select c.relname || pg_get_viewdef(c.oid)
          from pg_class c
         where c.relnamespace = 'presence'::regnamespace and c.relkind = 'v'
         union all
        select pg_get_triggerdef(t.oid) || t.tgenabled::text
          from pg_trigger t join pg_class c on c.oid = t.tgrelid
         where c.relnamespace = 'presence_private'::regnamespace and not t.tgisinternal
         union all
        select c.relname || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || a.attnotnull
          from pg_attribute a join pg_class c on c.oid = a.attrelid
         where c.relnamespace = 'presence_private'::regnamespace and c.relkind in ('r', 'p')
           and a.attnum > 0 and not a.attisdropped
         union all
        select pg_get_indexdef(i.indexrelid)
          from pg_index i join pg_class c on c.oid = i.indrelid
         where c.relnamespace = 'presence_private'::regnamespace
         union all
        select n.conname || ' ' || pg_get_constraintdef(n.oid)
          from pg_constraint n
         where n.connamespace = 'presence_private'::regnamespace and n.contype in ('p', 'c', 'u', 'f')) d";
