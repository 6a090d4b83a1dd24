//! What a migrate would do, found out by doing it in one transaction that is rolled back.
//!
//! Shape is applied from the same files as by refinery, which commits after each of them and can therefore not be
//! asked. Nothing is left behind; while it runs it holds the locks that a migrate takes one after the other.
//!
//! # Failure
//! What would fail fails here, with the database's own error.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use tokio_postgres::Transaction;

use super::{
    HISTORY, LOCK, MigrateOptions, apply_behaviour, become_owner,
    catalog::{self, Objects},
    connect, explain, history_row, history_table, report, runner, set_id_types,
};

/// What a migrate would do.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Plan {
    /// Names of the shape migrations that would be applied, oldest first.
    pub pending: Vec<String>,
    /// Objects that would be made, by kind and name.
    pub added: Vec<String>,
    /// Objects whose definition, rights or comment would be another.
    pub changed: Vec<String>,
    /// Objects that would be dropped.
    pub removed: Vec<String>,
}

impl Plan {
    /// Nothing would change.
    pub fn is_empty(&self) -> bool {
        let lists = [&self.pending, &self.added, &self.changed, &self.removed];
        lists.iter().all(|list| list.is_empty())
    }
}

/// Runs all of a migrate and takes it back.
pub async fn dry_run(url: &str, options: &MigrateOptions) -> Result<Plan> {
    let mut client = connect(url).await?;
    let transaction = client.transaction().await?;
    let plan = run(&transaction, options)
        .await
        .map_err(|error| explain(error, options.lock_timeout));
    // Said at once, and not left to the end of the connection: whoever asked may look right away.
    transaction.rollback().await.context("rolling back")?;
    plan
}

async fn run(transaction: &Transaction<'_>, options: &MigrateOptions) -> Result<Plan> {
    let lock = format!("select pg_advisory_xact_lock({LOCK})");
    transaction.batch_execute(&lock).await?;
    let status = report(transaction).await?;
    if status.newer {
        bail!(super::NEWER);
    }
    let before = catalog::objects(transaction).await?;
    become_owner(transaction, options.lock_timeout).await?;
    set_id_types(transaction, options.id_types, status.applied.is_empty()).await?;
    apply_shape(transaction).await?;
    apply_behaviour(transaction).await?;
    let after = catalog::objects(transaction).await?;
    Ok(compare(status.pending, &before, &after))
}

/// Applies what is not in the history yet; what is in it must be what this binary has.
async fn apply_shape(transaction: &Transaction<'_>) -> Result<()> {
    transaction.batch_execute(&history_table()).await?;
    let history = format!("select version, name, checksum from {HISTORY}");
    let mut applied: BTreeMap<i32, (String, String)> = BTreeMap::new();
    for row in transaction.query(&history, &[]).await? {
        applied.insert(row.get(0), (row.get(1), row.get(2)));
    }
    let mut foreign = None;
    for migration in runner().get_migrations() {
        let known = (migration.name().to_owned(), migration.checksum().to_string());
        match applied.remove(&migration.version()) {
            Some(row) if row == known => {}
            Some((name, _)) => foreign = foreign.or(Some(format!("V{}__{name}", migration.version()))),
            None => {
                let sql = migration.sql().context("a migration without its text")?;
                let applied = transaction.batch_execute(sql).await;
                applied.with_context(|| migration.to_string())?;
                transaction.batch_execute(&history_row(migration)).await?;
            }
        }
    }
    let left = applied.iter().next();
    match foreign.or(left.map(|(version, (name, _))| format!("V{version}__{name}"))) {
        None => Ok(()),
        Some(name) => {
            bail!("the migration {name} of this database is another than the one that this binary has")
        }
    }
}

fn compare(pending: Vec<String>, before: &Objects, after: &Objects) -> Plan {
    let names = |objects: &Objects, is_listed: &dyn Fn(&String) -> bool| {
        objects.keys().filter(|name| is_listed(name)).cloned().collect()
    };
    Plan {
        pending,
        added: names(after, &|name| !before.contains_key(name)),
        changed: names(after, &|name| {
            before.get(name).is_some_and(|object| object != &after[name])
        }),
        removed: names(before, &|name| !after.contains_key(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_lists_what_came_changed_and_went() {
        let object = |definition: &str| catalog::Object {
            shape: String::new(),
            definition: definition.to_owned(),
        };
        let objects = |list: &[(&str, &str)]| {
            let named = |(name, definition): &(&str, &str)| ((*name).to_owned(), object(definition));
            list.iter().map(named).collect::<Objects>()
        };

        let plan = compare(
            vec![],
            &objects(&[("view a", "1"), ("view b", "1"), ("view c", "1")]),
            &objects(&[("view b", "1"), ("view c", "2"), ("view d", "1")]),
        );

        assert_eq!(
            (plan.added, plan.changed),
            (vec!["view d".to_owned()], vec!["view c".to_owned()])
        );
        assert_eq!(plan.removed, ["view a"]);
    }
}
