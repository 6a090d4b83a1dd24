//! The nodes of the service, as each tells of itself: one that fell silent, one that is not ready, versions that differ.

use std::collections::BTreeSet;

use super::{
    Finding,
    ask::{As, Patient, Trouble},
    counted, listed,
    transactions::span,
};
use crate::domain::overview::SILENT_MS;

/// The check of them; where none runs, presence may well be used from SQL alone.
pub async fn examine(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
select n.node_id, n.version, extract(epoch from statement_timestamp() - n.seen_at)::float8,
       n.figures -> 'is_ready' is distinct from 'false',
       (select string_agg(c, '; ') from jsonb_array_elements_text(
           case jsonb_typeof(n.figures -> 'causes') when 'array' then n.figures -> 'causes' else '[]' end) c)
  from presence_private.node n order by n.node_id limit 200";
    let check = "service.nodes";
    let rows = p.ask(As::Owner, sql, &[]).await?;
    let (mut found, mut running, mut versions) = (vec![], vec![], BTreeSet::new());
    for row in &rows {
        let (node, version, silent_s, is_ready): (&str, &str, f64, bool) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        let causes: Option<&str> = row.get(4);
        if silent_s * 1e3 > SILENT_MS as f64 {
            let says = format!(
                "The node {node} has told nothing of itself for {}.",
                span(silent_s)
            );
            found.push(Finding::warning(check, says).mend(
                "Where it should run, look at its process and its machine: it died, stands still, or cannot reach the \
                 database. It is forgotten five minutes after its last word.",
            ));
            continue;
        }
        running.push(node.to_owned());
        versions.insert(version.to_owned());
        if !is_ready {
            let says = format!(
                "The node {node} is not ready: {}.",
                causes.unwrap_or("it does not say why")
            );
            found.push(
                Finding::warning(check, says).mend("Its log says more; until then it should get no traffic."),
            );
        }
    }
    if versions.len() > 1 {
        let versions: Vec<String> = versions.into_iter().collect();
        let says = format!("Nodes of different versions run: {}.", listed(&versions));
        found.push(Finding::note(check, says).mend("Replace those of the older one; both work meanwhile."));
    }
    if found.is_empty() {
        found.push(Finding::ok(
            check,
            match running.is_empty() {
                true => "No node of the service tells of itself here.".to_owned(),
                false => format!(
                    "{}, ready: {}.",
                    counted(
                        running.len() as i64,
                        "node of the service runs",
                        "nodes of the service run"
                    ),
                    listed(&running)
                ),
            },
        ));
    }
    Ok(found)
}
