//! Who may do what in SQL, by logins of their own and never by SET ROLE from a superuser (FAULTS 63, 64).

mod hijacks;
mod privileges;
mod writes;

use std::collections::BTreeSet;

use tokio_postgres::Client;

use crate::support::{
    app::service_url,
    db::TestDb,
    server::connect,
    sql::{code, list},
};

const BEAT: &str = "select presence.heartbeat('general', 'alice', '00000000-0000-0000-0000-000000000001')";

/// What the service calls, beside what trusted backends may call too.
const SERVICE_ONLY: &[&str] = &[
    "select presence.heartbeat_batch('{general}', '{alice}', array[gen_random_uuid()])",
    "select presence.leave_batch('{general}', '{alice}', array[gen_random_uuid()])",
    "select presence.hold_batch('{general}', '{alice}', array[gen_random_uuid()], array[gen_random_uuid()], '{true}', '1 min')",
    "select presence.release_batch('{general}', '{alice}', array[gen_random_uuid()], array[gen_random_uuid()], '{0 s}', '1 min')",
    "select presence.read_rooms('{general}', array[null::uuid], array[null::bigint], '{general}', '{alice}')",
    "select presence.put_back_batch('{general}', '{alice}', array[gen_random_uuid()], array[null::uuid], '{1 min}', array[now()], \
        '{away}', array[null::timestamptz], array[null::text], array[null::text], array[null::jsonb])",
    "select presence.spend_ticket(gen_random_uuid())",
    "select presence.logged_out_at('{alice}')",
    "select presence.last_notification()",
    "select presence.notified_since(0)",
    "select presence.new_notifications('{1}')",
    "select presence.node_beat('n0', '0.1.0', 1000, '{\"streams\": 1}')",
    "select presence.node_gone('n0')",
    "select presence.node_epoch()",
    "select presence.node_settings()",
    "select presence.node_secrets()",
    "select presence.configure()",
    "select presence.add_webhook('https://app.example.com/hooks')",
    "select presence.webhooks()",
    "select presence.test_webhook(1)",
    "select presence.untold()",
    "select presence.put_status('alice', 'busy', now() + interval '1 hour', 'on site')",
    "select presence.claim_deliveries(1, 1)",
    "select presence.settle_deliveries('{1}', '{1}', '{204}', '{null}', '{null}')",
    "select presence.webhook_deliveries(1)",
    "select presence.redeliver_webhook(1)",
    "select presence.rotate_webhook_secret(1)",
    "select presence.disable_webhook(1)",
    "select presence.enable_webhook(1)",
    "select presence.remove_webhook(1)",
];

/// What trusted backends call, and the service may. Those that end presence come last.
const BACKENDS: &[&str] = &[
    BEAT,
    "select presence.snapshot('alice', 'general')",
    "select presence.event_snapshot('alice', 'gala')",
    "select presence.where_now('alice', 'bob')",
    "select presence.room_counts('alice')",
    "select presence.event_counts()",
    "select presence.absent_members('alice', 'general')",
    "select presence.activity_counts('general', 'alice')",
    "select presence.visits('general')",
    "select presence.members_at('general')",
    "select presence.room_visits('alice', 'general')",
    "select presence.room_activity('alice', 'general')",
    "select presence.event_activity('alice', 'gala')",
    "select presence.set_status('alice', 'busy', now() + interval '1 hour', 'on site')",
    "select presence.status_of('alice')",
    "select presence.room_occupancy('general')",
    "select presence.event_occupancy('gala')",
    "select presence.why('alice', 'general')",
    "select presence.overview()",
    "select presence.overview_nodes()",
    "select presence.overview_rooms()",
    "select presence.overview_members()",
    "select presence.watch('alice', 'bob')",
    "select presence.watch_for_role('gala', 'coordinator', 'vera')",
    "select presence.watches_of('alice')",
    "select presence.expand_edges()",
    "select presence.notifications_of('alice')",
    "select presence.unread_notifications('alice')",
    "select presence.read_notifications('alice')",
    "select presence.unwatch('alice', 'bob')",
    "select presence.unwatch_for_role('gala', 'coordinator', 'vera')",
    "select presence.leave('general', 'alice', '00000000-0000-0000-0000-000000000001')",
    "select presence.remove_member('general', 'alice')",
    "select presence.remove_room('general')",
    "select presence.leave_everywhere('alice')",
    "select presence.evict()",
    "select presence.reap()",
];

