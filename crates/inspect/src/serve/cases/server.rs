//! Serves the cases, and keeps the report.

use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sse_wire::http::{EVENT_STREAM, LAST_EVENT_ID};

use super::connections::{Answer, RECONNECTS, SCRIPTS, Script};
use super::faulty::{self, Fault};
use super::judge::{self, Asked, Report, Seen};
use super::rules::{self, Rule};
use super::streams::{self, CASES, Chunks};
use super::{Event, PROCESSING, Section};
use crate::FOUND;
use crate::serve::{Reset, say};
use crate::view::escape::{Escaped, Quoted};

/// More chunks than this come without a pause.
const PAUSED_CHUNKS: usize = 10;

/// Characters or bytes of an example that are shown.
const SHOWN: usize = 400;

/// What a client did since the run began.
#[derive(Clone, Default)]
pub struct Run(Arc<Mutex<Results>>);

#[derive(Default)]
struct Results {
    /// The cases that were judged, by their names.
    judged: BTreeMap<&'static str, Judgement>,
    /// How the streams were cut.
    chunks: BTreeMap<&'static str, Chunks>,
    /// The requests of each script.
    asked: BTreeMap<&'static str, Vec<Asked>>,
}

/// What a client saw, and what is wrong with it.
#[derive(Default)]
struct Judgement {
    seen: Vec<Seen>,
    /// Nothing is wrong if it is empty.
    problems: Vec<String>,
    /// The smallest sets of faults that explain the events.
    explanations: Vec<Vec<Fault>>,
    /// Whether the client did not reconnect, and read right what it had asked for.
    stopped_early: bool,
}

#[derive(Default, Deserialize)]
struct HowToCut {
    chunks: Option<String>,
}

/// A case, as it is listed.
#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    kind: &'static str,
    section: Section,
    rule: &'static str,
    url: String,
    /// Where to post what was seen.
    seen_url: String,
    events: &'a [Event],
}

/// What is wrong with a case, or that nothing is.
#[derive(Serialize)]
struct Judged<'a> {
    name: &'static str,
    section: Section,
    rule: &'static str,
    verdict: &'static str,
    problems: &'a [String],
    #[serde(flatten)]
    wrong: Option<Wrong<'a>>,
}

/// What shows the mistake.
#[derive(Serialize)]
struct Wrong<'a> {
    /// The rules that the client seems to break.
    broken_rules: Vec<&'static str>,
    /// Each response: its stream, escaped and in quotes, or another one in words.
    sent: Vec<String>,
    expected: Vec<Event>,
    seen: &'a [Seen],
}

/// The cases that show that a rule is broken.
#[derive(Serialize)]
struct Group<'a> {
    rule: &'static str,
    section: Section,
    count: usize,
    example: Judged<'a>,
}

