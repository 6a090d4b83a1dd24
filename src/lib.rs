//! pg-presence: who is here, right now, from the Postgres that an application already has.
//!
//! Postgres is the presence service; this crate is its edge: it parses, authenticates, calls one SQL function and
//! fans out what changed. The rules of presence live in `sql/`, so psql, a trigger and HTTP get the same answer.

pub mod adapter;
pub mod app;
pub mod auth;
pub mod cli;
pub mod config;
pub mod connect;
pub mod db;
pub mod descriptors;
pub mod doctor;
pub mod domain;
pub mod embedded;
pub mod error;
pub mod evictor;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod health;
pub mod heartbeat;
pub mod http;
pub mod hub;
pub mod known;
pub mod leases;
pub mod listener;
pub mod migrate;
pub mod notifier;
pub mod observe;
pub mod operator;
pub mod outgoing;
pub mod planted;
pub mod reaper;
pub mod relay;
pub mod webhooks;
