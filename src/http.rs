//! The names and values of HTTP that an event stream needs, on both sides, as plain text for any HTTP library.
//!
//! Names are in lower case, as HTTP/2 and `HeaderName::from_static` of the `http` crate require.
//!
//! ```
//! use sse_wire::http;
//!
//! let mut request = String::from("GET /events HTTP/1.1\r\nhost: example.org\r\n");
//! for (name, value) in http::REQUEST_HEADERS {
//!     request += &format!("{name}: {value}\r\n");
//! }
//! # let last_event_id = "";
//! if !last_event_id.is_empty() {
//!     request += &format!("{}: {last_event_id}\r\n", http::LAST_EVENT_ID);
//! }
//! assert!(request.contains("accept: text/event-stream\r\n"));
//! ```

/// The MIME type of an event stream, for `content-type` and `accept` ([9.2.5]).
///
/// It needs no `charset`: an event stream is always UTF-8.
///
/// [9.2.5]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
pub const EVENT_STREAM: &str = "text/event-stream";

/// The name of the header in which a client that reconnects sends its last event ID, if that is not empty ([9.2.4]).
///
/// Its value is the id as UTF-8 bytes, which need not be ASCII: with the `http` crate, `HeaderValue::from_bytes`, and
/// `as_bytes` on the other side. An id may also hold control characters, which no header can carry.
///
/// [9.2.4]: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
pub const LAST_EVENT_ID: &str = "last-event-id";

/// The last event ID that a client sends with its request: the value of [`LAST_EVENT_ID`]. None if the header is absent or
/// empty, which both mean that the client has no id ([9.2.4]).
///
/// The bytes are what [`ReplayBuffer::since`](crate::server::ReplayBuffer::since) takes. A client can send any bytes.
///
/// ```
/// use sse_wire::http::last_event_id;
///
/// let mut headers = http::HeaderMap::new();
/// assert_eq!(last_event_id(&headers), None);
/// headers.insert("last-event-id", "7".parse()?);
/// assert_eq!(last_event_id(&headers), Some(&b"7"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [9.2.4]: https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
#[cfg(feature = "http-body")]
#[cfg_attr(docsrs, doc(cfg(feature = "http-body")))]
#[must_use]
pub fn last_event_id(headers: &::http::HeaderMap) -> Option<&[u8]> {
    headers.get(LAST_EVENT_ID).map(::http::HeaderValue::as_bytes).filter(|id| !id.is_empty())
}

/// What a client sends with its request ([9.2.2]), as pairs of name and value.
///
/// `cache-control: no-cache` is what Fetch sends for the cache mode that the standard requires, and so what browsers send:
/// no cache answers without asking the server
/// ([RFC 9111, 5.2.1.4](https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.4)). `no-store` in a request would not keep a
/// cache from answering with what it has stored (5.2.1.5).
///
/// [9.2.2]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
pub const REQUEST_HEADERS: [(&str, &str); 2] = [("accept", EVENT_STREAM), ("cache-control", "no-cache")];

/// What a server sends with its response, as pairs of name and value.
///
/// - `content-type`: a client accepts no other type ([9.2.2]).
/// - `cache-control: no-store, no-transform`: no cache stores the stream
///   ([RFC 9111, 5.2.2.5](https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.5)), and no proxy compresses it, which
///   would delay events ([5.2.2.6](https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.6)).
/// - `x-accel-buffering: no`: nginx, and others that know its header, pass on each event as it comes.
///
/// [9.2.2]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
pub const RESPONSE_HEADERS: [(&str, &str); 3] =
    [("content-type", EVENT_STREAM), ("cache-control", "no-store, no-transform"), ("x-accel-buffering", "no")];

/// Whether this value of `content-type` says that the response is an event stream ([9.2.2]).
///
/// The type must be `text/event-stream`, in any case, with any parameters, as
/// [MIME Sniffing](https://mimesniff.spec.whatwg.org/#parsing-a-mime-type) parses it
/// ([RFC 9110, 8.3.1](https://www.rfc-editor.org/rfc/rfc9110#section-8.3.1)). Of several types, separated by commas, as when a
/// header was sent twice, the last valid one counts ([Fetch](https://fetch.spec.whatwg.org/#concept-header-extract-mime-type)).
/// Takes text or bytes. Never fails.
///
/// ```
/// use sse_wire::http::is_event_stream;
///
/// assert!(is_event_stream("text/event-stream"));
/// assert!(is_event_stream("Text/Event-Stream; charset=utf-8"));
/// assert!(is_event_stream("text/html, text/event-stream"));
/// assert!(!is_event_stream("text/event-streams"));
/// assert!(!is_event_stream("application/json"));
/// ```
///
/// [9.2.2]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
#[must_use]
pub fn is_event_stream(content_type: impl AsRef<[u8]>) -> bool {
    mime_type(content_type.as_ref()).eq_ignore_ascii_case(EVENT_STREAM.as_bytes())
}

/// Type and subtype of the MIME type that this value of `content-type` has
/// ([Fetch](https://fetch.spec.whatwg.org/#concept-header-extract-mime-type)). Empty if there is no valid one.
pub(crate) fn mime_type(content_type: &[u8]) -> &[u8] {
    let (mut found, mut rest) = (&b""[..], Some(content_type));
    while let Some(values) = rest {
        let (value, others) = split_value(values);
        // Whitespace may stand before the type and after the subtype. The first semicolon ends the subtype; parameters, valid
        // or not, change nothing.
        let end = value.iter().position(|&byte| byte == b';').unwrap_or(value.len());
        let mime_type = trim(&value[..end]);
        if is_mime_type(mime_type) && mime_type != b"*/*" {
            found = mime_type;
        }
        rest = others;
    }
    found
}

