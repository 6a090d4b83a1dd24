//! JSON web tokens: verified here, and made here for `token` and for the page of `dev`.

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::{Caller, Rules};
use crate::{
    domain::{IdType, UserId},
    error::{Error, Result},
};

/// How far the issuer's clock and ours may be apart.
pub const LEEWAY: Duration = Duration::from_secs(5);
/// The year 9000: a later `exp` counts as this one, which an `OffsetDateTime` holds with room for a leeway.
const EXP_S_MAX: u64 = 221_845_392_000;

/// Verifies tokens of one key.
pub(super) struct Verifier {
    key: DecodingKey,
    validation: Validation,
    user_claim: String,
    user_id_type: IdType,
}

impl Verifier {
    pub(super) fn new(rules: &Rules) -> Self {
        let mut required = vec!["exp"];
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY.as_secs();
        validation.validate_nbf = true;
        validation.validate_aud = rules.audience.is_some();
        if let Some(issuer) = &rules.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        if let Some(audience) = &rules.audience {
            validation.set_audience(&[audience]);
            required.push("aud");
        }
        validation.set_required_spec_claims(&required);
        Self {
            key: DecodingKey::from_secret(&rules.secret),
            validation,
            user_claim: rules.user_claim.clone(),
            user_id_type: rules.user_id_type,
        }
    }

    /// Whose token it is. Why it is bad is of no use but to an attacker.
    pub(super) fn verify(&self, token: &str) -> Result<Caller> {
        let token = jsonwebtoken::decode::<Map<String, Value>>(token, &self.key, &self.validation)
            .map_err(|_| Error::Unauthenticated)?;
        self.caller(&token.claims).ok_or(Error::Unauthenticated)
    }

    fn caller(&self, claims: &Map<String, Value>) -> Option<Caller> {
        let user_id = match claims.get(&self.user_claim)? {
            Value::String(text) => UserId::parse(text, self.user_id_type),
            Value::Number(number) if number.is_i64() || number.is_u64() => {
                UserId::parse(&number.to_string(), self.user_id_type)
            }
            _ => return None,
        };
        let scopes = match claims.get("scope") {
            Some(Value::String(text)) => text.split_ascii_whitespace().map(str::to_owned).collect(),
            _ => [].into(),
        };
        let exp = claims.get("exp")?;
        // As the validation reads it, which has found it to be a number: a fraction is rounded.
        let exp_s = exp
            .as_u64()
            .or_else(|| exp.as_f64().map(|exp| exp.round() as u64))?;
        let expires_at = OffsetDateTime::UNIX_EPOCH + Duration::from_secs(exp_s.min(EXP_S_MAX));
        Some(Caller {
            user_id: user_id.ok()?,
            scopes,
            expires_at,
        })
    }
}

/// What a token of our own says.
#[derive(Debug, Clone)]
pub struct Claims<'a> {
    /// Whose it is.
    pub user: &'a str,
    /// The claim that holds the user's id.
    pub user_claim: &'a str,
    /// With spaces between them; empty: none.
    pub scope: &'a str,
    /// `iss`, where set.
    pub issuer: Option<&'a str>,
    /// `aud`, where set.
    pub audience: Option<&'a str>,
    /// How long it is good for.
    pub ttl: Duration,
}

/// Makes an HS256 token that is good from `now` on.
pub fn mint(secret: &[u8], claims: &Claims<'_>, now: OffsetDateTime) -> Result<String> {
    let now_s = now.unix_timestamp();
    let mut all = Map::new();
    all.insert(claims.user_claim.to_owned(), claims.user.into());
    all.insert("iat".to_owned(), now_s.into());
    all.insert(
        "exp".to_owned(),
        now_s.saturating_add_unsigned(claims.ttl.as_secs()).into(),
    );
    for (name, value) in [("iss", claims.issuer), ("aud", claims.audience)] {
        if let Some(value) = value {
            all.insert(name.to_owned(), value.into());
        }
    }
    if !claims.scope.is_empty() {
        all.insert("scope".to_owned(), claims.scope.into());
    }
    let header = Header::new(Algorithm::HS256);
    jsonwebtoken::encode(&header, &all, &EncodingKey::from_secret(secret)).map_err(Error::bug)
}
