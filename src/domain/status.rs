//! What a member is said to be doing.

use super::Stamp;

/// A status as clients say and see it. `Typing` and `Invisible` are never stored: the one is an overlay with an end
/// of its own, the other a leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Here and attentive; what a session is that said nothing.
    Active,
    /// Here, no input for a while.
    Idle,
    /// Open, but not looked at.
    Away,
    /// Do not disturb.
    Busy,
    /// As it says.
    InMeeting,
    /// Typing; reads as the stored status again a few seconds later.
    Typing,
    /// Not to be seen: stored nowhere.
    Invisible,
}

impl Status {
    /// As SQL and JSON spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Idle => "idle",
            Self::Away => "away",
            Self::Busy => "busy",
            Self::InMeeting => "in_meeting",
            Self::Typing => "typing",
            Self::Invisible => "invisible",
        }
    }

    /// The reverse of [`Status::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "active" => Self::Active,
            "idle" => Self::Idle,
            "away" => Self::Away,
            "busy" => Self::Busy,
            "in_meeting" => Self::InMeeting,
            "typing" => Self::Typing,
            "invisible" => Self::Invisible,
            _ => return None,
        })
    }

    /// Where several sessions or rooms of one person speak, the lowest rank is what people see.
    pub fn rank(self) -> u8 {
        match self {
            Self::Typing => 0,
            Self::Busy => 1,
            Self::InMeeting => 2,
            Self::Active => 3,
            Self::Idle => 4,
            Self::Away => 5,
            Self::Invisible => 6,
        }
    }
}

/// What a user says for all rooms.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct OwnStatus {
    /// Wins over what sessions say; null: none of their own. Never `typing`.
    #[schema(required)]
    pub status: Option<Status>,
    /// When that is over, and what sessions say counts again; null: it has no end.
    #[schema(required)]
    pub status_until: Option<Stamp>,
    /// Shown where a session has no message itself.
    #[schema(required)]
    pub message: Option<String>,
}

/// What of it is to change. Absent means unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnStatusChange {
    /// A status, or none.
    pub status: Option<Option<Status>>,
    /// How long that status holds, in milliseconds, 0 to 366 days; none: without an end.
    pub status_ttl_ms: Option<i64>,
    /// Custom text; empty clears it.
    pub message: Option<String>,
}
