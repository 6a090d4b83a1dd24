//! JSON web tokens and JWKS: nobody is anybody but by a signature that is computed here again, and in time.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::FutureExt;
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::Algorithm;
use serde_json::Value;
use sha2::Sha256;
use time::OffsetDateTime;

use super::Source;
use crate::{
    auth::{Auth, Caller, Rules, jwks::Keys, keys},
    domain::IdType,
};

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const LEEWAY_S: f64 = 5.0;

static AUTH: LazyLock<Auth> = LazyLock::new(|| {
    let rules = Rules {
        issuer: None,
        audience: None,
        user_claim: "sub".to_owned(),
        user_id_type: IdType::Text,
    };
    Auth::by(&rules, Keys::fixed(SECRET))
});

/// The first byte says what the rest is.
pub(super) fn check(bytes: &[u8]) {
    let mut source = Source(bytes);
    match source.byte() % 4 {
        0 => check_jwks(source.0),
        1 => check_token(&signed(source.0)),
        2 => {
            let header = source.text();
            check_token(&by_us(&header, &String::from_utf8_lossy(source.0)));
        }
        _ => check_token(&String::from_utf8_lossy(source.0)),
    }
}

/// Claims under a header that is good.
fn signed(claims: &[u8]) -> String {
    by_us(r#"{"alg":"HS256"}"#, &String::from_utf8_lossy(claims))
}

fn by_us(header: &str, claims: &str) -> String {
    let text = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature = URL_SAFE_NO_PAD.encode(mac(&text));
    format!("{text}.{signature}")
}

fn mac(text: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).expect("any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

fn caller(token: &str) -> Option<Caller> {
    let caller = AUTH.caller_by_token(token);
    caller.now_or_never().expect("a secret talks to nobody").ok()
}

fn check_token(token: &str) {
    let Some(caller) = caller(token) else {
        return;
    };
    let mut parts = token.rsplitn(2, '.');
    let signature = parts.next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let text = parts.next().expect("a good token has three parts");
    assert_eq!(signature.as_deref(), Some(&mac(text)[..]), "{token}");

    let (header, claims) = text.split_once('.').expect("a header and claims");
    assert_eq!(json(header)["alg"], "HS256", "{token}");
    let claims = json(claims);
    let user = match &claims["sub"] {
        Value::String(user) => user.clone(),
        number => number.to_string(),
    };
    assert_eq!(user, caller.user_id.as_str(), "{claims}");
    assert!(
        !user.is_empty() && user.len() <= 128 && !user.contains('\0'),
        "{claims}"
    );
    let now_s = OffsetDateTime::now_utc().unix_timestamp() as f64;
    // A second more than the leeway: numbers are rounded, and time goes on.
    let exp = claims["exp"].as_f64().expect("a number");
    assert!(exp > now_s - LEEWAY_S - 1.0, "{claims}");
    if let Some(nbf) = claims["nbf"].as_f64() {
        assert!(nbf < now_s + LEEWAY_S + 1.0, "{claims}");
    }
    let scopes = claims["scope"].as_str().unwrap_or_default();
    let scopes: Vec<&str> = scopes.split_ascii_whitespace().collect();
    assert!(scopes.iter().eq(caller.scopes.iter()), "{claims}");
    assert_eq!(self::caller(token), Some(caller), "another one the second time");
}

fn json(part: &str) -> Value {
    let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64 in a good token");
    serde_json::from_slice(&bytes).expect("JSON in a good token")
}

/// What a provider publishes, or whoever answers in its place.
fn check_jwks(document: &[u8]) {
    let Ok(keys) = keys::parse(document) else {
        return;
    };
    let said: Value = serde_json::from_slice(document).expect("a JWKS is JSON");
    let published = said["keys"].as_array().expect("with a list of keys").len();
    assert!(keys.len() <= published.min(64));
    for key in keys {
        let is_for_pairs = matches!(
            key.algorithm,
            Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA
        );
        assert!(is_for_pairs, "a secret out of a JWKS: {said}");
        assert!(key.id != keys::KeyId::SECRET, "taken for the secret: {said}");
    }
}
