//! What must hold whatever strangers send: one function a parser that faces them, each a check that panics.
//!
//! `fuzz/` runs them with a coverage-guided fuzzer, the unit tests below with random inputs and with the kept corpus: both
//! call the same functions, so neither can drift. Each judges by an oracle that shares no code with what it checks, or by
//! what a value that got through must never hold. Compiled for tests and for the fuzzer alone.

mod config;
mod cursor;
mod heartbeat;
mod leave;
mod ring;
mod sse;
mod token;

/// One property: panics where it does not hold.
pub type Check = fn(&[u8]);

/// Every property, by the name of its fuzz target and of its folder in `fuzz/corpus`.
pub const ALL: [(&str, Check); 7] = [
    ("config", config::check),
    ("cursor", cursor::check),
    ("heartbeat", heartbeat::check),
    ("leave", leave::check),
    ("ring", ring::check),
    ("sse", sse::check),
    ("token", token::check),
];

/// Checks one input.
///
/// # Panics
/// Where something does not hold; that is what it is for.
pub fn check(name: &str, bytes: &[u8]) {
    let found = ALL.iter().find(|(known, _)| *known == name);
    found.expect("a property of that name").1(bytes);
}

/// An input, taken apart: what it has too little of is zero.
struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    /// 0 to `end`, without it.
    fn below(&mut self, end: u8) -> u8 {
        self.byte() % end
    }

    fn number<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        let taken = self.take(N);
        bytes[..taken.len()].copy_from_slice(taken);
        bytes
    }

    /// Up to 255 bytes of text; whatever is no UTF-8 is replaced.
    fn text(&mut self) -> String {
        let len = usize::from(self.byte());
        String::from_utf8_lossy(self.take(len)).into_owned()
    }

    fn maybe_text(&mut self) -> Option<String> {
        (self.byte() & 1 == 1).then(|| self.text())
    }
}

#[cfg(test)]
mod tests;