/// The first of several values of a header, and the others: split at the first comma outside of quotes.
fn split_value(values: &[u8]) -> (&[u8], Option<&[u8]>) {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, byte) in values.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => return (&values[..at], Some(&values[at + 1..])),
            _ => {}
        }
    }
    (values, None)
}

/// Whether these are two tokens with a slash between them.
pub(crate) fn is_mime_type(bytes: &[u8]) -> bool {
    let is_token = |part: &[u8]| {
        !part.is_empty() && part.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
    };
    let mut parts = bytes.splitn(2, |&byte| byte == b'/');
    let (Some(kind), Some(subtype)) = (parts.next(), parts.next()) else {
        return false;
    };
    is_token(kind) && is_token(subtype)
}

/// The pause that this value of the header `Retry-After` asks for, for
/// [`EventSource::set_retry_after`](crate::client::EventSource::set_retry_after)
/// ([RFC 9110, 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)).
///
/// The value is a number of seconds, or a date, which is compared to `now`: one that has passed is no pause. `None` if it is
/// neither. A number that is too large is the longest pause there is.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use sse_wire::http::retry_after;
///
/// assert_eq!(retry_after("120", SystemTime::now()), Some(Duration::from_secs(120)));
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_717);
/// assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(60)));
/// assert_eq!(retry_after("soon", now), None);
/// ```
#[cfg(feature = "retry-after")]
#[cfg_attr(docsrs, doc(cfg(feature = "retry-after")))]
#[must_use]
pub fn retry_after(value: impl AsRef<[u8]>, now: std::time::SystemTime) -> Option<core::time::Duration> {
    use core::time::Duration;
    let value = core::str::from_utf8(trim(value.as_ref())).ok()?;
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(value.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// Whether a header brings this value back as it is: it neither begins nor ends with a space or a tab, and holds no control
/// character but tabs ([RFC 9110, 5.5](https://www.rfc-editor.org/rfc/rfc9110#section-5.5)).
pub(crate) fn carries(value: &[u8]) -> bool {
    trim(value).len() == value.len() && value.iter().all(|&byte| byte == b'\t' || !byte.is_ascii_control())
}

/// `bytes` without HTTP whitespace at both ends: tab, LF, CR, space.
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b'\t' | b'\n' | b'\r' | b' ', rest @ ..] | [rest @ .., b'\t' | b'\n' | b'\r' | b' '] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_type_itself_is_an_event_stream() {
        for yes in [
            "text/event-stream",
            "TEXT/Event-Stream",
            " \t\r\ntext/event-stream\n ",
            "text/event-stream;charset=utf-8",
            "text/event-stream; charset=\"utf-8\"; x=y",
            "text/event-stream ; x",
            "text/event-stream;",
            "text/event-stream;;;=",
            "text/html, text/event-stream",
            "text/html,text/event-stream;x=y",
            "text/html; x=\"a\\\",b\", text/event-stream",
            "text/event-stream, */*",
            "text/event-stream, not a type",
            "text/event-stream,",
            ",text/event-stream",
        ] {
            assert!(is_event_stream(yes), "{yes:?}");
        }
        for no in [
            "",
            ";",
            " ; text/event-stream",
            "text/event-streamx",
            "text/event-strea",
            "xtext/event-stream",
            "text /event-stream",
            "text/ event-stream",
            "text/event-stream, text/html",
            "text/html; x=\"a, text/event-stream",
            "text/html; x=\"\\\", text/event-stream",
            "text/event-stream, text/event-stream+x",
            "text/event-stream x",
            "text/event-stream\u{b}",
            "text/event-stream\u{a0}",
            "\u{feff}text/event-stream",
            "application/x; t=text/event-stream",
        ] {
            assert!(!is_event_stream(no), "{no:?}");
        }
        assert!(!is_event_stream(b"text/event-stream\xff"));
    }

    #[cfg(feature = "retry-after")]
    #[test]
    fn retry_after_is_a_number_of_seconds_or_a_date_in_any_of_its_three_forms() {
        use std::time::{Duration, SystemTime};
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 90);
        let seconds = |value: &str| retry_after(value, now).map(|pause| pause.as_secs());
        for (value, pause) in [("0", 0), ("120", 120), (" 7\t", 7), ("007", 7), ("99999999999999999999999", u64::MAX)] {
            assert_eq!(seconds(value), Some(pause), "{value:?}");
        }
        for date in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(seconds(date), Some(90), "{date}");
        }
        assert_eq!(seconds("Sat, 05 Nov 1994 08:49:37 GMT"), Some(0));
        for no in ["", " ", "-1", "+1", "1.5", "1 s", "soon", "Sun, 06 Nov 1994", "2026-11-26T00:00:00Z", "\u{661}"] {
            assert_eq!(seconds(no), None, "{no:?}");
        }
        assert_eq!(retry_after(b"\xff", now), None);
    }

    #[test]
    fn names_are_lower_case_as_the_http_crate_requires() {
        let headers = REQUEST_HEADERS.iter().chain(&RESPONSE_HEADERS);
        for name in headers.map(|(name, _)| name).chain([&LAST_EVENT_ID]) {
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{name}");
        }
    }
}