/// A case of either kind.
#[derive(Clone, Copy)]
enum Case {
    Stream(&'static streams::Case),
    Script(&'static Script),
}

impl Case {
    fn all() -> impl Iterator<Item = Case> {
        CASES.iter().map(Case::Stream).chain(SCRIPTS.iter().map(Case::Script))
    }

    fn find(name: &str) -> Option<Case> {
        Case::all().find(|case| case.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Case::Stream(case) => &case.name,
            Case::Script(script) => script.name,
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Case::Stream(_) => "stream",
            Case::Script(_) => "connection",
        }
    }

    fn rule(self) -> Rule {
        match self {
            Case::Stream(case) => case.rule,
            Case::Script(script) => Rule { section: script.section, text: script.rule },
        }
    }

    /// The streams of its first responses, in chunks. A stream has one.
    fn responses(self, chunks: Chunks, count: usize) -> Vec<Vec<Bytes>> {
        match self {
            Case::Stream(case) => vec![chunks.cut(case)],
            Case::Script(script) => {
                let streams = script.steps.iter().take(count).filter_map(|step| step.answer.stream());
                streams.map(|text| vec![Bytes::from_static(text.as_bytes())]).collect()
            }
        }
    }

    /// What the server sends, for people: each response.
    fn sent(self) -> Vec<String> {
        match self {
            Case::Stream(case) => vec![sent(&case.stream)],
            Case::Script(script) => script.steps.iter().map(|step| step.answer.shown()).collect(),
        }
    }

    /// Whether a client that asked so often has stopped before the end of the script, and not at a redirect.
    fn is_early(self, asked: usize) -> bool {
        let Case::Script(script) = self else { return false };
        let last = asked.checked_sub(1).and_then(|last| script.steps.get(last));
        asked < script.steps.len() && last.is_some_and(|last| !matches!(last.answer, Answer::Redirect(_)))
    }

    fn events(self) -> Vec<Event> {
        match self {
            Case::Stream(case) => case.events.clone(),
            Case::Script(script) => {
                let event = |&(data, id): &(&str, &str)| Event {
                    kind: "message".to_owned(),
                    data: data.to_owned(),
                    last_event_id: id.to_owned(),
                };
                script.events.iter().map(event).collect()
            }
        }
    }
}

pub fn router() -> (Router, Run) {
    let run = Run::default();
    let router = Router::new()
        .route("/", get(Html(include_str!("page.html"))))
        .route("/cases", get(list))
        .route("/cases/{name}", any(serve))
        .route("/run", post(begin))
        .route("/seen/{name}", post(seen))
        .route("/report", get(report))
        .with_state(run.clone());
    (router, run)
}

impl Run {
    fn with<T>(&self, change: impl FnOnce(&mut Results) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Prints what was wrong.
    pub fn finish(&self) -> ExitCode {
        self.with(|results| {
            for Group { rule, section, count, example } in results.groups() {
                say(&format!("{count} wrong: {rule} ({})", section.number));
                say(&format!("  as {}: {}", example.name, example.problems.join("; ")));
                if let Some(wrong) = example.wrong {
                    say(&format!("    sent:     {}", wrong.sent.join(", then ")));
                    say(&format!("    expected: {}", shown(&wrong.expected)));
                    say(&format!("    seen:     {}", shown(wrong.seen)));
                }
            }
            let count = results.count();
            say(&format!("right: {}, wrong: {}, missing: {}", count.right, count.wrong, count.missing));
            if count.wrong > 0 { ExitCode::from(FOUND) } else { ExitCode::SUCCESS }
        })
    }
}

/// Events as JSON, as far as they are shown, without control characters.
fn shown(events: &(impl Serialize + ?Sized)) -> String {
    let json = serde_json::to_string(events).unwrap_or_default();
    Escaped(start(&json).as_bytes()).to_string()
}

/// The beginning of a text.
fn start(text: &str) -> &str {
    text.char_indices().nth(SHOWN).map_or(text, |(end, _)| &text[..end])
}

struct Count {
    right: usize,
    wrong: usize,
    missing: usize,
}

impl Results {
    fn count(&self) -> Count {
        let right = self.judged.values().filter(|judged| judged.problems.is_empty()).count();
        let wrong = self.judged.len() - right;
        Count { right, wrong, missing: Case::all().count() - right - wrong }
    }

    fn wrong(&self) -> impl Iterator<Item = (Case, &Judgement)> {
        let cases = Case::all().filter_map(|case| Some((case, self.judged.get(case.name())?)));
        cases.filter(|(_, judged)| !judged.problems.is_empty())
    }

    /// The rules that each wrong case breaks.
    fn broken(&self) -> BTreeMap<&'static str, Vec<Rule>> {
        let wrong: Vec<_> = self.wrong().collect();
        let explanations: Vec<_> = wrong.iter().map(|(_, judged)| &judged.explanations).collect();
        let chosen = rules::choose(&explanations);
        let broken = |((case, judged), rules): (&(Case, &Judgement), Vec<Rule>)| {
            let rule = if judged.stopped_early { Rule { section: PROCESSING, text: RECONNECTS } } else { case.rule() };
            (case.name(), if rules.is_empty() { vec![rule] } else { rules })
        };
        wrong.iter().zip(chosen).map(broken).collect()
    }

    /// The broken rules, the one with the most cases first. The example is short, and breaks no other rule if there is such.
    fn groups(&self) -> Vec<Group<'_>> {
        let broken = self.broken();
        let mut groups: Vec<Group<'_>> = Vec::new();
        let mut wrong: Vec<_> = self.wrong().map(|(case, judged)| (case, judged, &broken[case.name()])).collect();
        wrong.sort_by_key(|(case, _, rules)| (rules.len(), case.sent().iter().map(String::len).sum::<usize>()));
        for (case, judged, rules) in wrong {
            for rule in rules {
                match groups.iter_mut().find(|group| group.rule == rule.text) {
                    Some(group) => group.count += 1,
                    None => groups.push(Group {
                        rule: rule.text,
                        section: rule.section,
                        count: 1,
                        example: verdict(case, Some(judged), rules),
                    }),
                }
            }
        }
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        groups
    }
}

async fn list(headers: HeaderMap, Query(how): Query<HowToCut>) -> Response {
    let Some(query) = how.query() else { return bad_chunks() };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    let entries: Vec<_> = Case::all().map(|case| (case, case.events())).collect();
    let entry = |(case, events): &'_ (Case, Vec<Event>)| {
        let name = case.name();
        let query = if matches!(case, Case::Stream(_)) { query.as_str() } else { "" };
        json!(Entry {
            name,
            kind: case.kind(),
            section: case.rule().section,
            rule: case.rule().text,
            url: format!("http://{host}/cases/{name}{query}"),
            seen_url: format!("http://{host}/seen/{name}"),
            events,
        })
    };
    Json(entries.iter().map(entry).collect::<Value>()).into_response()
}

