//! JSON as the data of an event.

use bytestring::ByteString;
use serde::{Deserialize, Serialize};

use crate::event::Event;

#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
impl Event<ByteString> {
    /// An event whose data is `value` as JSON, with no name, no id and no reconnection time.
    ///
    /// [`Encoder::encode_json`](crate::Encoder::encode_json) writes it without the string in between.
    ///
    /// ```
    /// use sse_wire::Event;
    ///
    /// let event = Event::json(&[1, 2])?.with_name("pair".into())?;
    /// assert_eq!((event.name(), event.data()), ("pair", "[1,2]"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What `value` says when it is serialized; a map whose keys are not strings.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(|json| Event::new(json.into()))
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
impl<S: AsRef<str>> Event<S> {
    /// The data, read as JSON. A `T` that borrows its text borrows it from this event.
    ///
    /// ```
    /// use sse_wire::Event;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Delta<'a> {
    ///     text: &'a str,
    /// }
    ///
    /// let event = Event::new(r#"{"text": "hello"}"#);
    /// assert_eq!(event.parse_json::<Delta<'_>>()?.text, "hello");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the data is not JSON (such as the `[DONE]` that some servers end with), or not a `T`.
    pub fn parse_json<'de, T: Deserialize<'de>>(&'de self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.data())
    }
}

#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(all(feature = "json", feature = "std"))))]
impl crate::Encoder {
    /// An event whose data is `value` as JSON, as bytes of its own: no string in between.
    ///
    /// `event` gives the name, the id and the reconnection time, as for [`writer`](crate::Encoder::writer); its data,
    /// mostly `""`, comes before the JSON.
    ///
    /// ```
    /// use sse_wire::{Encoder, Event};
    ///
    /// let mut encoder = Encoder::new();
    /// let bytes = encoder.encode_json(&Event::new("").with_name("pair")?, &[1, 2])?;
    /// assert_eq!(bytes, "event: pair\ndata: [1,2]\n\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Event::json`]. The encoder is then as it was before: what was written of the event is gone.
    pub fn encode_json<S: AsRef<str>, T: Serialize + ?Sized>(
        &mut self,
        event: &Event<S>,
        value: &T,
    ) -> Result<bytes::Bytes, serde_json::Error> {
        let mut data = self.writer(event);
        serde_json::to_writer(&mut data, value)?;
        Ok(data.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serializer;
    use serde::ser::{Error, SerializeSeq};

    /// Serializes half of itself and then fails.
    struct Half;

    impl Serialize for Half {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut sequence = serializer.serialize_seq(None)?;
            sequence.serialize_element("half")?;
            Err(S::Error::custom("no more"))
        }
    }

    #[test]
    fn json_comes_back_as_it_was() {
        let event = Event::json(&("a\nb", [1.5, -2.0])).unwrap();
        assert_eq!(event.data(), r#"["a\nb",[1.5,-2.0]]"#);
        assert_eq!(event.parse_json::<(alloc::string::String, [f64; 2])>().unwrap(), ("a\nb".into(), [1.5, -2.0]));
        assert!(event.parse_json::<u8>().unwrap_err().is_data());
        assert!(Event::new("[DONE]").parse_json::<serde_json::Value>().unwrap_err().is_syntax());
    }

    #[test]
    fn a_value_that_fails_says_why() {
        assert_eq!(Event::json(&Half).unwrap_err().to_string(), "no more");
    }

    #[cfg(feature = "std")]
    #[test]
    fn a_value_that_fails_half_way_leaves_the_encoder_as_it_was() {
        let mut encoder = crate::Encoder::new();
        let before = encoder.encode(&Event::new("before"));
        let error = encoder.encode_json(&Event::new("").with_id("7").unwrap(), &Half).unwrap_err();
        assert_eq!(error.to_string(), "no more");
        let after = encoder.encode(&Event::new("after"));
        assert_eq!((&before[..], &after[..]), (&b"data: before\n\n"[..], &b"data: after\n\n"[..]));
        assert_eq!(after.as_ptr(), before[before.len()..].as_ptr());
    }

    #[cfg(feature = "std")]
    #[test]
    fn what_is_written_straight_is_what_is_written_by_way_of_a_string() {
        let value = serde_json::json!({"text": "line\r\nbreak, \u{1f680}", "numbers": [1, 2.5, null]});
        let head = Event::new("").with_name("n").unwrap();
        let mut encoder = crate::Encoder::new();
        let by_string = Event::json(&value).unwrap().with_name("n".into()).unwrap();
        assert_eq!(encoder.encode_json(&head, &value).unwrap(), encoder.encode(&by_string));
    }
}
