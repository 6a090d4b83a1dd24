//! Which tables are to be watched, by which columns: presence ends as soon as they change.

use super::{
    Catalog, Error, Mapping, Part, Spec, Value,
    names::{array, literal, qualified},
    scan::identifiers,
};

/// Columns that were named, and words of expressions that may name one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Columns {
    /// Named, in order, each once.
    pub sure: Vec<String>,
    /// To be looked for in the catalog of the database that the SQL runs in.
    pub maybe: Vec<String>,
}

impl Columns {
    fn add(&mut self, column: &str) {
        if !self.sure.iter().any(|known| known == column) {
            self.sure.push(column.to_owned());
        }
    }

    /// With what stands behind a word.
    pub fn add_value(&mut self, value: &Value, full: (&str, &str), catalog: Option<&Catalog>) {
        match value {
            Value::Column(column) => self.add(column),
            Value::Literal(_) => {}
            Value::Expression(sql) => self.add_sql(sql, full, catalog),
        }
    }

    /// With what SQL names.
    pub fn add_sql(&mut self, sql: &str, full: (&str, &str), catalog: Option<&Catalog>) {
        match catalog {
            Some(catalog) => catalog
                .columns_in(full, sql)
                .iter()
                .for_each(|column| self.add(column)),
            None => self.maybe.extend(identifiers(sql)),
        }
    }

    /// SQL that selects, of those words, the ones that are columns of the table.
    pub fn maybe_sql(&self, selected: &str, full: (&str, &str)) -> String {
        format!(
            "select {selected} from pg_catalog.pg_attribute a\n         where a.attrelid = {}::regclass and a.attnum > 0 and not a.attisdropped\n           and a.attname = any ({})",
            literal(&qualified(full)),
            array(self.maybe.iter().map(String::as_str))
        )
    }
}

/// A call of presence.watch_table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Watch<'a> {
    /// Whose.
    pub part: Part,
    /// The table.
    pub full: (&'a str, &'a str),
    room: Option<&'a str>,
    user: Option<&'a str>,
    also: Columns,
    expires: Option<&'a str>,
}

impl Watch<'_> {
    /// The call.
    pub fn sql(&self) -> String {
        let mut arguments = vec![literal(&qualified(self.full))];
        let mut named = |name: &str, value: Option<String>| {
            arguments.extend(value.map(|value| format!("{name} => {value}")));
        };
        named("room_column", self.room.map(literal));
        named("user_column", self.user.map(literal));
        named("also", self.also_sql());
        named("logout", (self.part == Part::Logins).then(|| "true".to_owned()));
        named("expires_column", self.expires.map(literal));
        format!("select presence.watch_table({});\n", arguments.join(", "))
    }

    fn also_sql(&self) -> Option<String> {
        let sure = array(self.also.sure.iter().map(String::as_str));
        match (self.also.sure.is_empty(), self.also.maybe.is_empty()) {
            (true, true) => None,
            (false, true) => Some(sure),
            (is_none, false) => {
                let selected = "coalesce(array_agg(a.attname), '{}')";
                let found = format!("(\n        {})", self.also.maybe_sql(selected, self.full));
                Some(match is_none {
                    true => found,
                    false => format!("{sure}::name[] || {found}"),
                })
            }
        }
    }
}

/// All that is to be watched.
pub(super) fn watches<'a>(spec: &'a Spec, catalog: Option<&Catalog>) -> Result<Vec<Watch<'a>>, Error> {
    let mut watches: Vec<Watch<'a>> = vec![];
    if !spec.watch {
        return Ok(watches);
    }
    for part in [Part::Participants, Part::Rooms, Part::Logins] {
        let Some(mapping) = spec.mapping(part) else {
            continue;
        };
        let full = spec.full_name(&mapping.table);
        let relation = catalog.and_then(|catalog| catalog.relation(full));
        if relation.is_some_and(|relation| !relation.is_table) {
            continue;
        }
        let watch = watch(spec, mapping, catalog);
        match watches.iter_mut().find(|other| other.full == full) {
            None => watches.push(watch),
            // Who is in a room stands in the room's own row: one watch serves both.
            Some(other) if part == Part::Rooms && other.room == watch.room => {
                watch.also.sure.iter().for_each(|column| other.also.add(column));
                other.also.maybe.extend(watch.also.maybe);
            }
            Some(other) => {
                return Err(Error::WatchedTwice {
                    part,
                    other: other.part,
                    table: qualified(full),
                });
            }
        }
    }
    Ok(watches)
}

fn watch<'a>(spec: &'a Spec, mapping: &'a Mapping, catalog: Option<&Catalog>) -> Watch<'a> {
    let full = spec.full_name(&mapping.table);
    let mut also = Columns::default();
    // Kind, vendor and role decide on access where there may be vendor rooms, and nowhere else.
    let kind = spec.mapping(Part::Rooms).and_then(|rooms| rooms.value("kind"));
    let may_have_vendors = match kind {
        None => false,
        Some(Value::Literal(kind)) => kind == "vendor",
        Some(_) => true,
    };
    if may_have_vendors {
        for word in ["kind", "vendor_id", "role"] {
            if let Some(value) = mapping.value(word) {
                also.add_value(value, full, catalog);
            }
        }
    }
    if let Some(filter) = &mapping.filter {
        also.add_sql(filter, full, catalog);
    }
    Watch {
        part: mapping.part,
        full,
        room: mapping.column("room_id"),
        user: mapping.column("user_id"),
        also,
        expires: mapping.column("expires"),
    }
}
