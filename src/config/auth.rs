//! The knobs of identity: keys, issuer, audience, claims, and what they are for the providers that people use.

use std::{path::PathBuf, time::Duration};

use axum::http::Uri;
use clap::{Args, ValueEnum};

use super::{
    Error, JWT_SECRET_BYTES_MIN,
    parse::{jwks_url, millis},
    secret,
};

/// Whose tokens are good. Also what `token` needs to make one.
#[derive(Args)]
#[command(next_help_heading = "Authentication")]
pub struct AuthArgs {
    /// The key of HS256 tokens, at least 32 bytes
    ///
    /// A flag shows in the process list: prefer the variable, or PRESENCE_JWT_SECRET_FILE.
    #[arg(
        long,
        value_name = "SECRET",
        env = "PRESENCE_JWT_SECRET",
        hide_env_values = true
    )]
    jwt_secret: Option<String>,

    /// A file that holds the key of HS256 tokens; a line end at its end is no part of it
    #[arg(long, value_name = "PATH", env = "PRESENCE_JWT_SECRET_FILE")]
    jwt_secret_file: Option<PathBuf>,

    /// What a provider does by default: its JWKS, issuer and audience; needs --jwt-issuer
    ///
    /// Each says what --jwt-issuer is to be. Whatever else is given beside it wins over the preset.
    #[arg(long, value_name = "PROVIDER", env = "PRESENCE_AUTH_PRESET")]
    auth_preset: Option<Preset>,

    /// The issuer (`iss`) that tokens must name [default: any]
    #[arg(long, value_name = "NAME", env = "PRESENCE_JWT_ISSUER")]
    jwt_issuer: Option<String>,

    /// The audience (`aud`) that tokens must name [default: any, or the preset's]
    ///
    /// Where your provider makes tokens for other services too, set it: those are good here otherwise.
    #[arg(long, value_name = "NAME", env = "PRESENCE_JWT_AUDIENCE")]
    jwt_audience: Option<String>,

    /// The claim that holds the user's id, a string or an integer
    #[arg(long, value_name = "NAME", env = "PRESENCE_USER_CLAIM", default_value = "sub")]
    user_claim: String,
}

/// Where keys are read from.
#[derive(Args)]
#[command(next_help_heading = "Authentication")]
pub struct KeysArgs {
    /// Where your provider publishes its keys (a JWKS), for RS256, ES256 and EdDSA tokens
    ///
    /// https, or http to localhost; redirects are not followed. May stand beside --jwt-secret: each token is checked by
    /// the kind of key that its algorithm needs, and by no other.
    #[arg(long, value_name = "URL", env = "PRESENCE_JWKS_URL", value_parser = jwks_url)]
    jwks_url: Option<Uri>,

    /// A file that holds a JWKS, in place of a URL
    #[arg(long, value_name = "PATH", env = "PRESENCE_JWKS_FILE")]
    jwks_file: Option<PathBuf>,

    /// How often the JWKS is read again, in ms, 1000 to 86400000
    ///
    /// A key that was taken out of it is good until then, and so are its streams. A new key needs no wait: a token that
    /// names an unknown one has the JWKS read at once, every 30 s at most.
    #[arg(long, value_name = "MS", env = "PRESENCE_JWKS_REFRESH_MS", default_value = "600000",
          value_parser = millis(1000, 86_400_000))]
    pub(super) jwks_refresh_ms: Duration,
}

/// Where published keys are read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// Over https, or http on this machine.
    Url(Uri),
    /// From a file.
    File(PathBuf),
}

/// What is known of a provider.
#[allow(
    rustdoc::bare_urls,
    reason = "the text of --help, where brackets would be shown"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// better-auth's jwt plugin; --jwt-issuer is its baseURL, such as https://app.example.com
    ///
    /// Keys at /api/auth/jwks, audience as the issuer.
    BetterAuth,
    /// Supabase; --jwt-issuer is the project's URL, such as https://abcd.supabase.co
    ///
    /// Issuer and keys below /auth/v1, audience `authenticated`. Beside it --jwt-secret takes the legacy secret's tokens.
    Supabase,
    /// Clerk; --jwt-issuer is the Frontend API URL, such as https://clerk.example.com
    ///
    /// Keys at /.well-known/jwks.json. Its session tokens have no audience.
    Clerk,
    /// Auth0; --jwt-issuer is the tenant, such as https://tenant.eu.auth0.com/
    ///
    /// Keys at /.well-known/jwks.json. Needs --jwt-audience: the identifier of your API.
    Auth0,
}

