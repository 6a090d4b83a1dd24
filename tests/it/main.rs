//! The one integration binary, on a real Postgres: a module a story.

mod access;
mod bad_input;
mod batch;
mod convergence;
mod documents;
mod embedded;
mod evictions;
mod grants;
mod harness;
mod history;
mod id_types;
mod install;
mod leases;
mod locks;
mod presence;
mod races;
mod reads;
mod recovery;
mod rings;
mod startup;
mod strangers;
mod streams;
mod support;
mod tidy;
mod trouble;
mod viewers;
