//! The lines above the tables: all of presence in numbers, the reaper, and what is held in Postgres.

use super::{Frame, Style, counted, span};
use crate::{
    cli::top::{picture::Picture, table},
    domain::overview::Holder,
};

/// A queue of NOTIFY that is fuller is worth a colour.
const QUEUE_NOTEWORTHY: f64 = 0.05;
/// And so are transactions that are open for longer, in ms.
const OPEN_NOTEWORTHY_MS: i64 = 60_000;
/// A reaper that is later than this, in ms, is none.
const REAPED_LATE_MS: i64 = 5_000;

/// Each line at most as wide as the terminal.
pub fn head(picture: &Picture, frame: &Frame<'_>, style: Style) -> Vec<String> {
    let (presence, rates) = (&picture.presence, &picture.rates);
    let at = presence.at.to_string();
    let clock = at.get(11..19).unwrap_or_default();
    let nodes = picture.nodes.iter().filter(|node| !node.is_silent()).count();
    let of_minute = |what: &str| presence.last_minute[what].as_i64().unwrap_or_default();
    let mut lines = vec![
        (
            "1",
            format!(
                "pg-presence  {clock} UTC  Postgres {}, up {}",
                picture.server.version,
                span(picture.server.uptime_ms)
            ),
        ),
        (
            "",
            format!(
                "{}  {}  {}  {}  {}  {}",
                counted(presence.people, "person", "people"),
                counted(presence.members, "member", "members"),
                counted(presence.sessions, "session", "sessions"),
                counted(presence.rooms, "room", "rooms"),
                counted(rates.streams as i64, "stream", "streams"),
                counted(nodes as i64, "node", "nodes")
            ),
        ),
        (
            "",
            format!(
                "a second: {} heartbeats  {} calls  {} refused  {} failed  {} reads",
                rates.heartbeats_per_s,
                rates.calls_per_s,
                rates.refused_per_s,
                rates.failed_per_s,
                rates.reads_per_s
            ),
        ),
        (
            "",
            format!(
                "last minute: {} joined  {} changed  {} left  {} closed  {} expired  {} revoked  {} removed  {} logged out",
                of_minute("join"),
                of_minute("update"),
                of_minute("left"),
                of_minute("disconnected"),
                of_minute("expired"),
                of_minute("revoked"),
                of_minute("removed"),
                of_minute("logged_out")
            ),
        ),
    ];
    lines.push(reaper(picture));
    lines.push(held(picture));
    if let Some(trouble) = frame.trouble {
        lines.push(("1;31", trouble.to_owned()));
    }
    lines
        .into_iter()
        .flat_map(|(code, text)| {
            let lines = table::flow(&text, frame.width);
            lines.into_iter().map(move |line| match code {
                "" => line,
                code => style.wrap(code, &line),
            })
        })
        .collect()
}

fn reaper(picture: &Picture) -> (&'static str, String) {
    let presence = &picture.presence;
    let reaped = match presence.reaped_ms {
        Some(ms) => format!("reaper: all was ended that was due {} ago", span(ms)),
        None => "reaper: has not run in this epoch".to_owned(),
    };
    let overdue = match presence.overdue_ms {
        Some(ms) if presence.overdue > 0 => format!("{} overdue, for {}", presence.overdue, span(ms)),
        _ => "nothing overdue".to_owned(),
    };
    let is_late = presence.reaped_ms.is_none_or(|ms| ms > REAPED_LATE_MS);
    let code = if is_late { "33" } else { "" };
    (
        code,
        format!("{reaped}  {overdue}  {} evictions wait", presence.evictions),
    )
}

fn held(picture: &Picture) -> (&'static str, String) {
    let server = &picture.server;
    let queue = format!("NOTIFY queue {:.0} % full", server.notify_queue * 100.0);
    let xmin = match &server.xmin {
        None => "no transaction is open".to_owned(),
        Some(holder) => format!("oldest xmin: {}", holder_words(holder)),
    };
    let is_old = server.xmin.as_ref().and_then(|holder| holder.open_ms) > Some(OPEN_NOTEWORTHY_MS);
    let code = if is_old || server.notify_queue > QUEUE_NOTEWORTHY {
        "33"
    } else {
        ""
    };
    (code, format!("{queue}  {}", table::harmless(&xmin)))
}

fn holder_words(holder: &Holder) -> String {
    let open = holder.open_ms.map(|ms| format!(", open for {}", span(ms)));
    format!(
        "{} transactions ago, {} {}{}",
        holder.age,
        holder.kind,
        holder.whose.as_deref().unwrap_or_default(),
        open.unwrap_or_default()
    )
}
