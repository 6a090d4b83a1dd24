//! What a database's catalog says of the tables that were named. Reads the catalog alone, which any login may.

use std::time::Duration;

use anyhow::{Context, Result};

use super::{
    Error, Kind, Mapping, Part, Spec, Table, Value,
    names::{ident, qualified},
    scan::identifiers,
};
use crate::connect::Target;

/// Tables of the database and the types of ids, as they were when it was read.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// Domain of the schema `presence` and the type behind it; empty where presence is not installed.
    pub id_types: Vec<(String, String)>,
    /// Everything that a mapping could read, but what belongs to Postgres and to presence.
    pub tables: Vec<Relation>,
}

/// A table, or what reads like one.
#[derive(Debug, Clone, Default)]
pub struct Relation {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Whether triggers may be made on it: it is no view.
    pub is_table: bool,
    /// Who owns it.
    pub owner: String,
    /// Whether row-level security is on.
    pub row_security: bool,
    /// Whether a restrictive policy may hide rows from presence_owner, whatever else is granted.
    pub is_restricted: bool,
    /// Columns and their types, domains resolved.
    pub columns: Vec<(String, String)>,
}

impl Relation {
    /// The type of a column.
    pub fn type_of(&self, column: &str) -> Option<&str> {
        let found = self.columns.iter().find(|(name, _)| name == column);
        found.map(|(_, type_name)| type_name.as_str())
    }
}

const ID_TYPES: &str = "\
select t.typname::text, format_type(t.typbasetype, null)
  from pg_catalog.pg_type t
  join pg_catalog.pg_namespace n on n.oid = t.typnamespace
 where n.nspname = 'presence' and t.typtype = 'd' and t.typname in ('user_id', 'room_id', 'event_id')";

const TABLES: &str = "\
select n.nspname::text, c.relname::text, c.relkind in ('r', 'p'), pg_get_userbyid(c.relowner)::text, c.relrowsecurity,
       exists (select from pg_catalog.pg_policy p
                where p.polrelid = c.oid and not p.polpermissive and p.polroles = '{0}' and p.polcmd in ('*', 'r')),
       array_agg(a.attname::text order by a.attnum),
       array_agg(format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null) order by a.attnum)
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_catalog.pg_type t on t.oid = a.atttypid
 where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
   and n.nspname not in ('information_schema', 'presence', 'presence_private', 'presence_host')
   and n.nspname not like 'pg\\_%'
 group by n.nspname, c.oid, c.relname, c.relkind, c.relowner, c.relrowsecurity
 order by n.nspname, c.relname";

impl Catalog {
    /// Reads it.
    pub async fn read(url: &str) -> Result<Self> {
        let target = Target::parse(url, "pg-presence generate").context("the database URL")?;
        let connecting = target.within(Duration::from_secs(10)).client().await;
        let (client, _) = connecting.context("connecting to the database")?;
        let id_types = client.query(ID_TYPES, &[]).await.context("the types of ids")?;
        let tables = client.query(TABLES, &[]).await.context("the tables")?;
        let relation = |row: &tokio_postgres::Row| Relation {
            schema: row.get(0),
            name: row.get(1),
            is_table: row.get(2),
            owner: row.get(3),
            row_security: row.get(4),
            is_restricted: row.get(5),
            columns: row
                .get::<_, Vec<String>>(6)
                .into_iter()
                .zip(row.get::<_, Vec<String>>(7))
                .collect(),
        };
        Ok(Self {
            id_types: id_types.iter().map(|row| (row.get(0), row.get(1))).collect(),
            tables: tables.iter().map(relation).collect(),
        })
    }

    /// The table of this schema and name.
    pub fn relation(&self, (schema, name): (&str, &str)) -> Option<&Relation> {
        self.tables
            .iter()
            .find(|table| table.schema == schema && table.name == name)
    }

    /// The type behind a domain; none where presence is not installed.
    pub fn id_type(&self, domain: &str) -> Option<&str> {
        let found = self.id_types.iter().find(|(name, _)| name == domain);
        found.map(|(_, type_name)| type_name.as_str())
    }

    /// The mapping's table, or which there are instead.
    pub fn find(&self, spec: &Spec, part: Part, table: &Table) -> Result<&Relation, Error> {
        let full = spec.full_name(table);
        let same = |relation: &&Relation| relation.name.eq_ignore_ascii_case(&table.name);
        self.relation(full).ok_or_else(|| Error::NoTable {
            part,
            table: qualified(full),
            alike: self
                .tables
                .iter()
                .filter(same)
                .map(|relation| format!("{}.{}", relation.schema, relation.name))
                .collect(),
        })
    }

