//! A connection that listens, and tells everything that was rung before it is asked.

use std::{future::poll_fn, time::Duration};

use tokio::{sync::mpsc, time::timeout};
use tokio_postgres::{AsyncMessage, Client, NoTls};
use uuid::Uuid;

/// Listens to rings.
#[derive(Debug)]
pub struct Ear {
    client: Client,
    payloads: mpsc::UnboundedReceiver<String>,
}

impl Ear {
    /// On this database, from now on.
    pub async fn open(url: &str) -> Self {
        let (client, mut connection) = tokio_postgres::connect(url, NoTls)
            .await
            .expect("the tests' Postgres answers");
        let (send, payloads) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(note) = message {
                    // Nobody hears any more: the test is over.
                    let _ = send.send(note.payload().to_owned());
                }
            }
        });
        client.batch_execute("listen presence").await.expect("it listens");
        Self { client, payloads }
    }

    /// Payloads of all that was committed since the last call: a ring of its own marks the end, nothing is waited out.
    pub async fn heard(&mut self) -> Vec<String> {
        let end = Uuid::new_v4().to_string();
        self.client
            .execute("select pg_notify('presence', $1)", &[&end])
            .await
            .expect("it rings");
        let mut heard = vec![];
        loop {
            let next = timeout(Duration::from_secs(10), self.payloads.recv()).await;
            let payload = next
                .expect("its own ring comes back within ten seconds")
                .expect("the connection lives");
            if payload == end {
                return heard;
            }
            heard.push(payload);
        }
    }
}
