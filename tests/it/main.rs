//! The one integration binary, on a real Postgres: a module a story.

mod embedded;
mod harness;
mod presence;
mod support;
