//! Membership is evaluated once a statement, not once a row.

use tokio_postgres::Client;

use crate::support::{
    db::TestDb,
    server::connect,
    sql::{as_owner, run, viewer},
};

/// How many rows a statement returns, and how often it looks into this index.
async fn looks(login: &Client, index: u32, statement: &str) -> (usize, i64) {
    let scans = async || -> i64 {
        let scans = login
            .query_one("select pg_stat_get_xact_numscans($1)", &[&index])
            .await;
        scans.expect("statistics").get(0)
    };
    run(login, statement).await; // planning looks into indexes too
    run(login, "begin").await;
    let before = scans().await;
    let rows = login.query(statement, &[]).await.expect(statement).len();
    let looks = scans().await - before;
    run(login, "rollback").await;
    (rows, looks)
}

/// A crowd in general, which bob sees, and in expo-floor, which he does not; enough people that indexes are used.
async fn crowd(admin: &Client, people: usize) {
    run(
        admin,
        &format!(
            "insert into event_app.users (id, name) select 'fan' || n, 'Fan' from generate_series(1, 5000) n on conflict do nothing;
             insert into event_app.room_participants (room_id, user_id)
             select r.id, 'fan' || n from generate_series(1, 2000) n, event_app.rooms r on conflict do nothing;
             select count(*) from presence.heartbeat_batch(
                 array(select r from generate_series(1, {people}), unnest(array['general', 'expo-floor']) r)::presence.room_id[],
                 array(select 'fan' || n from generate_series(1, {people}) n, unnest(array['general', 'expo-floor']))::presence.user_id[],
                 array(select gen_random_uuid() from generate_series(1, {people} * 2)));
             analyze event_app.users, event_app.room_participants, event_app.rooms, presence_private.session, presence_private.member"
        ),
    )
    .await;
}

#[tokio::test]
async fn a_viewer_s_rooms_are_looked_up_once_however_many_members_are_read() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let bob = connect(&viewer(&db, "presence_test_once_bob", "bob").await)
        .await
        .expect("bob's login");
    // what finds the rooms of a user
    let index = "select 'event_app.room_participants_user_id'::regclass::oid";
    let index: u32 = admin.query_one(index, &[]).await.expect("an index").get(0);
    let mut found = vec![];

    for people in [10, 400] {
        crowd(&admin, people).await;
        for from in [
            "visible_members",
            "visible_members('general')",
            "visible_rooms",
            "visible_events",
        ] {
            let (rows, looks) = looks(&bob, index, &format!("select * from presence.{from}")).await;
            assert!(
                (1..=2).contains(&looks),
                "{from} of {people} people: {looks} looks for {rows} rows"
            );
            found.push(rows);
        }
    }

    assert_eq!(found, [10, 10, 2, 1, 400, 400, 2, 1]);
}

/// The same where the mapping is no plain query and cannot be inlined: it is asked no more often for more members.
#[tokio::test]
async fn a_mapping_in_another_language_is_asked_as_often_for_ten_members_as_for_many() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let counting = "\
create sequence presence_host.asked; grant usage on sequence presence_host.asked to public;
create or replace function presence_host.participants()
    returns table (room_id presence.room_id, user_id presence.user_id, role text) language plpgsql volatile as
    'begin perform nextval(''presence_host.asked''); return query select p.room_id::presence.room_id, p.user_id::presence.user_id, p.role from event_app.room_participants p; end'";
    as_owner(&admin, counting).await;
    let bob = connect(&viewer(&db, "presence_test_once_bob", "bob").await)
        .await
        .expect("bob's login");
    let mut asked = vec![];

    for people in [10, 400] {
        crowd(&admin, people).await;
        for from in [
            "visible_members",
            "visible_rooms",
            "visible_events",
            "visible_last_seen",
        ] {
            run(&admin, "select setval('presence_host.asked', 1, false)").await;
            bob.query(&format!("select * from presence.{from}"), &[])
                .await
                .expect(from);
            let last = "select case when is_called then last_value else 0 end from presence_host.asked";
            let count: i64 = admin.query_one(last, &[]).await.expect("a sequence").get(0);
            asked.push((from, count));
        }
    }

    let (few, many) = asked.split_at(4);
    assert_eq!(few, many);
    assert!(few.iter().all(|(_, count)| (1..=4).contains(count)), "{few:?}");
}
