//! What `migrate` installed, changed by hand.

use pg_presence::{
    doctor::Severity::{self, Error, Note, Warning},
    migrate::{self, MigrateOptions},
};

use super::{examine, mends, mends_at, of, the};
use crate::support::{
    db::TestDb,
    server::{TestCluster, connect},
};

/// Broken by, seen by, how bad, in which words.
type Broken = (&'static str, &'static str, Severity, &'static str);

const OWNERSHIP: &[Broken] = &[
    (
        "alter function presence.why owner to session_user",
        "installed.ownership",
        Error,
        "presence.why(",
    ),
    (
        "alter table presence_private.session owner to session_user",
        "installed.ownership",
        Error,
        "table presence_private.session",
    ),
    (
        "alter schema presence_host owner to session_user",
        "installed.ownership",
        Error,
        "schema presence_host",
    ),
    (
        "alter view presence.members owner to session_user",
        "installed.ownership",
        Error,
        "view presence.members",
    ),
    (
        "alter domain presence.room_id owner to session_user",
        "installed.ownership",
        Error,
        "domain presence.room_id",
    ),
];

const RIGHTS: &[Broken] = &[
    (
        "revoke execute on function presence.heartbeat from presence_app",
        "installed.rights",
        Error,
        "presence_app lacks",
    ),
    (
        "revoke execute on function presence.heartbeat_batch, presence.reap from presence_service",
        "installed.rights",
        Error,
        "execute on presence.reap",
    ),
    (
        "revoke select on presence.members from presence_app",
        "installed.rights",
        Error,
        "select on presence.members",
    ),
    (
        "revoke usage on schema presence from presence_viewer",
        "installed.rights",
        Error,
        "usage on presence",
    ),
    (
        "grant execute on function presence.heartbeat to presence_viewer",
        "installed.rights",
        Warning,
        "presence_viewer has rights",
    ),
    (
        "grant insert on presence.rooms to presence_app",
        "installed.rights",
        Warning,
        "insert on presence.rooms",
    ),
    (
        "grant execute on function presence.why to public",
        "installed.public",
        Error,
        "presence.why(",
    ),
    (
        "create function presence_host.mine() returns int language sql as 'select 1'; alter \
            function presence_host.mine owner to presence_owner",
        "installed.public",
        Error,
        "presence_host.mine()",
    ),
    (
        "grant usage on schema presence to public",
        "installed.public",
        Error,
        "schema presence",
    ),
    (
        "grant usage on schema presence_private to presence_app",
        "installed.private",
        Error,
        "schema presence_private",
    ),
    (
        "grant select on presence_private.session to presence_service",
        "installed.private",
        Error,
        "table presence_private.session",
    ),
    (
        "grant select (key) on presence_private.secret to public",
        "installed.private",
        Error,
        "presence_private.secret",
    ),
    (
        "grant execute on function presence_private.begin_epoch to presence_app",
        "installed.private",
        Error,
        "begin_epoch",
    ),
];

const SHAPE: &[Broken] = &[
    (
        "update pg_index set indisvalid = false where indexrelid = 'presence_private.session_pkey'::regclass",
        "installed.indexes",
        Error,
        "session_pkey is not valid",
    ),
    (
        "create index mine on presence_private.session (beat_at)",
        "installed.indexes",
        Warning,
        "presence_private.mine is none of ours",
    ),
    (
        "drop index presence_private.session_user_id_room_id",
        "installed.indexes",
        Error,
        "session_user_id_room_id is missing",
    ),
    (
        "alter table presence_private.room disable trigger room_ring",
        "installed.triggers",
        Error,
        "room_ring on presence_private.room",
    ),
    (
        "alter table presence_private.session set logged",
        "installed.persistence",
        Warning,
        "presence_private.session is logged",
    ),
    (
        "alter table presence_private.last_seen set unlogged",
        "installed.persistence",
        Error,
        "presence_private.last_seen is unlogged",
    ),
    (
        "alter table presence_private.session reset (fillfactor)",
        "installed.storage",
        Warning,
        "fillfactor",
    ),
    (
        "alter table presence_private.member set (autovacuum_enabled = false)",
        "installed.storage",
        Note,
        "autovacuum_enabled",
    ),
    (
        "create table presence.mine (id int); alter table presence.mine owner to presence_owner",
        "installed.foreign",
        Warning,
        "table presence.mine",
    ),
    (
        "set role presence_owner; create type presence_private.mood as enum ('good'); reset role",
        "installed.foreign",
        Warning,
        "type presence_private.mood",
    ),
];

async fn each_is_seen_and_mended(list: &[Broken]) {
    let Some(db) = TestDb::new().await else { return };
    for (broken, check, severity, words) in list {
        let found = mends(&db, &format!("{broken};"), check, *severity).await;
        assert!(found.says.contains(words), "{broken}: {}", found.says);
    }
}

#[tokio::test]
async fn objects_of_another_owner_are_handed_over() {
    each_is_seen_and_mended(OWNERSHIP).await;
}

#[tokio::test]
async fn rights_other_than_a_fresh_install_gives_are_put_right() {
    each_is_seen_and_mended(RIGHTS).await;
}

#[tokio::test]
async fn tables_indexes_and_triggers_that_were_changed_are_put_right() {
    each_is_seen_and_mended(SHAPE).await;
}

/// An overload makes calls ambiguous; it is told with its namesake, of which one is ours.
#[tokio::test]
async fn an_overload_of_ours_is_foreign() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let broken = "set role presence_owner;
        create function presence.leave(room_id presence.room_id) returns int language sql as 'select 1'; reset role";
    sql.batch_execute(broken).await.expect("an overload");

    let found = the(&examine(db.url()).await, "installed.foreign").clone();
    sql.batch_execute("alter function presence.leave(presence.room_id) set schema public")
        .await
        .expect("as it says");

    assert!(
        found.severity == Warning && found.says.contains("presence.leave(presence.room_id)"),
        "{found:?}"
    );
    assert!(of(&examine(db.url()).await, "installed.foreign").is_empty());
}

