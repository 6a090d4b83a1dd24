//! The one integration binary, on a real Postgres: a module a story.

mod access;
mod batch;
mod embedded;
mod evictions;
mod harness;
mod leases;
mod locks;
mod presence;
mod races;
mod reads;
mod recovery;
mod rings;
mod streams;
mod support;
mod trouble;
