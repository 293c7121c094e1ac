//! UTF-8 that was read as Latin-1 (or Windows-1252) and encoded again.

/// Whether the text has the traces of it: `Ã©` in place of `é`, `â€™` in place of `’`, `æ\u{9d}±` in place of `東`.
///
/// Pairs that correct text may have, such as `Â` before a quotation mark, do not count.
pub fn is_mojibake(text: &str) -> bool {
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        let Some(&next) = chars.peek() else { return false };
        let found = match (char, next) {
            ('\u{c2}'..='\u{f4}', '\u{80}'..='\u{9f}') | ('â', '€') | ('ð', 'Ÿ') => true,
            ('Ã', '\u{a1}'..='\u{bf}') => !matches!(next, '»' | '«' | '·'),
            ('Â', '°' | '£' | '©' | '®' | '§' | '²') => !before.is_alphabetic(),
            _ => false,
        };
        if found {
            return true;
        }
        before = char;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::is_mojibake;

    /// What a program makes of UTF-8 that takes it for Latin-1.
    fn as_latin1(text: &str) -> String {
        text.bytes().map(char::from).collect()
    }

    #[test]
    fn text_that_was_encoded_twice_is_found() {
        for text in ["café", "Řezníčka", "21 °C", "東京", "🚀", "it’s", "naïve", "Привет"] {
            assert!(is_mojibake(&as_latin1(text)), "{text}");
        }
        for text in ["itâ€™s", "ðŸš€", "cafÃ©"] {
            assert!(is_mojibake(text), "{text}");
        }
    }

    #[test]
    fn correct_text_is_not() {
        for text in
            ["café", "Řezníčka", "21 °C", "東京 🚀", "it’s", "« PÂ »", "«PÂ»", "IRMÃ·", "ÂÃ", "Zürich ß", "Привет", "Â"]
        {
            assert!(!is_mojibake(text), "{text}");
        }
    }
}
