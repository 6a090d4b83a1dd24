//! Limits that are fixed. Those that an operator may set are in `config`.

/// Bytes of a text id: user, room and event ids travel in paths, rings and tokens.
pub const ID_BYTES_MAX: usize = 128;
/// Characters of a member's custom message; the database checks the same.
pub const MESSAGE_CHARS_MAX: usize = 140;
/// Characters of a member's activity ("viewing budget").
pub const ACTIVITY_CHARS_MAX: usize = 80;
/// Bytes of a member's `data` object as JSON text.
pub const DATA_BYTES_MAX: usize = 1024;
/// Bytes of a request body that is read; more is 413.
pub const BODY_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a batch of heartbeats' body: 1000 items of the largest useful size would not fit in the common limit.
pub const BATCH_BODY_BYTES_MAX: usize = 1024 * 1024;
/// Items of one batch, over HTTP and towards the database.
pub const BATCH_ITEMS_MAX: usize = 1000;
/// Lines of one leave beacon.
pub const LEAVE_LINES_MAX: usize = 100;
/// Topics of one stream.
pub const TOPICS_MAX: usize = 100;
/// Streams of one user on one node.
pub const STREAMS_PER_USER_MAX: usize = 20;
/// Bytes that may wait for a slow reader before it is given a fresh snapshot instead.
pub const QUEUE_BYTES_MAX: usize = 256 * 1024;
/// Longest quiet period of a watch, in milliseconds: 24 hours; the database checks the same.
pub const QUIET_MS_MAX: i64 = 24 * 3600 * 1000;
/// Quiet period of a watch that names none, in milliseconds: 5 minutes, as in SQL.
pub const QUIET_MS_DEFAULT: i64 = 5 * 60 * 1000;
/// Longest life of a watch that ends by itself, in milliseconds: 366 days.
pub const WATCH_MS_MAX: i64 = 366 * 24 * 3600 * 1000;
/// Notifications of one page, and ids of one call that marks them as read.
pub const NOTIFICATIONS_MAX: usize = 500;
/// Notifications of a page that names no limit.
pub const NOTIFICATIONS_DEFAULT: usize = 50;
/// Numbers that a JSON client can hold exactly: 2^53 - 1.
pub const NUMBER_MAX: i64 = (1 << 53) - 1;
/// Longest life of a timed status, in milliseconds: 366 days.
pub const STATUS_TTL_MS_MAX: i64 = 366 * 24 * 3600 * 1000;
