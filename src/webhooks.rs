//! Sends what the outbox has to the endpoints of webhooks: claims, signs, posts, settles. Which endpoint is told what, in
//! which order, when it is tried again and when it is given up is decided in Postgres; no rule of that is here.
//!
//! Any number of nodes send beside each other: a delivery that one has claimed is its own for a minute. One that hangs
//! takes a part of the places of a node, and only one once it has failed, so that it keeps none from the others.
//!
//! # Failure
//! A node that dies between claim and settle leaves its deliveries due a minute later, to any node: they arrive at least
//! once. With the database away nothing is claimed; what was answered is kept, and settled when it is back.

mod sign;

use std::{collections::HashMap, sync::Arc, time::Duration};

use hyper::{
    Method, Request, Uri,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
};
use tokio::{task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{
    db::{Answered, Claim, Db},
    domain::{Network, network::is_public},
    observe::{Observation, Observer},
    outgoing::{Guard, Outgoing, Trust},
};

/// How often it is asked whether anything is due, beside whenever something was answered.
const TICK: Duration = Duration::from_secs(1);
/// Deliveries under way at once, each with a socket.
const CALLS_MAX: usize = 64;
/// Of one endpoint: a busy one leaves places to the others, and is not overrun.
const CALLS_OF_ONE_MAX: usize = 8;
/// How long calls that are under way at a stop are waited for; what is not answered then is sent again by another node.
const STOP_MAX: Duration = Duration::from_secs(5);
/// Characters of why a call failed, in the table that operators read.
const WHY_CHARS_MAX: usize = 200;

/// Sends until it is told to stop.
pub struct Sender {
    /// The way to Postgres.
    pub db: Db,
    /// Where it may go beside public addresses.
    pub networks: Vec<Network>,
    /// How long an endpoint may take.
    pub call_max: Duration,
    /// Told of what happens.
    pub observer: Observer,
}

/// What is under way, and what was answered and is not settled yet.
#[derive(Default)]
struct Work {
    calls: JoinSet<Answered>,
    endpoints: HashMap<tokio::task::Id, i64>,
    answered: Vec<Answered>,
}

impl Work {
    /// A call that ended, and all others that have.
    fn take(&mut self, ended: Ended) {
        let mut next = Some(ended);
        while let Some(ended) = next {
            let id = match ended {
                Ok((id, answered)) => {
                    self.answered.push(answered);
                    id
                }
                // It panicked: due again when its minute is over.
                Err(error) => error.id(),
            };
            self.endpoints.remove(&id);
            next = self.calls.try_join_next_with_id();
        }
    }
}

type Ended = Result<(tokio::task::Id, Answered), tokio::task::JoinError>;

impl Sender {
    /// Runs until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut work = Work::default();
        let mut trust = None;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                Some(ended) = work.calls.join_next_with_id() => work.take(ended),
                () = shutdown.cancelled() => break,
            }
            if self.settle(&mut work).await {
                self.claim(&mut work, &mut trust).await;
            }
        }
        let ending = async {
            while let Some(ended) = work.calls.join_next_with_id().await {
                work.take(ended);
            }
        };
        // What takes longer is cut off, and sent again by another node.
        drop(tokio::time::timeout(STOP_MAX, ending).await);
        self.settle(&mut work).await;
        Ok(())
    }

    /// Whether the database knows of all that was answered.
    async fn settle(&self, work: &mut Work) -> bool {
        if work.answered.is_empty() {
            return true;
        }
        match self.db.settle_deliveries(&work.answered).await {
            Ok(disabled) => {
                for answered in work.answered.drain(..) {
                    let is_taken = answered.is_taken();
                    self.observer.note(Observation::WebhookAnswered { is_taken });
                }
                for webhook in disabled {
                    self.observer.note(Observation::WebhookDisabled { webhook });
                }
                true
            }
            // Whether the database is there is the reaper's and the relay's to say.
            Err(error) => {
                tracing::debug!(%error, "deliveries could not be settled");
                false
            }
        }
    }

    /// Takes as much as there are places for, and begins to send it.
    async fn claim(&self, work: &mut Work, trust: &mut Option<Trust>) {
        let places = CALLS_MAX.saturating_sub(work.calls.len());
        if places == 0 {
            return;
        }
        let busy: Vec<i64> = work.endpoints.values().copied().collect();
        let claims = match self.db.claim_deliveries(places, CALLS_OF_ONE_MAX, &busy).await {
            Ok(claims) => claims,
            Err(error) => {
                tracing::debug!(%error, "deliveries could not be claimed");
                return;
            }
        };
        for claim in claims {
            let endpoint = claim.webhook_id;
            let outgoing = self.outgoing(&claim.url, trust);
            let call = work.calls.spawn(async move { deliver(claim, outgoing).await });
            work.endpoints.insert(call.id(), endpoint);
        }
    }

    /// The way to an endpoint. The authorities that the machine trusts are read with the first that needs them, and again
    /// as long as there are none.
    fn outgoing(&self, url: &str, trust: &mut Option<Trust>) -> Result<Outgoing, String> {
        let url: Uri = url.parse().map_err(|_| "its URL is none".to_owned())?;
        let is_encrypted = url.scheme_str() == Some("https");
        if is_encrypted && trust.is_none() {
            *trust = Some(Trust::of_this_machine()?);
        }
        let networks = self.networks.clone();
        let guard: Arc<Guard> = Arc::new(move |address| {
            if networks.iter().any(|network| network.contains(address)) {
                return Ok(());
            }
            match (is_public(address), is_encrypted) {
                (true, true) => Ok(()),
                (true, false) => Err("http is for PRESENCE_WEBHOOK_NETWORKS alone: use https".to_owned()),
                (false, _) => Err(format!(
                    "it leads to {address}, which is not public, nor among PRESENCE_WEBHOOK_NETWORKS"
                )),
            }
        });
        let trust = trust.clone().filter(|_| is_encrypted);
        Ok(Outgoing::guarded(url, trust, guard, self.call_max))
    }
}

