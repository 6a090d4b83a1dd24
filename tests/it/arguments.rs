//! Odd arguments of the functions of the contract: an answer, or an error of our own that says what to do.

use crate::support::db::TestDb;

/// A call, and what it answers: its value, `rows`, `no row`, or the SQLSTATE that it raises.
const CALLS: [(&str, &str); 44] = [
    ("heartbeat(null, 'alice', gen_random_uuid())", "PR400"),
    ("heartbeat('general', null, gen_random_uuid())", "PR400"),
    ("heartbeat('general', 'alice', null)", "PR400"),
    (
        "heartbeat('general', 'alice', gen_random_uuid(), 'gone')",
        "PR400",
    ),
    (
        "heartbeat('general', 'alice', gen_random_uuid(), 'busy', '-1 h')",
        "PR400",
    ),
    (
        "heartbeat('general', 'alice', gen_random_uuid(), 'busy', '367 d')",
        "PR400",
    ),
    (
        "heartbeat('general', 'alice', gen_random_uuid(), 'busy', '170000000 years')",
        "PR400",
    ),
    (
        "heartbeat('general', 'alice', gen_random_uuid(), message => repeat('x', 141))",
        "PR400",
    ),
    (
        "heartbeat('general', 'alice', gen_random_uuid(), activity => repeat('x', 81))",
        "PR400",
    ),
    (
        "heartbeat('general', 'alice', gen_random_uuid(), data => '[]')",
        "PR400",
    ),
    (
        "heartbeat('general', 'alice', gen_random_uuid(), data => 'null')",
        "PR400",
    ),
    (
        "heartbeat('general', 'alice', gen_random_uuid(), seq => -1)",
        "PR400",
    ),
    (
        "heartbeat(repeat('x', 1000000), 'alice', gen_random_uuid())",
        "PR404",
    ),
    (
        "heartbeat('general', repeat('x', 1000000), gen_random_uuid())",
        "PR404",
    ),
    ("leave(null, null, null)", "false"),
    ("leave('general', 'alice', gen_random_uuid(), -1)", "false"),
    ("leave_everywhere(null)", "0"),
    ("remove_member(null, null)", "0"),
    ("remove_room(null)", "0"),
    ("reap(null)", "0"),
    ("reap(-1)", "0"),
    ("evict(null)", "0"),
    ("evict(-1)", "0"),
    ("snapshot(null, null)", "no row"),
    ("snapshot('alice', null)", "no row"),
    ("event_snapshot(null, null)", "no row"),
    ("where_now(null, null)", "no row"),
    ("where_now('alice', null)", "no row"),
    ("room_counts(null)", "no row"),
    ("room_counts('alice', array[null, '', 'nowhere'])", "no row"),
    ("room_counts('alice', '{}')", "no row"),
    ("absent_members(null, null)", "no row"),
    ("absent_members('alice', 'general', -1)", "no row"),
    ("absent_members('alice', 'general', 0)", "no row"),
    ("visits(null, '-infinity', 'infinity')", "no row"),
    ("visits('general', 'infinity', '-infinity')", "no row"),
    ("room_occupancy(null)", "rows"),
    ("room_occupancy('general', '-infinity', now())", "PR400"),
    (
        "room_occupancy('general', now() - interval '1 h', 'infinity')",
        "rows",
    ),
    ("event_occupancy('gala', 'infinity', '-infinity')", "PR400"),
    ("configure(ttl => '1 month')", "PR400"),
    ("configure(sessions_max => 0)", "PR400"),
    ("map_login('nobody-of-that-name', 'alice')", "PR400"),
    ("map_gateway(null)", "PR400"),
];

#[tokio::test]
async fn odd_arguments_are_answered_or_refused_in_words_of_our_own() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let seen = "select presence.heartbeat('general', 'bob', gen_random_uuid()); select presence.leave_everywhere('bob')";
    admin.batch_execute(seen).await.expect("bob was seen");

    for (call, expected) in CALLS {
        let sql = format!("select f::text from presence.{call} f");
        let found = match admin.query(&sql, &[]).await {
            Ok(rows) if rows.is_empty() => "no row".to_owned(),
            Ok(_) if expected == "rows" => expected.to_owned(),
            Ok(rows) => rows[0].get(0),
            Err(error) => error.code().expect("an error of Postgres").code().to_owned(),
        };
        assert_eq!(found, expected, "{call}");
    }
}
