//! What processes cost: user and system time, and memory, by the operating system's own account. Linux only.

use std::time::Duration;

use crate::process::{children, rss_kib};

/// The unit of times in `/proc/PID/stat`: the same on every Linux that anybody builds.
const TICK: Duration = Duration::from_millis(10);

/// User and system time of this process, of all its children, and of those that it has waited for.
pub fn used(pid: u32) -> Duration {
    let own = ticks(pid).unwrap_or_default();
    children(pid).into_iter().map(used).sum::<Duration>() + TICK * own
}

fn ticks(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets and may hold anything; utime is the twelfth field after it, and cstime the fifteenth.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11..15)?.iter().map(|field| field.parse::<u32>().ok());
    ticks.sum()
}

/// Resident memory in bytes.
pub fn memory(pid: u32) -> u64 {
    rss_kib(pid).unwrap_or_default() * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted() {
        let me = std::process::id();
        let before = used(me);
        let began = std::time::Instant::now();
        while began.elapsed() < Duration::from_millis(200) {
            std::hint::black_box(began.elapsed());
        }
        assert!(used(me) > before);
        assert!(memory(me) > 100_000);
    }
}