    /// Refuses what the catalog contradicts.
    pub fn check(&self, spec: &Spec) -> Result<(), Error> {
        for mapping in &spec.mappings {
            let relation = self.find(spec, mapping.part, &mapping.table)?;
            for (word, value) in &mapping.values {
                let Value::Column(column) = value else { continue };
                let table = qualified(spec.full_name(&mapping.table));
                let Some(found) = relation.type_of(column) else {
                    return Err(Error::NoSuchColumn {
                        part: mapping.part,
                        table,
                        column: ident(column),
                        columns: relation.columns.iter().map(|(name, _)| name.clone()).collect(),
                    });
                };
                let kind = mapping.part.word(word).map(|word| word.kind);
                let Some(Kind::Key(domain)) = kind else { continue };
                let installed = self.id_type(domain);
                if !installed.is_none_or(|installed| fits(found, installed)) {
                    return Err(Error::KeyType {
                        part: mapping.part,
                        table,
                        column: ident(column),
                        found: found.to_owned(),
                        domain,
                        installed: installed.unwrap_or_default().to_owned(),
                    });
                }
            }
        }
        Ok(())
    }

    /// What would go wrong later, or is to be done first.
    pub fn notes(&self, spec: &Spec) -> Vec<String> {
        let mut notes = vec![];
        if self.id_types.is_empty() {
            notes.push(format!(
                "presence is not installed here: first run pg-presence migrate{}",
                self.id_type_flags(spec)
            ));
        }
        for mapping in &spec.mappings {
            let full = spec.full_name(&mapping.table);
            let Some(relation) = self.relation(full) else {
                continue;
            };
            if relation.is_restricted && mapping.part != Part::Logins {
                notes.push(format!(
                    "a restrictive policy of {} holds for every role: see that it shows presence_owner all rows",
                    qualified(full)
                ));
            }
            if !relation.is_table && spec.watch && mapping.part != Part::Users && mapping.part != Part::Events
            {
                notes.push(format!("{} is no table and cannot be watched", qualified(full)));
            }
        }
        notes
    }

    /// The flags of the first migrate that fit the keys.
    fn id_type_flags(&self, spec: &Spec) -> String {
        let mut flags = String::new();
        for (part, word) in [
            (Part::Users, "user_id"),
            (Part::Rooms, "room_id"),
            (Part::Rooms, "event_id"),
        ] {
            let Some(mapping) = spec.mapping(part) else {
                continue;
            };
            let relation = self.relation(spec.full_name(&mapping.table));
            let found = mapping
                .column(word)
                .and_then(|column| relation.and_then(|relation| relation.type_of(column)));
            let wanted = match found {
                Some("uuid") => "uuid",
                Some(number) if is_small(number) || number == "bigint" => "bigint",
                _ => continue,
            };
            flags.push_str(&format!(" --{}-type {wanted}", word.replace('_', "-")));
        }
        flags
    }

    /// The keys of a mapping by which rows are looked for, and whose own index is not used: they are below bigint.
    pub(super) fn small_keys<'a>(&self, spec: &Spec, mapping: &'a Mapping) -> Vec<&'a str> {
        let Some(relation) = self.relation(spec.full_name(&mapping.table)) else {
            return vec![];
        };
        // Nobody is looked for by the coordinator or the vendor.
        let words = ["user_id", "room_id", "event_id"].into_iter();
        words
            .filter_map(|word| mapping.column(word))
            .filter(|column| relation.type_of(column).is_some_and(is_small))
            .collect()
    }

    /// Those words of an expression that are columns of this table.
    pub(super) fn columns_in(&self, full: (&str, &str), sql: &str) -> Vec<String> {
        let relation = self.relation(full);
        identifiers(sql)
            .into_iter()
            .filter(|name| relation.is_some_and(|relation| relation.type_of(name).is_some()))
            .collect()
    }
}

/// Whether an index of a column of this type serves ids of the installed type, or can be made to.
fn fits(found: &str, installed: &str) -> bool {
    match installed {
        "text" => matches!(found, "text" | "character varying"),
        "bigint" => found == "bigint" || is_small(found),
        installed => found == installed,
    }
}

fn is_small(type_name: &str) -> bool {
    matches!(type_name, "integer" | "smallint")
}
