//! The time at which an event was made, as far as its text says.

use jiff::Timestamp;

/// How much of a text is searched.
const SEARCHED: usize = 4096;

/// Seconds since 1970 between which a number is taken for a time: about 2001 to 2065.
const TIMES: std::ops::Range<f64> = 1e9..3e9;

/// Units of a number, in seconds: each is told by how large the number is.
const UNITS: [f64; 4] = [1.0, 1e-3, 1e-6, 1e-9];

/// The first time in the text, in seconds since 1970: a date as in RFC 3339, or a number of seconds, milliseconds,
/// microseconds or nanoseconds.
pub fn find(text: &str) -> Option<f64> {
    let end = (0..=SEARCHED.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    let is_part = |char: char| char.is_ascii_alphanumeric() || matches!(char, ':' | '.' | '+' | '-');
    let words = text[..end].split(|char| !is_part(char));
    let mut words = words.map(|word| word.trim_matches(':'));
    words.find_map(|word| number(word).or_else(|| date(word)).or_else(|| word.split('-').find_map(number)))
}

fn number(word: &str) -> Option<f64> {
    if word.len() < 10 || !word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let number: f64 = word.parse().ok()?;
    UNITS.iter().map(|unit| number * unit).find(|time| TIMES.contains(time))
}

#[expect(clippy::cast_precision_loss, reason = "a fraction of a millisecond does not matter")]
fn date(word: &str) -> Option<f64> {
    let is_date = word.len() >= 20 && word.as_bytes()[10] == b'T';
    let time: Timestamp = is_date.then(|| word.parse().ok()).flatten()?;
    Some(time.as_microsecond() as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn dates_and_numbers_are_times() {
        for text in [
            "1700000000.5",
            "{\"at\": 1700000000500}",
            "{\"i\":0,\"at\":1700000000500}",
            "1700000000500-0",
            "{\"at\":\"2023-11-14T22:13:20.5Z\"}",
            "[1700000000500000]",
            "n 7 1700000000500000000",
        ] {
            assert_eq!(find(text), Some(1_700_000_000.5), "{text}");
        }
    }

    #[test]
    fn other_words_are_none() {
        for text in ["", "7", "12345678901234567890123", "2023-11-14", "9876543210", "1.2.3.4.5.6.7", "a T b", "é"] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
