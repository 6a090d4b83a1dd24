//! The LISTEN connection: hears rings and passes them on, unread.
//!
//! Its own connection, never pooled, and driven by hand: the driver's own loop would drop notifications. A canary (a
//! NOTIFY of a random name) must come back every few seconds: a half-open link loses notifications without any error.
//!
//! ```text
//! connecting ──► LISTEN ──► ring everything ──► hearing ──► (error, or three canaries missed) ──► connecting
//!      └── doubling pause, reset only once a canary came back
//! ```
//!
//! A listener whose process stands still (stopped, swapped out, its machine suspended) keeps its place in the queue of
//! NOTIFY and, once its socket is full, holds back VACUUM for the whole database. Its canaries stop too, so the other
//! nodes of the same login see it, and end its connection: when it goes on it connects anew and catches up.
//!
//! # Failure
//! While it is away nothing is lost, only late: rooms are read at each sweep, and all of them once it is back.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout, timeout_at},
};
use tokio_postgres::{AsyncMessage, Client};
use tokio_util::sync::CancellationToken;

use crate::{
    connect::{Link, Target},
    health::Health,
    hub::bell::Bell,
    observe::{Observation, Observer},
};

/// First and longest pause between two attempts to connect.
const PAUSE: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(2)];
/// Canaries in a row that may be missed.
const MISSED_MAX: u32 = 3;
/// Ends the listeners of this login that stand still: that sent nothing for eight of their own canaries, which their name
/// tells, and five seconds. With the default canary that is well within a minute.
const END_STILL: &str = "\
select count(*) filter (where pg_terminate_backend(a.pid))
  from pg_stat_activity a
 where a.application_name ~ '^pg-presence listener [0-9]+$' and a.datname = current_database()
   and a.usename = session_user and a.pid <> pg_backend_pid()
   and a.state_change < clock_timestamp()
       - greatest(8 * interval '1 millisecond' * substring(a.application_name from '[0-9]{1,6}')::integer, interval '5 seconds')";

/// The queue of NOTIFY, once full, stays so after its readers have caught up: only a writer that succeeds moves its
/// tail on, and none does. So does asking how full it is, and a full queue brings the listener back here.
const LISTEN: &str = "set statement_timeout = '2s'; listen presence; select pg_notification_queue_usage()";

/// Hears rings until it is told to stop.
pub struct Listener {
    /// Where to connect; a direct connection also where the pool goes through PgBouncer.
    pub url: String,
    /// How often a canary is sent.
    pub canary: Duration,
    /// What is rung.
    pub bell: Arc<Bell>,
    /// Told of hearing and not hearing.
    pub health: Health,
    /// Told of what happens.
    pub observer: Observer,
}

impl Listener {
    /// Runs until `shutdown`; a lost connection is no end.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut pause = PAUSE[0];
        loop {
            let heard = tokio::select! {
                heard = self.hear(&mut pause) => heard,
                () = shutdown.cancelled() => return Ok(()),
            };
            self.health.set_listening(false);
            if let Err(cause) = heard {
                self.observer.note(Observation::ListenerLost {
                    cause: cause.to_string(),
                });
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = shutdown.cancelled() => return Ok(()),
            }
            pause = (pause * 2).min(PAUSE[1]);
        }
    }

    /// One connection, from connecting to its loss.
    async fn hear(&self, pause: &mut Duration) -> anyhow::Result<()> {
        let name = format!("pg-presence listener {}", self.canary.as_millis());
        let target = Target::parse(&self.url, &name)?.within(self.patience());
        let Link {
            client,
            mut connection,
            ..
        } = target.connect().await?;
        let (heard, mut rings) = mpsc::unbounded_channel();
        let bell = self.bell.clone();
        // Ends with the client, or with the connection; either way `rings` ends.
        let driver = tokio::spawn(async move {
            let mut messages = futures_util::stream::poll_fn(move |context| connection.poll_message(context));
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notification(ring) = message {
                    bell.ring(ring.payload());
                    // Only canaries of this process's own form matter here; the channel's end ends the hearing.
                    if ring.payload().len() == 16 && heard.send(ring.payload().to_owned()).is_err() {
                        break;
                    }
                }
            }
        });
        let result = self.listen(&client, &mut rings, pause).await;
        driver.abort();
        result
    }

    async fn listen(
        &self,
        client: &Client,
        rings: &mut mpsc::UnboundedReceiver<String>,
        pause: &mut Duration,
    ) -> anyhow::Result<()> {
        timeout(self.patience(), client.batch_execute(LISTEN)).await??;
        self.observer.note(Observation::ListenerConnected);
        self.bell.ring("*"); // what happened in the gap
        let mut missed = 0;
        loop {
            let begin = Instant::now();
            let next_at = begin + self.canary;
            match timeout_at(next_at, self.fly(client, rings)).await {
                Ok(came_back) => {
                    came_back?;
                    missed = 0;
                    *pause = PAUSE[0];
                    self.health.heard(begin.elapsed());
                    self.end_still(client, next_at).await?;
                }
                Err(_) => {
                    missed += 1;
                    self.observer.note(Observation::CanaryMissed { missed });
                    self.health.set_listening(false);
                    anyhow::ensure!(missed < MISSED_MAX, "{missed} canaries did not come back");
                }
            }
            // Hears the end of the connection at once, and keeps the channel short.
            while let Ok(ring) = timeout_at(next_at, rings.recv()).await {
                anyhow::ensure!(ring.is_some(), "the connection was closed");
            }
        }
    }

    /// Ends the connections of listeners that stand still. In its own time: what it takes is no canary's.
    async fn end_still(&self, client: &Client, until: Instant) -> anyhow::Result<()> {
        let Ok(found) = timeout_at(until, client.query_typed(END_STILL, &[])).await else {
            return Ok(()); // the next canary tells what is wrong
        };
        let ended: i64 = found?.first().map_or(Ok(0), |row| row.try_get(0))?;
        if ended > 0 {
            self.observer
                .note(Observation::StillListenersEnded { listeners: ended });
        }
        Ok(())
    }

    /// How long connecting and LISTEN may take each.
    fn patience(&self) -> Duration {
        self.canary.max(Duration::from_secs(1))
    }

    /// Sends a canary and waits until it comes back.
    async fn fly(&self, client: &Client, rings: &mut mpsc::UnboundedReceiver<String>) -> anyhow::Result<()> {
        let name = &uuid::Uuid::new_v4().simple().to_string()[..16];
        client
            .batch_execute(&format!("notify presence, '{name}'"))
            .await?;
        loop {
            let ring = rings
                .recv()
                .await
                .ok_or_else(|| anyhow::anyhow!("the connection was closed"))?;
            if ring == name {
                return Ok(());
            }
        }
    }
}
