//! Who has which right on what, as one table: `tests/privileges.txt` (FAULTS 63). An object a line, a role a column.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use tokio_postgres::Client;

use crate::support::{db::TestDb, sql::list};

const GOLDEN: &str = "tests/privileges.txt";

const BLESS: &str = "PRESENCE_TEST_BLESS=1 cargo test --test it grants::privileges";

/// Columns: `public` is everybody, `login` a login without any role.
const ROLES: [(&str, &str); 6] = [
    ("public", "public"),
    ("presence_owner", "owner"),
    ("presence_service", "service"),
    ("presence_app", "app"),
    ("presence_viewer", "viewer"),
    ("presence_test_plain", "login"),
];

/// Every right there is, by kind of object. MAINTAIN came with 17: nobody else than who has all others may have it.
const RIGHTS: &str = "\
with ours as (select oid, nspname from pg_namespace where nspname in ('presence', 'presence_private', 'presence_host')),
asked(role) as (select unnest($1::text[])),
told(kind, object, role, rights) as (
    select 'schema', n.nspname::text, a.role,
           array(select p from unnest(array['usage', 'create']) p where has_schema_privilege(a.role, n.oid, p))
      from ours n, asked a
     union all
    select case c.relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end,
           n.nspname || '.' || regexp_replace(c.relname, '^visit_([0-9]{8}|default)$', 'visit_*'), a.role,
           case when c.relkind = 'S'
                then array(select p from unnest(array['usage', 'select', 'update']) p where has_sequence_privilege(a.role, c.oid, p))
                else array(select p from unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']
                                                || case when current_setting('server_version_num')::integer >= 170000 then '{maintain}' else '{}'::text[] end) p
                            where has_table_privilege(a.role, c.oid, p))
                  || array(select 'column ' || x.attname || ' ' || p
                             from pg_attribute x, unnest(array['select', 'insert', 'update', 'references']) p
                            where x.attrelid = c.oid and x.attnum > 0 and not x.attisdropped
                              and has_column_privilege(a.role, c.oid, x.attnum, p) and not has_table_privilege(a.role, c.oid, p))
           end
      from pg_class c join ours n on n.oid = c.relnamespace, asked a
     where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
     union all
    select case when p.prosecdef then 'definer' else 'function' end, p.oid::regprocedure::text, a.role,
           array(select 'execute' where has_function_privilege(a.role, p.oid, 'execute'))
      from pg_proc p join ours n on n.oid = p.pronamespace, asked a
     union all
    select 'type', t.oid::regtype::text, a.role, array(select 'usage' where has_type_privilege(a.role, t.oid, 'usage'))
      from pg_type t join ours n on n.oid = t.typnamespace left join pg_class c on c.oid = t.typrelid, asked a
     where t.typtype in ('d', 'e', 'r') or c.relkind = 'c'
     union all
    select 'default', 'of ' || pg_get_userbyid(d.defaclrole) || ' for ' || case d.defaclobjtype when 'f' then 'functions' else d.defaclobjtype::text end || coalesce(' in ' || n.nspname, ''), a.role,
           array(select lower(x.privilege_type) from aclexplode(d.defaclacl) x
                  where case x.grantee when 0 then 'public' else pg_get_userbyid(x.grantee)::text end = a.role)
      from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace, asked a
     where d.defaclrole = 'presence_owner'::regrole or n.nspname like 'presence%'
)
select kind || chr(9) || object || chr(9) || role || chr(9)
       || case when array_length(rights, 1) = case when kind = 'table' or kind = 'view'
                                                   then 7 + (current_setting('server_version_num')::integer >= 170000)::integer
                                                   when kind = 'schema' then 2 when kind = 'sequence' then 3 end
               then 'all' when rights = '{}' then '-' else array_to_string(rights, '+') end
  from (select distinct * from told) t";

/// What the roles are.
const ATTRIBUTES: &str = "\
select format('role      %s: %s', r.rolname, concat_ws(', ',
           case when r.rolcanlogin then 'LOGIN' else 'no login' end, case when r.rolsuper then 'SUPERUSER' end,
           case when r.rolcreaterole then 'CREATEROLE' end, case when r.rolcreatedb then 'CREATEDB' end,
           case when r.rolreplication then 'REPLICATION' end, case when r.rolbypassrls then 'BYPASSRLS' end,
           coalesce('member of ' || (select string_agg(pg_get_userbyid(m.roleid), ' and ' order by 1) from pg_auth_members m where m.member = r.oid),
                    'member of none')))
  from pg_roles r where r.rolname in ('presence_owner', 'presence_service', 'presence_app', 'presence_viewer') order by r.rolname";

