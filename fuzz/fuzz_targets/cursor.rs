#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pg_presence::fuzzing::check("cursor", bytes));
