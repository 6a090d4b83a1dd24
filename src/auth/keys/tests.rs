use serde_json::json;

use super::*;

#[path = "../../../tests/it/support/keys.rs"]
#[expect(dead_code, reason = "the integration tests use the others")]
mod pairs;

fn ids(document: &Value) -> Vec<(String, Algorithm)> {
    let keys = parse(document.to_string().as_bytes()).expect("a JWKS");
    keys.into_iter()
        .map(|key| (key.kid.unwrap_or_default(), key.algorithm))
        .collect()
}

fn rsa() -> Value {
    json!({"kty": "RSA", "n": pairs::RSA_N, "e": "AQAB", "kid": "r"})
}

fn with(mut key: Value, field: &str, value: Value) -> Value {
    key[field] = value;
    key
}

#[test]
fn a_key_is_good_for_the_one_algorithm_of_its_kind() {
    let ec = json!({"kty": "EC", "crv": "P-256", "x": pairs::EC_X, "y": pairs::EC_Y, "kid": "e", "alg": "ES256", "use": "sig"});
    let ed = json!({"kty": "OKP", "crv": "Ed25519", "x": pairs::ED_X, "kid": "d", "alg": "EdDSA", "key_ops": ["verify"]});
    let named = with(ed.clone(), "alg", json!("Ed25519"));

    let found = ids(&json!({"keys": [rsa(), ec, ed, named], "more": 1}));

    let expected = [
        ("r", Algorithm::RS256),
        ("e", Algorithm::ES256),
        ("d", Algorithm::EdDSA),
        ("d", Algorithm::EdDSA),
    ];
    assert_eq!(
        found,
        expected.map(|(kid, algorithm)| (kid.to_owned(), algorithm))
    );
}

#[test]
fn keys_that_are_not_for_this_are_passed_over_and_the_others_are_good() {
    let short = URL_SAFE_NO_PAD.encode([0xff; 128]);
    let padded = URL_SAFE_NO_PAD.encode([&[0; 200][..], &[0xff; 128][..]].concat());
    let huge = URL_SAFE_NO_PAD.encode([0xff; 1025]);
    let ec = |crv: &str, x: &str| json!({"kty": "EC", "crv": crv, "x": x, "y": pairs::EC_Y});
    let odd = [
        json!({"kty": "oct", "k": "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldCA", "alg": "HS256"}),
        with(rsa(), "use", json!("enc")),
        with(rsa(), "key_ops", json!(["sign"])),
        with(rsa(), "alg", json!("RS512")),
        with(rsa(), "alg", json!("PS256")),
        with(rsa(), "alg", json!("HS256")),
        with(rsa(), "alg", json!("none")),
        with(rsa(), "n", json!(short)),
        with(rsa(), "n", json!(padded)),
        with(rsa(), "n", json!(huge)),
        with(rsa(), "n", json!("not base64!")),
        with(rsa(), "n", json!("")),
        with(rsa(), "n", json!(7)),
        with(rsa(), "e", json!(null)),
        with(rsa(), "e", json!("AQABAQAB")),
        ec("P-384", pairs::EC_X),
        ec("secp256k1", pairs::EC_X),
        ec("P-256", "AAAA"),
        with(ec("P-256", pairs::EC_X), "alg", json!("EdDSA")),
        json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}),
        json!({"kty": "OKP", "crv": "Ed448", "x": pairs::ED_X}),
        json!({"kty": "OKP", "crv": "X25519", "x": pairs::ED_X}),
        json!({"kty": 1}),
        json!({}),
        json!(null),
        json!("key"),
    ];

    for key in odd {
        let found = ids(&json!({"keys": [key, rsa()]}));
        assert_eq!(found, [("r".to_owned(), Algorithm::RS256)], "{key}");
    }
}

#[test]
fn what_is_no_jwks_is_an_error_and_never_an_empty_set() {
    for bad in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":null}"#,
        "<html>",
        "{\"keys\":[]",
    ] {
        assert!(parse(bad.as_bytes()).is_err(), "{bad}");
    }
    assert!(parse(b"{\"keys\":[]}").is_ok_and(|keys| keys.is_empty()));
}

#[test]
fn a_key_is_known_by_what_it_is_and_not_by_its_name() {
    let set =
        |keys: &[Value]| KeySet::new(parse(json!({"keys": keys}).to_string().as_bytes()).expect("a JWKS"));
    let other = with(rsa(), "n", json!(pairs::RSA2_N));

    let (old, new) = (set(&[rsa()]), set(std::slice::from_ref(&other)));

    assert!(old.differs(&new) && !old.differs(&set(&[with(rsa(), "x5t", json!("more"))])));
    assert!(set(&[rsa(), other]).differs(&old));
    assert!(old.holds(old.keys[0].id) && !new.holds(old.keys[0].id));
    assert_eq!(old.fitting(Algorithm::RS256, Some("r")).count(), 1);
    assert_eq!(old.fitting(Algorithm::RS256, None).count(), 1);
    for (algorithm, kid) in [
        (Algorithm::RS256, Some("../r")),
        (Algorithm::HS256, Some("r")),
        (Algorithm::HS256, None),
        (Algorithm::ES256, Some("r")),
    ] {
        assert_eq!(old.fitting(algorithm, kid).count(), 0, "{algorithm:?} {kid:?}");
    }
}
