//! Gateways: logins that speak for many users and say for whom in a setting, as PostgREST, Supabase and PostGraphile do
//! (FAULTS 62).

use tokio_postgres::Client;

use crate::support::{
    db::TestDb,
    server::connect,
    sql::{as_owner, code, list, literal, run, text},
};

const WHO: &str = "select presence.whoami()::text";

/// A gateway as these tools make it: a login without rights of its own, which takes the role `authenticated`.
async fn gateway(db: &TestDb, login: &str, mapping: &str) -> Client {
    let rights = "alter role $login noinherit;
        do $$ begin create role presence_test_authenticated nologin;
           exception when duplicate_object or unique_violation then null; end $$;
        do $$ begin create role presence_test_anon nologin;
           exception when duplicate_object or unique_violation then null; end $$;
        grant presence_viewer to presence_test_authenticated;
        grant presence_test_authenticated, presence_test_anon to $login";
    let url = db.login(login, rights).await;
    as_owner(
        &db.admin().await,
        &format!("select presence.map_gateway('{login}'{mapping})"),
    )
    .await;
    connect(&url).await.expect("the gateway's login")
}

/// One request, as a gateway runs it: who it is for, and their rooms.
async fn request(sql: &Client, setting: &str, claims: &str) -> (String, Vec<String>) {
    run(sql, "begin; set local role presence_test_authenticated").await;
    let set = format!("select set_config('{setting}', {}, true)", literal(claims));
    run(sql, &set).await;
    let who = text(sql, WHO).await;
    let rooms = list(sql, "select room_id::text from presence.visible_rooms order by 1").await;
    run(sql, "commit").await;
    (who, rooms)
}

