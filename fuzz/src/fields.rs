//! The parts of an event: texts, separated by a byte that is in no text.

use std::borrow::Cow;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use sse_wire::{Event, EventId, EventName, Field, FieldError, Head};

use crate::oracle::{PlainBlock, PlainEvent, PlainLine, arriving};

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
    /// The event, if it can be built. Checks which names and ids are refused, and at which byte.
    pub fn event(&self) -> Option<Event<'_>> {
        Some(self.head()?.with_data(&self.data))
    }

    /// All of it but the data and the comment.
    fn head(&self) -> Option<Head<'_>> {
        let name = self.name.as_deref().map(EventName::new);
        assert_refused(&name, Field::Event, self.name.as_deref(), &['\r', '\n']);
        let id = self.id.as_deref().map(EventId::new);
        assert_refused(&id, Field::Id, self.id.as_deref(), &['\r', '\n', '\0']);
        let retry = self.retry.map(Duration::from_nanos);
        let head = Head::new().with_optional_name(name.transpose().ok()?).with_optional_id(id.transpose().ok()?);
        Some(head.with_optional_retry(retry))
    }

    /// The comment as a client receives it: a block.
    pub fn comment_that_arrives(&self) -> Option<PlainBlock> {
        let lines =
            arriving(self.comment.as_ref()?).split('\n').map(|line| PlainLine::Comment(line.to_owned())).collect();
        Some(PlainBlock { lines, ..PlainBlock::default() })
    }

    /// The event as a client receives it, if it can be built.
    pub fn event_that_arrives(&self) -> PlainBlock {
        let name = self.name.as_deref().filter(|name| !name.is_empty());
        let id = self.id.as_deref().map(str::to_owned);
        // Whole milliseconds, rounded up.
        let retry = self.retry.map(|nanoseconds| nanoseconds.div_ceil(1_000_000));
        let data = arriving(&self.data);
        let field = |name: &str, value: &str| PlainLine::Field(name.to_owned(), value.to_owned());
        let head = [
            name.map(|name| field("event", name)),
            id.as_deref().map(|id| field("id", id)),
            retry.map(|time| field("retry", &time.to_string())),
        ];
        let lines = head.into_iter().flatten().chain(data.split('\n').map(|line| field("data", line))).collect();
        let event = PlainEvent {
            name: name.unwrap_or("message").to_owned(),
            data,
            id: id.clone(),
            last_event_id: id.clone().unwrap_or_default(),
            retry,
        };
        PlainBlock { event: Some(event), id, retry, lines }
    }

    /// The input that is read as this value.
    pub fn seed(&self) -> Vec<u8> {
        let text =
            |text: &Option<Cow<'_, str>>| text.as_ref().map_or(Vec::new(), |text| [b"+", text.as_bytes()].concat());
        let retry = self.retry.map_or(Vec::new(), |time| time.to_le_bytes().to_vec());
        // The time last, as its bytes may be any.
        [text(&self.name), text(&self.id), text(&self.comment), self.data.as_bytes().to_vec(), retry].join(&BETWEEN)
    }
}

/// A name or an id is refused at its first refused byte.
fn assert_refused<T>(built: &Option<Result<T, FieldError>>, field: Field, text: Option<&str>, refused: &[char]) {
    let expected = text.and_then(|text| text.find(refused).map(|index| (field, text.as_bytes()[index], index)));
    let error = built.as_ref().and_then(|built| built.as_ref().err());
    assert_eq!(error.map(|error| (error.field(), error.byte(), error.index())), expected);
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
