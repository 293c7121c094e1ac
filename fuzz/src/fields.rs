//! The parts of an event: texts with a byte between them that no text has.

use std::borrow::Cow;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use sse_wire::{Event, FieldError};

const BETWEEN: u8 = 0xff;

/// What may be put into an event, and a comment.
#[derive(Clone, Debug, Default)]
pub struct Fields<'a> {
    pub data: Cow<'a, str>,
    pub name: Option<Cow<'a, str>>,
    pub id: Option<Cow<'a, str>>,
    /// In nanoseconds.
    pub retry: Option<u64>,
    pub comment: Option<Cow<'a, str>>,
}

impl Fields<'_> {
    /// The event, if it can be built. That it cannot is checked: what is refused, and where.
    pub fn event(&self) -> Option<Event<&str>> {
        let mut event = Event::new(&*self.data);
        if let Some(name) = &self.name {
            let named = event.with_name(name);
            assert_eq!(named.as_ref().err().map(FieldError::index), name.find(['\r', '\n']));
            event = named.ok()?;
        }
        if let Some(id) = &self.id {
            let with_id = event.with_id(id);
            assert_eq!(with_id.as_ref().err().map(FieldError::index), id.find(['\r', '\n', '\0']));
            event = with_id.ok()?;
        }
        Some(self.retry.map_or(event, |time| event.with_retry(Duration::from_nanos(time))))
    }

    /// The name as it arrives: without one, or with an empty one, `message`.
    pub fn name_that_arrives(&self) -> &str {
        self.name.as_deref().filter(|name| !name.is_empty()).unwrap_or("message")
    }

    /// The bytes that become this.
    pub fn seed(&self) -> Vec<u8> {
        let text =
            |text: &Option<Cow<'_, str>>| text.as_ref().map_or(Vec::new(), |text| [b"+", text.as_bytes()].concat());
        let retry = self.retry.map_or(Vec::new(), |time| time.to_le_bytes().to_vec());
        // The time last, as its bytes may be any.
        [text(&self.name), text(&self.id), text(&self.comment), self.data.as_bytes().to_vec(), retry].join(&BETWEEN)
    }
}

/// `+` and a text; without the `+` there is none.
fn given(part: &[u8]) -> Option<Cow<'_, str>> {
    part.strip_prefix(b"+").map(String::from_utf8_lossy)
}

impl<'a> Arbitrary<'a> for Fields<'a> {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let mut parts = input.bytes(input.len())?.splitn(5, |&byte| byte == BETWEEN);
        let mut next = || parts.next().unwrap_or_default();
        Ok(Fields {
            name: given(next()),
            id: given(next()),
            comment: given(next()),
            data: String::from_utf8_lossy(next()),
            retry: next().try_into().ok().map(u64::from_le_bytes),
        })
    }
}
