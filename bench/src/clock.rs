//! Moments: microseconds since 1970, by the clock that this machine's Postgres goes by too. Nothing else is one here.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970.
pub type Micros = i64;

/// Later than all.
pub const NEVER: Micros = Micros::MAX;

/// One second.
pub const SECOND: Micros = 1_000_000;

/// One millisecond.
pub const MS: Micros = 1_000;

/// This moment.
pub fn now() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Micros::try_from(since.map_or(0, |since| since.as_micros())).unwrap_or(NEVER)
}

/// Reads `2026-11-25T01:07:29.659Z`; nothing where it is anything else.
pub fn parse(text: &str) -> Option<Micros> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (date, seconds) = (text.get(..10)?, number(17, 19)?);
    if text.as_bytes().get(10) != Some(&b'T') || !text.ends_with('Z') || date.len() != 10 {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute) = (number(11, 13)?, number(14, 16)?);
    let fraction = text.get(20..text.len() - 1).unwrap_or("0");
    let micros: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let days = days_since_1970(year, month, day);
    Some((((days * 24 + hour) * 60 + minute) * 60 + seconds) * SECOND + micros)
}

/// Of the calendar that everybody uses; March is the first month of the year that is counted in.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// `12.345 s`, of a span of time.
pub fn seconds(span: Micros) -> String {
    format!("{}.{:03} s", span / SECOND, span % SECOND / MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_as_the_service_writes_it_is_read_to_the_millisecond() {
        assert_eq!(parse("1970-01-01T00:00:00.000Z"), Some(0));
        assert_eq!(parse("2026-11-25T01:07:29.659Z"), Some(1_795_568_849_659_000));
        assert_eq!(parse("2024-02-29T23:59:59.999Z"), Some(1_709_251_199_999_000));
        assert_eq!(parse("2026-11-25 01:07:29"), None);
    }
}