/// What a trusted backend calls, and the service may not.
const ERASE: &str = "select presence.erase_user('bob')";

/// What end users call.
const VIEWERS: &[&str] = &[
    "select presence.visible_members()",
    "select presence.visible_members('general')",
    "select presence.visible_rooms()",
    "select presence.visible_events()",
    "select presence.visible_last_seen()",
    "select presence.visible_notifications()",
];

/// What trusted backends may ask too, since who they are may be of interest in a mapping's policy.
const WHOAMI: &str = "select presence.whoami()";

/// What an operator runs as the owner.
const OWNER_ONLY: &[&str] = &[
    "select presence.map_login('presence_test_app', 'alice')",
    "select presence.map_gateway('presence_test_app')",
    "select presence.watch_table('event_app.rooms', room_column => 'id')",
];

/// The functions of the contract that run with the owner's rights, without their arguments.
async fn definers(admin: &Client) -> BTreeSet<String> {
    let definers =
        "select proname::text from pg_proc where pronamespace = 'presence'::regnamespace and prosecdef";
    list(admin, definers).await.into_iter().collect()
}

async fn assert_denied(login: &Client, calls: &[&str]) {
    for call in calls {
        assert_eq!(code(login, call).await.as_deref(), Some("42501"), "{call}");
    }
}

async fn assert_allowed(login: &Client, calls: &[&str]) {
    for call in calls {
        assert_eq!(code(login, call).await, None, "{call}");
    }
}

/// The lists above leave none out: what is tried here and in the hijacks is all that there is.
#[tokio::test]
async fn every_definer_function_is_tried() {
    let Some(db) = TestDb::new().await else { return };
    let calls = SERVICE_ONLY
        .iter()
        .chain(BACKENDS)
        .chain(VIEWERS)
        .chain([&WHOAMI, &ERASE]);
    let name = |call: &&str| {
        let rest = call.strip_prefix("select presence.").expect("a call");
        rest.split('(').next().expect("a name").to_owned()
    };

    let tried: BTreeSet<String> = calls.map(name).collect();

    assert_eq!(tried, definers(&db.admin().await).await);
}

#[tokio::test]
async fn the_service_calls_the_api_and_nothing_else() {
    let Some(db) = TestDb::new().await else { return };
    let service = connect(&service_url(db.url()))
        .await
        .expect("the service's login");

    assert_allowed(&service, BACKENDS).await;
    assert_allowed(&service, SERVICE_ONLY).await;
    assert_denied(&service, &[ERASE]).await;
    assert_denied(&service, VIEWERS).await;
    assert_denied(&service, OWNER_ONLY).await;

    let superuser = "select 'a superuser' where current_setting('is_superuser') = 'on'";
    assert_eq!(list(&service, superuser).await, [""; 0]);
}

#[tokio::test]
async fn a_trusted_backend_reads_the_views_and_calls_the_writes() {
    let Some(db) = TestDb::new().await else { return };
    let url = db
        .login("presence_test_app", "grant presence_app to $login")
        .await;
    let backend = connect(&url).await.expect("a backend's login");

    assert_allowed(&backend, BACKENDS).await;
    assert_allowed(&backend, &[WHOAMI, ERASE]).await;
    assert_denied(&backend, SERVICE_ONLY).await;
    assert_denied(&backend, VIEWERS).await;
    assert_denied(&backend, OWNER_ONLY).await;

    let views = "select c.oid::regclass::text from pg_class c \
                 where c.relnamespace = 'presence'::regnamespace and c.relkind = 'v' order by 1";
    let views = list(&db.admin().await, views).await;
    let (visible, full): (Vec<String>, Vec<String>) = views
        .into_iter()
        .partition(|view| view.starts_with("presence.visible_"));
    for view in &full {
        assert_eq!(
            code(&backend, &format!("select * from {view}")).await,
            None,
            "{view}"
        );
    }
    for view in &visible {
        assert_denied(&backend, &[&format!("select * from {view}")]).await;
    }
    assert!(full.len() >= 6 && visible.len() >= 4, "{full:?} {visible:?}");
}

