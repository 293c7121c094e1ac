//! What can be wrong with a stream.

/// A mistake of whoever sends the stream, or what may be one. See [`Problem::is_hint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    Status,
    ContentType,
    Gzip,
    Zstd,
    Utf16,
    Html,
    Json,
    Ndjson,
    HttpHead,
    ChunkSizes,
    Indented,
    SpaceBeforeColon,
    UpperCase,
    BomInside,
    ErrorField,
    JsonOutsideData,
    UnknownField,
    WithoutData,
    PrefixTwice,
    LiteralNewlines,
    MergedEvents,
    ErrorEvent,
    IllFormed,
    IdWithNul,
    IdNotInHeader,
    RetryIgnored,
    BlockTooLarge,
    LineTooLong,
    DoneUnfinished,
    NeverDispatched,
    Unfinished,
    AnswerUnfinished,
    NoEvent,
    PrefixInData,
    BackslashN,
    TruncatedJson,
    ErrorInData,
    Mojibake,
    UnicodeLineBreak,
    Nul,
}

/// What is said about a problem.
pub struct About {
    /// The name in JSON and in the summary.
    pub key: &'static str,
    /// What is wrong, and what clients make of it.
    pub why: &'static str,
    /// The section of the standard or RFC.
    pub reference: &'static str,
    /// What to do about it.
    pub advice: &'static str,
}

const INTERPRETATION: &str = "HTML 9.2.6";
const PARSING: &str = "HTML 9.2.5";
const PROCESSING: &str = "HTML 9.2.3";

impl Problem {
    pub const ALL: [Problem; 40] = [
        Problem::Status,
        Problem::ContentType,
        Problem::Gzip,
        Problem::Zstd,
        Problem::Utf16,
        Problem::Html,
        Problem::Json,
        Problem::Ndjson,
        Problem::HttpHead,
        Problem::ChunkSizes,
        Problem::Indented,
        Problem::SpaceBeforeColon,
        Problem::UpperCase,
        Problem::BomInside,
        Problem::ErrorField,
        Problem::JsonOutsideData,
        Problem::UnknownField,
        Problem::WithoutData,
        Problem::PrefixTwice,
        Problem::LiteralNewlines,
        Problem::MergedEvents,
        Problem::ErrorEvent,
        Problem::IllFormed,
        Problem::IdWithNul,
        Problem::IdNotInHeader,
        Problem::RetryIgnored,
        Problem::BlockTooLarge,
        Problem::LineTooLong,
        Problem::DoneUnfinished,
        Problem::NeverDispatched,
        Problem::Unfinished,
        Problem::AnswerUnfinished,
        Problem::NoEvent,
        Problem::PrefixInData,
        Problem::BackslashN,
        Problem::TruncatedJson,
        Problem::ErrorInData,
        Problem::Mojibake,
        Problem::UnicodeLineBreak,
        Problem::Nul,
    ];

    /// Whether a correct stream may have it, too: text of a person or a program may look like a mistake.
    pub fn is_hint(self) -> bool {
        matches!(
            self,
            Problem::NoEvent
                | Problem::PrefixInData
                | Problem::BackslashN
                | Problem::TruncatedJson
                | Problem::ErrorInData
                | Problem::Mojibake
                | Problem::UnicodeLineBreak
                | Problem::Nul
        )
    }

    /// Whether it is at a place in the stream, and not in the head of the response or in the stream as a whole.
    pub fn has_place(self) -> bool {
        !matches!(self, Problem::Status | Problem::ContentType | Problem::AnswerUnfinished | Problem::NoEvent)
    }

    /// Whether the text of what was found says what is wrong, so that more of it is shown.
    pub fn is_told(self) -> bool {
        matches!(self, Problem::ErrorEvent | Problem::ErrorInData | Problem::ErrorField)
    }

    /// Whether the whole input is something else than an event stream.
    pub fn is_other_format(self) -> bool {
        matches!(self, Problem::Gzip | Problem::Zstd | Problem::Utf16 | Problem::Html | Problem::Json | Problem::Ndjson)
    }

