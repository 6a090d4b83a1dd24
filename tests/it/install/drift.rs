//! Changed by hand: seen by `status`, and mended by a migrate where that is a migrate's business.

use pg_presence::migrate::{self, catalog};

use super::{bring, is_current, run, text};
use crate::support::db::TestDb;

#[tokio::test]
async fn what_was_changed_by_hand_is_seen_and_mended() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let first = text(&sql, &catalog::digest()).await;
    assert!(is_current(db.url()).await);

    for change in [
        "create or replace function presence.reap(max_rows integer default 5000) returns integer \
         language sql security definer set search_path = pg_catalog, pg_temp as 'select 0'",
        "alter function presence.reap security invoker",
        "alter function presence.reap reset search_path",
        "revoke execute on function presence.reap from presence_service",
        "revoke select on presence.members from presence_app",
        "comment on function presence.reap is 'another one'",
        "drop trigger room_ring on presence_private.room",
        "alter table presence_private.room disable trigger room_ring",
        "create or replace view presence.rooms as \
         select r.room_id::text as id, r.room_id, 0 as online_count from presence_private.room r",
        "drop function presence.snapshot",
    ] {
        run(&sql, change).await;
        let report = migrate::status(db.url()).await.expect("a status");
        assert!(report.drifted && !report.is_current(), "{change}");

        let report = bring(db.url()).await.expect(change);

        assert!(report.is_current(), "{change}: {report:?}");
        assert_eq!(text(&sql, &catalog::digest()).await, first, "{change}");
    }
}

/// A migrate takes nothing away that it did not bring: that is for whoever brought it.
#[tokio::test]
async fn what_was_put_among_ours_is_seen_until_it_is_taken_away() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;

    for (change, back) in [
        (
            "grant execute on function presence.reap to public",
            "revoke execute on function presence.reap from public",
        ),
        (
            "grant usage on schema presence_private to presence_viewer",
            "revoke usage on schema presence_private from presence_viewer",
        ),
        (
            "grant select on presence_private.session to pg_monitor",
            "revoke select on presence_private.session from pg_monitor",
        ),
        (
            "create table presence_private.mine (id integer)",
            "drop table presence_private.mine",
        ),
        (
            "create function presence.mine() returns integer language sql as 'select 1'",
            "drop function presence.mine",
        ),
        (
            "create index mine on presence_private.session (beat_at)",
            "drop index presence_private.mine",
        ),
        (
            "alter table presence_private.session add column mine text",
            "alter table presence_private.session drop column mine",
        ),
        (
            "alter view presence.members owner to current_user",
            "alter view presence.members owner to presence_owner",
        ),
    ] {
        run(&sql, change).await;
        let report = migrate::status(db.url()).await.expect("a status");
        assert!(report.drifted && !report.is_current(), "{change}");

        run(&sql, back).await;

        assert!(is_current(db.url()).await, "{back}");
    }
}

#[tokio::test]
async fn rights_for_roles_of_ones_own_and_a_search_path_are_no_drift() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let as_reader = db.login("presence_test_reader", "").await;
    drop(as_reader);

    run(
        &sql,
        &format!(
            "grant usage on schema presence to presence_test_reader;
             grant select on presence.members to presence_test_reader;
             grant execute on function presence.why to presence_test_reader;
             alter database {} set search_path = presence, presence_private, public",
            db.name()
        ),
    )
    .await;

    assert!(is_current(db.url()).await);
    let again = bring(db.url()).await.expect("a migrate under that search path");
    assert!(again.is_current() && is_current(db.url()).await, "{again:?}");
}
