//! The NOTIFY round trip: whether a ring on one connection is heard on another one, as the service needs it.
//!
//! The one check that writes anything: a NOTIFY, on a channel of its own that nobody else listens on.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tokio::{sync::mpsc, time::timeout};
use tokio_postgres::{AsyncMessage, Client};

use super::{
    Finding,
    ask::{Patient, link, root_cause},
};
use crate::connect::Link;

const CHECK: &str = "server.notify";
/// A ring takes a few milliseconds.
const HEARD_MAX: Duration = Duration::from_secs(3);

/// Listens on the listener's way, rings on the pool's.
pub async fn examine(p: &Patient) -> Vec<Finding> {
    let way = p.options.listen_url.as_deref();
    let finding = match round_trip(&p.options.url, way.unwrap_or(&p.options.url)).await {
        Ok(Some(took)) => Finding::ok(
            CHECK,
            format!("A NOTIFY was heard after {:.1} ms.", took.as_secs_f64() * 1e3),
        ),
        Ok(None) => unheard(way.is_some()),
        Err(cause) => Finding::error(CHECK, format!("LISTEN or NOTIFY does not work here: {cause}."))
            .mend("Connect to the primary, and let the login connect twice more than it does."),
    };
    vec![finding]
}

fn unheard(has_way: bool) -> Finding {
    let says = "A NOTIFY was not heard: LISTEN is lost on the way, as through PgBouncer in transaction mode.";
    let finding = Finding::error(CHECK, says);
    match has_way {
        false => finding
            .mend("Give the listener a direct way to Postgres, past the pooler.")
            .command("export PRESENCE_LISTEN_DATABASE_URL=postgres://...@<postgres itself>:5432/<database>"),
        true => finding.mend(
            "PRESENCE_LISTEN_DATABASE_URL must name Postgres itself and the same database, not a pooler.",
        ),
    }
}

/// How long it took to be heard; none: it was not, for 3 s. `listen_url`: the listener's way, `url`: the pool's. An error
/// where either way is no way at all, also where it swallows everything: the driver would wait for ever.
pub async fn round_trip(url: &str, listen_url: &str) -> Result<Option<Duration>, String> {
    let trip = timeout(HEARD_MAX * 2, ring(url, listen_url)).await;
    trip.unwrap_or_else(|_| Err("there was no answer for 6 s".to_owned()))
}

async fn ring(url: &str, listen_url: &str) -> Result<Option<Duration>, String> {
    let name = uuid::Uuid::new_v4().simple().to_string();
    let (listener, mut heard) = connect(listen_url).await?;
    let said = |error: tokio_postgres::Error| root_cause(&error);
    listener
        .batch_execute("listen presence_doctor")
        .await
        .map_err(said)?;
    let (ringer, _) = connect(url).await?;
    let begin = Instant::now();
    ringer
        .batch_execute(&format!("notify presence_doctor, '{name}'"))
        .await
        .map_err(said)?;
    let hearing = async {
        while let Some(ring) = heard.recv().await {
            if ring == name {
                return Some(begin.elapsed());
            }
        }
        None
    };
    Ok(timeout(HEARD_MAX, hearing).await.unwrap_or(None))
}

/// A connection, and what it hears.
async fn connect(url: &str) -> Result<(Client, mpsc::UnboundedReceiver<String>), String> {
    let Link {
        client,
        mut connection,
        ..
    } = link(url).await?;
    let (tell, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut messages = futures_util::stream::poll_fn(move |context| connection.poll_message(context));
        while let Some(Ok(message)) = messages.next().await {
            if let AsyncMessage::Notification(ring) = message {
                // Nobody hears the ringer; its own connection goes on.
                drop(tell.send(ring.payload().to_owned()));
            }
        }
    });
    Ok((client, heard))
}
