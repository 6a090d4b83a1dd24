//! Variables that look like settings and are none: most likely a name that was mistyped, whose setting then stays at its
//! default without a word.

use super::knobs;

/// What begins so is not for the service.
const OTHERS: [&str; 3] = ["PRESENCE_TEST_", "PRESENCE_BENCH_", "PRESENCE_PLANT"];
/// How alike two names must be to be taken for the same; 1 is equal.
const LIKENESS_MIN: f64 = 0.75;

/// A variable that nothing reads.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Unknown {
    /// Its name.
    pub variable: String,
    /// What was probably meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
}

impl std::fmt::Display for Unknown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is no setting and is ignored", self.variable)?;
        match &self.nearest {
            Some(nearest) => write!(f, ": {nearest} is"),
            None => Ok(()),
        }
    }
}

/// Of this process.
pub fn in_environment() -> Vec<Unknown> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    among(names)
}

fn among(names: impl Iterator<Item = String>) -> Vec<Unknown> {
    let known: Vec<String> = knobs::flags()
        .get_arguments()
        .map(knobs::variable)
        .filter(|name| !name.is_empty())
        .collect();
    let mut unknown: Vec<Unknown> = names
        .filter(|name| name.starts_with("PRESENCE_") && !known.contains(name))
        .filter(|name| !OTHERS.iter().any(|other| name.starts_with(other)))
        .map(|variable| Unknown {
            nearest: nearest(&variable, &known),
            variable,
        })
        .collect();
    unknown.sort_by(|one, other| one.variable.cmp(&other.variable));
    unknown
}

fn nearest(name: &str, known: &[String]) -> Option<String> {
    let likeness = |other: &String| strsim::normalized_damerau_levenshtein(name, other);
    let best = known
        .iter()
        .max_by(|one, other| likeness(one).total_cmp(&likeness(other)))?;
    (likeness(best) >= LIKENESS_MIN).then(|| best.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_variable_is_told_with_the_name_that_was_meant() {
        let names = [
            "PRESENCE_TTL",
            "PRESENCE_CORS_ORIGIN",
            "PRESENCE_TTL_MS",
            "PRESENCE_JWT_SECRET_FILE",
            "PRESENCE_TEST_ALL",
            "PRESENCE_COLOUR_OF_THE_PAGE",
            "PATH",
        ];

        let unknown = among(names.iter().map(ToString::to_string));

        let told: Vec<String> = unknown.iter().map(Unknown::to_string).collect();
        assert_eq!(
            told,
            [
                "PRESENCE_COLOUR_OF_THE_PAGE is no setting and is ignored",
                "PRESENCE_CORS_ORIGIN is no setting and is ignored: PRESENCE_CORS_ORIGINS is",
                "PRESENCE_TTL is no setting and is ignored: PRESENCE_TTL_MS is",
            ]
        );
    }
}
