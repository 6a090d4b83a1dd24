//! Signatures of the Standard Webhooks specification, 1.0.0: `v1,<base64 of HMAC-SHA256>` over id, timestamp and body.
//! Pure: keys and time are handed in.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header `webhook-signature`: one signature a secret, with spaces between them, so that a receiver who knows any of
/// the secrets finds its own. `timestamp_s`: seconds since 1970, as in `webhook-timestamp`.
pub fn signatures(secrets: &[Vec<u8>], id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let sign = |secret: &Vec<u8>| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{timestamp_s}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    };
    secrets.iter().map(sign).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the specification's own libraries are tested by.
    #[test]
    fn the_published_example_is_signed_as_published() {
        let secret = STANDARD
            .decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .expect("base64");

        let header = signatures(
            &[secret],
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );

        assert_eq!(header, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_secret_signs_for_itself() {
        let (one, other) = (vec![1; 32], vec![2; 32]);
        let alone = |secret: &Vec<u8>| signatures(std::slice::from_ref(secret), "id", 1, b"{}");

        let both = signatures(&[one.clone(), other.clone()], "id", 1, b"{}");

        assert_eq!(both, format!("{} {}", alone(&one), alone(&other)));
        assert_ne!(alone(&one), alone(&other));
    }
}
