//! What the catalogue holds of us, object by object: how a dry run tells what it would change, and how tests compare
//! two databases. Reads the catalogue alone, which any login may; never a row of a table.
//!
//! The shape of an object reads the same on every supported Postgres. Its definition need not: compare definitions
//! within one server.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use tokio_postgres::GenericClient;

/// One object of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What people see of its form, a line each: columns, constraints, arguments, result, rights.
    pub shape: String,
    /// Everything: also bodies, queries, comments.
    pub definition: String,
}

/// Objects by kind and name, such as `function presence.reap(max_rows integer)`.
pub type Objects = BTreeMap<String, Object>;

/// All objects of ours in this database, and our roles.
pub async fn objects(client: &impl GenericClient) -> Result<Objects> {
    let rows = client.query(OBJECTS, &[]).await.context("the catalogue")?;
    let object = |row: &tokio_postgres::Row| {
        let (shape, detail): (String, String) = (row.get(1), row.get(2));
        let definition = format!("{shape}\n{detail}");
        (row.get(0), Object { shape, definition })
    };
    Ok(rows.iter().map(object).collect())
}

/// The shapes of objects as one text, a block each, to be kept in a file and read as a difference.
pub fn schema(objects: &Objects) -> String {
    let block = |(name, object): (&String, &Object)| {
        let lines = object.shape.lines().filter(|line| !line.is_empty());
        let lines: String = lines.map(|line| format!("    {line}\n")).collect();
        format!("{name}\n{lines}")
    };
    objects.iter().map(block).collect::<Vec<_>>().join("\n")
}

/// A digest of what the catalogue holds of us, as a query. It changes when somebody changes the database by hand: an
/// object, a right, a comment, or something put among them. The mapping is the application's, roles are the cluster's.
pub fn digest() -> String {
    format!(
        "select md5(string_agg(md5(o.name || o.shape || o.detail), '' order by o.name collate \"C\"))
           from ({OBJECTS}) o
          where o.name not like 'role %' and o.name not like '%presence_host%'"
    )
}

/// Rights, a line a grantee: of an ACL column, its kind, the owner and the schema. In the contract, what an operator
/// grants to roles of his own is his business; in what is private, nobody has any right.
macro_rules! grants {
    ($acl:literal, $kind:literal, $owner:literal, $schema:literal) => {
        concat!(
            "(select string_agg(format('grant %s to %s', g.rights, g.who), e'\\n' order by g.who collate \"C\")
                from (select coalesce((select r.rolname::text from pg_roles r where r.oid = a.grantee), 'public') as who,
                             string_agg(lower(a.privilege_type) || case when a.is_grantable then ' with grant option' else '' end,
                                        ', ' order by a.privilege_type) as rights
                        from aclexplode(coalesce(", $acl, ", acldefault('", $kind, "', ", $owner, "))) a
                       where a.grantee <> ", $owner, "
                         and (a.grantee = 0 or ", $schema, " = 'presence_private'
                              or a.grantee in (select r.oid from pg_roles r
                                                where r.rolname in ('presence_service', 'presence_app', 'presence_viewer')))
                       group by 1) g)"
        )
    };
}

/// Said only of an object that is somebody else's.
macro_rules! owner {
    ($owner:literal) => {
        concat!(
            "case when ",
            $owner,
            "::regrole::text <> 'presence_owner' then 'owner ' || ",
            $owner,
            "::regrole end"
        )
    };
}

