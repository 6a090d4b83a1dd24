//! What the mapping gives: missing ids, rows twice, ids that fit nothing, words that never match, e-mail addresses.
//!
//! Each question is bounded; of tables too long to be read within that time it says so.

use std::collections::BTreeMap;

use super::{
    Finding,
    ask::{As, Patient, Trouble},
    checked, listed,
    look_ups::Source,
    mapping::Function,
};

/// All checks on rows.
pub async fn examine(
    p: &Patient,
    functions: &[Function],
    sources: &BTreeMap<&'static str, Source>,
) -> Vec<Finding> {
    let of = |name: &str| functions.iter().find(|one| one.name == name);
    let (users, rooms, participants) = (of("users"), of("rooms"), of("participants"));
    let mut found = vec![];
    for (function, ids) in [
        (users, &["user_id"][..]),
        (rooms, &["room_id"]),
        (participants, &["room_id", "user_id"]),
    ] {
        if let Some(function) = function {
            found.extend(checked("mapping.nulls", nulls(p, function, ids)).await);
            let tables = sources
                .get(function.name)
                .map(|source| source.relations.as_slice())
                .unwrap_or_default();
            let table = tables
                .first()
                .filter(|_| tables.len() == 1)
                .map(|one| one.name.as_str());
            found.extend(checked("mapping.duplicates", duplicates(p, function, ids, table)).await);
        }
    }
    if let Some(participants) = participants {
        for (other, id, column) in [(rooms, "room", "room_id"), (users, "user", "user_id")] {
            if other.is_some() {
                found.extend(checked("mapping.orphans", orphans(p, id, column)).await);
            }
        }
        let words = "lower(btrim(m.role)) in ('coordinator', 'collaborator', 'vendor')";
        found.extend(checked("mapping.words", misspelt(p, participants, "role", words)).await);
    }
    if let Some(rooms) = rooms {
        found.extend(
            checked(
                "mapping.words",
                misspelt(p, rooms, "kind", "lower(btrim(m.kind)) = 'vendor'"),
            )
            .await,
        );
        found.extend(checked("mapping.vendors", vendorless(p)).await);
    }
    if let Some(users) = users {
        found.extend(checked("mapping.profile", addresses(p, users)).await);
    }
    for (check, says, needs) in FINE {
        let is_asked = needs.iter().all(|name| of(name).is_some());
        if is_asked && !found.iter().any(|finding| finding.check == check) {
            found.push(Finding::ok(check, says));
        }
    }
    found
}

/// What is said where a check finds nothing, and of which functions it asks.
const FINE: [(&str, &str, &[&str]); 6] = [
    ("mapping.nulls", "No row is without its ids.", &["participants"]),
    (
        "mapping.duplicates",
        "No user, room or participant is there twice.",
        &["participants"],
    ),
    (
        "mapping.orphans",
        "Participants' rooms and users are mapped too.",
        &["participants", "rooms", "users"],
    ),
    (
        "mapping.words",
        "Kinds and roles are spelt so that the rule of access knows them.",
        &["participants", "rooms"],
    ),
    ("mapping.vendors", "Each vendor room has its vendor.", &["rooms"]),
    (
        "mapping.profile",
        "Names of users are no e-mail addresses.",
        &["users"],
    ),
];

/// Rows that are counted at most.
const COUNT_MAX: i64 = 1000;

fn rows_counted(count: i64) -> String {
    match count {
        1 => "1 row".to_owned(),
        count if count > COUNT_MAX => format!("more than {COUNT_MAX} rows"),
        count => format!("{count} rows"),
    }
}

async fn nulls(p: &Patient, function: &Function, ids: &[&str]) -> Result<Vec<Finding>, Trouble> {
    let is_null: Vec<String> = ids.iter().map(|id| format!("m.{id} is null")).collect();
    let sql = format!(
        "select count(*) from (select from {} m where {} limit {}) x",
        function.call(),
        is_null.join(" or "),
        COUNT_MAX + 1
    );
    let count: i64 = p.ask_one(As::Owner, &sql, &[]).await?.get(0);
    if count == 0 {
        return Ok(vec![]);
    }
    let is_there: Vec<String> = ids.iter().map(|id| format!("m.{id} is not null")).collect();
    let columns: Vec<String> = function
        .columns()
        .iter()
        .map(|column| format!("m.{column}"))
        .collect();
    let tail = format!("\n     where {}", is_there.join(" and "));
    Ok(vec![
        Finding::warning(
            "mapping.nulls",
            format!(
                "{} gives {} without {}.",
                function.call(),
                rows_counted(count),
                ids.join(" or ")
            ),
        )
        .mend("Leave them out.")
        .sql(function.around(&columns.join(", "), &tail)),
    ])
}

