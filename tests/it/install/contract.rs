//! The contract only grows, and whoever reviews a change of shape sees it: `tests/contract.sql` and `tests/schema.sql`.

use std::{collections::BTreeSet, fs, path::PathBuf};

use super::{differences, schema};
use crate::support::db::TestDb;

/// What an application may hold on to, a line each: of schema `presence` what may be called and read, and by whom.
const CONTRACT: &str = "\
with role as (
    select r.oid, r.rolname from pg_roles r where r.rolname in ('presence_service', 'presence_app', 'presence_viewer')
), fn as (
    select p.*, 'function ' || p.proname as object
      from pg_proc p
     where p.pronamespace = 'presence'::regnamespace
), arg as (
    select f.oid, f.object, u.nth, coalesce(f.proargmodes[u.nth], 'i') as mode,
           concat_ws(' ', f.proargnames[u.nth], format_type(u.type, null)) as word,
           pg_get_function_arg_default(f.oid, u.nth::integer) as default_value
      from fn f, unnest(coalesce(f.proallargtypes, f.proargtypes::oid[])) with ordinality u (type, nth)
), line (object, part, nth, line) as (
    select 'schema presence', 9, 0, 'grant usage to ' || r.rolname from role r where has_schema_privilege(r.oid, 'presence', 'usage')
     union all
    select 'domain ' || t.typname, 0, 0, 'as ' || format_type(t.typbasetype, null)
      from pg_type t where t.typnamespace = 'presence'::regnamespace and t.typtype = 'd'
     union all
    select case c.relkind when 'c' then 'type ' else 'view ' end || c.relname, 1, a.attnum,
           format('column %s: %s %s', a.attnum, a.attname, format_type(a.atttypid, a.atttypmod))
      from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = 'presence'::regnamespace and c.relkind in ('c', 'v') and a.attnum > 0 and not a.attisdropped
     union all
    select 'view ' || c.relname, 9, 0, 'grant ' || lower(g.privilege_type) || ' to ' || r.rolname
      from pg_class c, aclexplode(c.relacl) g join role r on r.oid = g.grantee
     where c.relnamespace = 'presence'::regnamespace and c.relkind = 'v'
     union all
    select a.object, 1, a.nth, format('takes %s: %s', a.nth, a.word) || coalesce(' default ' || a.default_value, '')
      from arg a where a.mode in ('i', 'b', 'v')
     union all
    select f.object, 2, 0,
           case when exists (select from arg a where a.oid = f.oid and a.mode in ('o', 'b', 't'))
                then 'returns ' || case when f.proretset then 'rows' else 'one row' end
                else 'returns ' || case when f.proretset then 'rows of ' else '' end || format_type(f.prorettype, null) end
      from fn f
     union all
    select a.object, 3, a.nth, format('column %s: %s', row_number() over (partition by a.oid order by a.nth), a.word)
      from arg a where a.mode in ('o', 'b', 't')
     union all
    select f.object, 9, 0, 'grant execute to ' || r.rolname
      from fn f join role r on has_function_privilege(r.oid, f.oid, 'execute')
)
select object, line from line order by object collate \"C\", part, nth, line collate \"C\"";

const CONTRACT_HEAD: &str = "\
-- The contract: what an application may hold on to, from release to release. A test compares it with a migrated
-- database. It only grows: `PRESENCE_TEST_BLESS=1 cargo test contract` adds what is new. A line that no longer holds
-- breaks applications that run today; it is taken out by hand, with a release that says so.
-- Ids are text here; they may be uuid or bigint.
";

const SCHEMA_HEAD: &str = "\
-- The shape of a migrated database, for whoever reviews a change of it: columns, constraints, indexes, arguments, rights.
-- Written by `PRESENCE_TEST_BLESS=1 cargo test contract`. Ids are text here; partitions of days are left out.
";

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn kept(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_default()
}

