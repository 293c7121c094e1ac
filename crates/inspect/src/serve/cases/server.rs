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

use super::connections::{Answer, SCRIPTS, Script};
use super::judge::{self, Asked, Report};
use super::streams::{self, CASES, Chunks};
use super::{Event, Section};
use crate::serve::{FOUND, Reset, say};

/// More chunks than this come without a pause.
const PAUSED_CHUNKS: usize = 10;

/// What a client did since the run began.
#[derive(Clone, Default)]
pub struct Run(Arc<Mutex<Results>>);

#[derive(Default)]
struct Results {
    /// What was wrong with each case that was judged: nothing, if it is empty.
    wrong: BTreeMap<String, Vec<String>>,
    /// The requests of each script.
    asked: BTreeMap<&'static str, Vec<Asked>>,
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
    name: &'a str,
    section: Section,
    rule: &'static str,
    verdict: &'static str,
    wrong: &'a [String],
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

    fn section(self) -> Section {
        match self {
            Case::Stream(case) => case.section,
            Case::Script(script) => script.section,
        }
    }

    fn rule(self) -> &'static str {
        match self {
            Case::Stream(case) => case.rule,
            Case::Script(script) => script.rule,
        }
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
            for (name, wrong) in results.wrong.iter().filter(|(_, wrong)| !wrong.is_empty()) {
                let section = Case::find(name).map_or("", |case| case.section().number);
                say(&format!("{name}: {} ({section})", wrong.join("; ")));
            }
            let count = results.count();
            say(&format!("right: {}, wrong: {}, missing: {}", count.right, count.wrong, count.missing));
            if count.wrong > 0 { ExitCode::from(FOUND) } else { ExitCode::SUCCESS }
        })
    }
}

struct Count {
    right: usize,
    wrong: usize,
    missing: usize,
}

impl Results {
    fn count(&self) -> Count {
        let right = self.wrong.values().filter(|wrong| wrong.is_empty()).count();
        let wrong = self.wrong.len() - right;
        Count { right, wrong, missing: Case::all().count() - right - wrong }
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
            section: case.section(),
            rule: case.rule(),
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
        Some(Case::Stream(case)) => event_stream(send(chunks.cut(case))),
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
                let wrong = results.wrong.entry(script.name.to_owned()).or_default();
                if !wrong.contains(&message) {
                    wrong.push(message);
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
    run.with(|results| {
        let mut wrong: Vec<_> = judge::events(&report.events, &case.events()).into_iter().collect();
        if let Case::Script(script) = case {
            wrong.extend(judge::requests(results.asked.get(script.name).map_or(&[], Vec::as_slice), script));
            // Requests after the last step.
            wrong.extend(results.wrong.remove(&name).unwrap_or_default());
        }
        let response = Json(verdict(case, Some(&wrong))).into_response();
        results.wrong.insert(name, wrong);
        response
    })
}

fn verdict(case: Case, wrong: Option<&Vec<String>>) -> Judged<'_> {
    let verdict = match wrong {
        None => "missing",
        Some(wrong) if wrong.is_empty() => "right",
        Some(_) => "wrong",
    };
    let wrong = wrong.map_or(&[][..], Vec::as_slice);
    Judged { name: case.name(), section: case.section(), rule: case.rule(), verdict, wrong }
}

async fn report(State(run): State<Run>) -> Json<Value> {
    run.with(|results| {
        let count = results.count();
        let cases: Vec<_> = Case::all().map(|case| verdict(case, results.wrong.get(case.name()))).collect();
        Json(json!({
            "all_right": count.wrong == 0 && count.missing == 0,
            "right": count.right,
            "wrong": count.wrong,
            "missing": count.missing,
            "cases": cases,
        }))
    })
}