/// Roles belong to the cluster: one of one's own.
#[tokio::test]
async fn roles_that_are_more_than_they_should_be_are_seen() {
    let Some(cluster) = TestCluster::start(&[]).await else {
        return;
    };
    let url = cluster.database("roles", "text").await;

    for (broken, check, severity, words) in [
        (
            "alter role presence_viewer login;",
            "installed.roles",
            Warning,
            "presence_viewer can log in",
        ),
        (
            "alter role presence_owner createdb;",
            "installed.owner",
            Warning,
            "(createdb)",
        ),
        (
            "alter role presence_owner superuser;",
            "installed.owner",
            Error,
            "(superuser)",
        ),
        (
            "alter role presence_owner bypassrls replication;",
            "installed.owner",
            Error,
            "(bypassrls replication)",
        ),
        (
            "grant presence_owner to presence_app;",
            "installed.owner",
            Error,
            "presence_app is a member",
        ),
    ] {
        let found = mends_at(&url, broken, check, severity).await;
        assert!(found.says.contains(words), "{}", found.says);
    }
    let sql = connect(&url).await.expect("it answers");
    sql.batch_execute("alter role presence_viewer rename to viewer_elsewhere")
        .await
        .expect("a role is gone");
    let missing = the(&examine(&url).await, "installed.roles").clone();
    migrate::migrate(&url, &MigrateOptions::default())
        .await
        .expect("as it says");
    let mended = examine(&url).await;

    assert_eq!(
        (missing.severity, missing.says.as_str()),
        (Error, "The role presence_viewer is missing.")
    );
    assert_eq!(missing.command.as_deref(), Some("pg-presence migrate"));
    assert!(of(&mended, "installed.roles").is_empty());
}

#[tokio::test]
async fn behind_drifted_and_newer_are_told_apart() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let migrated = async |url: &str| {
        of(&examine(url).await, "installed.migrated")
            .first()
            .map(|one| (one.severity, one.command.clone()))
    };
    let migrate = async || {
        migrate::migrate(db.url(), &MigrateOptions::default())
            .await
            .map(|report| report.is_current())
    };

    sql.batch_execute("drop view presence.rooms")
        .await
        .expect("a drift");
    let drifted = migrated(db.url()).await;
    assert!(migrate().await.expect("as it says"));
    sql.batch_execute("update presence_private.installed set behaviour = 'older'")
        .await
        .expect("another version");
    let other = migrated(db.url()).await;
    assert!(migrate().await.expect("as it says"));
    let mended = migrated(db.url()).await;
    sql.batch_execute(
        "insert into presence_private.migration values (999, 'later', '2030-01-01T00:00:00Z', '1')",
    )
    .await
    .expect("a newer version");
    let newer = migrated(db.url()).await;

    let command = Some("pg-presence migrate".to_owned());
    assert_eq!(drifted, Some((Warning, command.clone())));
    assert_eq!(other, Some((Warning, command)));
    assert_eq!(mended, None);
    assert_eq!(newer, Some((Error, None)));
}

#[tokio::test]
async fn a_revoked_right_also_comes_back_by_migrating() {
    let Some(db) = TestDb::new().await else { return };
    let revoke = "revoke execute on function presence.heartbeat from presence_service, presence_app";
    db.admin().await.batch_execute(revoke).await.expect("revoked");

    let findings = examine(db.url()).await;
    let before: Vec<&str> = of(&findings, "installed.rights")
        .iter()
        .map(|one| one.says.split(' ').next().unwrap_or(""))
        .collect();
    migrate::migrate(db.url(), &MigrateOptions::default())
        .await
        .expect("as it says");

    assert_eq!(before, ["presence_service", "presence_app"]);
    assert!(of(&examine(db.url()).await, "installed.rights").is_empty());
}
