//! Findings for people: by group, the worst first, wrapped, coloured where that is wanted.

use super::{Finding, Group, Severity};

/// Columns that text is wrapped to; SQL never is, so that it can be pasted.
const WIDTH: usize = 100;
/// Where text begins, behind the word for the severity.
const INDENT: &str = "           ";

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Whether the reader is a terminal that wants them.
    pub is_coloured: bool,
}

impl Style {
    fn wrap(self, code: &str, text: &str) -> String {
        match self.is_coloured {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

/// All of it, with a line at the end that counts.
pub fn render(findings: &[Finding], style: Style) -> String {
    let mut lines = vec![];
    for (group, title) in [
        (Group::Server, "Server"),
        (Group::Installed, "Installed"),
        (Group::Service, "Service"),
        (Group::Mapping, "Mapping"),
    ] {
        let mut here: Vec<&Finding> = findings.iter().filter(|found| found.group == group).collect();
        if here.is_empty() {
            continue;
        }
        here.sort_by_key(|found| std::cmp::Reverse(found.severity));
        lines.push(style.wrap("1", title));
        let fine = here
            .iter()
            .position(|found| found.severity == Severity::Ok)
            .unwrap_or(here.len());
        for found in &here[..fine] {
            lines.extend(paragraph(found, style));
        }
        lines.extend(fine_ones(&here[fine..], style));
        lines.push(String::new());
    }
    lines.push(summary(findings, style));
    lines.push(String::new());
    lines.join("\n")
}

fn paragraph(found: &Finding, style: Style) -> Vec<String> {
    let (word, code) = match found.severity {
        Severity::Error => ("error", "1;31"),
        Severity::Warning => ("warning", "1;33"),
        Severity::Skipped => ("skipped", "35"),
        Severity::Note => ("note", "36"),
        Severity::Ok => ("ok", "32"),
    };
    let name = style.wrap("2", found.check);
    let mut lines = vec![format!("  {}  {name}", style.wrap(code, &format!("{word:<7}")))];
    lines.extend(wrapped(&found.says));
    lines.extend(
        found
            .details
            .iter()
            .flat_map(|detail| wrapped(&format!("- {detail}"))),
    );
    if let Some(mend) = &found.mend {
        lines.extend(wrapped(&format!("To mend: {mend}")));
    }
    for code in found
        .sql
        .iter()
        .chain(&found.command)
        .flat_map(|text| text.lines())
    {
        lines.push(format!("{INDENT}    {}", style.wrap("36", code)));
    }
    lines
}

/// What is fine needs no words of its own: `--json` has them.
fn fine_ones(fine: &[&Finding], style: Style) -> Vec<String> {
    let names: Vec<&str> = fine
        .iter()
        .map(|found| found.check.split_once('.').map_or(found.check, |(_, name)| name))
        .collect();
    if names.is_empty() {
        return vec![];
    }
    let mut lines = wrapped(&names.join(", "));
    lines[0] = format!("  {}  {}", style.wrap("32", "ok     "), lines[0].trim_start());
    lines
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![];
    let mut line = INDENT.to_owned();
    for word in text.split_whitespace() {
        let is_begun = line.len() > INDENT.len();
        if is_begun && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, INDENT.to_owned()));
        } else if is_begun {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

fn summary(findings: &[Finding], style: Style) -> String {
    let count = |severity| findings.iter().filter(|found| found.severity == severity).count();
    let mut parts = vec![];
    for (severity, one, many, code) in [
        (Severity::Error, "error", "errors", "1;31"),
        (Severity::Warning, "warning", "warnings", "1;33"),
        (Severity::Skipped, "skipped", "skipped", "35"),
        (Severity::Note, "note", "notes", "36"),
    ] {
        match count(severity) {
            0 => {}
            1 => parts.push(style.wrap(code, &format!("1 {one}"))),
            n => parts.push(style.wrap(code, &format!("{n} {many}"))),
        }
    }
    parts.push(style.wrap("32", &format!("{} ok", count(Severity::Ok))));
    format!("{}.", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings() -> Vec<Finding> {
        vec![
            Finding::ok("server.version", "Postgres 18 is supported."),
            Finding::ok("server.primary", "It is a primary."),
            Finding::note("mapping.watched", "A word on something. ".repeat(8)),
            Finding::error("mapping.runs", "It does not run.")
                .mend("Grant it.")
                .sql("grant select on a.b to presence_owner;\ngrant usage on schema a to presence_owner;"),
        ]
    }

    #[test]
    fn the_worst_comes_first_and_sql_can_be_pasted() {
        let text = render(&findings(), Style { is_coloured: false });

        let expected = "\
Server
  ok       version, primary

Mapping
  error    mapping.runs
           It does not run.
           To mend: Grant it.
               grant select on a.b to presence_owner;
               grant usage on schema a to presence_owner;
  note     mapping.watched
           A word on something. A word on something. A word on something. A word on something. A
           word on something. A word on something. A word on something. A word on something.

1 error, 1 note, 2 ok.
";
        assert_eq!(text, expected);
    }

    #[test]
    fn colours_are_for_terminals() {
        let text = render(&findings(), Style { is_coloured: true });

        assert!(text.contains("\x1b[1;31merror  \x1b[0m"), "{text}");
        assert!(
            text.ends_with("\x1b[1;31m1 error\x1b[0m, \x1b[36m1 note\x1b[0m, \x1b[32m2 ok\x1b[0m.\n"),
            "{text}"
        );
    }
}
