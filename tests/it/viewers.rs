//! Who may see what in SQL, with logins of their own and never by SET ROLE from a superuser (FAULTS 62, 65), and what
//! the views promise: right by the clock, one id a row, the indexes that are there.

mod claims;
mod clock;
mod few_rights;
mod ids;
mod leaks;
mod once;
mod plans;
mod rls;
mod rule;
mod spoofs;
mod world;
