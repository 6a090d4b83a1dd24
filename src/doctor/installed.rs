//! How far the installation is, its roles, and who owns what. No word on rights, shape or the mapping.

use super::{
    Finding, Severity,
    ask::{As, Patient, Trouble, identifier},
    checked, listed,
};
use crate::migrate;

const ROLES: [&str; 4] = [
    "presence_owner",
    "presence_service",
    "presence_app",
    "presence_viewer",
];

/// All checks on it.
pub async fn examine(p: &Patient) -> Vec<Finding> {
    let mut found = migrated(p).await;
    found.extend(checked("installed.roles", roles(p)).await);
    found.extend(checked("installed.owner", owner(p)).await);
    found.extend(checked("installed.ownership", ownership(p)).await);
    found
}

async fn migrated(p: &Patient) -> Vec<Finding> {
    let check = "installed.migrated";
    if !p.may_own {
        let trouble = Trouble::NoOwner {
            login: p.login.clone(),
        };
        return vec![Finding::skipped(check, trouble.sentence())];
    }
    let report = match tokio::time::timeout(p.options.patience * 2, migrate::status(&p.options.url)).await {
        Ok(Ok(report)) => report,
        Ok(Err(error)) => {
            return vec![Finding::skipped(
                check,
                format!("How far it is migrated cannot be read: {error:#}."),
            )];
        }
        Err(_) => return vec![Finding::skipped(check, Trouble::TookTooLong.sentence())],
    };
    vec![if report.newer {
        Finding::error(
            check,
            "This database was migrated by a newer pg-presence than this one.",
        )
        .mend("Use that version of the program, or a later one.")
    } else if !report.pending.is_empty() {
        Finding::error(
            check,
            format!(
                "The database is behind this program by {}.",
                listed(&report.pending)
            ),
        )
        .mend("Migrate; nodes may go on running meanwhile.")
        .command("pg-presence migrate")
    } else if report.drifted {
        Finding::warning(
            check,
            "Functions, views, tables or triggers were changed by hand since the last migrate.",
        )
        .mend(
            "Migrate: functions, views and triggers become as they were; what is wrong with tables \
                is said below.",
        )
        .command("pg-presence migrate")
    } else if !report.behaviour_current {
        Finding::warning(check, "Functions and views are those of another version.")
            .mend("Migrate with this version; nodes may go on running meanwhile.")
            .command("pg-presence migrate")
    } else {
        Finding::ok(check, "The database is what this version installs.")
    }]
}

async fn roles(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let sql = "select r.rolname::text, r.rolcanlogin from pg_roles r where r.rolname like 'presence\\_%'";
    let rows = p.ask(As::Login, sql, &[]).await?;
    let can_login = |name: &str| {
        let row = rows.iter().find(|row| row.get::<_, &str>(0) == name)?;
        Some(row.get::<_, bool>(1))
    };
    let check = "installed.roles";
    let mut found = vec![];
    for role in ROLES {
        match can_login(role) {
            None => found.push(
                Finding::error(check, format!("The role {role} is missing."))
                    .mend("Migrate: it makes the roles that are missing, and their rights.")
                    .command("pg-presence migrate"),
            ),
            Some(true) => found.push(
                Finding::warning(
                    check,
                    format!("The role {role} can log in, and is meant for granting alone."),
                )
                .mend("Take its login away, and grant it to logins of your own.")
                .sql(format!("alter role {role} nologin;")),
            ),
            Some(false) => {}
        }
    }
    Ok(match found.is_empty() {
        true => vec![Finding::ok(
            check,
            "The four roles are there, and none of them can log in.",
        )],
        false => found,
    })
}

async fn owner(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
select array_to_string(array_remove(array[case when r.rolsuper then 'superuser' end, case when r.rolbypassrls then 'bypassrls' end,
                                          case when r.rolcreaterole then 'createrole' end, case when r.rolcreatedb then 'createdb' end,
                                          case when r.rolreplication then 'replication' end], null), ' ')
  from pg_roles r where r.rolname = 'presence_owner'";
    let powers: String = p.ask_one(As::Login, sql, &[]).await?.get(0);
    let (check, mut found) = ("installed.owner", vec![]);
    if !powers.is_empty() {
        let without: String = powers.split(' ').map(|power| format!(" no{power}")).collect();
        let severity = match powers.contains("superuser") || powers.contains("bypassrls") {
            true => Severity::Error,
            false => Severity::Warning,
        };
        let says = format!(
            "presence_owner is more than it has to be ({powers}), and functions that others call run as it."
        );
        found.push(
            Finding::new(check, severity, says)
                .mend("Take it away.")
                .sql(format!("alter role presence_owner{without};")),
        );
    }
    let wider = "\
select m.name from unnest(array['presence_service', 'presence_app', 'presence_viewer']) as m(name)
 where pg_has_role(m.name, 'presence_owner', 'member')";
    for role in p.list(As::Login, wider, &[]).await? {
        found.push(
            Finding::error(
                check,
                format!("{role} is a member of presence_owner, and so is everybody who has it."),
            )
            .mend("Take the membership away.")
            .sql(format!("revoke presence_owner from {role};")),
        );
    }
    Ok(match found.is_empty() {
        true => vec![Finding::ok(
            check,
            "presence_owner is no superuser and none of the other roles may become it.",
        )],
        false => found,
    })
}

/// Everything of ours in the three schemas, by whom it is owned and how that is changed.
async fn ownership(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
with ours as (select n.oid, n.nspname, n.nspowner from pg_namespace n where n.nspname in ('presence', 'presence_private', 'presence_host'))
select o.what, o.owner::regrole::text
  from (select 'schema ' || o.nspname, o.nspowner from ours o
         union all
        select case c.relkind when 'v' then 'view ' when 'S' then 'sequence ' when 'm' then 'materialized view '
                              when 'c' then 'type ' else 'table ' end || c.oid::regclass, c.relowner
          from pg_class c join ours on ours.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'c')
           -- the sequence of an identity column goes with its table
           and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'i' and c.relkind = 'S')
         union all
        select case f.prokind when 'p' then 'procedure ' when 'a' then 'aggregate ' else 'function ' end || f.oid::regprocedure, f.proowner
          from pg_proc f join ours on ours.oid = f.pronamespace
         union all
        select 'domain ' || t.oid::regtype, t.typowner from pg_type t join ours on ours.oid = t.typnamespace where t.typtype = 'd') as o(what, owner)
 where o.owner <> 'presence_owner'::regrole
 order by 1";
    let rows = p.ask(As::Login, sql, &[]).await?;
    let check = "installed.ownership";
    if rows.is_empty() {
        return Ok(vec![Finding::ok(
            check,
            "presence_owner owns everything in the three schemas.",
        )]);
    }
    let whats: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let owners: Vec<String> = rows
        .iter()
        .map(|row| format!("{} is owned by {}", row.get::<_, &str>(0), row.get::<_, &str>(1)))
        .collect();
    let alters: Vec<String> = whats
        .iter()
        .map(|what| format!("alter {what} owner to presence_owner;"))
        .collect();
    let says = format!("Not everything is owned by presence_owner: {}.", listed(&whats));
    Ok(vec![
        Finding::error(check, says)
            .mend("Hand it over, as a superuser or as its owner.")
            .sql(alters.join("\n"))
            .details(owners),
    ])
}

/// A role for SQL.
pub fn grantee(name: &str) -> String {
    match name {
        "public" => name.to_owned(),
        name => identifier(name),
    }
}
