//! Tokens of users, and the key that the nodes are given.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{
    clock::{SECOND, now},
    world::User,
};

/// The nodes' key.
pub const SECRET: &str = "a secret for the soak, of 32 bytes or more";

/// A token that is good for a day.
pub fn of(user: User) -> String {
    sign(user.id())
}

/// A token of whoever has this id, good for a day.
pub fn sign(id: &str) -> String {
    let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let claims = format!(r#"{{"sub":"{id}","exp":{}}}"#, now() / SECOND + 86_400);
    let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("keys of HMAC have any length");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}
