//! pg-presence: who is here, right now, from the Postgres that an application already has.
//!
//! Postgres is the presence service; this crate is its edge: it parses, authenticates, calls one SQL function and
//! fans out what changed. The rules of presence live in `sql/`, so psql, a trigger and HTTP get the same answer.

pub mod domain;
pub mod error;