async fn table(admin: &Client) -> String {
    admin
        .batch_execute("set search_path = pg_catalog")
        .await
        .expect("a setting");
    let roles = ROLES.map(|(role, _)| role);
    let rows = admin
        .query(RIGHTS, &[&roles.as_slice()])
        .await
        .expect("the catalogue");
    let mut cells: BTreeMap<(String, String), BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for row in &rows {
        let row: String = row.get(0);
        let [kind, object, role, rights] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("four parts: {row}");
        };
        let line = cells.entry((kind.to_owned(), object.to_owned())).or_default();
        line.entry(role.to_owned()).or_default().push(rights.to_owned());
    }
    let mut text = format!(
        "# Who has which right on what of pg-presence, on every supported Postgres; `visit_*` are all partitions of visit.\n\
         # Written by a test: {BLESS}\n"
    );
    let header = ROLES.map(|(_, title)| format!("{title:<10}")).concat();
    writeln!(text, "{header}{:<10}object", "kind").expect("memory");
    for ((kind, object), line) in &cells {
        let cell = |(role, _): &(&str, &str)| format!("{:<9} ", line[*role].join("|"));
        writeln!(
            text,
            "{}{kind:<10}{object}",
            ROLES.iter().map(cell).collect::<String>()
        )
        .expect("memory");
    }
    for role in list(admin, ATTRIBUTES).await {
        writeln!(text, "{role}").expect("memory");
    }
    text
}

/// FAULTS 63.
#[tokio::test]
async fn who_may_do_what_is_as_written_down() {
    let Some(db) = TestDb::new().await else { return };
    db.login("presence_test_plain", "").await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(GOLDEN);

    let found = table(&db.admin().await).await;

    if std::env::var("PRESENCE_TEST_BLESS").is_ok_and(|bless| bless == "1") {
        fs::write(&path, &found).expect("the file is written");
        return;
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let differing = |one: &str, other: &str, sign: char| -> String {
        let lines = one
            .lines()
            .filter(|line| !other.lines().any(|known| known == *line));
        lines.map(|line| format!("{sign} {line}\n")).collect()
    };
    let difference = differing(&written, &found, '-') + &differing(&found, &written, '+');
    assert!(
        written == found,
        "rights are not as in {GOLDEN}:\n{difference}If that is meant, run `{BLESS}` and review the difference."
    );
}

/// FAULTS 63, read in the file, so that nobody blesses it away.
#[test]
fn the_table_of_rights_has_no_right_that_nobody_may_have() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(GOLDEN)).expect("the file");
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();

    for line in text
        .lines()
        .filter(|line| !line.starts_with(['#', 'r']) && !line.starts_with("public "))
    {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let ([public, owner, service, app, viewer, login], kind, object) = (
            <[&str; 6]>::try_from(&cells[..6]).expect("a column a role"),
            cells[6],
            cells[7],
        );
        *kinds.entry(kind).or_default() += 1;
        if kind == "default" {
            continue;
        }
        let private = !object.starts_with("presence.") && object != "presence";
        assert_eq!(public, if kind == "type" { "usage" } else { "-" }, "{line}");
        assert_eq!(login, public, "{line}");
        assert_ne!(owner, "-", "{line}");
        for role in [service, app, viewer] {
            let may = match kind {
                "type" => role == "usage",
                _ if private => role == "-",
                "view" => role == "-" || role == "select",
                "definer" => role == "-" || role == "execute",
                "schema" => role == "usage",
                _ => role == "-",
            };
            assert!(may, "{line}");
        }
        assert!(
            kind != "view" || service == "-",
            "the service reads through functions: {line}"
        );
    }
    for (kind, least) in [
        ("schema", 3),
        ("table", 12),
        ("view", 10),
        ("definer", 25),
        ("function", 10),
        ("type", 4),
    ] {
        assert!(
            kinds.get(kind).is_some_and(|count| *count >= least),
            "{kind}: {kinds:?}"
        );
    }
}
