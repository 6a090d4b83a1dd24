//! JSON web tokens: verified here, and made here for `token` and for the page of `dev`.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header, Validation, errors::ErrorKind};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::{
    Caller, Rules,
    keys::{KeyId, KeySet},
};
use crate::{
    domain::{IdType, UserId},
    error::{Error, Result},
};

/// How far the issuer's clock and ours may be apart.
pub const LEEWAY: Duration = Duration::from_secs(5);
/// The year 9000: a later `exp` counts as this one, which an `OffsetDateTime` holds with room for a leeway.
const EXP_S_MAX: u64 = 221_845_392_000;

/// Keys that are tried for one token: more than one only where it names none, or a provider uses a name twice.
const TRIES_MAX: usize = 4;
/// A longer name is none that a provider gives.
const KID_BYTES_MAX: usize = 256;
/// What keys are good for here. The first is the secret's.
const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::HS256,
    Algorithm::RS256,
    Algorithm::ES256,
    Algorithm::EdDSA,
];

/// What a look at a token says.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is good.
    Good(Caller),
    /// It is bad, whatever keys there may be; why, for a log and for nobody else.
    Bad(&'static str),
    /// By none of these keys; there may be newer ones.
    UnknownKey,
}

/// Verifies tokens. A key decides on the algorithm: what the token says of it only has to agree.
pub(super) struct Verifier {
    /// By algorithm, in the order of [`ALGORITHMS`].
    validations: [Validation; 4],
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
            validations: ALGORITHMS.map(|algorithm| Validation {
                algorithms: vec![algorithm],
                ..validation.clone()
            }),
            user_claim: rules.user_claim.clone(),
            user_id_type: rules.user_id_type,
        }
    }

    /// Whose token it is, by these keys. Why it is bad is for the log: whoever shows it is told nothing.
    ///
    /// Of the header `alg` and `kid` are read, and both are compared and nothing else: no key and no address of one is
    /// ever taken from a token.
    pub(super) fn verify(&self, token: &str, keys: &KeySet) -> Verdict {
        let Ok(header) = jsonwebtoken::decode_header(token) else {
            return Verdict::Bad("it is no JSON web token");
        };
        let kid = header.kid.as_deref();
        let Some(at) = ALGORITHMS.iter().position(|algorithm| *algorithm == header.alg) else {
            return Verdict::Bad("its algorithm is none of HS256, RS256, ES256 and EdDSA");
        };
        // RFC 7515, section 4.1.11: what is critical must be understood, and nothing is.
        if header.crit.is_some() || kid.is_some_and(|kid| kid.len() > KID_BYTES_MAX) {
            return Verdict::Bad("its header has a crit, or a kid of more than 256 bytes");
        }
        let mut is_known = header.alg == Algorithm::HS256;
        for key in keys.fitting(header.alg, kid).take(TRIES_MAX) {
            is_known |= kid.is_some();
            match jsonwebtoken::decode::<Map<String, Value>>(token, &key.decoding, &self.validations[at]) {
                Ok(token) => {
                    let caller = self.caller(&token.claims, key.id);
                    return caller.map_or(
                        Verdict::Bad("its user claim is missing, or no valid user id"),
                        Verdict::Good,
                    );
                }
                Err(why) if matches!(why.kind(), ErrorKind::InvalidSignature) => {}
                Err(why) => return Verdict::Bad(reason(why.kind())),
            }
        }
        if is_known {
            Verdict::Bad("its signature is not by the key that it names")
        } else {
            Verdict::UnknownKey
        }
    }

    fn caller(&self, claims: &Map<String, Value>, key: KeyId) -> Option<Caller> {
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
            key,
        })
    }
}

fn reason(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpiredSignature => "it has expired",
        ErrorKind::ImmatureSignature => "it is not good yet: nbf lies ahead",
        ErrorKind::InvalidIssuer => "its issuer is another one",
        ErrorKind::InvalidAudience => "its audience is another one",
        ErrorKind::MissingRequiredClaim(_) => "it lacks exp, or iss or aud where they are checked",
        _ => "it cannot be read",
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
