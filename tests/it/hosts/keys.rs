//! Keys of type integer behind ids of type bigint: what the planner does with them, and what docs/hosts.md says to do.

use super::{
    doc,
    host::{Host, run},
};

const APP: &str = "
create table room (id integer generated always as identity primary key, name text not null);
create table person_room (person_id integer not null, room_id integer not null, primary key (person_id, room_id));";

const ROWS: &str = "
insert into person (name) select 'Person ' || i from generate_series(1, 3000) i;
insert into room (name) select 'Room ' || i from generate_series(1, 1000) i;
insert into person_room select 1 + i % 2999, 1 + i % 1000 from generate_series(1, 9000) i;
analyze;";

const GENERATE: &str = "pg-presence migrate --id-type bigint
pg-presence generate adapter --output presence.sql --users 'person(user_id=id, name)' \
    --rooms 'room(room_id=id, name)' --participants 'person_room(room_id, user_id=person_id)'
psql -f presence.sql";

const LOOK_UP: &str = "select * from presence_host.users() u where u.user_id = '7'";

#[tokio::test]
async fn an_integer_key_is_found_by_an_index_on_its_cast_and_by_no_other() {
    let [table, index] = doc::blocks("Keys of type integer", "sql")[0]
        .split_inclusive(";\n")
        .collect::<Vec<_>>()[..]
    else {
        panic!("the page shows a table and its index");
    };
    let schema = format!("{table}{APP}");
    let Some(host) = Host::open("presence_test_integer", "", &schema).await else {
        return;
    };
    let sql = doc::run(GENERATE, &host.url);
    run(&host.owner, &sql).await;
    run(&host.owner, ROWS).await;
    let with_index = host.plan(LOOK_UP).await;
    run(&host.owner, "drop index presence_person_id").await;
    let without = host.plan(LOOK_UP).await;

    run(&host.owner, index).await;
    run(&host.owner, "analyze person").await;

    let said = index.trim_start_matches("create index ");
    assert!(sql.replace("public.", "").contains(said), "{sql}");
    assert!(
        with_index.contains("Index Scan using presence_person_id"),
        "{with_index}"
    );
    assert!(without.contains("Seq Scan on person"), "{without}");
    assert_eq!(host.plan(LOOK_UP).await, with_index);
}

#[tokio::test]
async fn each_integer_key_that_is_mapped_gets_its_index() {
    let Some(host) = Host::open(
        "presence_test_integers",
        "",
        &format!(
            "create table person (id integer generated always as identity primary key, name text); {APP}"
        ),
    )
    .await
    else {
        return;
    };
    let sql = doc::run(GENERATE, &host.url);
    run(&host.owner, &sql).await;
    run(&host.owner, ROWS).await;

    for (query, index) in [
        (LOOK_UP, "presence_person_id"),
        (
            "select * from presence_host.rooms() r where r.room_id = '7'",
            "presence_room_id",
        ),
        (
            "select * from presence_host.participants() p where p.user_id = '7'",
            "presence_person_room_person_id",
        ),
        (
            "select * from presence_host.participants() p where p.room_id = '7'",
            "presence_person_room_room_id",
        ),
    ] {
        let plan = host.plan(query).await;
        assert!(
            plan.contains(index) && !plan.contains("Seq Scan"),
            "{query}\n{plan}"
        );
    }
}

#[tokio::test]
async fn a_varchar_key_behind_a_text_id_keeps_its_own_index() {
    let app = "create table person (id varchar(30) primary key, name text);
               insert into person select 'p' || i, 'Person ' || i from generate_series(1, 3000) i;
               create table room (id varchar primary key);
               create table seat (room_id varchar, person_id varchar(30), primary key (room_id, person_id));
               insert into seat select 'r' || i % 500, 'p' || i from generate_series(1, 3000) i;
               analyze;";
    let Some(host) = Host::open("presence_test_varchar", "", app).await else {
        return;
    };
    let sql = doc::run(
        "pg-presence migrate --id-type text
         pg-presence generate adapter --output presence.sql --users 'person(user_id=id, name)' \
             --rooms 'room(room_id=id)' --participants 'seat(room_id, user_id=person_id)'
psql -f presence.sql",
        &host.url,
    );
    run(&host.owner, &sql).await;

    let user = host
        .plan("select * from presence_host.users() u where u.user_id = 'p7'")
        .await;
    let room = host
        .plan("select * from presence_host.participants() p where p.room_id = 'r7'")
        .await;

    assert!(
        user.contains("person_pkey") && room.contains("seat_pkey"),
        "{user}{room}"
    );
    assert!(!sql.contains("create index"), "{sql}");
}
