//! Columns that fit: where a terminal is narrow the least important ones are left out, and texts are cut. What comes from
//! users is made harmless first: a name must not move the cursor.

/// How wide a text may be that is cut where there is no room.
const TEXT_MIN: usize = 8;
/// Between two columns.
const GAP: usize = 2;

/// A column.
pub struct Column {
    title: &'static str,
    is_number: bool,
    /// Left out first where it is low; 0: never.
    rank: u8,
    cells: Vec<String>,
}

impl Column {
    /// Of words, left-aligned, which may be cut.
    pub fn text(title: &'static str, rank: u8, cells: impl Iterator<Item = String>) -> Self {
        Self {
            title,
            is_number: false,
            rank,
            cells: cells.map(|cell| harmless(&cell)).collect(),
        }
    }

    /// Of numbers, right-aligned, never cut.
    pub fn number(title: &'static str, rank: u8, cells: impl Iterator<Item = String>) -> Self {
        Self {
            is_number: true,
            ..Self::text(title, rank, cells)
        }
    }

    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|cell| columns(cell));
        cells.max().unwrap_or_default().max(self.title.len())
    }
}

/// The head and the rows, each at most `width` wide.
pub fn render(mut table: Vec<Column>, width: usize) -> (String, Vec<String>) {
    let rows = table
        .iter()
        .map(|column| column.cells.len())
        .max()
        .unwrap_or_default();
    let mut widths: Vec<usize>;
    loop {
        widths = table.iter().map(Column::width).collect();
        let least = |(column, width): (&Column, &usize)| match column.is_number {
            true => *width,
            false => (*width).min(TEXT_MIN),
        };
        let gaps = GAP * table.len().saturating_sub(1);
        let needed: usize = table.iter().zip(&widths).map(least).sum::<usize>() + gaps;
        let lowest = (0..table.len())
            .filter(|at| table[*at].rank > 0)
            .min_by_key(|at| table[*at].rank);
        match lowest {
            Some(lowest) if needed > width => drop(table.remove(lowest)),
            _ => break,
        }
    }
    shrink(&table, &mut widths, width);
    let line = |cells: &mut dyn Iterator<Item = (&Column, &str, usize)>| {
        let parts: Vec<String> = cells
            .map(|(column, text, width)| {
                let text = cut(text, width);
                let pad = " ".repeat(width.saturating_sub(columns(&text)));
                match column.is_number {
                    true => pad + &text,
                    false => text + &pad,
                }
            })
            .collect();
        cut(parts.join(&" ".repeat(GAP)).trim_end(), width)
    };
    let zipped = || table.iter().zip(widths.iter().copied());
    let head = line(&mut zipped().map(|(column, width)| (column, column.title, width)));
    let lines = (0..rows).map(|row| {
        line(
            &mut zipped()
                .map(|(column, width)| (column, column.cells.get(row).map_or("", String::as_str), width)),
        )
    });
    (head, lines.collect())
}

/// Takes what is too much from the widest texts.
fn shrink(table: &[Column], widths: &mut [usize], width: usize) {
    loop {
        let total = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        let widest = (0..widths.len())
            .filter(|at| !table[*at].is_number && widths[*at] > TEXT_MIN)
            .max_by_key(|at| widths[*at]);
        match widest {
            Some(widest) if total > width => widths[widest] -= 1,
            _ => return,
        }
    }
}

/// Without what a terminal would obey, or what turns the direction of the line.
pub fn harmless(text: &str) -> String {
    let is_bad = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|letter| if is_bad(letter) { '·' } else { letter })
        .collect()
}

/// At most so many columns, with a sign where something is missing.
pub fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut used = 0;
    for letter in text.chars() {
        used += column_of(letter);
        if used + 1 > width {
            break;
        }
        short.push(letter);
    }
    if width > 0 {
        short.push('…');
    }
    short
}

/// In as many lines as it takes; what stands between two spaces and the next two stays together.
pub fn flow(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![];
    for part in text.split("  ") {
        match lines.last_mut() {
            Some(line) if columns(line) + 2 + columns(part) <= width => {
                line.push_str("  ");
                line.push_str(part);
            }
            _ => lines.push(cut(part, width)),
        }
    }
    lines
}

/// How wide a terminal shows it: East Asian letters and emoji take two columns, marks none.
pub fn columns(text: &str) -> usize {
    text.chars().map(column_of).sum()
}

fn column_of(letter: char) -> usize {
    match u32::from(letter) {
        0x300..=0x36f | 0x200b..=0x200d | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Vec<Column> {
        let texts = |list: [&str; 2]| list.map(str::to_owned).into_iter();
        vec![
            Column::text("ROOM", 0, texts(["general", "a-room-with-a-long-name"])),
            Column::number("MEMBERS", 0, texts(["12", "3"])),
            Column::text("NAME", 2, texts(["General", "日本語の部屋"])),
            Column::number("SESSIONS", 1, texts(["14", "4"])),
        ]
    }

    #[test]
    fn what_does_not_fit_is_cut_and_then_left_out_and_no_line_is_too_long() {
        for width in 0..120 {
            let (head, rows) = render(table(), width);

            for line in rows.iter().chain([&head]) {
                assert!(columns(line) <= width, "{width}: {line:?}");
            }
        }
        let (head, rows) = render(table(), 80);
        assert_eq!(head, "ROOM                     MEMBERS  NAME          SESSIONS");
        assert_eq!(
            rows[1],
            "a-room-with-a-long-name        3  日本語の部屋         4"
        );
        let (head, rows) = render(table(), 20);
        assert_eq!(head, "ROOM         MEMBERS");
        assert_eq!(rows[1], "a-room-wit…        3");
    }

    #[test]
    fn figures_flow_into_the_next_line_and_stay_whole() {
        let text = "12 people  15 members  a second: 1.5 calls";

        assert_eq!(flow(text, 80), [text]);
        assert_eq!(flow(text, 23), ["12 people  15 members", "a second: 1.5 calls"]);
        assert_eq!(flow(text, 9), ["12 people", "15 membe…", "a second…"]);
    }

    #[test]
    fn a_name_moves_no_cursor_and_turns_no_line() {
        assert_eq!(harmless("\x1b[2Ja\r\nb\u{202e}c\u{9b}"), "·[2Ja··b·c·");
    }
}
