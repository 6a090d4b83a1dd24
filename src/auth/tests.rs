use std::time::Duration;

use axum::http::HeaderValue;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::FutureExt;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

fn rules() -> Rules {
    Rules {
        issuer: None,
        audience: None,
        user_claim: "sub".to_owned(),
        user_id_type: IdType::Text,
    }
}

fn now_s() -> u64 {
    OffsetDateTime::now_utc().unix_timestamp().unsigned_abs()
}

/// Made by hand, so that nothing is checked by what made it.
fn signed(header: &Value, claims: &str, secret: &[u8]) -> String {
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn token(claims: &Value) -> String {
    signed(
        &json!({"alg": "HS256", "typ": "JWT"}),
        &claims.to_string(),
        SECRET,
    )
}

fn auth(rules: &Rules) -> Auth {
    Auth::by(rules, Keys::fixed(SECRET))
}

/// Where nothing is waited for.
fn caller(auth: &Auth, token: &str) -> Result<Caller> {
    auth.caller_by_token(token)
        .now_or_never()
        .expect("a secret talks to nobody")
}

fn who(rules: &Rules, token: &str) -> Option<String> {
    let caller = caller(&auth(rules), token).ok()?;
    Some(caller.user_id.as_str().to_owned())
}

#[test]
fn a_good_token_says_who_and_what() {
    let exp = now_s() + 60;
    let token =
        token(&json!({"sub": "alice", "exp": exp, "scope": "presence:write  other", "aud": "anyone"}));

    let caller = caller(&auth(&rules()), &token).expect("good");

    assert_eq!(caller.user_id.as_str(), "alice");
    assert_eq!(
        caller.expires_at,
        OffsetDateTime::UNIX_EPOCH + Duration::from_secs(exp)
    );
    assert!(caller.has_scope("other") && caller.require(SCOPE_WRITE).is_ok());
    assert!(matches!(
        caller.require(SCOPE_ADMIN),
        Err(Error::Forbidden("presence:admin"))
    ));
}

#[test]
fn the_algorithm_is_ours_to_choose() {
    let claims = json!({"sub": "alice", "exp": now_s() + 60}).to_string();
    let unsigned = |alg: &str| {
        let header = json!({"alg": alg}).to_string();
        format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(&claims)
        )
    };

    for bad in [
        unsigned("none"),
        unsigned("HS256"),
        signed(&json!({"alg": "HS512"}), &claims, SECRET),
        signed(&json!({"alg": "RS256"}), &claims, SECRET),
        signed(
            &json!({"alg": "HS256"}),
            &claims,
            b"another secret of thirty-two byte",
        ),
        signed(&json!({"typ": "JWT"}), &claims, SECRET),
        String::new(),
        "..".to_owned(),
        "a.b.c.d".to_owned(),
        "\u{1F600}".to_owned(),
    ] {
        assert_eq!(who(&rules(), &bad), None, "{bad}");
    }
}

#[test]
fn times_are_checked_with_a_leeway_of_five_seconds() {
    let now = now_s();
    let at = |claims: Value| who(&rules(), &token(&claims));

    assert!(at(json!({"sub": "a", "exp": now - 3})).is_some());
    assert!(at(json!({"sub": "a", "exp": now - 7})).is_none());
    assert!(at(json!({"sub": "a", "exp": now + 60, "nbf": now + 3})).is_some());
    assert!(at(json!({"sub": "a", "exp": now + 60, "nbf": now + 20})).is_none());
    assert!(at(json!({"sub": "a", "exp": u64::MAX})).is_some());
    assert!(at(json!({"sub": "a", "exp": (now + 60) as f64 + 0.5})).is_some());
    for odd in [
        json!(null),
        json!("9999999999"),
        json!(-1),
        json!([now + 60]),
        json!({}),
        json!(true),
        json!(1e300),
    ] {
        assert!(at(json!({"sub": "a", "exp": odd})).is_none(), "exp {odd}");
        if !odd.is_null() {
            assert!(
                at(json!({"sub": "a", "exp": now + 60, "nbf": odd})).is_none(),
                "nbf {odd}"
            );
        }
    }
    assert!(at(json!({"sub": "a"})).is_none(), "exp is required");
}