/// Name, shape and further details. Partitions of days come and go, and are left out.
const OBJECTS: &str = concat!(
    "\
with ours as (
    select n.oid, n.nspname as name, n.nspowner, n.nspacl
      from pg_namespace n
     where n.nspname in ('presence', 'presence_private', 'presence_host')
), relation as (
    select c.*, o.name as schema, o.name || '.' || c.relname as full_name
      from pg_class c join ours o on o.oid = c.relnamespace
     where not c.relispartition or pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT'
), object (name, shape, detail) as (
    select 'role ' || r.rolname,
           concat_ws(e'\\n', case when r.rolsuper then 'superuser' end, case when r.rolcanlogin then 'login' end,
                     case when r.rolbypassrls then 'bypassrls' end, case when r.rolcreaterole then 'createrole' end),
           shobj_description(r.oid, 'pg_authid')
      from pg_roles r
     where r.rolname in ('presence_owner', 'presence_service', 'presence_app', 'presence_viewer')
     union all
    select 'schema ' || o.name, concat_ws(e'\\n', ",
    owner!("o.nspowner"), ", ", grants!("o.nspacl", "n", "o.nspowner", "o.name"), "), obj_description(o.oid, 'pg_namespace')
      from ours o
     union all
    select case t.typtype when 'd' then 'domain ' else 'type ' end || o.name || '.' || t.typname,
           concat_ws(e'\\n', ", owner!("t.typowner"), ", case when t.typtype = 'd' then 'as ' || format_type(t.typbasetype, t.typtypmod) end,
                     (select string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), e'\\n' order by a.attnum)
                        from pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped)),
           concat_ws(e'\\n', t.typacl::text, obj_description(t.oid, 'pg_type'), obj_description(t.typrelid, 'pg_class'))
      from pg_type t
      join ours o on o.oid = t.typnamespace
      left join pg_class c on c.oid = t.typrelid
     where t.typtype in ('d', 'e') or c.relkind = 'c'
     union all
    select case when c.relkind = 'v' then 'view ' when c.relkind = 'S' then 'sequence ' when c.relpersistence = 'u' then 'unlogged table '
                when c.relkind = 'p' then 'partitioned table ' else 'table ' end || c.full_name,
           concat_ws(e'\\n', ", owner!("c.relowner"), ",
                     'partition by ' || pg_get_partkeydef(c.oid),
                     (select 'partition of ' || i.inhparent::regclass || ' ' || pg_get_expr(c.relpartbound, c.oid)
                        from pg_inherits i where i.inhrelid = c.oid),
                     'with ' || array_to_string(c.reloptions, ', '),
                     (select string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
                                                  'default ' || pg_get_expr(d.adbin, d.adrelid), a.attacl::text), e'\\n' order by a.attnum)
                        from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
                       where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
                     (select string_agg('constraint ' || n.conname || ' ' || pg_get_constraintdef(n.oid), e'\\n' order by n.conname collate \"C\")
                        from pg_constraint n where n.conrelid = c.oid and n.contype in ('p', 'c', 'u', 'f', 'x')),
                     (select string_agg('policy ' || y.polname, e'\\n' order by y.polname collate \"C\") from pg_policy y where y.polrelid = c.oid),
                     ", grants!("c.relacl", "r", "c.relowner", "c.schema"), "),
           concat_ws(e'\\n', case when c.relkind = 'v' then pg_get_viewdef(c.oid) end, obj_description(c.oid, 'pg_class'),
                     (select string_agg(x.objsubid || x.description, e'\\n' order by x.objsubid)
                        from pg_description x where x.classoid = 'pg_class'::regclass and x.objoid = c.oid and x.objsubid > 0))
      from relation c
     where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
     union all
    select 'index ' || i.full_name, pg_get_indexdef(i.oid), null
      from relation i
      join pg_index x on x.indexrelid = i.oid
     where not exists (select from pg_constraint n where n.conindid = i.oid and n.contype in ('p', 'u', 'x'))
     union all
    select 'trigger ' || t.tgname || ' on ' || c.full_name, pg_get_triggerdef(t.oid) || case when t.tgenabled <> 'O' then ' disabled' else '' end,
           obj_description(t.oid, 'pg_trigger')
      from relation c join pg_trigger t on t.tgrelid = c.oid
     where not t.tgisinternal
     union all
    select 'function ' || o.name || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
           concat_ws(e'\\n', ", owner!("p.proowner"), ",
                     'arguments ' || nullif(pg_get_function_arguments(p.oid), pg_get_function_identity_arguments(p.oid)),
                     'returns ' || pg_get_function_result(p.oid),
                     concat_ws(' ', 'language', l.lanname, case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
                               case when p.proisstrict then 'strict' end, case when p.prosecdef then 'security definer' end,
                               case p.proparallel when 's' then 'parallel safe' when 'r' then 'parallel restricted' end),
                     'set ' || array_to_string(p.proconfig, e'\\nset '),
                     ", grants!("p.proacl", "f", "p.proowner", "o.name"), "),
           concat_ws(e'\\n', case when p.prokind = 'f' then pg_get_functiondef(p.oid) end, obj_description(p.oid, 'pg_proc'))
      from pg_proc p
      join ours o on o.oid = p.pronamespace
      join pg_language l on l.oid = p.prolang
)
select name, coalesce(shape, '') as shape, coalesce(detail, '') as detail from object"
);
