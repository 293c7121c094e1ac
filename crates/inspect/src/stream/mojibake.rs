//! UTF-8 that was read as Latin-1 (or Windows-1252) and encoded again.

/// Whether the text has the traces of it: `Ã©` in place of `é`, `â€™` in place of `’`, `æ\u{9d}±` in place of `東`.
///
/// Pairs that correct text may have, such as `Â` before a quotation mark, do not count; nor does `Ã®` at the end of a word in
/// capital letters, as in `IRMÃ®`.
pub fn is_mojibake(text: &str) -> bool {
    let mut before = ' ';
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        let mut rest = chars.clone();
        let Some(next) = rest.next() else { return false };
        let found = match (char, next) {
            // U+0085 is a line break of some systems.
            ('\u{c2}'..='\u{f4}', '\u{80}'..='\u{84}' | '\u{86}'..='\u{9f}') | ('â', '€') | ('ð', 'Ÿ') => true,
            ('Ã', '\u{a1}'..='\u{bf}') => {
                let mut is_in_word = || rest.next().is_some_and(char::is_lowercase);
                !matches!(next, '»' | '«' | '·') && (!before.is_uppercase() || is_in_word())
            }
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
        for text in ["café", "Řezníčka", "21 °C", "東京", "🚀", "it’s", "naïve", "Привет", "Zürich", "Müller", "été"]
        {
            assert!(is_mojibake(&as_latin1(text)), "{text}");
        }
        for text in ["itâ€™s", "ðŸš€", "cafÃ©"] {
            assert!(is_mojibake(text), "{text}");
        }
    }

    #[test]
    fn correct_text_is_not() {
        for text in [
            "café",
            "Řezníčka",
            "21 °C",
            "東京 🚀",
            "it’s",
            "« PÂ »",
            "«PÂ»",
            "IRMÃ·",
            "ÂÃ",
            "Zürich ß",
            "Привет",
            "Â",
            "IRMÃ®",
            "LÃ²",
            "café\u{85}",
        ] {
            assert!(!is_mojibake(text), "{text}");
        }
    }
}
