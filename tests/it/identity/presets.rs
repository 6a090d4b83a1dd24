//! One setting for a provider: its tokens are good, as it makes them, and others are not.
//! The claims are those of the providers' own documentation.

use clap::{Args, FromArgMatches};
use pg_presence::config::{SERVE_BIND, ServiceArgs, Settings};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{claims, status};
use crate::support::{
    app::{TestApp, service_url},
    client::token,
    db::TestDb,
    provider::{Pair, Provider},
};

/// As the command line gives them.
fn settings(flags: &[&str]) -> Settings {
    let command =
        ServiceArgs::augment_args(clap::Command::new("serve")).mut_args(|arg| arg.env(None::<&'static str>));
    let matches = command
        .try_get_matches_from(["serve"].iter().chain(flags))
        .expect("good flags");
    let args = ServiceArgs::from_arg_matches(&matches).expect("good flags");
    args.settings("postgres://localhost".to_owned(), None, SERVE_BIND)
        .expect("good settings")
}

async fn app(db: &TestDb, flags: &[&str]) -> TestApp {
    let given = settings(flags);
    TestApp::start_with(&service_url(db.url()), |settings| {
        settings.jwt_secret = None;
        settings.jwks = given.jwks;
        settings.jwt_issuer = given.jwt_issuer;
        settings.jwt_audience = given.jwt_audience;
        settings.user_claim = given.user_claim;
    })
    .await
}

fn with(mut claims: Value, more: Value) -> Value {
    for (name, value) in more.as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    claims
}

/// That it is good, and that with any of these differences it is not.
async fn assert_pinned(app: &TestApp, pair: Pair, good: &Value, differences: &[Value]) {
    assert_eq!(
        status(app, &pair.sign(Some("k"), good)).await,
        StatusCode::OK,
        "{good}"
    );
    for difference in differences {
        let bad = pair.sign(Some("k"), &with(good.clone(), difference.clone()));
        assert_eq!(status(app, &bad).await, StatusCode::UNAUTHORIZED, "{difference}");
    }
    let by_secret = token(good.clone());
    assert_eq!(status(app, &by_secret).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn better_auth() {
    let Some(db) = TestDb::new().await else { return };
    let provider = Provider::start(&[Pair::Ed.published("k")]).await;
    let base = provider.url("");
    let app = app(&db, &["--auth-preset=better-auth", "--jwt-issuer", &base]).await;

    // The jwt plugin puts the whole user into the payload.
    let user = json!({"id": "alice", "name": "Alice Adams", "email": "alice@example.com", "emailVerified": true, "image": null});
    let good = with(
        with(claims("alice", 900), user),
        json!({"iss": base, "aud": base}),
    );

    let elsewhere = json!({"aud": "https://other.example"});
    assert_pinned(
        &app,
        Pair::Ed,
        &good,
        &[
            json!({"iss": "https://evil.example"}),
            elsewhere,
            json!({"aud": null}),
        ],
    )
    .await;
}

#[tokio::test]
async fn supabase() {
    let Some(db) = TestDb::new().await else { return };
    let provider = Provider::start(&[Pair::Ec.published("k")]).await;
    let (project, issuer) = (provider.url(""), provider.url("/auth/v1"));
    let app = app(&db, &["--auth-preset=supabase", "--jwt-issuer", &project]).await;

    let shape = json!({
        "iss": issuer, "aud": "authenticated", "role": "authenticated", "aal": "aal1", "email": "", "phone": "",
        "session_id": "5d4f0f7e-7a1b-4a5b-9f3e-000000000001", "is_anonymous": false, "app_metadata": {"provider": "email"},
        "user_metadata": {}, "amr": [{"method": "password", "timestamp": 1}],
    });
    let good = with(claims("alice", 3600), shape);

    // Its service and anonymous keys are tokens too, of nobody.
    let differences = [
        json!({"iss": project}),
        json!({"aud": "other"}),
        json!({"sub": null, "role": "service_role"}),
    ];
    assert_pinned(&app, Pair::Ec, &good, &differences).await;
}

#[tokio::test]
async fn clerk() {
    let Some(db) = TestDb::new().await else { return };
    let provider = Provider::start(&[Pair::Rsa.published("k")]).await;
    let frontend = provider.url("");
    let app = app(
        &db,
        &["--auth-preset=clerk", "--jwt-issuer", &format!("{frontend}/")],
    )
    .await;

    let shape = json!({
        "iss": frontend, "azp": "https://app.example.com", "sid": "sess_2", "fva": [1, -1], "v": 2, "sts": "active",
        "nbf": super::now_s() - 10, "iat": super::now_s(),
    });
    let good = with(claims("alice", 60), shape);

    assert_pinned(
        &app,
        Pair::Rsa,
        &good,
        &[
            json!({"iss": "https://evil.example"}),
            json!({"exp": super::now_s() - 60}),
        ],
    )
    .await;
}

#[tokio::test]
async fn auth0() {
    let Some(db) = TestDb::new().await else { return };
    let provider = Provider::start(&[Pair::Rsa.published("k")]).await;
    let tenant = provider.url("/");
    let flags = [
        "--auth-preset=auth0",
        "--jwt-issuer",
        tenant.trim_end_matches('/'),
        "--jwt-audience=https://presence.example.com",
    ];
    let app = app(&db, &flags).await;

    let shape = json!({
        "iss": tenant, "aud": ["https://presence.example.com", provider.url("/userinfo")], "azp": "client",
        "scope": "openid profile presence:write", "iat": super::now_s(),
    });
    let good = with(claims("alice", 86_400), shape);

    let differences = [
        json!({"iss": tenant.trim_end_matches('/')}),
        json!({"aud": provider.url("/userinfo")}),
        json!({"aud": null}),
    ];
    assert_pinned(&app, Pair::Rsa, &good, &differences).await;
}