/// One attempt.
async fn deliver(claim: Claim, outgoing: Result<Outgoing, String>) -> Answered {
    let mut answered = Answered {
        delivery_id: claim.delivery_id,
        attempt: claim.attempt,
        status: None,
        error: None,
        wait_s: None,
    };
    let request = request(&claim);
    let answer = match (outgoing, request) {
        (Ok(outgoing), Ok(request)) => outgoing.head_of_call(request).await,
        (Err(why), _) | (_, Err(why)) => Err(why),
    };
    match answer {
        Ok(head) => {
            answered.status = Some(i32::from(head.status.as_u16()));
            answered.wait_s = wait_s(&head.headers);
            answered.error = match head.status {
                status if status.is_success() => None,
                status if status.is_redirection() => {
                    Some(format!("it answered {status}: redirects are not followed"))
                }
                status => Some(format!("it answered {status}")),
            };
        }
        Err(why) => answered.error = Some(why.chars().take(WHY_CHARS_MAX).collect()),
    }
    answered
}

/// With the headers of the Standard Webhooks specification.
fn request(claim: &Claim) -> Result<Request<Bytes>, String> {
    let signature = sign::signatures(
        &claim.secrets,
        &claim.message_id,
        claim.sent_at_s,
        claim.payload.as_bytes(),
    );
    let request = Request::builder()
        .method(Method::POST)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .header("webhook-id", &claim.message_id)
        .header("webhook-timestamp", claim.sent_at_s)
        .header("webhook-signature", signature)
        .body(Bytes::copy_from_slice(claim.payload.as_bytes()));
    request.map_err(|why| why.to_string())
}

/// `Retry-After` in seconds. Its other form, a date, would need this machine's clock to be right.
fn wait_s(headers: &HeaderMap) -> Option<i32> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}