#[test]
fn issuer_and_audience_are_required_where_set() {
    let rules = Rules {
        issuer: Some("us".into()),
        audience: Some("presence".into()),
        ..rules()
    };
    let exp = now_s() + 60;
    let by = |claims: Value| who(&rules, &token(&claims));

    assert!(by(json!({"sub": "a", "exp": exp, "iss": "us", "aud": "presence"})).is_some());
    assert!(by(json!({"sub": "a", "exp": exp, "iss": "us", "aud": ["other", "presence"]})).is_some());
    for (iss, aud) in [
        (json!("them"), json!("presence")),
        (json!("us"), json!("other")),
        (json!(null), json!("presence")),
        (json!("us"), json!(null)),
        (json!("us"), json!([])),
        (json!(1), json!("presence")),
    ] {
        assert!(
            by(json!({"sub": "a", "exp": exp, "iss": iss, "aud": aud})).is_none(),
            "{iss} {aud}"
        );
    }
    assert!(by(json!({"sub": "a", "exp": exp})).is_none());
}

#[test]
fn the_user_claim_is_an_id_of_the_installed_type() {
    let of = |claim: &str, id_type: IdType, value: Value| {
        let rules = Rules {
            user_claim: claim.to_owned(),
            user_id_type: id_type,
            ..rules()
        };
        let mut claims = json!({"exp": now_s() + 60});
        claims[claim] = value;
        who(&rules, &token(&claims))
    };

    assert_eq!(of("uid", IdType::Bigint, json!(42)).as_deref(), Some("42"));
    assert_eq!(of("uid", IdType::Bigint, json!("42")).as_deref(), Some("42"));
    assert_eq!(of("sub", IdType::Text, json!(42)).as_deref(), Some("42"));
    for bad in [
        json!(""),
        json!(null),
        json!(1.5),
        json!(true),
        json!(["a"]),
        json!("a\0"),
        json!("x".repeat(129)),
    ] {
        assert_eq!(of("sub", IdType::Text, bad.clone()), None, "{bad}");
    }
    assert_eq!(of("sub", IdType::Uuid, json!("alice")), None);
    assert_eq!(of("sub", IdType::Bigint, json!(u64::MAX)), None);
    assert_eq!(
        who(&rules(), &token(&json!({"user": "alice", "exp": now_s() + 60}))),
        None
    );
}

#[test]
fn a_minted_token_is_good_by_the_same_rules() {
    let rules = Rules {
        issuer: Some("us".into()),
        audience: Some("presence".into()),
        user_claim: "uid".into(),
        ..rules()
    };
    let claims = jwt::Claims {
        user: "alice",
        user_claim: "uid",
        scope: "presence:write other",
        issuer: Some("us"),
        audience: Some("presence"),
        ttl: Duration::from_secs(60),
    };

    let token = jwt::mint(SECRET, &claims, OffsetDateTime::now_utc()).expect("signed");

    let caller = caller(&auth(&rules), &token).expect("good");
    assert_eq!(caller.user_id.as_str(), "alice");
    assert!(caller.has_scope(SCOPE_WRITE) && caller.has_scope("other"));
}

#[test]
fn one_bearer_header_is_wanted() {
    let token = token(&json!({"sub": "alice", "exp": now_s() + 60}));
    let auth = auth(&rules());
    let with = |values: &[String]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).expect("visible"));
        }
        auth.caller(&headers)
            .now_or_never()
            .is_some_and(|caller| caller.is_ok())
    };

    assert!(with(&[format!("Bearer {token}")]));
    assert!(with(&[format!("bearer  {token}")]));
    assert!(with(&[format!("Bearer {token}")]), "remembered");
    assert!(!with(&[]));
    assert!(!with(&[format!("Basic {token}")]));
    assert!(!with(std::slice::from_ref(&token)));
    assert!(!with(&[format!("Bearer {token}"), format!("Bearer {token}")]));
    assert!(!with(&[format!("Bearer {}", "x".repeat(8193))]));
}

#[test]
fn a_token_tells_how_long_it_is_good_for() {
    let now = OffsetDateTime::now_utc();
    let caller = |end| Caller {
        user_id: UserId::trusted("alice"),
        scopes: [].into(),
        expires_at: end,
        key: KeyId::SECRET,
    };

    assert_eq!(
        caller(now + Duration::from_secs(7)).expires_in(now),
        Some(Duration::from_secs(7))
    );
    assert_eq!(caller(now - Duration::from_secs(7)).expires_in(now), None);
}