impl HowToCut {
    fn chunks(&self) -> Option<Chunks> {
        self.chunks.as_deref().map_or(Some(Chunks::default()), Chunks::from_query)
    }

    /// The query again, if it is right.
    fn query(&self) -> Option<String> {
        self.chunks()?;
        Some(self.chunks.as_ref().map_or_else(String::new, |chunks| format!("?chunks={chunks}")))
    }
}

fn bad_chunks() -> Response {
    (StatusCode::BAD_REQUEST, "chunks must be case, whole, or a number of bytes\n").into_response()
}

fn unknown() -> Response {
    (StatusCode::NOT_FOUND, "there is no such case\n").into_response()
}

/// Forgets the run before.
async fn begin(State(run): State<Run>, headers: HeaderMap, query: Query<HowToCut>) -> Response {
    run.with(|results| *results = Results::default());
    list(headers, query).await
}

async fn serve(
    State(run): State<Run>,
    ConnectInfo(reset): ConnectInfo<Reset>,
    Path(name): Path<String>,
    Query(how): Query<HowToCut>,
    headers: HeaderMap,
) -> Response {
    let Some(chunks) = how.chunks() else { return bad_chunks() };
    match Case::find(&name) {
        None => unknown(),
        Some(Case::Stream(case)) => {
            run.with(|results| results.chunks.insert(&case.name, chunks));
            event_stream(send(chunks.cut(case)))
        }
        Some(Case::Script(script)) => answer(script, run.next(script, &headers), reset),
    }
}

impl Run {
    /// Notes the request. Returns the answer to it, or `None` if the client must not have asked again.
    fn next(&self, script: &'static Script, headers: &HeaderMap) -> Option<Answer> {
        let asked = Asked {
            at: Instant::now(),
            last_event_id: headers.get(LAST_EVENT_ID).map(|id| id.as_bytes().to_vec()),
            accepts: headers
                .get_all(header::ACCEPT)
                .iter()
                .any(|value| value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains(EVENT_STREAM))),
        };
        self.with(|results| {
            let all = results.asked.entry(script.name).or_default();
            let Some(step) = script.steps.get(all.len()) else {
                // Noted at once: such a client may never report.
                let number = script.steps.len();
                let message = format!("the client asked again after request {number}, where it must stop");
                let problems = &mut results.judged.entry(script.name).or_default().problems;
                if !problems.contains(&message) {
                    problems.push(message);
                }
                return None;
            };
            all.push(asked);
            Some(step.answer)
        })
    }
}

fn answer(script: &Script, answer: Option<Answer>, reset: Reset) -> Response {
    match answer {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(Answer::Stream(text)) => event_stream(Body::from(text)),
        Some(Answer::BrokenStream(text)) => {
            let broken = stream::once(async move { Err(reset.arm().await) });
            let start = stream::once(async move { Ok::<_, io::Error>(Bytes::from(text)) });
            event_stream(Body::from_stream(start.chain(broken)))
        }
        Some(Answer::Other { status, content_type, body }) => {
            let mut response = response(Body::from(body));
            *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
            if !content_type.is_empty() {
                response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            }
            response
        }
        Some(Answer::Redirect(status)) => {
            let mut response = response(Body::empty());
            *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
            if let Ok(target) = HeaderValue::from_str(&format!("/cases/{}?redirected", script.name)) {
                response.headers_mut().insert(header::LOCATION, target);
            }
            response
        }
    }
}

