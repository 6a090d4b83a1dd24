//! Reads names, texts and SQL out of what somebody typed, letter by letter. Knows nothing of parts and words.

use std::collections::BTreeSet;

use super::names::RESERVED;

/// What ends a name that stands without quotes.
const ENDS_NAME: &[char] = &['.', ',', '(', ')', '=', '"', '\'', ';'];

/// A text and how far it was read.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// What was not read yet.
    pub fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Takes this if it is next, blanks apart.
    pub fn take(&mut self, wanted: &str) -> bool {
        self.skip_blanks();
        let is_next = self.rest().starts_with(wanted);
        self.at += if is_next { wanted.len() } else { 0 };
        is_next
    }

    /// Takes this word if it is next, in any case, and not just the beginning of another.
    pub fn take_word(&mut self, wanted: &str) -> bool {
        self.skip_blanks();
        let end = self.rest().find(|letter: char| !letter.is_alphanumeric());
        let word = &self.rest()[..end.unwrap_or(self.rest().len())];
        let is_next = word.eq_ignore_ascii_case(wanted);
        self.at += if is_next { wanted.len() } else { 0 };
        is_next
    }

    /// A name: as it is in the catalog, or in double quotes with quotes doubled.
    pub fn name(&mut self, what: &str) -> Result<String, String> {
        self.skip_blanks();
        if self.rest().starts_with('"') {
            return self.quoted('"');
        }
        let end = self
            .rest()
            .find(|letter: char| ENDS_NAME.contains(&letter) || letter.is_whitespace());
        let name = &self.rest()[..end.unwrap_or(self.rest().len())];
        self.at += name.len();
        match name.is_empty() {
            false => Ok(name.to_owned()),
            true => Err(format!("{what} is missing{}", self.place())),
        }
    }

    /// What stands between two of this quote, with quotes doubled.
    pub fn quoted(&mut self, quote: char) -> Result<String, String> {
        let begin = self.at;
        let end = end_of_quoted(self.rest(), quote)
            .ok_or_else(|| format!("the quote in {} is not closed", &self.text[begin..]))?;
        self.at += end;
        let inner = &self.text[begin + 1..self.at - 1];
        match inner.is_empty() {
            true if quote == '"' => Err("\"\" is no name".to_owned()),
            _ => Ok(inner.replace(&format!("{quote}{quote}"), &quote.to_string())),
        }
    }

    /// SQL up to a comma or parenthesis that is not within it.
    pub fn sql(&mut self) -> Result<String, String> {
        let length = sql_length(self.rest())?;
        let sql = self.rest()[..length].trim();
        self.at += length;
        match sql.is_empty() {
            false => Ok(sql.to_owned()),
            true => Err("expr: needs an expression behind it".to_owned()),
        }
    }

    /// Where it stands, for a message.
    pub fn place(&self) -> String {
        match self.rest().trim() {
            "" => " at the end".to_owned(),
            rest => format!(" before {rest}"),
        }
    }
}

/// The length of the quoted text that this begins with.
fn end_of_quoted(text: &str, quote: char) -> Option<usize> {
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter == quote {
            match letters.peek() {
                Some((_, next)) if *next == quote => _ = letters.next(),
                _ => return Some(at + quote.len_utf8()),
            }
        }
    }
    None
}

/// How long the SQL is that this begins with. What could end a statement, or hide what follows, is refused.
fn sql_length(text: &str) -> Result<usize, String> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let rest = &text[at..];
        match letter {
            '\'' | '"' => {
                at += end_of_quoted(rest, letter)
                    .ok_or_else(|| format!("the quote in {rest} is not closed"))?;
                continue;
            }
            '(' => depth += 1,
            ')' | ',' if depth == 0 => return Ok(at),
            ')' => depth -= 1,
            ';' => return Err("`;` may stand in no expression".to_owned()),
            _ if rest.starts_with("--") || rest.starts_with("/*") => {
                return Err("a comment may stand in no expression".to_owned());
            }
            _ => {}
        }
        at += letter.len_utf8();
    }
    match depth {
        0 => Ok(at),
        _ => Err(format!("a parenthesis in {} is not closed", text.trim())),
    }
}

/// All of a text as one piece of SQL.
pub(super) fn whole_sql(text: &str) -> Result<String, String> {
    let text = text.trim();
    match sql_length(text)? {
        _ if text.is_empty() => Err("the expression is empty".to_owned()),
        length if length == text.len() => Ok(text.to_owned()),
        length => Err(format!("{} does not belong to an expression", &text[length..])),
    }
}

/// Every word of an expression that may name a column, as Postgres would fold it. Not what is reserved, nor what stands
/// in texts.
pub(super) fn identifiers(sql: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut scanner = Scanner::new(sql);
    while let Some(letter) = scanner.rest().chars().next() {
        match letter {
            '"' => found.extend(scanner.quoted('"').ok()),
            '\'' => drop(scanner.quoted('\'')),
            letter if letter.is_alphabetic() || letter == '_' => {
                let word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
                let end = scanner.rest().find(|letter| !word(letter));
                let name = &scanner.rest()[..end.unwrap_or(scanner.rest().len())];
                let folded = name.to_ascii_lowercase();
                if !RESERVED.contains(&folded.as_str()) {
                    found.insert(folded);
                }
                scanner.at += name.len();
            }
            // a number keeps its letters: 1e5 names nothing
            letter if letter.is_ascii_digit() => {
                let end = scanner.rest().find(|letter: char| !letter.is_alphanumeric());
                scanner.at += end.unwrap_or(scanner.rest().len());
            }
            letter => scanner.at += letter.len_utf8(),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_ends_where_it_is_balanced() {
        let mut scanner = Scanner::new("coalesce(a, ')', \"b,)\"), name=b)");

        assert_eq!(scanner.sql().expect("SQL"), "coalesce(a, ')', \"b,)\")");
        assert_eq!(scanner.rest(), ", name=b)");
    }

    #[test]
    fn what_could_end_a_statement_is_refused() {
        for bad in ["a; drop table b", "a -- b", "a /* b", "f(a", "'a", "\"a", "", " "] {
            assert!(whole_sql(bad).is_err(), "{bad}");
        }
        for bad in ["a, b", "a) from c"] {
            let error = whole_sql(bad).expect_err(bad);
            assert!(error.ends_with("does not belong to an expression"), "{error}");
        }
        assert_eq!(whole_sql(" a - -b ").expect("SQL"), "a - -b");
        assert_eq!(whole_sql("a = ';--/*'").expect("SQL"), "a = ';--/*'");
    }

    #[test]
    fn identifiers_are_folded_and_texts_left_out() {
        let found =
            identifiers("case when t.Is_Admin then 'lead' else meta ->> 'x y' || \"userName\" end + 1e5");

        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        assert_eq!(found, ["is_admin", "meta", "t", "userName"]);
    }
}
