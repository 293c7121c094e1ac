//! The limit of encoding: a loop written by hand that gets CR, LF and CRLF right and checks name and id.

use memchr::{memchr2, memchr3};
use sse_wire::{Event, EventId, EventName};

/// The event of this name and id, if any, and this data.
#[inline]
pub fn event<'a>(fields: Option<(&'a str, &'a str)>, data: &'a str) -> Event<'a> {
    let event = Event::new(data);
    let Some((name, id)) = fields else {
        return event;
    };
    let name = EventName::new(name).expect("a name without line ends");
    event.with_name(name).with_id(EventId::new(id).expect("an id without line ends"))
}

/// Appends the same event, written by hand.
pub fn encode(event: Option<(&str, &str)>, data: &str, out: &mut Vec<u8>) {
    if let Some((name, id)) = event {
        for (field, value) in [("event: ", name), ("id: ", id)] {
            assert!(memchr3(b'\r', b'\n', 0, value.as_bytes()).is_none(), "no line break in a name or an id");
            out.extend_from_slice(field.as_bytes());
            out.extend_from_slice(value.as_bytes());
            out.push(b'\n');
        }
    }
    let mut rest = data.as_bytes();
    loop {
        let end = memchr2(b'\r', b'\n', rest);
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&rest[..end.unwrap_or(rest.len())]);
        out.push(b'\n');
        let Some(end) = end else {
            break;
        };
        rest = &rest[end + if rest[end..].starts_with(b"\r\n") { 2 } else { 1 }..];
    }
    out.push(b'\n');
}
