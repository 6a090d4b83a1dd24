//! The dialog: a table for each part, then what stands behind each of its words.
//!
//! What is proposed, where there is a catalog, stands in brackets, and an empty answer takes it. An answer that cannot
//! be used is told why and asked for again. Questions go to `output`, which is never where the SQL goes.

use std::io::{BufRead, Write};

use anyhow::Result;

use super::{
    Catalog, Error, Mapping, Part, Spec, Table, Value, Word,
    catalog::Relation,
    guess,
    parse::{self, spell},
};

/// Asks for everything.
pub fn ask(
    input: &mut dyn BufRead,
    output: &mut dyn Write,
    catalog: Option<&Catalog>,
    schema: &str,
) -> Result<Spec> {
    writeln!(
        output,
        "Names are as they are in the database: User, and not \"User\". Enter takes what stands in [brackets], - leaves it out.\n\
         A value is a column, a text like 'chat', or SQL behind expr:"
    )?;
    let mut spec = Spec {
        mappings: vec![],
        schema: schema.to_owned(),
        watch: true,
    };
    for part in Part::ALL {
        let mut dialog = Dialog { input, output, part };
        let mapping = loop {
            match dialog.mapping(&spec, catalog)? {
                Ok(mapping) => break mapping,
                Err(error) => writeln!(dialog.output, "  {}", why(error))?,
            }
        };
        spec.mappings.extend(mapping);
    }
    for mapping in &spec.mappings {
        let line = parse::line(mapping).replace('\'', "'\\''");
        writeln!(output, "--{} '{line}'", mapping.part)?;
    }
    Ok(spec)
}

struct Dialog<'a> {
    input: &'a mut dyn BufRead,
    output: &'a mut dyn Write,
    part: Part,
}

impl Dialog<'_> {
    /// One part; none where there is no such table, the inner error where the answers do not go together.
    fn mapping(&mut self, spec: &Spec, catalog: Option<&Catalog>) -> Result<Result<Option<Mapping>, Error>> {
        let Some((table, relation)) = self.table(spec, catalog)? else {
            return Ok(Ok(None));
        };
        let mut values = vec![];
        for word in self.part.words() {
            let proposed = relation.and_then(|relation| guess::column(relation, self.part, word.name));
            let question = format!("  {} ({})", word.name, word.meaning);
            let value = loop {
                match self.answer(&question, proposed.map(spell).as_deref())? {
                    None if word.needed => writeln!(self.output, "  {} is needed", word.name)?,
                    None => break None,
                    Some(answer) => match self.value(&answer, word, relation) {
                        Ok(value) => break Some(value),
                        Err(why) => writeln!(self.output, "  {why}")?,
                    },
                }
            };
            values.extend(value.map(|value| (word.name.to_owned(), value)));
        }
        let filter = loop {
            match self.answer("  where (which rows count, as SQL; all)", None)? {
                None => break None,
                Some(answer) => match parse::filter(self.part, &answer) {
                    Ok(filter) => break Some(filter),
                    Err(error) => writeln!(self.output, "  {}", why(error))?,
                },
            }
        };
        Ok(Mapping::new(self.part, table, values, filter).map(Some))
    }

    fn table<'c>(
        &mut self,
        spec: &Spec,
        catalog: Option<&'c Catalog>,
    ) -> Result<Option<(Table, Option<&'c Relation>)>> {
        let proposed = catalog.and_then(|catalog| guess::table(catalog, self.part));
        let proposed =
            proposed.map(|relation| format!("{}.{}", spell(&relation.schema), spell(&relation.name)));
        let question = match self.part.is_needed() {
            true => format!("The table of {}", self.part),
            false => format!("The table of {} (where there is one)", self.part),
        };
        loop {
            let Some(answer) = self.answer(&question, proposed.as_deref())? else {
                if self.part.is_needed() {
                    writeln!(self.output, "  {} are needed", self.part)?;
                    continue;
                }
                return Ok(None);
            };
            let found = parse::table(self.part, &answer).and_then(|table| {
                let relation = catalog
                    .map(|catalog| catalog.find(spec, self.part, &table))
                    .transpose()?;
                Ok((table, relation))
            });
            match found {
                Ok(found) => return Ok(Some(found)),
                Err(error) => writeln!(self.output, "  {}", why(error))?,
            }
        }
    }

    fn value(&self, answer: &str, word: &Word, relation: Option<&Relation>) -> Result<Value, String> {
        let value = parse::value(self.part, answer).map_err(why)?;
        word.accepts(self.part, &value).map_err(why)?;
        match (&value, relation) {
            (Value::Column(column), Some(relation)) if relation.type_of(column).is_none() => {
                let columns: Vec<&str> = relation.columns.iter().map(|(name, _)| name.as_str()).collect();
                Err(format!(
                    "there is no column {column}; there are {}",
                    columns.join(", ")
                ))
            }
            _ => Ok(value),
        }
    }

    /// An answer, or what was proposed; none where it is to be left out.
    fn answer(&mut self, question: &str, proposed: Option<&str>) -> Result<Option<String>> {
        match proposed {
            Some(proposed) => write!(self.output, "{question} [{proposed}]: ")?,
            None => write!(self.output, "{question}: ")?,
        }
        self.output.flush()?;
        let mut line = String::new();
        if self.input.read_line(&mut line)? == 0 {
            return Err(Error::Unanswered.into());
        }
        Ok(match line.trim() {
            "-" => None,
            "" => proposed.map(str::to_owned),
            answer => Some(answer.to_owned()),
        })
    }
}

/// Why, without the line that a flag would be.
fn why(error: Error) -> String {
    match error {
        Error::Syntax { why, .. } => why,
        error => error.to_string(),
    }
}