/// FAULTS 62: PostgREST and Supabase.
#[tokio::test]
async fn a_gateway_speaks_for_whom_its_claims_name() {
    let Some(db) = TestDb::new().await else { return };
    let sql = gateway(&db, "presence_test_authenticator", "").await;
    let supabase = r#"{"iss": "https://x.supabase.co/auth/v1", "sub": "bob", "aud": "authenticated", "exp": 1893456000,
        "role": "authenticated", "email": "carol@example.com", "app_metadata": {"sub": "carol", "provider": "email"},
        "user_metadata": {"sub": "carol"}, "amr": [{"method": "password", "sub": "carol"}], "is_anonymous": false}"#;

    for (claims, who, rooms) in [
        (r#"{"sub": "bob"}"#, "bob", &["general", "planning"][..]),
        (supabase, "bob", &["general", "planning"]),
        (
            r#"{"sub": "carol", "role": "anything"}"#,
            "carol",
            &["expo-floor", "general"],
        ),
        (r#"{"sub": "victor"}"#, "victor", &["expo-floor"]),
        (r#"{"sub": "dave"}"#, "dave", &[]),
        (r#"{"sub": "nobody' or true --"}"#, "nobody' or true --", &[]),
    ] {
        let seen = request(&sql, "request.jwt.claims", claims).await;
        assert_eq!(
            (seen.0.as_str(), &seen.1[..]),
            (
                who,
                &rooms.iter().map(|room| (*room).to_owned()).collect::<Vec<_>>()[..]
            ),
            "{claims}"
        );
    }
}

/// FAULTS 62: PostGraphile, and the older way of PostgREST: the setting is the id.
#[tokio::test]
async fn a_setting_may_be_the_id_itself() {
    let Some(db) = TestDb::new().await else { return };

    for (login, mapping, setting) in [
        (
            "presence_test_postgraphile",
            ", 'jwt.claims.user_id', null",
            "jwt.claims.user_id",
        ),
        (
            "presence_test_postgrest8",
            ", 'request.jwt.claim.sub', ''",
            "request.jwt.claim.sub",
        ),
    ] {
        let sql = gateway(&db, login, mapping).await;
        let bob = request(&sql, setting, "bob").await;
        assert_eq!((bob.0.as_str(), bob.1.len()), ("bob", 2), "{setting}");
        for nobody in ["", "{\"sub\": \"bob\"}", "null"] {
            assert_eq!(
                request(&sql, setting, nobody).await.1,
                [""; 0],
                "{setting} = {nobody:?}"
            );
        }
    }
}

/// What names nobody, whatever the type of ids: missing, empty, no JSON, JSON that is no object or has no such key.
const NOBODY: [&str; 17] = [
    "",
    " ",
    "garbage",
    "{",
    "{\"sub\": }",
    "{\"sub\": \"bob\"} x",
    "7",
    "-0",
    "1e400",
    "\"bob\"",
    "null",
    "true",
    "[]",
    "[\"sub\", \"bob\"]",
    "{}",
    "{\"sub\": null}",
    "{\"sub\": \"\"}",
];

/// FAULTS 62: claims that are none name nobody, and are no error.
#[tokio::test]
async fn claims_that_are_none_name_nobody() {
    let deep = format!("{{\"sub\": {}{}}}", "[".repeat(60_000), "]".repeat(60_000));
    for id_type in ["text", "uuid", "bigint"] {
        let Some(db) = TestDb::with_ids(id_type).await else {
            return;
        };
        let sql = gateway(&db, "presence_test_odd_gateway", "").await;
        assert_eq!(
            list(
                &sql,
                "select 'set' where current_setting('request.jwt.claims', true) is not null"
            )
            .await,
            [""; 0]
        );
        run(&sql, "set role presence_test_authenticated").await;
        assert_eq!(text(&sql, WHO).await, "null", "{id_type}: never set");
        run(&sql, "reset role").await;

        for claims in NOBODY.into_iter().chain([
            r#"{"SUB": "1"}"#,
            r#"{"user": {"sub": "1"}}"#,
            r#"{"sub": "\u0000"}"#,
            deep.as_str(),
        ]) {
            let seen = request(&sql, "request.jwt.claims", claims).await;
            assert_eq!(seen, ("null".to_owned(), vec![]), "{id_type}: {:.60}", claims);
        }
    }
}

/// FAULTS 62: an id of another type than the installed one is nobody's.
#[tokio::test]
async fn ids_of_another_type_name_nobody() {
    for (id_type, good, odd) in [
        (
            "uuid",
            "a11ce000-0000-4000-8000-00000000000a",
            &[
                "\"alice\"",
                "7",
                "7.5",
                "\"a11ce000\"",
                "{\"id\": 1}",
                "[]",
                "true",
            ][..],
        ),
        (
            "bigint",
            "7",
            &[
                "\"alice\"",
                "7.5",
                "9223372036854775808",
                "-1e99",
                "\"7 or true\"",
                "{\"id\": 7}",
                "[7]",
                "false",
            ],
        ),
    ] {
        let Some(db) = TestDb::with_ids(id_type).await else {
            return;
        };
        let admin = db.admin().await;
        let room = literal(good);
        run(
            &admin,
            &format!(
                "insert into event_app.users (id, name) values ({room}, 'One'); insert into event_app.rooms (id, name) values ({room}, 'Here');
                 insert into event_app.room_participants (room_id, user_id) values ({room}, {room})"
            ),
        )
        .await;
        let sql = gateway(&db, "presence_test_odd_gateway", "").await;

        let found = request(&sql, "request.jwt.claims", &format!("{{\"sub\": \"{good}\"}}")).await;
        assert_eq!(found, (good.to_owned(), vec![good.to_owned()]), "{id_type}");
        for sub in odd {
            let seen = request(&sql, "request.jwt.claims", &format!("{{\"sub\": {sub}}}")).await;
            assert_eq!(seen, ("null".to_owned(), vec![]), "{id_type}: {sub}");
        }
    }
}

/// FAULTS 62: the next request on a pooled connection begins as nobody.
#[tokio::test]
async fn claims_do_not_outlive_their_transaction() {
    let Some(db) = TestDb::new().await else { return };
    let sql = gateway(&db, "presence_test_pooled_gateway", "").await;
    let claims = r#"select set_config('request.jwt.claims', '{"sub": "bob"}', true)"#;

    for end in ["commit", "rollback"] {
        run(
            &sql,
            &format!("begin; set local role presence_test_authenticated; {claims}"),
        )
        .await;
        assert_eq!(text(&sql, WHO).await, "bob");
        run(&sql, end).await;
        assert_eq!(
            code(&sql, WHO).await.as_deref(),
            Some("42501"),
            "without the role, after {end}"
        );
        run(&sql, "begin; set local role presence_test_authenticated").await;
        assert_eq!(text(&sql, WHO).await, "null", "after {end}");
        assert_eq!(
            list(&sql, "select id from presence.visible_rooms").await,
            [""; 0],
            "after {end}"
        );
        run(&sql, "rollback").await;
    }

    // A prepared statement asks anew each time.
    let prepared = sql.prepare("select count(*) from presence.visible_rooms").await;
    assert!(prepared.is_err(), "the login itself may read nothing");
    run(&sql, "set role presence_test_authenticated").await;
    let count = sql
        .prepare("select count(*) from presence.visible_rooms")
        .await
        .expect("a statement");
    for (user, rooms) in [("bob", 2_i64), ("dave", 0), ("carol", 2), ("", 0), ("victor", 1)].repeat(3) {
        run(
            &sql,
            &format!("select set_config('request.jwt.claims', '{{\"sub\": \"{user}\"}}', false)"),
        )
        .await;
        let counted: i64 = sql.query_one(&count, &[]).await.expect("a count").get(0);
        assert_eq!(counted, rooms, "{user}");
    }
}

/// FAULTS 62: only the login that an operator named is believed, whatever role it takes, and for as long as he says so.
#[tokio::test]
async fn only_a_mapped_gateway_is_believed() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let believed = gateway(&db, "presence_test_believed", "").await;
    let url = db
        .login(
            "presence_test_pretender",
            "grant presence_test_authenticated to $login",
        )
        .await;
    let pretender = connect(&url).await.expect("a login in the same role");
    let nobody = ("null".to_owned(), vec![]);

    assert_eq!(
        request(&pretender, "request.jwt.claims", r#"{"sub": "bob"}"#).await,
        nobody
    );
    assert_eq!(
        request(&believed, "request.jwt.claims", r#"{"sub": "bob"}"#)
            .await
            .0,
        "bob"
    );
    assert_eq!(
        request(&believed, "request.jwt.claim.sub", "bob").await,
        nobody,
        "another setting"
    );
    run(&believed, "begin; set local role presence_test_anon").await;
    assert_eq!(
        code(&believed, WHO).await.as_deref(),
        Some("42501"),
        "a role that views nothing"
    );
    run(&believed, "rollback").await;

    as_owner(
        &admin,
        "select presence.map_gateway('presence_test_believed', null)",
    )
    .await;
    assert_eq!(
        request(&believed, "request.jwt.claims", r#"{"sub": "bob"}"#).await,
        nobody,
        "not any more"
    );
}

/// What an operator may say, and what is refused with a hint.
#[tokio::test]
async fn mappings_of_logins_that_are_none_are_refused() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    db.login("presence_test_either", "").await;
    as_owner(&admin, "select presence.map_gateway('presence_test_either')").await;

    for refused in [
        "select presence.map_login('presence_test_no_such_login', 'bob')",
        "select presence.map_login('presence_app', 'bob')",
        "select presence.map_login('presence_test_either', 'bob')",
        "select presence.map_gateway('presence_test_no_such_login')",
        "select presence.map_gateway('presence_viewer')",
        "select presence.map_gateway('presence_test_either', 'role')",
        "select presence.map_gateway('presence_test_either', 'session_authorization')",
        "select presence.map_gateway('presence_test_either', 'a.b; drop table x')",
    ] {
        let refusal = admin.batch_execute(refused).await.expect_err(refused);
        let refusal = refusal.as_db_error().expect("from the server");
        assert_eq!(refusal.code().code(), "PR400", "{refused}");
        assert!(refusal.hint().is_some(), "{refused}: {refusal}");
    }
    as_owner(
        &admin,
        "select presence.map_gateway('presence_test_either', null)",
    )
    .await;
    as_owner(&admin, "select presence.map_login('presence_test_either', 'bob')").await;
}