/// With headers against caches.
fn response(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    response
}

fn event_stream(body: Body) -> Response {
    let mut response = response(body);
    for (name, value) in sse_wire::http::RESPONSE_HEADERS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// Each chunk by itself.
fn send(chunks: Vec<Bytes>) -> Body {
    let pauses = chunks.len() <= PAUSED_CHUNKS;
    let chunks = stream::iter(chunks).then(move |chunk| async move {
        if pauses {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // The server sends a chunk when there is no other to add to it.
        tokio::task::yield_now().await;
        Ok::<_, io::Error>(chunk)
    });
    Body::from_stream(chunks)
}

/// Judges what the client saw.
async fn seen(State(run): State<Run>, Path(name): Path<String>, Json(report): Json<Report>) -> Response {
    let Some(case) = Case::find(&name) else { return unknown() };
    let expected = case.events();
    let problem = judge::events(&report.events, &expected);
    let (chunks, asked) = run.with(|results| {
        let asked = results.asked.get(case.name()).map_or(0, Vec::len);
        (results.chunks.get(case.name()).copied().unwrap_or_default(), asked)
    });
    let responses = case.responses(chunks, asked);
    let is_seen = |events: &[Event]| judge::events(&report.events, events).is_none();
    let is_read_right = is_seen(&faulty::read(&responses, &[]));
    let mut judged = Judgement { stopped_early: is_read_right && case.is_early(asked), ..Judgement::default() };
    if problem.is_some() && !is_read_right {
        judged.explanations = rules::explain(&responses, is_seen);
    }
    judged.problems.extend(problem);
    judged.seen = report.events;
    run.with(|results| {
        if let Case::Script(script) = case {
            let asked = results.asked.get(script.name).map_or(&[][..], Vec::as_slice);
            judged.problems.extend(judge::requests(asked, script));
            // Requests after the last step.
            judged.problems.extend(results.judged.remove(script.name).unwrap_or_default().problems);
        }
        results.judged.insert(case.name(), judged);
        let broken = results.broken().remove(case.name()).unwrap_or_default();
        Json(verdict(case, results.judged.get(case.name()), &broken)).into_response()
    })
}

fn verdict<'a>(case: Case, judged: Option<&'a Judgement>, broken: &[Rule]) -> Judged<'a> {
    let Rule { section, text } = case.rule();
    let mut row = Judged { name: case.name(), section, rule: text, verdict: "missing", problems: &[], wrong: None };
    let Some(judged) = judged else { return row };
    row.problems = &judged.problems;
    row.verdict = if judged.problems.is_empty() { "right" } else { "wrong" };
    row.wrong = (!judged.problems.is_empty()).then(|| Wrong {
        broken_rules: broken.iter().map(|rule| rule.text).collect(),
        sent: case.sent(),
        expected: case.events(),
        seen: &judged.seen,
    });
    row
}

/// Bytes of a stream, as far as they are shown.
fn sent(bytes: &[u8]) -> String {
    let cut = if bytes.len() > SHOWN { format!("... ({} bytes)", bytes.len()) } else { String::new() };
    format!("{}{cut}", Quoted(&bytes[..bytes.len().min(SHOWN)]))
}

async fn report(State(run): State<Run>) -> Json<Value> {
    run.with(|results| {
        let count = results.count();
        let broken = results.broken();
        let row = |case: Case| {
            let rules = broken.get(case.name()).map_or(&[][..], Vec::as_slice);
            verdict(case, results.judged.get(case.name()), rules)
        };
        Json(json!({
            "all_right": count.wrong == 0 && count.missing == 0,
            "right": count.right,
            "wrong": count.wrong,
            "missing": count.missing,
            "rules": results.groups(),
            "cases": Case::all().map(row).collect::<Vec<_>>(),
        }))
    })
}
