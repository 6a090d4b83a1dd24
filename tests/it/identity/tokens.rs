//! Which tokens are good: by the key that they name, for the one algorithm of that key, and nothing else.

use std::time::Instant;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Header, jwk::Jwk};
use pg_presence::config::KeySource;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{COOL_DOWN_S, SELDOM, app, claims, client, now_s, status};
use crate::{
    access::look,
    support::{
        app::{SECRET, TestApp, service_url},
        cable::{Cable, Mode},
        client::token,
        db::TestDb,
        keys::{RSA_N, RSA_PEM},
        provider::{Pair, Provider},
    },
};

#[tokio::test]
async fn rs256_es256_and_eddsa_tokens_are_good_by_the_keys_that_they_name() {
    let Some(db) = TestDb::new().await else { return };
    let keys = [
        Pair::Rsa.published("r"),
        Pair::Ec.published("e"),
        Pair::Ed.published("d"),
    ];
    let provider = Provider::start(&keys).await;
    let app = app(&db, &provider, SELDOM).await;

    for (pair, kid) in [(Pair::Rsa, "r"), (Pair::Ec, "e"), (Pair::Ed, "d")] {
        let alice = client(&app, &pair.sign(Some(kid), &claims("alice", 60)));
        let (found, rooms) = alice.get("/v1/users/alice").await;
        assert_eq!(
            (found, &rooms["user_id"]),
            (StatusCode::OK, &json!("alice")),
            "{pair:?}"
        );
        let unnamed = pair.sign(None, &claims("alice", 60));
        assert_eq!(
            status(&app, &unnamed).await,
            StatusCode::OK,
            "{pair:?} without a name"
        );
    }
    assert_eq!((provider.asked(), provider.strayed()), (1, 0));
}

