//! From a bearer token to a [`Caller`]. Nobody else decides who somebody is.
//!
//! By a secret (HS256), by the keys that a provider publishes (RS256, ES256, EdDSA), or by both; each key is good for
//! one algorithm, whatever a token says. Verified tokens are remembered by their hash until they end or their key goes,
//! so that a heartbeat costs a look-up and no signature.
//! All failures are one and the same to the caller, and none takes a connection of the pool.
//!
//! What it does not do: decide on rooms (SQL does), refresh tokens, know sessions of the application.
//!
//! # Failure
//! A secret talks to nobody. What becomes of keys whose provider is away is told in [`jwks`].

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, header::AUTHORIZATION, request::Parts},
};
use time::OffsetDateTime;

use crate::{
    config::{self, Settings},
    domain::{IdType, IdTypes, UserId},
    error::{Error, Result},
    health::Health,
    observe::Observer,
};

mod cache;
pub mod jwks;
pub mod jwt;
pub(crate) mod keys;
pub mod leave_token;
mod pass;
mod sealed;
pub mod ticket;

pub(crate) use keys::parse as parse_keys;

pub use self::{keys::KeyId, pass::Pass};

use self::{
    jwks::{Keys, KeysTask},
    jwt::Verdict,
};

/// May heartbeat for anybody: trusted backends.
pub const SCOPE_WRITE: &str = "presence:write";
/// May remove members and clear rooms.
pub const SCOPE_ADMIN: &str = "presence:admin";

/// Longer tokens are refused unseen: the work of refusing must not grow with what a stranger sends.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// Which tokens are good.
#[derive(Clone)]
pub(crate) struct Rules {
    /// Required in `iss`, where set.
    pub(crate) issuer: Option<String>,
    /// Required in `aud`, where set.
    pub(crate) audience: Option<String>,
    /// The claim that holds the user's id.
    pub(crate) user_claim: String,
    /// What a user's id must be.
    pub(crate) user_id_type: IdType,
}

/// Who calls, by a token that was good when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub user_id: UserId,
    /// What the token allows beside being that user.
    pub scopes: Arc<[String]>,
    /// `exp` of the token, without leeway.
    pub expires_at: OffsetDateTime,
    /// What it was verified by.
    pub key: KeyId,
}

impl Caller {
    /// Whether the token carries this scope.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }

    /// An error unless the token carries this scope.
    pub fn require(&self, scope: &'static str) -> Result<()> {
        if self.has_scope(scope) {
            Ok(())
        } else {
            Err(Error::Forbidden(scope))
        }
    }

    /// Whether the token has ended, with leeway.
    pub fn has_ended(&self, now: OffsetDateTime) -> bool {
        now > self.expires_at + jwt::LEEWAY
    }

    /// How long the token is still good for, without leeway; none: it has ended.
    pub fn expires_in(&self, now: OffsetDateTime) -> Option<Duration> {
        (self.expires_at - now).try_into().ok()
    }
}

/// Reads tokens. One for the process, behind an `Arc`.
pub struct Auth {
    verifier: jwt::Verifier,
    keys: Keys,
    verified: cache::Cache,
    passes: Arc<pass::Passes>,
}

impl Auth {
    /// As configured, with the task that keeps published keys fresh; an error without any key, since nobody could call.
    pub async fn start(
        settings: &Settings,
        ids: IdTypes,
        health: &Health,
        observer: &Observer,
    ) -> Result<(Self, Option<KeysTask>), config::Error> {
        let rules = Rules {
            issuer: settings.jwt_issuer.clone(),
            audience: settings.jwt_audience.clone(),
            user_claim: settings.user_claim.clone(),
            user_id_type: ids.user,
        };
        let secret = settings.jwt_secret.as_deref();
        let (keys, task) = match (&settings.jwks, secret) {
            (None, None) => return Err(config::Error::NoKey),
            (None, Some(secret)) => (Keys::fixed(secret), None),
            (Some(source), secret) => {
                let started = KeysTask::start(
                    source,
                    secret,
                    settings.jwks_refresh,
                    health.clone(),
                    observer.clone(),
                );
                let (keys, task) = started.await.map_err(config::Error::Keys)?;
                (keys, Some(task))
            }
        };
        Ok((Self::by(&rules, keys), task))
    }

    /// By these rules and keys.
    pub(crate) fn by(rules: &Rules, keys: Keys) -> Self {
        Self {
            verifier: jwt::Verifier::new(rules),
            keys,
            verified: cache::Cache::default(),
            passes: Arc::default(),
        }
    }

    /// Whose request this is; every failure is [`Error::Unauthenticated`].
    pub async fn caller(&self, headers: &HeaderMap) -> Result<Caller> {
        let token = bearer(headers).ok_or(Error::Unauthenticated)?;
        self.caller_by_token(token).await
    }

    /// Whose token this is; every failure is [`Error::Unauthenticated`].
    pub async fn caller_by_token(&self, token: &str) -> Result<Caller> {
        if token.len() > TOKEN_BYTES_MAX {
            return refused("it is longer than 8 KiB");
        }
        let hash = cache::key(token);
        let keys = self.keys.current();
        if let Some(caller) = self.verified.get(&hash, OffsetDateTime::now_utc())
            && keys.holds(caller.key)
        {
            self.passes.shown(&caller, &keys);
            return Ok(caller);
        }
        let caller = self.verify(token).await?;
        self.verified.put(hash, caller.clone());
        self.passes.shown(&caller, &self.keys.current());
        Ok(caller)
    }

    /// By the keys that there are, and by newer ones where it names one that is not among them.
    async fn verify(&self, token: &str) -> Result<Caller> {
        // The second time: the first read may have been under way before the key was made.
        for may_read_again in [true, true, false] {
            match self.verifier.verify(token, &self.keys.current()) {
                Verdict::Good(caller) => return Ok(caller),
                Verdict::Bad(reason) => return refused(reason),
                Verdict::UnknownKey => {
                    if !(may_read_again && self.keys.read_again().await) {
                        break;
                    }
                }
            }
        }
        refused("it is by no key that is known")
    }

    /// Whether the key of a token that another node has verified is good here too.
    pub async fn trusts(&self, key: KeyId) -> bool {
        self.keys.current().holds(key) || (self.keys.read_again().await && self.keys.current().holds(key))
    }

    /// How long a stream of this caller may go on.
    pub fn pass(&self, caller: &Caller) -> Pass {
        self.passes.open(caller, self.keys.clone())
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Arc<Auth>: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        Arc::<Auth>::from_ref(state).caller(&parts.headers).await
    }
}

/// Who runs the service may find out why; nothing of the token is said.
fn refused(reason: &'static str) -> Result<Caller> {
    tracing::debug!(reason, "a token was refused");
    Err(Error::Unauthenticated)
}

/// The token of the one `Authorization: Bearer` header; RFC 9110 compares the scheme without case.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    let (scheme, token) = value.trim().split_once(' ')?;
    let is_alone = values.next().is_none();
    (is_alone && scheme.eq_ignore_ascii_case("bearer")).then(|| token.trim_start())
}

#[cfg(test)]
mod tests;