async fn duplicates(
    p: &Patient,
    function: &Function,
    ids: &[&str],
    table: Option<&str>,
) -> Result<Vec<Finding>, Trouble> {
    let keys: Vec<String> = ids.iter().map(|id| format!("m.{id}")).collect();
    let shown: Vec<String> = keys.iter().map(|key| format!("{key}::text")).collect();
    let differ = match function.name {
        "participants" => "count(distinct coalesce(m.role, '')) > 1",
        "rooms" => "count(distinct row(m.kind, m.vendor_id)) > 1",
        _ => "count(distinct row(m.name, m.avatar_url)) > 1",
    };
    let twice = format!(
        "select concat_ws(' / ', {}), {differ} from {} m group by {} having count(*) > 1",
        shown.join(", "),
        function.call(),
        keys.join(", ")
    );
    let rows = p
        .ask(As::Owner, &format!("{twice} order by 2 desc limit 11"), &[])
        .await?;
    if rows.is_empty() {
        return Ok(vec![]);
    }
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let is_ambiguous = rows.iter().any(|row| row.get(1));
    let (check, call) = ("mapping.duplicates", function.call());
    let finding = match (is_ambiguous, function.name) {
        (false, _) => Finding::note(
            check,
            format!("{call} gives the same row more than once: {}.", listed(&names)),
        ),
        (true, "participants") => Finding::warning(
            check,
            format!(
                "{call} gives participants several roles, of which any may count: {}.",
                listed(&names)
            ),
        ),
        (true, _) => Finding::warning(
            check,
            format!(
                "{call} gives several rows for one id, of which any may count: {}.",
                listed(&names)
            ),
        ),
    };
    let query = format!("{twice};");
    Ok(vec![match table {
        Some(table) => finding.mend(format!("Remove what is there twice from {table}, and keep it so with a unique index; these are all of them:")),
        None => finding.mend("Write the body so that each is there once; these are all of them:"),
    }
    .sql(query)])
}

/// Participants whose room, or user, is not mapped.
async fn orphans(p: &Patient, id: &str, column: &str) -> Result<Vec<Finding>, Trouble> {
    let lost = format!(
        "select distinct m.{column}::text from presence_host.participants() m \
         where m.{column} is not null and not exists (select from presence_host.{id}s() o where o.{column} = m.{column})"
    );
    let names = p.list(As::Owner, &format!("{lost} limit 11"), &[]).await?;
    if names.is_empty() {
        return Ok(vec![]);
    }
    let none_fits = format!(
        "select not exists (select from presence_host.participants() m join presence_host.{id}s() o on o.{column} = m.{column})"
    );
    let check = "mapping.orphans";
    if p.ask_one(As::Owner, &none_fits, &[]).await?.get(0) {
        return Ok(vec![
            Finding::error(
                check,
                format!(
                    "No participant's {column} is that of a {id}: {} and so on are in participants() alone.",
                    listed(&names[..names.len().min(3)])
                ),
            )
            .mend(format!(
                "Map the same id in participants() and {id}s(); this shows what does not fit:"
            ))
            .sql(format!("{lost} limit 20;")),
        ]);
    }
    let harm = match id {
        "room" => "nobody may enter them",
        _ => "they have no name",
    };
    Ok(vec![
        Finding::note(
            check,
            format!(
                "Participants name {id}s that {id}s() does not have, so that {harm}: {}.",
                listed(&names)
            ),
        )
        .mend("Nothing to do where that is meant, as for archived ones; this shows all of them:")
        .sql(format!("{lost};")),
    ])
}

async fn misspelt(
    p: &Patient,
    function: &Function,
    column: &str,
    known: &str,
) -> Result<Vec<Finding>, Trouble> {
    let sql = format!(
        "select distinct quote_literal(m.{column}) from {} m where {known} and m.{column} <> lower(btrim(m.{column})) limit 11",
        function.call()
    );
    let words = p.list(As::Owner, &sql, &[]).await?;
    if words.is_empty() {
        return Ok(vec![]);
    }
    let (check, call) = ("mapping.words", function.call());
    let is_open = words.iter().any(|word| word.to_lowercase().contains("vendor"));
    let says = format!("{call} says {} as {column}", listed(&words));
    let finding = match is_open {
        // Vendors enter rooms that are not theirs.
        true => Finding::error(
            check,
            format!("{says}, and only 'vendor' counts, so that the rule for vendor rooms does not hold."),
        ),
        false => Finding::warning(
            check,
            format!("{says}, and only words in small letters without spaces are known."),
        ),
    };
    let columns: Vec<String> = function
        .columns()
        .iter()
        .map(|one| {
            if *one == column {
                format!("lower(btrim(m.{one}))")
            } else {
                format!("m.{one}")
            }
        })
        .collect();
    Ok(vec![
        finding
            .mend("Hand it on in small letters.")
            .sql(function.around(&columns.join(", "), "")),
    ])
}

async fn vendorless(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let query =
        "select m.room_id::text from presence_host.rooms() m where m.kind = 'vendor' and m.vendor_id is null";
    let rooms = p.list(As::Owner, &format!("{query} limit 11"), &[]).await?;
    if rooms.is_empty() {
        return Ok(vec![]);
    }
    Ok(vec![
        Finding::warning(
            "mapping.vendors",
            format!(
                "Vendor rooms without a vendor_id let no vendor in: {}.",
                listed(&rooms)
            ),
        )
        .mend("Give each its vendor, or another kind; this shows all of them:")
        .sql(format!("{query};")),
    ])
}

async fn addresses(p: &Patient, users: &Function) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
select count(*), count(*) filter (where x.name like '%_@_%')
  from (select m.name from presence_host.users() m limit 1000) x";
    let row = p.ask_one(As::Owner, sql, &[]).await?;
    let (all, with_at): (i64, i64) = (row.get(0), row.get(1));
    if with_at * 2 <= all {
        return Ok(vec![]);
    }
    let selected = "m.user_id, split_part(m.name, '@', 1), m.avatar_url";
    Ok(vec![
        Finding::warning("mapping.profile", format!("{} hands on e-mail addresses as names ({with_at} of {all}), and everybody in a room sees them: it is for the public profile only.", users.call()))
            .mend("Map a column that is meant to be seen; until there is one, what stands before the @.")
            .sql(users.around(selected, "")),
    ])
}
