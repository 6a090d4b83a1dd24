//! What a node hands out and any node must know again: `base64url(payload ‖ HMAC-SHA256(key, purpose ‖ payload))`.
//!
//! The purpose keeps what was made for one end from being good for another: no purpose may begin with another one.
//! Pure: keys are handed in.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const MAC_BYTES: usize = 32;

/// By the newest key.
pub fn seal(mut payload: Vec<u8>, purpose: &[u8], key: &[u8]) -> String {
    let mac = mac(key, purpose, &payload).finalize().into_bytes();
    payload.extend_from_slice(&mac);
    URL_SAFE_NO_PAD.encode(payload)
}

/// The payload; none for whatever is not good by any of the keys. Longer payloads are refused unseen.
pub fn open(
    text: &str,
    payload_bytes_max: usize,
    purpose: &[u8],
    keys: &[impl AsRef<[u8]>],
) -> Option<Vec<u8>> {
    if text.len() > ((payload_bytes_max + MAC_BYTES) * 4).div_ceil(3) {
        return None;
    }
    let mut bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let signature = bytes.split_off(bytes.len().checked_sub(MAC_BYTES)?);
    let is_good = |key: &[u8]| mac(key, purpose, &bytes).verify_slice(&signature).is_ok();
    keys.iter().any(|key| is_good(key.as_ref())).then_some(bytes)
}

fn mac(key: &[u8], purpose: &[u8], payload: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(purpose);
    mac.update(payload);
    mac
}
