//! Bugs of SQL that are planted on purpose, for the soak to find: they change what they are said to change, and no more.

use std::{fs, path::Path};

use crate::support::db::TestDb;

/// Whatever a bug changes runs here, and does not fail.
const LIFE: &str = "
    select presence.heartbeat('general', 'alice', '00000000-0000-0000-0000-000000000001', status => 'typing');
    select * from presence.heartbeat_batch(array['general'], array['bob'], array['00000000-0000-0000-0000-000000000002'::uuid],
                                           array['invisible'], seqs => array[1::bigint]);
    select * from presence.release_batch(array['general'], array['alice'], array['00000000-0000-0000-0000-000000000001'::uuid],
                                         array['00000000-0000-0000-0000-000000000009'::uuid], array[interval '0'], interval '0');
    select * from presence.read_rooms(array['general'], array[(select epoch from presence_private.epoch)], array[0::bigint],
                                      array['general'], array['alice']);
    select presence.reap();
    select * from presence.leave_batch(array['general'], array['alice'], array['00000000-0000-0000-0000-000000000001'::uuid]);
    select presence.leave_everywhere('bob');";

#[tokio::test]
async fn each_planted_bug_of_sql_fits_the_functions_as_they_are_and_breaks_no_call() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/plants");
    let mut planted = 0;

    for entry in fs::read_dir(folder).expect("the planted bugs").flatten() {
        let plant = fs::read_to_string(entry.path()).expect("SQL");
        for sql in ["begin", &plant, LIFE] {
            if let Err(error) = admin.batch_execute(sql).await {
                panic!("{}: {error:?}", entry.path().display());
            }
        }
        admin.batch_execute("rollback").await.expect("a rollback");
        planted += 1;
    }

    assert!(planted >= 15, "{planted}");
}
