//! One value of JSON text, without holding the others in memory.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// What a path must be.
const FORM: &str = "a path leads to one value: choices[0].delta.content, or /choices/0/delta/content";

/// Where a value is: the names of members and the numbers of elements that lead to it.
#[derive(Clone, Debug)]
pub struct Path(Vec<String>);

impl Path {
    /// A JSON pointer, or names with dots, as in `choices[0].delta.content`. A `.` or `$` may be before them; alone it is the
    /// whole data.
    pub fn new(path: &str) -> Result<Path, String> {
        if let Some(pointer) = path.strip_prefix('/') {
            return Ok(Path(pointer.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect()));
        }
        let names = path.strip_prefix('$').unwrap_or(path);
        let names = names.strip_prefix('.').unwrap_or(names);
        if names.is_empty() {
            return Ok(Path(Vec::new()));
        }
        let mut parts = Vec::new();
        for name in names.split('.') {
            let (name, elements) = name.split_at(name.find('[').unwrap_or(name.len()));
            if !name.is_empty() {
                parts.push(name.to_owned());
            } else if !parts.is_empty() || elements.is_empty() {
                return Err(format!("a name is missing; {FORM}"));
            }
            for element in elements.split_inclusive(']') {
                let number = element.strip_prefix('[').and_then(|element| element.strip_suffix(']'));
                match number.filter(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())) {
                    Some(number) => parts.push(number.to_owned()),
                    None => return Err(format!("{element} is not the number of an element; {FORM}")),
                }
            }
        }
        Ok(Path(parts))
    }

    /// The text of the value in `json`. `None` if it is not there, or if this is not JSON.
    pub fn find<'a>(&self, json: &'a str) -> Option<&'a str> {
        let mut json = serde_json::Deserializer::from_str(json);
        let value = Seek(&self.0).deserialize(&mut json).ok()?;
        json.end().ok()?;
        value.map(RawValue::get)
    }
}

#[derive(Clone, Copy)]
struct Seek<'p>(&'p [String]);

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        if self.0.is_empty() { serde::Deserialize::deserialize(json).map(Some) } else { json.deserialize_any(self) }
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let Some((name, rest)) = self.0.split_first() else { return Ok(None) };
        let mut found = None;
        while let Some(member) = members.next_key::<String>()? {
            if member == *name {
                found = members.next_value_seed(Seek(rest))?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let Some((number, rest)) = self.0.split_first() else { return Ok(None) };
        let number: Option<usize> = number.parse().ok();
        let mut found = None;
        for index in 0.. {
            if Some(index) == number {
                match elements.next_element_seed(Seek(rest))? {
                    Some(value) => found = value,
                    None => break,
                }
            } else if elements.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
        }
        Ok(found)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::Path;

    #[test]
    fn a_value_is_found_by_a_pointer_or_by_names() {
        let json = r#"{"a": [1, {"b.c": "x", "d/e~": [ ]}], "a2": {"f": null}, "n": 12345678901234567890123}"#;
        for (path, expected) in [
            ("/a/0", Some("1")),
            ("a.0", Some("1")),
            ("$.a[0]", Some("1")),
            (".a[0]", Some("1")),
            (".a.0", Some("1")),
            (".", Some(json)),
            ("/a/1/b.c", Some("\"x\"")),
            ("/a/1/d~1e~0", Some("[ ]")),
            ("a2.f", Some("null")),
            ("n", Some("12345678901234567890123")),
            ("", Some(json)),
            ("$", Some(json)),
            ("a.2", None),
            ("a.b", None),
            ("a2.f.g", None),
            ("n.0", None),
            ("x", None),
        ] {
            assert_eq!(Path::new(path).unwrap().find(json), expected, "{path}");
        }
        assert_eq!(Path::new("a").unwrap().find(r#"{"a":1,"a":2}"#), Some("2"));
        for json in ["", "x", "{\"a\":1} 2", "{\"a\":1"] {
            assert_eq!(Path::new("a").unwrap().find(json), None, "{json}");
        }
        assert_eq!(Path::new("[1][0]").unwrap().find("[0,[7]]"), Some("7"));
        for path in ["a[]", "a[*]", "a..b", "a.", "a[0", "a[\"b\"]", "a.[0]", "..a", "a[0]b"] {
            assert!(Path::new(path).is_err_and(|error| error.contains("choices[0].delta.content")), "{path}");
        }
    }
}