#[tokio::test]
async fn a_viewer_reads_what_is_visible_and_calls_nothing_else() {
    let Some(db) = TestDb::new().await else { return };
    let url = db
        .login("presence_test_viewer", "grant presence_viewer to $login")
        .await;
    let viewer = connect(&url).await.expect("a viewer's login");

    assert_allowed(&viewer, VIEWERS).await;
    assert_allowed(&viewer, &[WHOAMI]).await;
    assert_denied(&viewer, BACKENDS).await;
    assert_denied(&viewer, SERVICE_ONLY).await;
    assert_denied(&viewer, OWNER_ONLY).await;
}

#[tokio::test]
async fn a_stranger_can_do_nothing() {
    let Some(db) = TestDb::new().await else { return };
    let stranger = db.login("presence_test_stranger", "").await;
    let stranger = connect(&stranger).await.expect("a login");

    for calls in [BACKENDS, SERVICE_ONLY, VIEWERS, OWNER_ONLY, &[WHOAMI]] {
        assert_denied(&stranger, calls).await;
    }
}

#[tokio::test]
async fn only_the_roles_of_presence_execute_anything() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let grants = |condition: &str| {
        format!(
            "select p.oid::regprocedure::text || ' by ' || case a.grantee when 0 then 'public' else a.grantee::regrole::text end \
               from pg_proc p cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a \
              where p.pronamespace in ('presence'::regnamespace, 'presence_private'::regnamespace, 'presence_host'::regnamespace) and {condition}"
        )
    };

    let public = list(&admin, &grants("a.grantee = 0")).await;
    let private = list(
        &admin,
        &grants("a.grantee <> p.proowner and p.pronamespace <> 'presence'::regnamespace"),
    )
    .await;
    let ours =
        "(p.proowner, 'presence_service'::regrole, 'presence_app'::regrole, 'presence_viewer'::regrole)";
    let others = list(&admin, &grants(&format!("a.grantee not in {ours}"))).await;
    let grantable = list(&admin, &grants("a.is_grantable and a.grantee <> p.proowner")).await;

    assert_eq!(
        [public, private, others, grantable],
        [const { Vec::<String>::new() }; 4]
    );
    let schemas = "select n.nspname || ' ' || a.privilege_type from pg_namespace n \
                   cross join lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a \
                   where n.nspname like 'presence%' and a.grantee <> n.nspowner \
                     and (n.nspname <> 'presence' or a.privilege_type <> 'USAGE' or a.grantee = 0)";
    assert_eq!(list(&admin, schemas).await, [""; 0]);
}

/// FAULTS 64: also those that run with their caller's rights, since that caller may be a definer function: they pin their
/// search_path, or the planner inlines them, which it does for SQL functions without SET.
#[tokio::test]
async fn functions_pin_their_search_path_or_are_inlined_and_owners_are_no_superusers() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let loose = "select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace \
                 where n.nspname like 'presence%' and not coalesce('search_path=pg_catalog, pg_temp' = any (p.proconfig), false)";
    let inlined = format!(
        "{loose} and not p.prosecdef and p.provolatile in ('s', 'i') and n.nspname <> 'presence' \
          and p.prolang = (select oid from pg_language where lanname = 'sql') and p.proconfig is null"
    );
    let owners = "select distinct r.rolname::text || ' ' || r.rolsuper || ' ' || r.rolcanlogin || ' ' || r.rolbypassrls from pg_roles r where r.oid in \
                  (select p.proowner from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname like 'presence%' \
                   union all select c.relowner from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname like 'presence%' \
                   union all select t.typowner from pg_type t join pg_namespace n on n.oid = t.typnamespace where n.nspname like 'presence%' \
                   union all select n.nspowner from pg_namespace n where n.nspname like 'presence%')";

    let mut all = list(&admin, loose).await;
    let mut inlined = list(&admin, &inlined).await;

    all.sort_unstable();
    inlined.sort_unstable();
    assert_eq!(all, inlined);
    assert!(inlined.len() > 6, "{inlined:?}");
    assert!(definers(&admin).await.len() > 25);
    assert_eq!(list(&admin, owners).await, ["presence_owner false false false"]);
}
