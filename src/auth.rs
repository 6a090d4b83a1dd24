//! From a bearer token to a [`Caller`]. Nobody else decides who somebody is.
//!
//! HS256 with one key; the algorithm is pinned by the key and never taken from the token. Verified tokens are
//! remembered by their hash until they end, so that a heartbeat costs a look-up and no signature.
//! All failures are one and the same to the caller, and none takes a connection of the pool.
//!
//! What it does not do: decide on rooms (SQL does), refresh tokens, know sessions of the application.
//!
//! # Failure
//! None of its own: it talks to nobody.

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
};

mod cache;
pub mod jwt;
pub mod leave_token;

/// May heartbeat for anybody: trusted backends.
pub const SCOPE_WRITE: &str = "presence:write";
/// May remove members and clear rooms.
pub const SCOPE_ADMIN: &str = "presence:admin";

/// Longer tokens are refused unseen: the work of refusing must not grow with what a stranger sends.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// Which tokens are good.
#[derive(Clone)]
struct Rules {
    /// The key of HS256.
    secret: Vec<u8>,
    /// Required in `iss`, where set.
    issuer: Option<String>,
    /// Required in `aud`, where set.
    audience: Option<String>,
    /// The claim that holds the user's id.
    user_claim: String,
    /// What a user's id must be.
    user_id_type: IdType,
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

    /// How long the token is still good for, without leeway; none: it has ended.
    pub fn expires_in(&self, now: OffsetDateTime) -> Option<Duration> {
        (self.expires_at - now).try_into().ok()
    }
}

/// Reads tokens. One for the process, behind an `Arc`.
pub struct Auth {
    verifier: jwt::Verifier,
    verified: cache::Cache,
}

impl Auth {
    /// As configured; an error without a key, since nobody could call.
    pub fn new(settings: &Settings, ids: IdTypes) -> Result<Self, config::Error> {
        let secret = settings.jwt_secret.clone().ok_or(config::Error::NO_JWT_SECRET)?;
        Ok(Self::by(&Rules {
            secret,
            issuer: settings.jwt_issuer.clone(),
            audience: settings.jwt_audience.clone(),
            user_claim: settings.user_claim.clone(),
            user_id_type: ids.user,
        }))
    }

    /// By these rules.
    fn by(rules: &Rules) -> Self {
        Self {
            verifier: jwt::Verifier::new(rules),
            verified: cache::Cache::default(),
        }
    }

    /// Whose request this is; every failure is [`Error::Unauthenticated`].
    pub fn caller(&self, headers: &HeaderMap) -> Result<Caller> {
        let token = bearer(headers).ok_or(Error::Unauthenticated)?;
        self.caller_by_token(token)
    }

    /// Whose token this is; every failure is [`Error::Unauthenticated`].
    pub fn caller_by_token(&self, token: &str) -> Result<Caller> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Error::Unauthenticated);
        }
        let key = cache::key(token);
        if let Some(caller) = self.verified.get(&key, OffsetDateTime::now_utc()) {
            return Ok(caller);
        }
        let caller = self.verifier.verify(token)?;
        self.verified.put(key, caller.clone());
        Ok(caller)
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Arc<Auth>: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        Arc::<Auth>::from_ref(state).caller(&parts.headers)
    }
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
