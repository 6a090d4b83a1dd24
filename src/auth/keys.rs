//! Keys that tokens are verified by, each pinned to one algorithm: a secret of our own, and what a JWKS publishes.
//!
//! A JWKS (RFC 7517) is read leniently, since providers put into it what they like: a key of a kind that is not used
//! here is passed over. What a key is used for is strict: RSA of 2048 bits or more for RS256, P-256 for ES256, Ed25519
//! for EdDSA, and nothing else. A secret never comes out of a JWKS, so a public key is never taken for one.
//! Pure: no I/O, no clock.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Keys of a set that are used; providers publish two or three. More would be more to try for a token without `kid`.
const KEYS_MAX: usize = 64;
/// An RSA key must be hard to break (NIST SP 800-131A), and cheap enough to use for what strangers send.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// Which key, by what it is and not by what it is called: a provider may use a `kid` twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; KeyId::BYTES]);

impl KeyId {
    /// How many bytes it has.
    pub const BYTES: usize = 16;
    /// The secret's; no hash of it, since ids go to clients inside of tickets.
    pub const SECRET: Self = Self([0; Self::BYTES]);

    /// As it was written.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// To be written.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

/// One key, good for one algorithm.
#[derive(Clone)]
pub struct Key {
    /// Which.
    pub id: KeyId,
    /// What a token calls it; the secret has none, and is meant by every token that says HS256.
    pub kid: Option<String>,
    /// What it is good for.
    pub algorithm: Algorithm,
    /// The key itself.
    pub decoding: DecodingKey,
}

impl Key {
    /// For HS256.
    pub fn secret(secret: &[u8]) -> Self {
        Self {
            id: KeyId::SECRET,
            kid: None,
            algorithm: Algorithm::HS256,
            decoding: DecodingKey::from_secret(secret),
        }
    }
}

/// All keys that are good now.
#[derive(Clone, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

impl KeySet {
    /// Of these.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Self {
        Self {
            keys: keys.into_iter().collect(),
        }
    }

    /// Whether this very key is still good.
    pub fn holds(&self, id: KeyId) -> bool {
        self.keys.iter().any(|key| key.id == id)
    }

    /// Whether there is another key in one of the two than in the other.
    pub fn differs(&self, other: &Self) -> bool {
        let within = |a: &Self, b: &Self| a.keys.iter().all(|key| b.holds(key.id));
        !(within(self, other) && within(other, self))
    }

    /// Keys that a token with this header may be verified by.
    pub fn fitting<'a>(
        &'a self,
        algorithm: Algorithm,
        kid: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Key> {
        self.keys.iter().filter(move |key| {
            let is_named = key.id == KeyId::SECRET || kid.is_none() || key.kid.as_deref() == kid;
            key.algorithm == algorithm && is_named
        })
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.keys.len()
    }
}

/// A key as it is published; of its many fields those that matter here.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    #[serde(rename = "use")]
    used_for: Option<String>,
    key_ops: Option<Vec<String>>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The keys of a JWKS document that can be used here; an error where it is none.
pub fn parse(document: &[u8]) -> Result<Vec<Key>, &'static str> {
    let document: Value = serde_json::from_slice(document).map_err(|_| "what came is no JSON")?;
    let keys = document
        .get("keys")
        .and_then(Value::as_array)
        .ok_or("what came is no JWKS: it has no list `keys`")?;
    let usable = keys
        .iter()
        .filter_map(|key| from_jwk(&Jwk::deserialize(key).ok()?));
    Ok(usable.take(KEYS_MAX).collect())
}

fn from_jwk(jwk: &Jwk) -> Option<Key> {
    let is_for_signatures = jwk.used_for.as_deref().is_none_or(|used_for| used_for == "sig");
    let verifies = jwk
        .key_ops
        .as_ref()
        .is_none_or(|ops| ops.iter().any(|op| op == "verify"));
    if !(is_for_signatures && verifies) {
        return None;
    }
    let (algorithm, decoding, material) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => {
            let (n, e) = (number(&jwk.n)?, number(&jwk.e)?);
            let decoding = DecodingKey::from_rsa_raw_components(&n, &e);
            let is_sound = RSA_BYTES.contains(&n.len()) && n.last()? & 1 == 1 && (1..=4).contains(&e.len());
            (Algorithm::RS256, is_sound.then_some(decoding)?, [n, e])
        }
        ("EC", Some("P-256")) => {
            let (x, y) = (coordinate(&jwk.x)?, coordinate(&jwk.y)?);
            let decoding = DecodingKey::from_ec_components(jwk.x.as_deref()?, jwk.y.as_deref()?).ok()?;
            (Algorithm::ES256, decoding, [x, y])
        }
        ("OKP", Some("Ed25519")) => {
            let x = coordinate(&jwk.x)?;
            let decoding = DecodingKey::from_ed_components(jwk.x.as_deref()?).ok()?;
            (Algorithm::EdDSA, decoding, [x, vec![]])
        }
        _ => return None,
    };
    let is_meant = jwk.alg.as_deref().is_none_or(|alg| is_called(algorithm, alg));
    is_meant.then(|| Key {
        id: id(algorithm, jwk.kid.as_deref(), &material),
        kid: jwk.kid.clone(),
        algorithm,
        decoding,
    })
}

/// RFC 9864 calls EdDSA with this curve by the curve's name.
fn is_called(algorithm: Algorithm, alg: &str) -> bool {
    match algorithm {
        Algorithm::RS256 => alg == "RS256",
        Algorithm::ES256 => alg == "ES256",
        Algorithm::EdDSA => alg == "EdDSA" || alg == "Ed25519",
        _ => false,
    }
}

fn bytes(field: &Option<String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(field.as_deref()?).ok()
}

/// Without the zeros that some write in front.
fn number(field: &Option<String>) -> Option<Vec<u8>> {
    let bytes = bytes(field)?;
    let first = bytes.iter().position(|byte| *byte != 0)?;
    Some(bytes[first..].to_vec())
}

/// Both curves have coordinates of 32 bytes.
fn coordinate(field: &Option<String>) -> Option<Vec<u8>> {
    bytes(field).filter(|bytes| bytes.len() == 32)
}

fn id(algorithm: Algorithm, kid: Option<&str>, material: &[Vec<u8>; 2]) -> KeyId {
    let mut hash = Sha256::new();
    let named = format!("{algorithm:?}");
    for part in [
        named.as_bytes(),
        kid.unwrap_or_default().as_bytes(),
        &material[0],
        &material[1],
    ] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut id = [0; KeyId::BYTES];
    id.copy_from_slice(&hash.finalize()[..KeyId::BYTES]);
    KeyId(id)
}

#[cfg(test)]
mod tests;
