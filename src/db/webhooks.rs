//! Webhooks: what a node claims and settles, and what operators ask.

use super::{Db, rows::get};
use crate::error::{Error, Result};

/// A delivery that is to be sent now, and is this node's for a minute.
#[derive(Clone)]
pub struct Claim {
    /// Its number.
    pub delivery_id: i64,
    /// Whose.
    pub webhook_id: i64,
    /// Which attempt this is, from 1.
    pub attempt: i32,
    /// Where to.
    pub url: String,
    /// The `webhook-id`.
    pub message_id: String,
    /// The `webhook-timestamp`: the database's clock, in seconds since 1970.
    pub sent_at_s: i64,
    /// The body.
    pub payload: String,
    /// Keys that are good, the newest first.
    pub secrets: Vec<Vec<u8>>,
}

/// What became of an attempt.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The delivery's number.
    pub delivery_id: i64,
    /// As claimed.
    pub attempt: i32,
    /// The HTTP status; none: there was no answer.
    pub status: Option<i32>,
    /// Why it failed; none where it did not.
    pub error: Option<String>,
    /// How long the endpoint asks to be left alone, in seconds.
    pub wait_s: Option<i32>,
}

impl Answered {
    /// Whether the endpoint took it.
    pub fn is_taken(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

impl Db {
    /// `presence.claim_deliveries`. `busy`: the endpoint of each delivery that this node is sending.
    pub async fn claim_deliveries(
        &self,
        places: usize,
        places_of_one: usize,
        busy: &[i64],
    ) -> Result<Vec<Claim>> {
        let sql = "select * from presence.claim_deliveries($1, $2, $3)";
        let count = |places: usize| i32::try_from(places).unwrap_or(i32::MAX);
        let rows = self
            .query(sql, &[&count(places), &count(places_of_one), &busy])
            .await?;
        let claims = rows.iter().map(|row| {
            Ok(Claim {
                delivery_id: get(row, "delivery_id")?,
                webhook_id: get(row, "webhook_id")?,
                attempt: get(row, "attempt")?,
                url: get(row, "url")?,
                message_id: get(row, "message_id")?,
                sent_at_s: get(row, "sent_at_s")?,
                payload: get(row, "payload")?,
                secrets: get(row, "secrets")?,
            })
        });
        claims.collect()
    }

    /// `presence.settle_deliveries`: the endpoints that were disabled by it.
    pub async fn settle_deliveries(&self, answered: &[Answered]) -> Result<Vec<i64>> {
        let sql = "select webhook_id from presence.settle_deliveries($1, $2, $3, $4, $5) as s(webhook_id)";
        let ids: Vec<i64> = answered.iter().map(|one| one.delivery_id).collect();
        let attempts: Vec<i32> = answered.iter().map(|one| one.attempt).collect();
        let statuses: Vec<Option<i32>> = answered.iter().map(|one| one.status).collect();
        let errors: Vec<Option<&str>> = answered.iter().map(|one| one.error.as_deref()).collect();
        let waits: Vec<Option<i32>> = answered.iter().map(|one| one.wait_s).collect();
        let rows = self
            .query(sql, &[&ids, &attempts, &statuses, &errors, &waits])
            .await?;
        rows.iter().map(|row| get(row, "webhook_id")).collect()
    }
}

/// What an endpoint is told.
#[derive(Debug, Clone, Default)]
pub struct Filters {
    /// Of these types alone; none: of all.
    pub types: Option<Vec<String>>,
    /// Of these rooms alone.
    pub rooms: Option<Vec<String>>,
    /// Of the rooms of these events alone.
    pub events: Option<Vec<String>>,
    /// Of these users alone.
    pub users: Option<Vec<String>>,
}

/// What operators ask: answers are the database's own, as JSON.
impl Db {
    /// `presence.add_webhook`: its number and its secret.
    pub async fn add_webhook(
        &self,
        url: &str,
        filters: &Filters,
        description: Option<&str>,
    ) -> Result<(i64, String)> {
        let sql = "select webhook_id, secret from presence.add_webhook($1, $2, \
                   $3::text[]::presence.room_id[], $4::text[]::presence.event_id[], $5::text[]::presence.user_id[], $6)";
        let Filters {
            types,
            rooms,
            events,
            users,
        } = filters;
        let row = self
            .query_one(sql, &[&url, types, rooms, events, users, &description])
            .await?;
        Ok((get(&row, "webhook_id")?, get(&row, "secret")?))
    }

    /// `presence.webhooks`: a JSON object each.
    pub async fn webhooks(&self) -> Result<Vec<serde_json::Value>> {
        let sql = "select row_to_json(w)::text as told from presence.webhooks() w";
        let rows = self.query(sql, &[]).await?;
        rows.iter().map(|row| parsed(get(row, "told")?)).collect()
    }

    /// `presence.webhook_deliveries`: a JSON object each, the latest first.
    pub async fn webhook_deliveries(
        &self,
        webhook: i64,
        rows_max: i32,
        states: Option<&[String]>,
    ) -> Result<Vec<serde_json::Value>> {
        let sql = "select row_to_json(d)::text as told from presence.webhook_deliveries($1, $2, $3) d";
        let rows = self.query(sql, &[&webhook, &rows_max, &states]).await?;
        rows.iter().map(|row| parsed(get(row, "told")?)).collect()
    }

    /// `presence.enable_webhook`: whether it was disabled.
    pub async fn enable_webhook(&self, webhook: i64) -> Result<bool> {
        let row = self
            .query_one("select presence.enable_webhook($1)", &[&webhook])
            .await?;
        row.try_get(0).map_err(Error::bug)
    }

    /// `presence.disable_webhook`: whether it was enabled.
    pub async fn disable_webhook(&self, webhook: i64, why: Option<&str>) -> Result<bool> {
        let row = self
            .query_one("select presence.disable_webhook($1, $2)", &[&webhook, &why])
            .await?;
        row.try_get(0).map_err(Error::bug)
    }

    /// `presence.remove_webhook`: whether there was one.
    pub async fn remove_webhook(&self, webhook: i64) -> Result<bool> {
        let row = self
            .query_one("select presence.remove_webhook($1)", &[&webhook])
            .await?;
        row.try_get(0).map_err(Error::bug)
    }

    /// `presence.rotate_webhook_secret`: the new one. `keep_s`: how long those before it go on.
    pub async fn rotate_webhook_secret(&self, webhook: i64, keep_s: u64) -> Result<String> {
        let keep = format!("{keep_s} seconds");
        let row = self
            .query_one(
                "select presence.rotate_webhook_secret($1, $2::text::interval)",
                &[&webhook, &keep],
            )
            .await?;
        row.try_get(0).map_err(Error::bug)
    }

    /// `presence.test_webhook`: the number of its delivery.
    pub async fn test_webhook(&self, webhook: i64) -> Result<i64> {
        let row = self
            .query_one("select presence.test_webhook($1)", &[&webhook])
            .await?;
        row.try_get(0).map_err(Error::bug)
    }

    /// `presence.redeliver_webhook`: how many are sent again. `since_s`: what is younger than that alone.
    pub async fn redeliver_webhook(
        &self,
        webhook: i64,
        delivery: Option<i64>,
        since_s: Option<u64>,
        delivered: bool,
    ) -> Result<i32> {
        let since = since_s.map(|seconds| format!("{seconds} seconds"));
        let row = self
            .query_one(
                "select presence.redeliver_webhook($1, $2, now() - $3::text::interval, $4)",
                &[&webhook, &delivery, &since, &delivered],
            )
            .await?;
        row.try_get(0).map_err(Error::bug)
    }
}

fn parsed(text: &str) -> Result<serde_json::Value> {
    serde_json::from_str(text).map_err(Error::bug)
}
