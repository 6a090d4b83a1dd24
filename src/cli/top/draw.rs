//! From a picture to lines for a terminal: pure, so that a test reads what a narrow one shows.

use serde_json::Value;

use super::{
    picture::Picture,
    table::{self, Column},
};
use crate::{config, domain::overview::NodeRow};

mod head;

use head::head;

/// The longest bar of a room.
const BAR: usize = 12;

/// What is drawn on.
pub struct Frame<'a> {
    /// Columns.
    pub width: usize,
    /// Lines; none: as many as there are.
    pub height: Option<usize>,
    /// Why this picture is an old one.
    pub trouble: Option<&'a str>,
}

/// Colours, or none.
#[derive(Clone, Copy)]
pub struct Style {
    is_coloured: bool,
}

impl Style {
    /// For a terminal that wants them.
    pub fn of(is_terminal: bool) -> Self {
        Self {
            is_coloured: config::is_colour_wanted(is_terminal),
        }
    }

    fn wrap(self, code: &str, text: &str) -> String {
        match self.is_coloured && !text.is_empty() {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

/// All of it.
pub fn lines(picture: &Picture, frame: &Frame<'_>, style: Style) -> Vec<String> {
    let mut lines = head(picture, frame, style);
    let (title, nodes) = table::render(nodes(picture), frame.width);
    lines.extend(section(
        &title,
        coloured(picture, nodes, style),
        "no node tells of itself",
        frame,
        style,
    ));
    let left = frame.height.map(|height| height.saturating_sub(lines.len()));
    let (rooms_max, members_max) = shares(picture, left);
    let parts = [
        (rooms(picture), rooms_max, "nobody is in any room"),
        (members(picture), members_max, "nobody is here"),
    ];
    for (columns, rows_max, nothing) in parts {
        let Some(columns) = columns else {
            let broken = "names cannot be read: see `pg-presence doctor`";
            lines.extend(section("", vec![], broken, frame, style));
            continue;
        };
        let (title, mut rows) = table::render(columns, frame.width);
        rows.truncate(rows_max);
        lines.extend(section(&title, rows, nothing, frame, style));
    }
    if let Some(height) = frame.height {
        lines.truncate(height);
    }
    lines
}

/// How many rooms and members there is room for, each with its empty line and its head: rooms a half at most, where
/// members need the other.
fn shares(picture: &Picture, left: Option<usize>) -> (usize, usize) {
    let count = |rows: Option<usize>| rows.unwrap_or_default().max(1);
    let rooms = count(picture.rooms.as_ref().map(Vec::len));
    let members = count(picture.members.as_ref().map(Vec::len));
    let Some(left) = left.map(|left| left.saturating_sub(4)) else {
        return (rooms, members);
    };
    let rooms = rooms.min((left / 2).max(left.saturating_sub(members)));
    (rooms, left - rooms)
}

fn section(title: &str, rows: Vec<String>, nothing: &str, frame: &Frame<'_>, style: Style) -> Vec<String> {
    let mut lines = vec![String::new()];
    if rows.is_empty() {
        lines.push(style.wrap("2", &table::cut(nothing, frame.width)));
        return lines;
    }
    lines.push(style.wrap("1", title));
    lines.extend(rows);
    lines
}

fn state(node: &NodeRow) -> String {
    if node.is_silent() {
        return format!("silent {}", span(node.seen_ms));
    }
    if node.figures["is_ready"] == Value::Bool(true) {
        return "ready".to_owned();
    }
    let causes = node.figures["causes"].as_array();
    let causes = causes.into_iter().flatten().filter_map(Value::as_str);
    format!("not ready: {}", causes.collect::<Vec<_>>().join("; "))
}

fn nodes(picture: &Picture) -> Vec<Column> {
    let nodes = || picture.nodes.iter();
    let number = |figure: &'static str| nodes().map(move |node| node.number(figure).to_string());
    let word = |figure: &'static str| {
        nodes().map(move |node| node.figures[figure].as_str().unwrap_or_default().to_owned())
    };
    let canary = nodes().map(|node| match node.figures["canary_ms"].as_f64() {
        Some(ms) => format!("{ms:.1} ms"),
        None => "none".to_owned(),
    });
    let pool = nodes().map(|node| format!("{}+{}", node.number("pool"), node.number("pool_waiting")));
    vec![
        Column::text("NODE", 0, nodes().map(|node| node.node_id.clone())),
        Column::text("STATE", 0, nodes().map(state)),
        Column::number("UP", 7, nodes().map(|node| span(node.uptime_ms))),
        Column::number("STREAMS", 9, number("streams")),
        Column::number("BEATS/S", 8, number("heartbeats_per_s")),
        Column::number("CALLS/S", 5, number("calls_per_s")),
        Column::number("REFUSED/S", 6, number("refused_per_s")),
        Column::number("CANARY", 4, canary),
        Column::number("POOL", 3, pool),
        Column::text("VERSION", 1, nodes().map(|node| node.version.clone())),
        Column::text("HOST", 2, word("host")),
    ]
}

/// Rows of nodes that are silent or not ready stand out.
fn coloured(picture: &Picture, rows: Vec<String>, style: Style) -> Vec<String> {
    let states = picture.nodes.iter().map(|node| {
        let is_ready = node.figures["is_ready"] == Value::Bool(true);
        node.is_silent() || !is_ready
    });
    rows.into_iter()
        .zip(states)
        .map(|(row, is_bad)| if is_bad { style.wrap("33", &row) } else { row })
        .collect()
}

fn rooms(picture: &Picture) -> Option<Vec<Column>> {
    let list = picture.rooms.as_ref()?;
    let most = list.iter().map(|room| room.members).max().unwrap_or(1).max(1);
    let bar =
        |members: i64| "█".repeat(((members as f64 / most as f64 * BAR as f64).ceil() as usize).min(BAR));
    let word = |word: &Option<String>| word.clone().unwrap_or_default();
    Some(vec![
        Column::text(
            "ROOM",
            0,
            list.iter().map(|room| room.room_id.as_str().to_owned()),
        ),
        Column::number("MEMBERS", 0, list.iter().map(|room| room.members.to_string())),
        Column::text("", 1, list.iter().map(|room| bar(room.members))),
        Column::number("SESSIONS", 3, list.iter().map(|room| room.sessions.to_string())),
        Column::text("NAME", 5, list.iter().map(|room| word(&room.name))),
        Column::text("KIND", 4, list.iter().map(|room| word(&room.kind))),
        Column::text(
            "EVENT",
            2,
            list.iter().map(|room| {
                room.event_id
                    .as_ref()
                    .map_or(String::new(), |event| event.as_str().to_owned())
            }),
        ),
    ])
}

fn members(picture: &Picture) -> Option<Vec<Column>> {
    let list = picture.members.as_ref()?;
    let now = picture.presence.at.0;
    let here = list.iter().map(|member| {
        let here = now - member.joined_at.0;
        span(i64::try_from(here.whole_milliseconds()).unwrap_or(i64::MAX))
    });
    let status = |member: &crate::domain::overview::MemberRow| member.status.as_str().to_owned();
    Some(vec![
        Column::text(
            "MEMBER",
            0,
            list.iter().map(|member| member.user_id.as_str().to_owned()),
        ),
        Column::text(
            "ROOM",
            6,
            list.iter().map(|member| member.room_id.as_str().to_owned()),
        ),
        Column::text("STATUS", 5, list.iter().map(status)),
        Column::number("HERE", 4, here),
        Column::number("TABS", 2, list.iter().map(|member| member.sessions.to_string())),
        Column::text(
            "NAME",
            3,
            list.iter().map(|member| member.name.clone().unwrap_or_default()),
        ),
        Column::text(
            "ACTIVITY",
            1,
            list.iter()
                .map(|member| member.activity.clone().unwrap_or_default()),
        ),
    ])
}

fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A time in ms, for people.
fn span(ms: i64) -> String {
    match ms as f64 / 1e3 {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 90.0 * 60.0 => format!("{:.0} min", s / 60.0),
        s if s < 48.0 * 3600.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} days", s / 86400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::picture::tests::picture, *};

    const PLAIN: Style = Style { is_coloured: false };

    fn drawn(width: usize, height: Option<usize>) -> Vec<String> {
        let frame = Frame {
            width,
            height,
            trouble: None,
        };
        lines(&picture(), &frame, PLAIN)
    }

    #[test]
    fn no_terminal_is_too_small_for_it() {
        for width in 0..140 {
            for height in [0, 1, 5, 10, 24, 60] {
                let lines = drawn(width, Some(height));

                assert!(lines.len() <= height, "{width}x{height}: {}", lines.len());
                for line in &lines {
                    assert!(table::columns(line) <= width, "{width}x{height}: {line:?}");
                }
            }
        }
    }

    #[test]
    fn it_shows_people_nodes_rooms_and_members_and_what_is_wrong() {
        let text = drawn(140, None).join("\n");

        for part in [
            "12 people  15 members  18 sessions  2 rooms  24 streams  2 nodes",
            "a second: 12.5 heartbeats",
            "last minute: 12 joined  3 changed  9 left",
            "91fc77b2  ready",
            "a0b1c2d3  not ready: changes are not being heard",
            "deadbeef  silent 60 s",
            "general",
            "General",
            "mallory",
            "viewing budget",
            "·[2JMallory· 日本",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        assert!(!text.contains('\x1b') && !text.contains('\u{202e}'), "{text:?}");
    }

    #[test]
    fn an_old_picture_says_so() {
        let frame = Frame {
            width: 80,
            height: Some(30),
            trouble: Some("the database is unavailable; trying again"),
        };
        let text = lines(&picture(), &frame, Style { is_coloured: true }).join("\n");

        assert!(text.contains("\x1b[1;31mthe database is unavailable; trying again\x1b[0m"));
    }
}
