//! The one integration binary, on a real Postgres: a module a story.

mod access;
mod batch;
mod embedded;
mod harness;
mod leases;
mod locks;
mod presence;
mod races;
mod reads;
mod rings;
mod support;
