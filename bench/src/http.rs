//! Calls over HTTP, one connection each, and streams whose reader may stop reading. By hand, so that a call that is given up
//! is given up on the wire as well.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};

use crate::{check::streams::Event, clock::now};

/// A client gives up a call after this. The service answers within 3 s, or refuses.
const CALL_MAX: Duration = Duration::from_secs(6);

/// What a call was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Its media type.
    pub media_type: String,
    /// Whether it says when to come again.
    pub has_retry_after: bool,
    /// The body as JSON; null where it is none.
    pub body: Value,
}

impl Answer {
    /// The stable word of a problem.
    pub fn problem(&self) -> &str {
        self.body["type"].as_str().unwrap_or("none")
    }
}

/// A call to be made.
#[derive(Debug, Clone)]
pub struct Call {
    /// `GET` and the like.
    pub method: &'static str,
    /// With its query.
    pub path: String,
    /// None: nobody's.
    pub token: Option<String>,
    /// Nothing, JSON or plain text.
    pub body: Option<(&'static str, String)>,
}

impl Call {
    /// Makes it at this port; an error is anything but an answer.
    pub async fn make(&self, port: u16) -> Result<Answer, String> {
        let answered = async {
            let response = self.send(port).await?;
            let (head, body) = response.into_parts();
            let bytes = body
                .collect()
                .await
                .map_err(|error| error.to_string())?
                .to_bytes();
            let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
            Ok(Answer {
                status: head.status.as_u16(),
                media_type: header("content-type").unwrap_or_default().to_owned(),
                has_retry_after: header("retry-after").is_some(),
                body: serde_json::from_slice(&bytes).unwrap_or_default(),
            })
        };
        timeout(CALL_MAX, answered)
            .await
            .unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }

    /// Opens a stream at this port; what is no stream is an answer.
    pub async fn open(&self, port: u16) -> Result<Result<Reader, Answer>, String> {
        let opened = async {
            let response = self.send(port).await?;
            if response.status().as_u16() == 200 {
                return Ok(Ok(Reader::new(response.into_body())));
            }
            let status = response.status().as_u16();
            let header = |name: &str| {
                response
                    .headers()
                    .get(name)
                    .and_then(|value| value.to_str().ok())
                    .map(str::to_owned)
            };
            let (media_type, retry) = (header("content-type").unwrap_or_default(), header("retry-after"));
            let bytes = response
                .into_body()
                .collect()
                .await
                .map_err(|error| error.to_string())?
                .to_bytes();
            Ok(Err(Answer {
                status,
                media_type,
                has_retry_after: retry.is_some(),
                body: serde_json::from_slice(&bytes).unwrap_or_default(),
            }))
        };
        timeout(CALL_MAX, opened)
            .await
            .unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }

    async fn send(&self, port: u16) -> Result<hyper::Response<Incoming>, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let socket = TcpStream::connect(("127.0.0.1", port))
            .await
            .map_err(|error| text(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(socket))
            .await
            .map_err(|error| text(&error))?;
        // It ends with the body, or when whoever asked drops it.
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(self.method)
            .uri(&self.path)
            .header("host", "soak");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = match &self.body {
            Some((media_type, body)) => {
                request = request.header("content-type", *media_type);
                Bytes::from(body.clone())
            }
            None => Bytes::new(),
        };
        let request = request.body(Full::new(body)).map_err(|error| text(&error))?;
        sender.send_request(request).await.map_err(|error| text(&error))
    }
}

/// Why a stream gives no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It is over, in whatever way.
    Over(String),
    /// It says what is no event.
    Garbage(String),
}

/// The reader of a stream.
pub struct Reader {
    body: Incoming,
    buffer: Vec<u8>,
    parsed: VecDeque<Event>,
}

impl Reader {
    fn new(body: Incoming) -> Self {
        Self {
            body,
            buffer: vec![],
            parsed: VecDeque::new(),
        }
    }

    /// The next event. May be dropped and called again.
    pub async fn next(&mut self) -> Result<Event, End> {
        loop {
            if let Some(event) = self.parsed.pop_front() {
                return Ok(event);
            }
            let frame = self.body.frame().await;
            let frame = frame.ok_or_else(|| End::Over("it ended".to_owned()))?;
            let Ok(bytes) = frame.map_err(|error| End::Over(error.to_string()))?.into_data() else {
                continue;
            };
            self.buffer.extend_from_slice(&bytes);
            while let Some(end) = self.buffer.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
                let event = parse(&String::from_utf8_lossy(&block)).map_err(End::Garbage)?;
                self.parsed.push_back(event);
            }
        }
    }
}

fn parse(block: &str) -> Result<Event, String> {
    let mut event = Event {
        at: now(),
        name: "message".to_owned(),
        id: None,
        data: Value::Null,
    };
    for line in block.lines().filter(|line| !line.is_empty()) {
        match line.split_once(": ") {
            Some(("event", name)) => event.name = name.to_owned(),
            Some(("id", id)) => event.id = Some(id.to_owned()),
            Some(("data", data)) => {
                event.data = serde_json::from_str(data).map_err(|error| format!("{error}: {data}"))?
            }
            _ => return Err(format!("what is no event: {line:?}")),
        }
    }
    Ok(event)
}
