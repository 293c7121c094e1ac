//! A small reader of event streams that can be wrong on purpose.

use bytes::Bytes;

use super::Event;

/// A way to read a stream wrongly, as some client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    KeepsBom,
    DropsEveryBom,
    ForgetsHalfLines,
    DecodesEachChunk,
    DropsIllFormed,
    ReadsLatin1,
    IgnoresCr,
    IgnoresLoneCr,
    ReadsCrLfAsTwo,
    EndsLinesAtOthers,
    TakesLastColon,
    CutsAtSecondColon,
    NeedsColon,
    NeedsSpace,
    KeepsSpace,
    DropsAllSpaces,
    DropsOuterSpaces,
    TrimsNames,
    IgnoresCase,
    TakesNamesByStart,
    TakesLastData,
    TakesFirstData,
    JoinsWithoutLf,
    DropsEmptyData,
    NeedsNoData,
    DispatchesAtEnd,
    DispatchesEachData,
    IgnoresTypes,
    KeepsType,
    KeepsEmptyType,
    IgnoresIds,
    ForgetsIds,
    NeedsDataForId,
    IgnoresEmptyId,
    TakesIdWithNul,
}

pub const FAULTS: [Fault; 35] = [
    Fault::KeepsBom,
    Fault::DropsEveryBom,
    Fault::ForgetsHalfLines,
    Fault::DecodesEachChunk,
    Fault::DropsIllFormed,
    Fault::ReadsLatin1,
    Fault::IgnoresCr,
    Fault::IgnoresLoneCr,
    Fault::ReadsCrLfAsTwo,
    Fault::EndsLinesAtOthers,
    Fault::TakesLastColon,
    Fault::CutsAtSecondColon,
    Fault::NeedsColon,
    Fault::NeedsSpace,
    Fault::KeepsSpace,
    Fault::DropsAllSpaces,
    Fault::DropsOuterSpaces,
    Fault::TrimsNames,
    Fault::IgnoresCase,
    Fault::TakesNamesByStart,
    Fault::TakesLastData,
    Fault::TakesFirstData,
    Fault::JoinsWithoutLf,
    Fault::DropsEmptyData,
    Fault::NeedsNoData,
    Fault::DispatchesAtEnd,
    Fault::DispatchesEachData,
    Fault::IgnoresTypes,
    Fault::KeepsType,
    Fault::KeepsEmptyType,
    Fault::IgnoresIds,
    Fault::ForgetsIds,
    Fault::NeedsDataForId,
    Fault::IgnoresEmptyId,
    Fault::TakesIdWithNul,
];

/// The events of responses, each in chunks, by a reader with these faults. Without any, it is right.
pub fn read(responses: &[Vec<Bytes>], faults: &[Fault]) -> Vec<Event> {
    let mut reader = Reader { faults, ..Reader::default() };
    for chunks in responses {
        reader.response(chunks);
    }
    reader.events
}

#[derive(Default)]
struct Reader<'a> {
    faults: &'a [Fault],
    data: Vec<String>,
    kind: Option<String>,
    id: Option<String>,
    has_field: bool,
    last_id: String,
    events: Vec<Event>,
}

