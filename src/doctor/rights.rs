//! Who may do what with presence, against what a fresh install grants.

use super::{
    Finding,
    ask::{As, Patient, Trouble},
    blueprint::{Blueprint, Grant},
    checked,
    installed::grantee,
    listed,
};

/// All checks on rights.
pub async fn examine(p: &Patient, blueprint: &Blueprint) -> Vec<Finding> {
    let mut found = checked("installed.rights", missing(p, blueprint)).await;
    found.extend(checked("installed.rights", wider(p, blueprint)).await);
    found.extend(checked("installed.public", public(p)).await);
    found.extend(checked("installed.private", private(p)).await);
    if !found.iter().any(|finding| finding.check == "installed.rights") {
        found.push(Finding::ok(
            "installed.rights",
            "The roles have the rights that a fresh install gives them, and no others.",
        ));
    }
    found
}

/// Rights that an install gives and that are not there.
async fn missing(p: &Patient, blueprint: &Blueprint) -> Result<Vec<Finding>, Trouble> {
    let mut found = vec![];
    for role in ["presence_service", "presence_app", "presence_viewer"] {
        let mut revoked = vec![];
        for grant in blueprint
            .grants
            .iter()
            .filter(|grant| grant.roles.iter().any(|one| one == role))
        {
            if lacks(p, grant, role).await? {
                revoked.push(grant);
            }
        }
        if revoked.is_empty() {
            continue;
        }
        let names: Vec<String> = revoked
            .iter()
            .map(|grant| format!("{} on {}", grant.right, grant.object))
            .collect();
        let grants: Vec<String> = revoked
            .iter()
            .map(|grant| statement("grant", grant, "to", role))
            .collect();
        found.push(
            Finding::error(
                "installed.rights",
                format!(
                    "{role} lacks rights that it is installed with: {}.",
                    listed(&names)
                ),
            )
            .mend("Grant them again; `pg-presence migrate` grants those on functions and views.")
            .sql(grants.join("\n")),
        );
    }
    Ok(found)
}

async fn lacks(p: &Patient, grant: &Grant, role: &str) -> Result<bool, Trouble> {
    let (schema, name) = grant.object.split_once('.').unwrap_or(("", &grant.object));
    // What is missing altogether is another check's finding.
    let sql = match grant.kind {
        "schema" => "select coalesce(bool_or(not has_schema_privilege($1, n.oid, $2)), false) from pg_namespace n where n.nspname = $4 and $3 = ''",
        "function" => "select coalesce(bool_or(not has_function_privilege($1, f.oid, $2)), false)
                         from pg_proc f join pg_namespace n on n.oid = f.pronamespace where n.nspname = $3 and f.proname = $4",
        _ => "select coalesce(bool_or(not has_table_privilege($1, c.oid, $2)), false)
                from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $3 and c.relname = $4",
    };
    Ok(p.ask_one(As::Login, sql, &[role, &grant.right, schema, name])
        .await?
        .get(0))
}

fn statement(verb: &str, grant: &Grant, preposition: &str, role: &str) -> String {
    let Grant {
        right, kind, object, ..
    } = grant;
    format!("{verb} {right} on {kind} {object} {preposition} {role};")
}

/// Rights of our own roles that no install gives them.
async fn wider(p: &Patient, blueprint: &Blueprint) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
select a.grantee::regrole::text, lower(a.privilege_type), o.kind, o.name, o.written
  from (select 'function', n.nspname || '.' || f.proname, f.oid::regprocedure::text, f.proacl
          from pg_proc f join pg_namespace n on n.oid = f.pronamespace where n.nspname in ('presence', 'presence_host')
         union all
        select 'table', n.nspname || '.' || c.relname, c.oid::regclass::text, c.relacl
          from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'presence'
         union all
        select 'schema', n.nspname::text, n.nspname::text, n.nspacl from pg_namespace n where n.nspname in ('presence', 'presence_host')
       ) as o(kind, name, written, acl)
 cross join lateral aclexplode(o.acl) a
 where a.grantee in ('presence_service'::regrole, 'presence_app'::regrole, 'presence_viewer'::regrole)
 order by 1, 4, 2";
    let mut found: Vec<(String, Vec<String>, Vec<String>)> = vec![];
    for row in p.ask(As::Login, sql, &[]).await? {
        let [role, right, kind, object, written]: [&str; 5] = [0, 1, 2, 3, 4].map(|at| row.get(at));
        let is_installed = blueprint.grants.iter().any(|grant| {
            grant.kind == kind
                && grant.object == object
                && grant.right == right
                && grant.roles.iter().any(|one| one == role)
        });
        if is_installed {
            continue;
        }
        if found.last().is_none_or(|(last, ..)| last != role) {
            found.push((role.to_owned(), vec![], vec![]));
        }
        if let Some((_, names, revokes)) = found.last_mut() {
            names.push(format!("{right} on {object}"));
            revokes.push(format!("revoke {right} on {kind} {written} from {role};"));
        }
    }
    let finding = |(role, names, revokes): (String, Vec<String>, Vec<String>)| {
        let says = format!(
            "{role} has rights that it is not installed with: {}.",
            listed(&names)
        );
        Finding::warning("installed.rights", says)
            .mend("Revoke them, and grant what your login needs to the login itself.")
            .sql(revokes.join("\n"))
    };
    Ok(found.into_iter().map(finding).collect())
}