/// By which tokens are good, but for keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthRules {
    /// `iss` that tokens must name; none: any.
    pub issuer: Option<String>,
    /// `aud` that tokens must name; none: any.
    pub audience: Option<String>,
    /// The claim that holds the user's id.
    pub user_claim: String,
    /// Where a preset's provider publishes its keys.
    pub jwks_url: Option<Uri>,
}

impl AuthArgs {
    /// The secret, where one was given.
    pub fn secret(&self) -> Result<Option<Vec<u8>>, Error> {
        let secret = secret(
            "PRESENCE_JWT_SECRET",
            self.jwt_secret.as_ref(),
            self.jwt_secret_file.as_ref(),
        )?;
        match secret {
            Some(secret) if secret.len() < JWT_SECRET_BYTES_MIN => {
                Err(Error::ShortSecret { bytes: secret.len() })
            }
            secret => Ok(secret.map(String::into_bytes)),
        }
    }

    /// The secret, which must have been given.
    pub fn required_secret(&self) -> Result<Vec<u8>, Error> {
        self.secret()?.ok_or(Error::NO_JWT_SECRET)
    }

    /// What was given, over what the preset says.
    pub fn rules(&self) -> Result<AuthRules, Error> {
        let given = AuthRules {
            issuer: self.jwt_issuer.clone(),
            audience: self.jwt_audience.clone(),
            user_claim: self.user_claim.clone(),
            jwks_url: None,
        };
        match self.auth_preset {
            None => Ok(given),
            Some(preset) => preset.complete(given),
        }
    }
}

impl KeysArgs {
    /// What was given, or else the preset's.
    pub fn source(&self, of_preset: Option<Uri>) -> Result<Option<KeySource>, Error> {
        match (&self.jwks_url, &self.jwks_file) {
            (Some(_), Some(_)) => Err(Error::TwoKeySources),
            (Some(url), None) => Ok(Some(KeySource::Url(url.clone()))),
            (None, Some(path)) => Ok(Some(KeySource::File(path.clone()))),
            (None, None) => Ok(of_preset.map(KeySource::Url)),
        }
    }
}

impl Preset {
    fn name(self) -> &'static str {
        match self {
            Self::BetterAuth => "better-auth",
            Self::Supabase => "supabase",
            Self::Clerk => "clerk",
            Self::Auth0 => "auth0",
        }
    }

    fn issuer_is(self) -> &'static str {
        match self {
            Self::BetterAuth => "its baseURL, such as https://app.example.com",
            Self::Supabase => "the project's URL, such as https://abcd.supabase.co",
            Self::Clerk => "the Frontend API URL, such as https://clerk.example.com",
            Self::Auth0 => "the tenant, such as https://tenant.eu.auth0.com/",
        }
    }

    fn complete(self, given: AuthRules) -> Result<AuthRules, Error> {
        let preset = self.name();
        let Some(issuer) = given.issuer else {
            return Err(Error::NoIssuer {
                preset,
                meaning: self.issuer_is(),
            });
        };
        let base = issuer.trim().trim_end_matches('/');
        let (issuer, path, audience) = match self {
            // Its plugin says `iss` and `aud` as the baseURL is written, unless it is told otherwise.
            Self::BetterAuth => (
                issuer.trim().to_owned(),
                "/api/auth/jwks",
                Some(issuer.trim().to_owned()),
            ),
            Self::Supabase => {
                let base = base.strip_suffix("/auth/v1").unwrap_or(base);
                let audience = "authenticated".to_owned();
                (
                    format!("{base}/auth/v1"),
                    "/.well-known/jwks.json",
                    Some(audience),
                )
            }
            Self::Clerk => (base.to_owned(), "/.well-known/jwks.json", None),
            // Its issuer ends with a slash.
            Self::Auth0 => (format!("{base}/"), "/.well-known/jwks.json", None),
        };
        let url = format!("{}{path}", issuer.trim_end_matches('/'));
        let url = jwks_url(&url).map_err(|_| Error::IssuerUrl {
            preset,
            why: format!("it is {}", self.issuer_is()),
        })?;
        let audience = given.audience.or(audience);
        if self == Self::Auth0 && audience.is_none() {
            return Err(Error::NoAudience {
                preset,
                meaning: "the identifier of your API in Auth0; without one Auth0 makes opaque tokens, which nobody can check",
            });
        }
        Ok(AuthRules {
            issuer: Some(issuer),
            audience,
            user_claim: given.user_claim,
            jwks_url: Some(url),
        })
    }
}