#[tokio::test]
async fn a_secret_and_published_keys_stand_side_by_side_and_never_for_each_other() {
    let Some(db) = TestDb::new().await else { return };
    let provider = Provider::start(&[Pair::Rsa.published("r")]).await;
    let app = TestApp::start_with(&service_url(db.url()), |settings| {
        settings.jwks = Some(provider.jwks())
    })
    .await;

    let by_secret = token(json!({"sub": "alice"}));
    let by_key = Pair::Rsa.sign(Some("r"), &claims("alice", 60));
    let by_text_of_key = hmac_signed(
        &json!({"alg": "HS256", "kid": "r"}),
        &claims("alice", 60),
        RSA_N.as_bytes(),
    );

    assert_eq!(status(&app, &by_secret).await, StatusCode::OK);
    assert_eq!(status(&app, &by_key).await, StatusCode::OK);
    assert_eq!(status(&app, &by_text_of_key).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn keys_may_come_from_a_file_and_one_that_cannot_be_used_is_told_at_once() {
    let Some(db) = TestDb::new().await else { return };
    let folder = std::env::temp_dir().join(format!("presence-jwks-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).expect("a folder");
    let file = folder.join("jwks.json");
    std::fs::write(&file, json!({"keys": [Pair::Ec.published("e")]}).to_string()).expect("a file");
    let from = |file: &std::path::Path| KeySource::File(file.to_owned());

    let app = TestApp::start_with(&service_url(db.url()), |settings| {
        settings.jwt_secret = None;
        settings.jwks = Some(from(&file));
    })
    .await;
    let good = status(&app, &Pair::Ec.sign(Some("e"), &claims("alice", 60))).await;
    std::fs::write(&file, "-----BEGIN PUBLIC KEY-----").expect("a file");
    let no_jwks = refusal(&db, from(&file)).await;
    let missing = refusal(&db, from(&folder.join("other"))).await;
    std::fs::remove_dir_all(&folder).expect("it is ours");

    assert_eq!(good, StatusCode::OK);
    assert!(no_jwks.contains("jwks.json: what came is no JSON"), "{no_jwks}");
    assert!(missing.contains("other: No such file"), "{missing}");
}

async fn refusal(db: &TestDb, source: KeySource) -> String {
    TestApp::refusal_with(&service_url(db.url()), |settings| settings.jwks = Some(source)).await
}

/// FAULTS 50. All of it twice: with the database there, and with the way to it cut, where whatever took a connection of
/// the pool would be answered 503.
#[tokio::test]
async fn bad_tokens_are_all_refused_alike_without_the_database_and_without_asking_anybody_else() {
    let Some(db) = TestDb::new().await else { return };
    let provider = Provider::start(&[Pair::Rsa.published("r"), Pair::Ed.published("d")]).await;
    let (cable, url) = Cable::around(&service_url(db.url())).await;
    let app = TestApp::start_with(&url, |settings| {
        settings.jwks = Some(provider.jwks());
        settings.jwks_refresh = SELDOM;
        settings.jwt_issuer = Some("https://issuer.example".to_owned());
        settings.jwt_audience = Some("presence".to_owned());
    })
    .await;
    let good = good_claims(json!({}));
    assert_eq!(
        status(&app, &Pair::Rsa.sign(Some("r"), &good)).await,
        StatusCode::OK
    );

    let (bad, stranger, begin) = (bad_tokens(&provider), client(&app, ""), Instant::now());
    let mut expected = None;
    for _ in 0..2 {
        for (what, token) in &bad {
            let bearer = |path: &str, method: Method| {
                let request = stranger.bare(method, path);
                match token {
                    None => request,
                    Some(token) => request.header("authorization", format!("Bearer {token}")),
                }
            };
            for (method, path) in [
                (Method::GET, "/v1/rooms/general"),
                (Method::GET, "/v1/stream?room=general"),
                (Method::POST, "/v1/tickets"),
                (Method::DELETE, "/v1/me/sessions"),
            ] {
                let answer = bearer(path, method).send().await.expect("an answer");
                let seen = look(answer).await;
                assert_eq!(seen.0, StatusCode::UNAUTHORIZED, "{what}: {path}");
                assert_eq!(
                    expected.get_or_insert_with(|| seen.clone()),
                    &seen,
                    "{what}: {path}"
                );
            }
        }
        cable.set(Mode::Cut);
    }

    // At the start, and once in a cool-down for all unknown keys.
    let most = 2 + (begin.elapsed().as_secs() / COOL_DOWN_S) as usize;
    assert!(
        (2..=most).contains(&provider.asked()),
        "{} of {most}",
        provider.asked()
    );
    assert_eq!(provider.strayed(), 0);
}

fn good_claims(more: Value) -> Value {
    let mut claims = claims("alice", 600);
    claims["iss"] = json!("https://issuer.example");
    claims["aud"] = json!("presence");
    for (name, value) in more.as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    claims
}

/// Each is good but for one thing.
fn bad_tokens(provider: &Provider) -> Vec<(String, Option<String>)> {
    let good = good_claims(json!({}));
    let mut bad = malformed(&good);
    bad.extend(by_wrong_keys(&good));
    bad.extend(with_odd_headers(&good, &provider.url("/evil")));
    for (what, claims) in bad_claims() {
        bad.push((what.clone(), Pair::Ed.sign(Some("d"), &claims)));
        bad.push((what, hmac_signed(&json!({"alg": "HS256"}), &claims, SECRET)));
    }
    let some = bad.into_iter().map(|(what, token)| (what, Some(token)));
    [("none".to_owned(), None)].into_iter().chain(some).collect()
}

fn malformed(good: &Value) -> Vec<(String, String)> {
    let by_rsa = Pair::Rsa.sign(Some("r"), good);
    let garbage = ["", "x", "..", "a.b.c", "a.b.c.d", "%00", "null"].map(|text| ("garbage", text.to_owned()));
    let mut bad: Vec<(&str, String)> = garbage.into();
    bad.push(("cut off", by_rsa[..by_rsa.len() - 1].to_owned()));
    bad.push(("prolonged", format!("{by_rsa}A")));
    bad.push(("huge", format!("{by_rsa}{}", "A".repeat(9_000))));
    bad.push(("huge garbage", "A".repeat(60_000)));
    for alg in ["none", "None", "NONE", "", "HS256", "RS256", "rs256"] {
        let unsigned = encoded(&json!({"alg": alg, "kid": "r"}), good);
        bad.push(("unsigned", format!("{unsigned}.")));
        bad.push(("unsigned, without a dot", unsigned));
    }
    bad.into_iter()
        .map(|(what, token)| (what.to_owned(), token))
        .collect()
}

fn by_wrong_keys(good: &Value) -> Vec<(String, String)> {
    let hmac = |header: Value, key: &[u8]| hmac_signed(&header, good, key);
    let mut bad: Vec<(String, String)> = vec![];
    let mut add = |what: &str, token: String| bad.push((what.to_owned(), token));
    for key in [RSA_PEM, RSA_PEM.trim_end(), RSA_N, ""] {
        for kid in [json!("r"), json!(null)] {
            let header = json!({"alg": "HS256", "typ": "JWT", "kid": kid});
            add(&format!("HS256 by {key:.40}"), hmac(header, key.as_bytes()));
        }
    }
    add("HS512 by the secret", hmac(json!({"alg": "HS512"}), SECRET));
    let header = json!({"alg": "RS256", "kid": "r"});
    add("RS256 by the secret", hmac(header, SECRET));
    add("another key by a known name", Pair::Rsa2.sign(Some("r"), good));
    add("another kind by a known name", Pair::Ed.sign(Some("r"), good));
    add("an unknown key without a name", Pair::Ed2.sign(None, good));
    let long = "k".repeat(3_000);
    for kid in [
        "other",
        "../../etc/passwd",
        "/dev/null",
        "r/../r",
        "R",
        " r",
        "' or 1=1 --",
        &long,
    ] {
        add(&format!("kid {kid:.20}"), Pair::Ed2.sign(Some(kid), good));
    }
    bad
}

/// That lead elsewhere, to keys of the attacker's own, or ask for what is not understood here.
fn with_odd_headers(good: &Value, elsewhere: &str) -> Vec<(String, String)> {
    let own: Jwk = serde_json::from_value(Pair::Ed2.published("own")).expect("a key");
    let evil = |change: &dyn Fn(&mut Header)| Pair::Ed2.sign_with(change, good);
    let critical = |header: &mut Header| {
        header.kid = Some("r".to_owned());
        header.crit = Some(vec!["b64".to_owned()]);
    };
    let bad = [
        ("kid with a URL", Pair::Ed2.sign(Some(elsewhere), good)),
        (
            "its own key set",
            evil(&|header| header.jku = Some(elsewhere.to_owned())),
        ),
        (
            "its own certificate",
            evil(&|header| header.x5u = Some(elsewhere.to_owned())),
        ),
        (
            "its own key",
            evil(&|header| header.jwk = Some(Clone::clone(&own))),
        ),
        ("something critical", Pair::Rsa.sign_with(critical, good)),
    ];
    bad.map(|(what, token)| (what.to_owned(), token)).into()
}

fn bad_claims() -> Vec<(String, Value)> {
    let now = now_s();
    let mut bad = vec![
        ("expired".to_owned(), good_claims(json!({"exp": now - 60}))),
        ("not yet valid".to_owned(), good_claims(json!({"nbf": now + 600}))),
        ("no user".to_owned(), good_claims(json!({"sub": null}))),
        (
            "a user that is no id".to_owned(),
            good_claims(json!({"sub": "x".repeat(129)})),
        ),
    ];
    for iss in [
        json!(null),
        json!("https://issuer.example/"),
        json!("https://evil.example"),
        json!(["https://evil.example"]),
        json!({}),
    ] {
        bad.push((format!("iss {iss}"), good_claims(json!({"iss": iss}))));
    }
    for aud in [
        json!(null),
        json!("other"),
        json!([]),
        json!(["other"]),
        json!("PRESENCE"),
        json!(1),
    ] {
        bad.push((format!("aud {aud}"), good_claims(json!({"aud": aud}))));
    }
    let far = (now + 600).to_string();
    for exp in [
        json!(null),
        json!(far),
        json!(-1),
        json!(0),
        json!([now + 600]),
        json!({}),
        json!(true),
        json!(1e300),
    ] {
        bad.push((format!("exp {exp}"), good_claims(json!({"exp": exp}))));
    }
    let mut endless = good_claims(json!({}));
    endless.as_object_mut().expect("claims").remove("exp");
    bad.push(("no exp".to_owned(), endless));
    bad
}

fn encoded(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

fn hmac_signed(header: &Value, claims: &Value, key: &[u8]) -> String {
    let signed = encoded(header, claims);
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}