fn is_blessing() -> bool {
    std::env::var("PRESENCE_TEST_BLESS").is_ok_and(|bless| bless == "1")
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with("--"))
}

/// What is new, or why that must not be.
fn grown(kept: &str, found: &str) -> Result<Vec<String>, String> {
    let (before, after): (BTreeSet<&str>, BTreeSet<&str>) = (lines(kept).collect(), lines(found).collect());
    let gone: Vec<&&str> = before.difference(&after).collect();
    if !gone.is_empty() {
        return Err(format!(
            "the contract only grows, and these lines of tests/contract.sql no longer hold: {gone:#?}"
        ));
    }
    let new: Vec<&&str> = after.difference(&before).collect();
    let object = |line: &str| line.split_once(": ").map(|(object, _)| object.to_owned());
    let known: BTreeSet<String> = before.iter().filter_map(|line| object(line)).collect();
    let is_breaking = |line: &str| {
        let is_argument = line.contains(": takes ") && !line.contains(" default ");
        is_argument && object(line).is_some_and(|object| known.contains(&object))
    };
    match new.iter().find(|line| is_breaking(line)) {
        Some(line) => Err(format!(
            "a new argument needs a default, or the calls of today fail: {line}"
        )),
        None => Ok(new.iter().map(|line| (**line).to_owned()).collect()),
    }
}

#[tokio::test]
async fn the_contract_only_grows() {
    let Some(db) = TestDb::new().await else { return };
    let rows = db
        .admin()
        .await
        .query(CONTRACT, &[])
        .await
        .expect("the catalogue");
    let mut found = CONTRACT_HEAD.to_owned();
    let mut last = String::new();
    for row in &rows {
        let (object, line): (String, String) = (row.get(0), row.get(1));
        if object != last {
            found.push('\n');
        }
        found.push_str(&format!("{object}: {line}\n"));
        last = object;
    }

    let new = grown(&kept("contract.sql"), &found).unwrap_or_else(|broken| panic!("{broken}"));

    if is_blessing() {
        fs::write(path("contract.sql"), found).expect("tests/contract.sql is written");
    } else {
        assert!(
            new.is_empty(),
            "new in the contract; `PRESENCE_TEST_BLESS=1 cargo test contract` adds it: {new:#?}"
        );
    }
}

#[test]
fn a_contract_is_broken_by_what_goes_or_changes_and_by_a_new_argument_without_a_default() {
    let kept = "-- a comment\nfunction f: takes 1: a text\n\nview v: column 1: id text\n";

    let grown = |found| grown(kept, found);

    assert_eq!(grown(kept), Ok(vec![]));
    let more = format!(
        "{kept}view v: column 2: at date\nfunction f: takes 2: b text default null\nfunction g: takes 1: a text\n"
    );
    assert_eq!(grown(&more).map(|new| new.len()), Ok(3));
    let gone = grown("function f: takes 1: a text\n").expect_err("a column is gone");
    assert!(gone.contains("view v: column 1: id text"), "{gone}");
    let changed = kept.replace("id text", "id uuid");
    assert!(grown(&changed).is_err());
    let needed = format!("{kept}function f: takes 2: b text\n");
    assert!(
        grown(&needed)
            .expect_err("calls fail")
            .contains("needs a default")
    );
}

#[tokio::test]
async fn a_change_of_shape_is_reviewed_as_a_difference_of_the_contract_s_schema() {
    let Some(db) = TestDb::new().await else { return };
    let found = format!("{SCHEMA_HEAD}\n{}", schema(&db.admin().await).await);

    if is_blessing() {
        fs::write(path("schema.sql"), found).expect("tests/schema.sql is written");
        return;
    }
    let kept = kept("schema.sql");
    assert!(
        found == kept,
        "the schema is another than tests/schema.sql says; `PRESENCE_TEST_BLESS=1 cargo test contract` writes it, and \
         the difference is to be reviewed: {:#?}",
        differences(&found, &kept)
    );
}
