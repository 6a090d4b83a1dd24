//! `Last-Event-ID` and `room=<id>@<cursor>`: what is a cursor is told by a reader of its own, letter by letter.

use crate::domain::Cursor;

pub(super) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let expected = expected(text.trim());

    let found = Cursor::parse(&text);

    let found = found.map(|cursor| {
        assert_eq!(
            Cursor::parse(&cursor.to_string()),
            Some(cursor),
            "not what it was"
        );
        cursor.to_string()
    });
    assert_eq!(found, expected, "{text:?}");
}

/// As we write it, if it is one: a uuid with hyphens, a full stop, an i64 without a sign.
fn expected(text: &str) -> Option<String> {
    let letters: Vec<char> = text.chars().collect();
    let (uuid, rest) = letters.split_at_checked(36)?;
    let is_uuid = uuid.iter().enumerate().all(|(at, letter)| match at {
        8 | 13 | 18 | 23 => *letter == '-',
        _ => letter.is_ascii_hexdigit(),
    });
    let (dot, digits) = rest.split_first()?;
    let is_number =
        (1..=19).contains(&digits.len()) && digits.iter().all(char::is_ascii_digit) && *dot == '.';
    let mut revision = 0_u128;
    for digit in digits {
        revision = revision.checked_mul(10)? + u128::from(digit.to_digit(10)?);
    }
    let uuid: String = uuid.iter().collect();
    (is_uuid && is_number && revision < 1 << 63).then(|| format!("{}.{revision}", uuid.to_lowercase()))
}
