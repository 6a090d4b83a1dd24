//! The words of presence as types: ids, statuses, members, snapshots, diffs, limits.
//!
//! Pure: no runtime, no SQL, no HTTP, no clock. What is parsed here is known to be good everywhere else.

pub mod beat;
pub mod cursor;
pub mod history;
pub mod id;
pub mod limits;
pub mod member;
pub mod network;
pub mod notice;
pub mod overview;
pub mod put_back;
pub mod reading;
pub mod stamp;
pub mod status;
pub mod view;

pub use beat::{Beat, BeatKey, Held, Lease, Outcome, State};
pub use cursor::Cursor;
pub use id::{EventId, IdType, IdTypes, RoomId, UserId};
pub use member::{Absent, Diff, Left, Member, Snapshot};
pub use network::Network;
pub use put_back::{PutBack, Seen};
pub use reading::{Count, RoomAnswer, RoomQuestion, RoomsAnswer};
pub use stamp::Stamp;
pub use status::{OwnStatus, OwnStatusChange, Status};