/// A function without any grant is everybody's: that is how Postgres makes them.
async fn public(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
select o.kind || ' ' || o.name, lower(a.privilege_type)
  from (select case f.prokind when 'p' then 'procedure' else 'function' end, f.oid::regprocedure::text, coalesce(f.proacl, acldefault('f', f.proowner))
          from pg_proc f join pg_namespace n on n.oid = f.pronamespace
         where n.nspname in ('presence', 'presence_private', 'presence_host')
         union all
        select 'table', c.oid::regclass::text, c.relacl
          from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('presence', 'presence_host')
         union all
        select 'schema', n.nspname::text, n.nspacl from pg_namespace n where n.nspname in ('presence', 'presence_host')
       ) as o(kind, name, acl)
 cross join lateral aclexplode(o.acl) a
 where a.grantee = 0
 order by 1, 2";
    let rows = p.ask(As::Login, sql, &[]).await?;
    let check = "installed.public";
    if rows.is_empty() {
        return Ok(vec![Finding::ok(
            check,
            "PUBLIC may execute and read nothing of presence.",
        )]);
    }
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let revokes: Vec<String> = rows
        .iter()
        .map(|row| {
            format!(
                "revoke {} on {} from public;",
                row.get::<_, &str>(1),
                row.get::<_, &str>(0)
            )
        })
        .collect();
    Ok(vec![
        Finding::error(
            check,
            format!("Every login of this database has a right on {}.", listed(&names)),
        )
        .mend("Revoke it from PUBLIC.")
        .sql(revokes.join("\n")),
    ])
}

/// Nobody but the owner has any right on what is private.
async fn private(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
select o.kind || ' ' || o.name, case a.grantee when 0 then 'public' else a.grantee::regrole::text end, o.cols
  from (select 'schema', n.nspname::text, n.nspacl, '' from pg_namespace n where n.nspname = 'presence_private'
         union all
        select case c.relkind when 'S' then 'sequence' else 'table' end, c.oid::regclass::text, c.relacl, ''
          from pg_class c where c.relnamespace = 'presence_private'::regnamespace
         union all
        select 'table', c.oid::regclass::text, t.attacl, ' (' || quote_ident(t.attname) || ')'
          from pg_class c join pg_attribute t on t.attrelid = c.oid
         where c.relnamespace = 'presence_private'::regnamespace and t.attnum > 0 and not t.attisdropped
         union all
        select case f.prokind when 'p' then 'procedure' else 'function' end, f.oid::regprocedure::text, f.proacl, ''
          from pg_proc f where f.pronamespace = 'presence_private'::regnamespace
       ) as o(kind, name, acl, cols)
 cross join lateral aclexplode(o.acl) a
 where a.grantee <> 'presence_owner'::regrole and not (a.grantee = 0 and o.kind in ('function', 'procedure'))
 group by 1, 2, 3
 order by 1, 2, 3";
    let rows = p.ask(As::Login, sql, &[]).await?;
    let check = "installed.private";
    if rows.is_empty() {
        return Ok(vec![Finding::ok(
            check,
            "Nobody but presence_owner has a right on presence_private.",
        )]);
    }
    let names: Vec<String> = rows
        .iter()
        .map(|row| format!("{} (to {})", row.get::<_, &str>(0), row.get::<_, &str>(1)))
        .collect();
    let revokes: Vec<String> = rows
        .iter()
        .map(|row| {
            let [what, role, columns]: [&str; 3] = [0, 1, 2].map(|at| row.get(at));
            // regrole has quoted it already
            let role = if role.starts_with('"') {
                role.to_owned()
            } else {
                grantee(role)
            };
            format!("revoke all{columns} on {what} from {role};")
        })
        .collect();
    Ok(vec![
        Finding::error(
            check,
            format!("Others have rights on what is private: {}.", listed(&names)),
        )
        .mend("Revoke them; views and functions of the schema presence are for others.")
        .sql(revokes.join("\n")),
    ])
}