    #[rustfmt::skip]
    pub fn about(self) -> About {
        let (key, why, reference, advice) = match self {
            Problem::Status => ("status", "The status is not 200, so clients read no events from the response and give up.", PROCESSING, "Answer 200, or check the request: its method, headers and login."),
            Problem::ContentType => ("content_type", "The content type is not text/event-stream, so clients refuse the response.", PROCESSING, "Send `content-type: text/event-stream`."),
            Problem::Gzip => ("gzip", "This is gzip, not text: it was compressed and nothing undid it.", "RFC 9110 8.4", "Ask for it with --compressed; or let the server say `content-encoding: gzip`, and compress only if asked."),
            Problem::Zstd => ("zstd", "This is zstd, not text: it was compressed and nothing undid it.", "RFC 9110 8.4", "Ask for it with --compressed; or let the server say `content-encoding: zstd`, and compress only if asked."),
            Problem::Utf16 => ("utf16", "This is UTF-16. Event streams are always UTF-8, whatever the content type says.", PARSING, "Encode the stream as UTF-8."),
            Problem::Html => ("html", "This is HTML or XML, not an event stream: probably the error page of a proxy.", PARSING, "Read the page. Look for the proxy or route that answers in place of the server."),
            Problem::Json => ("json", "This is JSON, not an event stream: probably an error, or the answer to a request that did not ask for a stream.", PARSING, "Read it. Check whether the request must ask for a stream, as by `\"stream\": true`."),
            Problem::Ndjson => ("ndjson", "This is one JSON value on each line (NDJSON), not an event stream.", PARSING, "Write `data: ` before each line and a blank line after it, or read it as NDJSON."),
            Problem::HttpHead => ("http_head", "The head of the HTTP response is in the stream. Its lines are read as unknown fields.", PARSING, "Save the body alone: `curl -N`, without -i."),
            Problem::ChunkSizes => ("chunk_sizes", "The sizes of HTTP chunks are in the stream: the chunked coding was not undone, or was done twice.", "RFC 9112 7.1", "Do not write the chunk sizes in the application: the HTTP server does it."),
            Problem::Indented => ("indented_field", "The line begins with white space, which becomes a part of the field name. Clients ignore the line.", INTERPRETATION, "Begin each line at the first column."),
            Problem::SpaceBeforeColon => ("space_before_colon", "White space before the colon is a part of the field name. Clients ignore the line.", INTERPRETATION, "Write the colon right after the name."),
            Problem::UpperCase => ("upper_case_field", "Upper and lower case differ: `Data` is another name than `data`. Clients ignore the line.", INTERPRETATION, "Write the field name in lower case."),
            Problem::BomInside => ("bom_inside", "A BOM is dropped only at the start of the stream. Here it is a part of the field name, and clients ignore the line.", PARSING, "Send no BOM, or one at the very start."),
            Problem::ErrorField => ("error_field", "The server reports an error in a field `error`, which does not exist. Clients ignore the line and see no error.", INTERPRETATION, "Send an event with a name of its own, and the error in its data."),
            Problem::JsonOutsideData => ("json_outside_data", "JSON on a line that does not begin with `data:`. Clients ignore the line.", INTERPRETATION, "Write `data: ` before every line, or write the JSON on one line."),
            Problem::UnknownField => ("unknown_field", "The field name is unknown. Clients ignore the line.", INTERPRETATION, "If it is a line of the data, write `data: ` before it, as before each line of a text. If not, write it as a comment."),
            Problem::WithoutData => ("block_without_data", "The block has no data line, so clients dispatch no event.", INTERPRETATION, "Add a data line. An empty one, `data:`, is enough."),
            Problem::PrefixTwice => ("prefix_twice", "The data is a line `data:` with JSON, as in `data: data: {}`: it was written as an event twice.", INTERPRETATION, "Write the prefix in one place: the framework adds it already, or a relay encodes encoded events."),
            Problem::LiteralNewlines => ("literal_newlines", "Backslash and n stand where a line end should be, so that the line does not end.", PARSING, "Write line feeds (byte 0x0a): the string was escaped once too often, or in single quotes of a shell."),
            Problem::MergedEvents => ("merged_events", "Several JSON values are in one event, since only a blank line ends an event. As a whole the data is not JSON.", INTERPRETATION, "Write a blank line after each event: two line ends, not one."),
            Problem::ErrorEvent => ("error_event", "The server says in an event that it failed, after status 200.", PROCESSING, "Clients must look for it: the status does not tell."),
            Problem::IllFormed => ("ill_formed_utf8", "The line is not well-formed UTF-8. Clients read U+FFFD in place of the wrong bytes.", PARSING, "Send UTF-8, and do not cut a character in two."),
            Problem::IdWithNul => ("id_with_nul", "The id has a NUL, so clients ignore it.", INTERPRETATION, "Use ids without NUL."),
            Problem::IdNotInHeader => ("id_not_in_header", "The id has white space at an end or a control character, which no header carries: a client that reconnects sends another id, or none.", "HTML 9.2.4, RFC 9110 5.5", "Use ids of printable characters without outer spaces."),
            Problem::RetryIgnored => ("retry_ignored", "The value of retry is not all digits (ASCII), so clients ignore it.", INTERPRETATION, "Write milliseconds as digits only: `retry: 3000`."),
            Problem::BlockTooLarge => ("block_over_limit", "The block is larger than the limit, and was skipped.", INTERPRETATION, "Read it with a higher --limit. Clients have limits, too."),
            Problem::LineTooLong => ("line_over_limit", "A comment or an unknown field is larger than the limit, and was skipped.", INTERPRETATION, "Read it with a higher --limit."),
            Problem::DoneUnfinished => ("done_unfinished", "`[DONE]` is the last line, but no blank line follows: clients never see it.", INTERPRETATION, "Write a blank line after `data: [DONE]`."),
            Problem::NeverDispatched => ("never_dispatched", "There are data lines, but no blank line after them: clients dispatch no event.", INTERPRETATION, "Write a blank line after each event: two line ends, not one."),
            Problem::Unfinished => ("unfinished", "The stream ends without a blank line. Clients discard the block.", INTERPRETATION, "Write a blank line after the last event; or look for what cut the stream."),
            Problem::AnswerUnfinished => ("answer_unfinished", "The answer of the model has no end (with --text): the stream stops without a reason to finish, `message_stop` or `[DONE]`.", "the documents of the service", "Take it for a part of the answer. Look for a time limit of the server or of a proxy that cut it."),
            Problem::NoEvent => ("no_event", "No event came.", INTERPRETATION, "If there should be one, look for what the server writes, and whether it flushes it."),
            Problem::PrefixInData => ("prefix_in_data", "The data begins with `data:` once more, as if it was written as an event twice.", INTERPRETATION, "If it was, write the prefix in one place: the framework adds it already, or a relay encodes encoded events."),
            Problem::BackslashN => ("backslash_n", "Backslash and n stand in the data as line ends do in an event stream.", PARSING, "If line ends were meant, write line feeds (byte 0x0a): the string was escaped once too often."),
            Problem::TruncatedJson => ("truncated_json", "The data looks like JSON that stops in the middle.", INTERPRETATION, "If it is, look for the limit that cut it, or for a line end inside of the JSON: each line needs `data: `."),
            Problem::ErrorInData => ("error_in_data", "The data tells of an error: of the server, or of something that it reports on.", PROCESSING, "If it tells of the server, clients must look for it: the status does not tell."),
            Problem::Mojibake => ("mojibake", "The text looks like UTF-8 that was read as Latin-1 and encoded again.", PARSING, "If it is, read and write UTF-8 at every step; look for a default encoding."),
            Problem::UnicodeLineBreak => ("unicode_line_break", "U+0085, U+2028 or U+2029 is in a line. It ends no line, but several clients split there.", PARSING, "Escape it, as `\\u2028` in JSON, if such clients read the stream."),
            Problem::Nul => ("nul", "The line has a NUL character, which many programs take for the end of the text.", PARSING, "If it is not meant, look for a buffer that is sent beyond its content."),
        };
        About { key, why, reference, advice }
    }
}

#[cfg(test)]
mod tests {
    use super::Problem;

    #[test]
    fn the_readme_lists_all_findings_and_hints() {
        let readme = include_str!("../../README.md");
        let (_, tables) = readme.split_once("## Findings and hints").unwrap();
        let (findings, hints) = tables.split_once("| hint |").unwrap();
        let mut rows = 0;
        for problem in Problem::ALL {
            let about = problem.about();
            let row = format!("\n| `{}` | {} | {} |", about.key, about.why, about.reference);
            assert!(if problem.is_hint() { hints } else { findings }.contains(&row), "{row}");
            rows += 1;
        }
        assert_eq!(tables.matches("\n| `").count(), rows);
    }
}
