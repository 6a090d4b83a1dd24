//! The heartbeat of a handler that parses, looks the token up and answers; and, where it is given a database, writes.

use std::{
    collections::HashMap,
    future::poll_fn,
    sync::{Arc, RwLock},
};

use anyhow::{Context, Result};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::{get, put},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use serde::{Deserialize, Serialize};
use tokio_postgres::{AsyncMessage, Client, NoTls};
use uuid::Uuid;

/// Connections of the pool: as many as a team would take for two cores.
const POOL: usize = 16;

/// What the rival stores; a team's first table.
const TABLE: &str = "
create unlogged table beats (
    room_id text, user_id text, session_id uuid, status text not null, beat_at timestamptz not null,
    primary key (room_id, user_id, session_id)
)";

/// The rule of access and the upsert, in one statement.
const BEAT: &str = "
insert into beats (room_id, user_id, session_id, status, beat_at)
select p.room_id, p.user_id, $3, coalesce($4, 'active'), now()
  from event_app.room_participants p join event_app.rooms r on r.id = p.room_id
 where p.room_id = $1 and p.user_id = $2 and (r.kind <> 'vendor' or p.role <> 'vendor' or r.vendor_id = p.user_id)
on conflict (room_id, user_id, session_id) do update set status = excluded.status, beat_at = excluded.beat_at";

/// The same that `pgbench` runs as its script.
pub const SCRIPT: &str = "\\set n random(0, 9999)
insert into beats (room_id, user_id, session_id, status, beat_at)
values ('r' || :n % 1000, 'u' || :n, lpad(to_hex(:n::bigint), 32, '0')::uuid, 'active', now())
on conflict (room_id, user_id, session_id) do update set status = excluded.status, beat_at = excluded.beat_at;
";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    session_id: Uuid,
    status: String,
    joined_at: &'static str,
    expires_at: &'static str,
    heartbeat_ms: u32,
    leave_token: String,
}

#[derive(Clone)]
struct App {
    tokens: Arc<RwLock<HashMap<String, String>>>,
    pool: Option<Pool>,
}

/// Serves; without a database it stores nothing.
pub async fn serve(port: u16, url: Option<String>) -> Result<()> {
    let pool = match url {
        Some(url) => Some(open(&url).await?),
        None => None,
    };
    let app = App {
        tokens: Arc::default(),
        pool,
    };
    let router = Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/v1/rooms/{room}/sessions/{session}", put(beat))
        .with_state(app);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    Ok(axum::serve(listener, router).await?)
}

async fn beat(
    State(app): State<App>,
    Path((room, session)): Path<(String, Uuid)>,
    headers: HeaderMap,
    Json(body): Json<Body>,
) -> Result<Json<Answer>, StatusCode> {
    let token = headers.get("authorization").and_then(|value| value.to_str().ok());
    let token = token
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or(StatusCode::UNAUTHORIZED)?;
    let known = app
        .tokens
        .read()
        .map_or(None, |tokens| tokens.get(token).cloned());
    let user = match known {
        Some(user) => user,
        None => {
            let user = subject(token).ok_or(StatusCode::UNAUTHORIZED)?;
            if let Ok(mut tokens) = app.tokens.write() {
                tokens.insert(token.to_owned(), user.clone());
            }
            user
        }
    };
    if body.message.is_some_and(|message| message.chars().count() > 140) {
        return Err(StatusCode::BAD_REQUEST);
    }
    if let Some(pool) = &app.pool {
        let stored = store(pool, &room, &user, session, body.status.as_deref()).await;
        if !stored.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)? {
            return Err(StatusCode::NOT_FOUND);
        }
    }
    Ok(Json(Answer {
        session_id: session,
        status: body.status.unwrap_or_else(|| "active".to_owned()),
        joined_at: "2026-11-25T01:07:29.659Z",
        expires_at: "2026-11-25T01:08:44.659Z",
        heartbeat_ms: 25_000,
        leave_token: "x".repeat(64),
    }))
}

/// Whose token it is. Not verified: the rival pays for it once a user, and is given that.
fn subject(token: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    Some(claims.get("sub")?.as_str()?.to_owned())
}

async fn store(pool: &Pool, room: &str, user: &str, session: Uuid, status: Option<&str>) -> Result<bool> {
    let mut client = pool.get().await?;
    let beat = client.prepare_cached(BEAT).await?;
    let notify = client.prepare_cached("select pg_notify($1, $2)").await?;
    let transaction = client.transaction().await?;
    let stored = transaction
        .execute(&beat, &[&room, &user, &session, &status])
        .await?;
    transaction
        .execute(&notify, &[&format!("room_{room}"), &user])
        .await?;
    transaction.commit().await?;
    Ok(stored == 1)
}

/// The table, the pool, and a listener on every room's channel.
async fn open(url: &str) -> Result<Pool> {
    let config: tokio_postgres::Config = url.parse()?;
    let (client, mut connection) = config.connect(NoTls).await?;
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(ring) = message {
                std::hint::black_box(ring.payload());
            }
        }
    });
    client.batch_execute(TABLE).await?;
    listen(&client).await.context("LISTEN")?;
    let recycling = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let manager = Manager::from_config(config, NoTls, recycling);
    tokio::spawn(async move {
        let _client = client; // it listens for as long as it is here
        std::future::pending::<()>().await;
    });
    Ok(Pool::builder(manager).max_size(POOL).build()?)
}

async fn listen(client: &Client) -> Result<()> {
    for row in client.query("select id from event_app.rooms", &[]).await? {
        let room: &str = row.try_get(0)?;
        client.batch_execute(&format!("listen \"room_{room}\"")).await?;
    }
    Ok(())
}
