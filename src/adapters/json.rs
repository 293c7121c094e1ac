//! JSON as the data of events.

use serde::{Deserialize, Serialize};
use serde_json::Error;

use crate::{Encoder, Event, Head, OwnedEvent};

#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
impl<'a> Event<'a> {
    /// The data, read as JSON. A `T` may borrow text from the data, and then lives as long as the data does.
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
    pub fn parse_json<T: Deserialize<'a>>(&self) -> Result<T, Error> {
        serde_json::from_str(self.data())
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
impl OwnedEvent {
    /// An event whose data is `value` as JSON.
    ///
    /// The head is an [`EventName`](crate::EventName), an [`EventId`](crate::EventId), or a [`Head`] of both; `Head::new()`
    /// if there is neither. [`Encoder::push_json`] writes the same without a string in between.
    ///
    /// ```
    /// use sse_wire::{EventName, OwnedEvent};
    ///
    /// let event = OwnedEvent::json(EventName::from_static("pair"), &[1, 2])?;
    /// assert_eq!((event.name(), event.data()), ("pair", "[1,2]"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The error of `value` when it is serialized, or a map whose keys are not strings.
    pub fn json<'h, T: Serialize + ?Sized>(head: impl Into<Head<'h>>, value: &T) -> Result<OwnedEvent, Error> {
        serde_json::to_string(value).map(|json| OwnedEvent::new(head, json))
    }

    /// As [`Event::parse_json`]. A `T` may borrow text from this event.
    ///
    /// # Errors
    ///
    /// As [`Event::parse_json`].
    pub fn parse_json<'de, T: Deserialize<'de>>(&'de self) -> Result<T, Error> {
        self.as_event().parse_json()
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
impl Encoder {
    /// Appends an event whose data is `value` as JSON. With the `std` feature it is serialized straight into the encoder.
    ///
    /// ```
    /// use sse_wire::{Encoder, EventName};
    ///
    /// let mut encoder = Encoder::new();
    /// encoder.push_json(EventName::from_static("pair"), &[1, 2])?;
    /// assert_eq!(encoder.take(), "event: pair\ndata: [1,2]\n\n");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`OwnedEvent::json`]. Nothing is appended then.
    pub fn push_json<'h, T: Serialize + ?Sized>(&mut self, head: impl Into<Head<'h>>, value: &T) -> Result<(), Error> {
        let mut data = self.writer(head);
        #[cfg(feature = "std")]
        serde_json::to_writer(&mut data, value)?;
        #[cfg(not(feature = "std"))]
        data.push_bytes(&serde_json::to_vec(value)?);
        data.finish();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventId, EventName};
    use alloc::string::{String, ToString};
    use serde::Serializer;
    use serde::ser::{Error as _, SerializeSeq};

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
    fn a_value_that_is_written_and_read_is_the_same() {
        let event = OwnedEvent::json(Head::new(), &("a\nb", [1.5, -2.0])).unwrap();
        assert_eq!(event.data(), r#"["a\nb",[1.5,-2.0]]"#);
        assert_eq!(event.parse_json::<(String, [f64; 2])>().unwrap(), ("a\nb".into(), [1.5, -2.0]));
        assert!(event.parse_json::<u8>().unwrap_err().is_data());
        assert!(Event::new("[DONE]").parse_json::<serde_json::Value>().unwrap_err().is_syntax());
    }

    #[test]
    fn borrowed_text_outlives_the_event() {
        let data = String::from(r#"["text"]"#);
        let [text]: [&str; 1] = {
            let event = Event::new(&data);
            event.parse_json().unwrap()
        };
        assert_eq!(text.as_ptr(), data[2..].as_ptr());
        let owned = OwnedEvent::new(Head::new(), data);
        assert_eq!(owned.parse_json::<[&str; 1]>().unwrap()[0].as_ptr(), owned.data()[2..].as_ptr());
    }

    #[test]
    fn a_value_that_fails_says_why() {
        assert_eq!(OwnedEvent::json(Head::new(), &Half).unwrap_err().to_string(), "no more");
    }

    #[test]
    fn a_value_that_fails_half_way_leaves_the_encoder_as_it_was() {
        let mut encoder = Encoder::new();
        encoder.push(Event::new("before"));
        let error = encoder.push_json(EventId::from_static("7"), &Half).unwrap_err();
        assert_eq!(error.to_string(), "no more");
        assert_eq!(encoder.len(), "data: before\n\n".len());
        encoder.push(Event::new("after"));
        assert_eq!(encoder.take(), "data: before\n\ndata: after\n\n");
    }

    #[test]
    fn what_is_written_straight_is_what_is_written_by_way_of_a_string() {
        let value = serde_json::json!({"text": "line\r\nbreak, \u{1f680}", "numbers": [1, 2.5, null]});
        let head = Head::from(EventName::from_static("n")).with_id(EventId::from_static("i"));
        let mut encoder = Encoder::new();
        encoder.push_json(head, &value).unwrap();
        assert_eq!(encoder.take(), OwnedEvent::json(head, &value).unwrap().encode());
    }

    #[test]
    fn line_breaks_between_the_tokens_forge_nothing() {
        let raw: &serde_json::value::RawValue = serde_json::from_str("{\n\"a\":\r\n\r1}").unwrap();
        let mut encoder = Encoder::new();
        encoder.push_json(Head::new(), raw).unwrap();
        let expected = "data: {\ndata: \"a\":\ndata: \ndata: 1}\n\n";
        assert_eq!(encoder.take(), expected);
        let event = OwnedEvent::json(Head::new(), raw).unwrap();
        assert_eq!(event.encode(), expected);
        assert_eq!(event.parse_json::<serde_json::Value>().unwrap(), serde_json::json!({"a": 1}));
    }
}
