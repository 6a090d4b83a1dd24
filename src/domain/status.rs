//! What a member is said to be doing.

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
