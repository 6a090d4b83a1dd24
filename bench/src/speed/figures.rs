//! From runs to figures: medians, and the table that is printed and kept. Never a measurement.

use std::fmt::Write as _;

/// The middle one; of an even number the upper of the two. Not a number where there is none.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which this share lies.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let at = (sorted.len() as f64 * share) as usize;
    sorted
        .get(at.min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(f64::NAN)
}

/// What a figure is held against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// As high as this, or higher.
    AtLeast(f64),
    /// As low as this, or lower.
    AtMost(f64),
    /// Shown beside the others.
    Context,
}

/// One line of the table.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What was done.
    pub work: String,
    /// What of it is told, with its unit.
    pub what: String,
    /// How much.
    pub value: f64,
    /// What it should be.
    pub goal: Goal,
}

impl Figure {
    /// A line.
    pub fn new(work: &str, what: &str, value: f64, goal: Goal) -> Self {
        Self {
            work: work.to_owned(),
            what: what.to_owned(),
            value,
            goal,
        }
    }

    /// Whether it is as it should be; none where nothing is asked.
    pub fn holds(&self) -> Option<bool> {
        match self.goal {
            Goal::AtLeast(least) => Some(self.value >= least),
            Goal::AtMost(most) => Some(self.value <= most),
            Goal::Context => None,
        }
    }
}

/// The table, in Markdown that also reads well in a terminal.
pub fn table(figures: &[Figure]) -> String {
    let mut rows = vec![["work", "figure", "measured", "goal", ""].map(str::to_owned)];
    for figure in figures {
        let goal = match figure.goal {
            Goal::AtLeast(least) => format!("≥ {}", number(least)),
            Goal::AtMost(most) => format!("≤ {}", number(most)),
            Goal::Context => String::new(),
        };
        let verdict = match figure.holds() {
            Some(true) => "reached",
            Some(false) => "missed",
            None => "",
        };
        rows.push([
            figure.work.clone(),
            figure.what.clone(),
            number(figure.value),
            goal,
            verdict.to_owned(),
        ]);
    }
    let widths: Vec<usize> = (0..5)
        .map(|column| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for (nth, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(text, "| {cell}{} ", " ".repeat(width - cell.chars().count()));
        }
        text.push_str("|\n");
        if nth == 0 {
            for width in &widths {
                let _ = write!(text, "|{}", "-".repeat(width + 2));
            }
            text.push_str("|\n");
        }
    }
    text
}

/// Three figures that mean something.
fn number(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() => "?".to_owned(),
        size if size >= 100.0 || size == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 0.99), 4.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_goal_that_is_missed_is_told() {
        let missed = Figure::new("beat", "ratio", 0.4, Goal::AtLeast(0.6));
        let reached = Figure::new("beat", "cost", 1.9, Goal::AtMost(2.0));
        let table = table(&[missed, reached]);
        assert!(table.contains("| 0.40     | ≥ 0.60 | missed  |"), "{table}");
        assert!(table.contains("reached"), "{table}");
    }
}