impl Reader<'_> {
    fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    fn response(&mut self, chunks: &[Bytes]) {
        let whole = chunks.concat();
        let texts: Vec<_> = if self.has(Fault::ForgetsHalfLines) || self.has(Fault::DecodesEachChunk) {
            chunks.iter().map(|chunk| self.decode(chunk)).collect()
        } else {
            vec![self.decode(&whole)]
        };
        let texts = if self.has(Fault::ForgetsHalfLines) { texts } else { vec![texts.concat()] };
        for (index, text) in texts.iter().enumerate() {
            let text = match text.strip_prefix('\u{feff}') {
                Some(rest) if index == 0 && !self.has(Fault::KeepsBom) => rest,
                _ => text,
            };
            let text = if self.has(Fault::DropsEveryBom) { text.replace('\u{feff}', "") } else { text.to_owned() };
            self.text(&text);
        }
        if self.has(Fault::DispatchesAtEnd) {
            self.dispatch();
        }
        // The next response begins with a new block.
        (self.data, self.kind, self.id, self.has_field) = (Vec::new(), None, None, false);
    }

    fn decode(&self, bytes: &[u8]) -> String {
        if self.has(Fault::ReadsLatin1) {
            bytes.iter().copied().map(char::from).collect()
        } else if self.has(Fault::DropsIllFormed) {
            bytes.utf8_chunks().map(|chunk| chunk.valid()).collect()
        } else {
            String::from_utf8_lossy(bytes).into_owned()
        }
    }

    fn text(&mut self, mut text: &str) {
        let is_end = |char: char| match char {
            '\n' => true,
            '\r' => !self.has(Fault::IgnoresCr) && !self.has(Fault::IgnoresLoneCr),
            '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                self.has(Fault::EndsLinesAtOthers)
            }
            _ => false,
        };
        let mut lines = Vec::new();
        while let Some(end) = text.find(is_end) {
            let rest = &text[end..];
            let is_crlf = rest.starts_with("\r\n") && !self.has(Fault::ReadsCrLfAsTwo);
            let line = &text[..end];
            lines.push(if self.has(Fault::IgnoresLoneCr) { line.strip_suffix('\r').unwrap_or(line) } else { line });
            text = &rest[if is_crlf { 2 } else { rest.chars().next().map_or(0, char::len_utf8) }..];
        }
        if (self.has(Fault::DispatchesAtEnd) || self.has(Fault::ForgetsHalfLines)) && !text.is_empty() {
            lines.push(text);
        }
        for line in lines {
            self.line(line);
        }
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            return self.dispatch();
        }
        if line.starts_with(':') {
            return;
        }
        let (name, value) =
            match if self.has(Fault::TakesLastColon) { line.rsplit_once(':') } else { line.split_once(':') } {
                Some(parts) => parts,
                None if self.has(Fault::NeedsColon) => return,
                None => (line, ""),
            };
        let value = if self.has(Fault::CutsAtSecondColon) { value.split(':').next().unwrap_or(value) } else { value };
        let value = match value.strip_prefix(' ') {
            _ if self.has(Fault::DropsOuterSpaces) => value.trim(),
            _ if self.has(Fault::DropsAllSpaces) => value.trim_start(),
            _ if self.has(Fault::KeepsSpace) => value,
            None if self.has(Fault::NeedsSpace) && line.contains(':') => return,
            rest => rest.unwrap_or(value),
        };
        let name = if self.has(Fault::TrimsNames) { name.trim() } else { name };
        let name = if self.has(Fault::IgnoresCase) { name.to_ascii_lowercase() } else { name.to_owned() };
        let known = ["data", "event", "id"]
            .into_iter()
            .find(|known| name == *known || self.has(Fault::TakesNamesByStart) && name.starts_with(known));
        self.has_field |= known.is_some();
        match known {
            Some("data") => {
                self.data.push(value.to_owned());
                if self.has(Fault::DispatchesEachData) {
                    self.dispatch();
                }
            }
            Some("event") => self.kind = Some(value.to_owned()),
            Some(_) if value.contains('\0') && !self.has(Fault::TakesIdWithNul) => {}
            Some(_) if value.is_empty() && self.has(Fault::IgnoresEmptyId) => {}
            Some(_) => self.id = Some(value.to_owned()),
            None => {}
        }
    }

    fn dispatch(&mut self) {
        let data = std::mem::take(&mut self.data);
        let has_field = std::mem::take(&mut self.has_field);
        let is_event = if self.has(Fault::NeedsNoData) { has_field } else { !data.is_empty() };
        let text = match (data.first(), data.last()) {
            (Some(first), _) if self.has(Fault::TakesFirstData) => first.clone(),
            (_, Some(last)) if self.has(Fault::TakesLastData) => last.clone(),
            _ => data.join(if self.has(Fault::JoinsWithoutLf) { "" } else { "\n" }),
        };
        if let Some(id) = self.id.take()
            && !self.has(Fault::IgnoresIds)
            && (is_event || !self.has(Fault::NeedsDataForId))
        {
            self.last_id = id;
        }
        let kind = if self.has(Fault::KeepsType) { self.kind.clone() } else { self.kind.take() };
        let kind =
            kind.filter(|kind| !self.has(Fault::IgnoresTypes) && (!kind.is_empty() || self.has(Fault::KeepsEmptyType)));
        if is_event && !(text.is_empty() && self.has(Fault::DropsEmptyData)) {
            let last_event_id = self.last_id.clone();
            self.events.push(Event { kind: kind.unwrap_or("message".to_owned()), data: text, last_event_id });
        }
        if self.has(Fault::ForgetsIds) {
            self.last_id.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::streams::{CASES, Chunks};
    use super::*;

    #[test]
    fn without_a_fault_the_reader_is_right_and_each_fault_shows_in_a_case() {
        let mut unseen: Vec<_> = FAULTS.to_vec();
        for case in CASES.iter() {
            let responses = [Chunks::Case.cut(case)];
            assert_eq!(read(&responses, &[]), case.events, "{}", case.name);
            unseen.retain(|fault| read(&responses, &[*fault]) == case.events);
        }
        assert_eq!(unseen, []);
    }
}
