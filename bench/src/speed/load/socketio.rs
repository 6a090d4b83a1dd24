//! A client of Socket.IO: as much of its protocol (Engine.IO 4, Socket.IO 5) as presence needs, over one websocket. Never a
//! second transport, a namespace or a binary event.

use std::{collections::VecDeque, time::Duration, time::Instant};

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

/// The longest that an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ten thousand of them are held, and what they hear is short; the library's own is 128 KiB.
const BUFFER: usize = 4096;

/// What the server tells without being asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Whether they joined; otherwise they left.
    pub joined: bool,
    /// Who.
    pub user: String,
    /// Its length as it was sent.
    pub bytes: usize,
}

/// A frame, by its first digits.
#[derive(Debug, PartialEq)]
enum Packet {
    Opened,
    Ping,
    Connected,
    Refused(String),
    Event(Event),
    Answer(u64, Value),
}

#[derive(Deserialize)]
struct Person {
    id: String,
}

/// A connection.
pub struct Socket {
    frames: WebSocketStream<TcpStream>,
    asked: u64,
    /// Heard while an answer was waited for.
    early: VecDeque<(Event, Instant)>,
}

impl Socket {
    /// Connects as the user of this token.
    pub async fn open(port: u16, token: &str) -> Result<Self> {
        let opened = async {
            let wire = TcpStream::connect(("127.0.0.1", port)).await?;
            wire.set_nodelay(true)?;
            let url = format!("ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket");
            let config = WebSocketConfig::default().read_buffer_size(BUFFER);
            let (frames, _) = client_async_with_config(url, wire, Some(config)).await?;
            let mut socket = Self {
                frames,
                asked: 0,
                early: VecDeque::new(),
            };
            ensure!(socket.packet().await?.0 == Packet::Opened, "not opened");
            let auth = json!({ "token": token });
            socket.send(format!("40{auth}")).await?;
            match socket.packet().await?.0 {
                Packet::Connected => Ok(socket),
                other => bail!("not connected: {other:?}"),
            }
        };
        timeout(PATIENCE, opened).await.context("no connection in time")?
    }

    /// Says something of a room, and returns what is answered.
    pub async fn ask(&mut self, event: &str, room: &str) -> Result<Value> {
        self.asked += 1;
        let asked = self.asked;
        self.send(format!("42{asked}{}", json!([event, room]))).await?;
        let answered = async {
            loop {
                match self.packet().await? {
                    (Packet::Answer(id, answer), _) if id == asked => return anyhow::Ok(answer),
                    (Packet::Event(event), at) => self.early.push_back((event, at)),
                    (other, _) => bail!("not an answer: {other:?}"),
                }
            }
        };
        let answer = timeout(PATIENCE, answered).await.context("no answer in time")??;
        let error = &answer[0]["error"];
        ensure!(error.is_null(), "{event} {room}: {error}");
        Ok(answer)
    }

    /// Who is in a room; in one that was joined.
    pub async fn who(&mut self, room: &str) -> Result<Vec<String>> {
        let answer = self.ask("who", room).await?;
        let people = Vec::<Person>::deserialize(&answer[0]["people"])?;
        Ok(people.into_iter().map(|person| person.id).collect())
    }

    /// The next event, and the moment at which it was whole.
    pub async fn next(&mut self) -> Result<(Event, Instant)> {
        if let Some(early) = self.early.pop_front() {
            return Ok(early);
        }
        match self.packet().await? {
            (Packet::Event(event), at) => Ok((event, at)),
            (other, _) => bail!("not an event: {other:?}"),
        }
    }

    /// The next packet; pings are answered.
    async fn packet(&mut self) -> Result<(Packet, Instant)> {
        loop {
            let frame = self.frames.next().await.context("closed by the server")??;
            let at = Instant::now();
            let Message::Text(text) = frame else {
                bail!("not a text: {frame:?}");
            };
            match parse(&text)? {
                Packet::Ping => self.send("3".to_owned()).await?,
                packet => return Ok((packet, at)),
            }
        }
    }

    async fn send(&mut self, text: String) -> Result<()> {
        Ok(self.frames.send(Message::text(text)).await?)
    }
}

fn parse(text: &str) -> Result<Packet> {
    if let Some(event) = text.strip_prefix("42") {
        let (name, person): (&str, Person) = serde_json::from_str(event)?;
        return Ok(Packet::Event(Event {
            joined: match name {
                "joined" => true,
                "left" => false,
                other => bail!("an event {other}"),
            },
            user: person.id,
            bytes: text.len(),
        }));
    }
    if let Some(answer) = text.strip_prefix("43") {
        let at = answer.find('[').context("an answer without a list")?;
        let (id, answer) = answer.split_at(at);
        return Ok(Packet::Answer(id.parse()?, serde_json::from_str(answer)?));
    }
    match text.get(..2) {
        Some("40") => Ok(Packet::Connected),
        Some("44") => Ok(Packet::Refused(text.to_owned())),
        Some("0{") => Ok(Packet::Opened),
        _ if text == "2" => Ok(Packet::Ping),
        _ => bail!("not understood: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_told_apart() {
        let packet = |text| parse(text).expect("a packet");

        assert_eq!(packet(r#"0{"sid":"a","upgrades":[]}"#), Packet::Opened);
        assert_eq!(packet(r#"40{"sid":"b"}"#), Packet::Connected);
        assert_eq!(packet("2"), Packet::Ping);
        assert_eq!(packet(r#"4312[{"a":1}]"#), Packet::Answer(12, json!([{"a": 1}])));
        assert!(matches!(
            packet(r#"44{"message":"unauthenticated"}"#),
            Packet::Refused(_)
        ));
        assert!(parse("451-[]").is_err());
    }

    #[test]
    fn an_event_is_taken_apart() {
        let text = r#"42["left",{"id":"u0","name":"User 0"}]"#;
        let event = Event {
            joined: false,
            user: "u0".to_owned(),
            bytes: text.len(),
        };
        assert_eq!(parse(text).expect("a packet"), Packet::Event(event));
    }
}
