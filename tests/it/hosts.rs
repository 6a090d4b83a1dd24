//! Presence in applications that were there before it: the recipes of docs/hosts.md, run as they stand there, on the
//! schemas that the tools themselves make (tests/hosts); and the generator of the mapping.

mod asking;
mod catalog;
mod doc;
mod generator;
mod host;
mod keys;
mod recipes;
