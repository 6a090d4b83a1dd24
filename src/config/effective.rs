//! The settings as they hold, each with where it comes from. Secrets are not among what is shown.

use clap::{ArgMatches, parser::ValueSource};
use serde::Serialize;

use super::{
    AuthArgs, KeySource, KeysArgs,
    knobs::{KNOBS, flags, variable},
};

/// A setting that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effective {
    /// Its variable.
    pub variable: &'static str,
    /// Its flag.
    pub flag: String,
    /// What it is; none: it is not given and has no default here.
    pub value: Option<String>,
    /// Where that comes from.
    pub source: Source,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The command line.
    Flag,
    /// The variable.
    Environment,
    /// The file that `..._FILE` names.
    File,
    /// The provider that `PRESENCE_AUTH_PRESET` names.
    Preset,
    /// The default.
    Default,
    /// The database, once it is asked.
    Database,
    /// Nowhere.
    Unset,
}

impl Source {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::File => "file",
            Self::Preset => "preset",
            Self::Default => "default",
            Self::Database => "database",
            Self::Unset => "unset",
        }
    }
}

/// What a command line and the environment come to. `matches` are of a command that has all flags of `serve`.
pub fn effective(matches: &ArgMatches, auth: &AuthArgs, keys: &KeysArgs) -> Vec<Effective> {
    let flags = flags();
    let of = |name: &str| flags.get_arguments().find(|arg| variable(arg) == name);
    let mut settings: Vec<Effective> = KNOBS
        .iter()
        .filter_map(|knob| {
            let arg = of(knob.variable)?;
            let file = of(&format!("{}_FILE", knob.variable));
            let (value, source) = match given(matches, arg) {
                (None, _) => match file.map(|file| given(matches, file)) {
                    Some((Some(path), _)) => (Some(format!("<read from {path}>")), Source::File),
                    _ => (None, Source::Unset),
                },
                (Some(value), source) if arg.is_hide_env_values_set() => {
                    (Some(without_secrets(knob.variable, &value)), source)
                }
                given => given,
            };
            Some(Effective {
                variable: knob.variable,
                flag: format!("--{}", arg.get_long().unwrap_or_default()),
                value,
                source,
            })
        })
        .collect();
    complete(&mut settings, auth, keys);
    settings
}

fn given(matches: &ArgMatches, arg: &clap::Arg) -> (Option<String>, Source) {
    let id = arg.get_id().as_str();
    let source = match matches.value_source(id) {
        Some(ValueSource::CommandLine) => Source::Flag,
        Some(ValueSource::EnvVariable) => Source::Environment,
        Some(_) => Source::Default,
        None => return (None, Source::Unset),
    };
    let values = matches.get_raw(id).into_iter().flatten();
    let values: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
    (Some(values.join(",")), source)
}

/// What follows from other settings, and what holds where nothing is said.
fn complete(settings: &mut [Effective], auth: &AuthArgs, keys: &KeysArgs) {
    let mut put = |variable: &str, value: Option<String>, source: Source| {
        let found = settings.iter_mut().find(|one| one.variable == variable);
        if let (Some(found), Some(value)) = (found, value)
            && found.source == Source::Unset
        {
            (found.value, found.source) = (Some(value), source);
        }
    };
    if let Ok(rules) = auth.rules() {
        if let Ok(Some(KeySource::Url(url))) = keys.source(rules.jwks_url) {
            put("PRESENCE_JWKS_URL", Some(url.to_string()), Source::Preset);
        }
        put("PRESENCE_JWT_AUDIENCE", rules.audience, Source::Preset);
    }
    let fixed = |text: &str| Some(text.to_owned());
    put("PRESENCE_BIND", fixed(super::SERVE_BIND), Source::Default);
    put("RUST_LOG", fixed("info"), Source::Default);
    for name in ["PRESENCE_HEARTBEAT_MS", "PRESENCE_TTL_MS", "PRESENCE_TYPING_MS"] {
        put(name, fixed("as the database says"), Source::Database);
    }
}

/// A URL without its password; of anything else that it is there.
fn without_secrets(variable: &str, value: &str) -> String {
    let hidden = "<secret>".to_owned();
    if !variable.ends_with("_URL") {
        return hidden;
    }
    let (place, parameters) = value.split_once('?').unwrap_or((value, ""));
    let Some((scheme, rest)) = place.split_once("://") else {
        return hidden;
    };
    // A password that was not encoded may hold any of these signs.
    let is_clear = rest.matches('@').count() <= 1 && !parameters.contains('@');
    if !is_clear || parameters.to_ascii_lowercase().contains("password") {
        return hidden;
    }
    let place = match rest.split_once('@') {
        None => rest.to_owned(),
        Some((login, host)) => match login.split_once(':') {
            None => format!("{login}@{host}"),
            Some((login, _)) => format!("{login}:<secret>@{host}"),
        },
    };
    match parameters {
        "" => format!("{scheme}://{place}"),
        _ => format!("{scheme}://{place}?{parameters}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password_and_not_at_all_where_that_is_unclear() {
        for (url, shown) in [
            ("postgres://app@db/app", "postgres://app@db/app"),
            ("postgres://app:hunter2@db/app", "postgres://app:<secret>@db/app"),
            (
                "postgres://app:hunter2@a:1,b:2/app?sslmode=require",
                "postgres://app:<secret>@a:1,b:2/app?sslmode=require",
            ),
            ("postgres://app:hun@ter2@db/app", "<secret>"),
            ("postgres://app:hun?ter2@db/app", "<secret>"),
            ("postgres://db/app?user=app&password=hunter2", "<secret>"),
            ("host=db password=hunter2", "<secret>"),
        ] {
            assert_eq!(without_secrets("DATABASE_URL", url), shown);
        }
        assert_eq!(without_secrets("PRESENCE_JWT_SECRET", "abc://"), "<secret>");
    }
}
