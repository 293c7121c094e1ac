//! What the head of the response says.

use super::reading::{self, Failure, Head, Target, Until, seconds};
use super::report::{Row, Topic};

const STATUS: Topic = Topic {
    name: "status",
    why: "clients read events only from an answer with 200; any other status ends the connection for good (HTML 9.2.3)",
};
const CONTENT_TYPE: Topic = Topic {
    name: "content-type",
    why: "browsers refuse any other type than text/event-stream, and do not try again (HTML 9.2.3)",
};
const CHARSET: Topic = Topic {
    name: "charset",
    why: "an event stream is UTF-8, and a charset parameter must say so (HTML 9.2.5 and the registration of text/event-stream)",
};
const CACHE: Topic = Topic {
    name: "cache-control",
    why: "a cache may store an answer that does not forbid it, and give old events to new clients (RFC 9111 3, 4.2.2)",
};
const TRANSFORM: Topic = Topic {
    name: "no-transform",
    why: "a proxy that compresses the stream may hold events back until it has enough of them (RFC 9111 5.2.2.6)",
};
const ACCEL: Topic = Topic {
    name: "x-accel-buffering",
    why: "nginx, and proxies that know its header, collect the answer unless the header says no (nginx, proxy_buffering)",
};
pub const CORS: Topic = Topic {
    name: "cors",
    why: "a page of another origin can read the stream only if access-control-allow-origin allows it (Fetch, CORS protocol)",
};

/// The origin of no page that exists.
const ORIGIN: &str = "https://sse-inspect.invalid";

pub fn no_answer(failure: &Failure) -> Row {
    match failure {
        Failure::Silent(time) => STATUS.fault(
            format!("connected, but there is no answer in {}", seconds(*time)),
            "send the head of the answer at once and flush it, if need be with a comment; look for a proxy that buffers",
        ),
        _ => STATUS.fault(failure.to_string(), "see the log of the server, and of what is in front of it"),
    }
}

pub const TOPICS: [Topic; 6] = [STATUS, CONTENT_TYPE, CHARSET, CACHE, TRANSFORM, ACCEL];

pub fn rows(head: &Head) -> Vec<Row> {
    let mut rows = vec![status(head)];
    if head.status == 200 {
        rows.extend([content_type(head), charset(head), cache(head), transform(head), accel(head)]);
    }
    rows
}

fn status(head: &Head) -> Row {
    let Head { status, after, url, version, .. } = head;
    match status {
        200 => STATUS.ok(format!("200 after {}, {version:?}, from {url}", seconds(*after))),
        204 => STATUS.warning("204: there is no stream, and clients stop", "check a request that has events"),
        _ => STATUS.fault(status.to_string(), "answer 200, or check the request: its method, headers and login"),
    }
}

fn content_type(head: &Head) -> Row {
    let value = head.value("content-type");
    if sse_wire::http::is_event_stream(&value) {
        CONTENT_TYPE.ok(value)
    } else if value.is_empty() {
        CONTENT_TYPE.fault("none", "send content-type: text/event-stream")
    } else {
        CONTENT_TYPE.fault(value, "send content-type: text/event-stream")
    }
}

fn charset(head: &Head) -> Row {
    let value = head.value("content-type");
    let charset = value.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    match charset {
        None => CHARSET.ok("none, which means UTF-8"),
        Some(charset) if charset.eq_ignore_ascii_case("utf-8") => CHARSET.ok(charset),
        Some(charset) => CHARSET.fault(charset, "send UTF-8, and leave the parameter out"),
    }
}

/// Whether a header is a list that holds this member, in any case.
fn has(value: &str, member: &str) -> bool {
    value.split(',').any(|part| part.trim().eq_ignore_ascii_case(member))
}

fn cache(head: &Head) -> Row {
    let value = head.value("cache-control");
    let todo = "send cache-control: no-store, no-transform";
    let is_fresh = |part: &str| {
        let (name, seconds) = part.trim().split_once('=').unwrap_or((part.trim(), ""));
        let is_age = name.eq_ignore_ascii_case("max-age") || name.eq_ignore_ascii_case("s-maxage");
        is_age && seconds.trim_matches('"') != "0" || name.eq_ignore_ascii_case("public")
    };
    if has(&value, "no-store") || has(&value, "no-cache") {
        CACHE.ok(value)
    } else if value.split(',').any(is_fresh) {
        CACHE.fault(value, todo)
    } else {
        CACHE.warning(if value.is_empty() { String::from("none") } else { value }, todo)
    }
}

fn transform(head: &Head) -> Row {
    if has(&head.value("cache-control"), "no-transform") {
        TRANSFORM.ok("in cache-control")
    } else {
        TRANSFORM.warning("not in cache-control", "send cache-control: no-store, no-transform")
    }
}

fn accel(head: &Head) -> Row {
    let value = head.value("x-accel-buffering");
    if value.eq_ignore_ascii_case("no") {
        ACCEL.ok(value)
    } else if !value.is_empty() {
        ACCEL.warning(value, "send x-accel-buffering: no")
    } else if head.value("server").to_ascii_lowercase().starts_with("nginx") {
        ACCEL.not_checked("nginx answers, which removes the header")
    } else {
        ACCEL.warning("none", "send x-accel-buffering: no")
    }
}

pub async fn cors(target: &Target, until: Until) -> Row {
    let until = Until { events: 0, ..until };
    let answer = reading::read_alone(target, |request| reading::set(request, "origin", ORIGIN.as_bytes()), until).await;
    let head = match answer {
        Ok(reading) => reading.head,
        Err(failure) => {
            return CORS
                .fault(format!("with an Origin header: {failure}"), "answer requests that have an Origin header");
        }
    };
    if head.status != 200 {
        let seen = format!("status {} for pages of another origin: they cannot read the stream", head.status);
        return CORS.info(seen);
    }
    let origins: Vec<_> = head.headers.get_all("access-control-allow-origin").iter().collect();
    let with_credentials = head.value("access-control-allow-credentials") == "true";
    let credentials = if with_credentials { "with cookies" } else { "without cookies" };
    let value = head.value("access-control-allow-origin");
    match value.as_str() {
        "" => CORS.info(
            "no access-control-allow-origin: only pages of the same origin can read the stream; browsers refuse it to those of \
             another subdomain or port",
        ),
        _ if origins.len() > 1 || value.contains(',') => {
            CORS.fault(format!("several origins, which browsers refuse: {value}"), "send one origin, or *, once")
        }
        "*" if with_credentials => CORS.fault(
            "* with access-control-allow-credentials: browsers refuse it for requests with cookies",
            "send the origin of the request instead of *, with vary: origin",
        ),
        "*" => CORS.ok("*: pages of all origins can read it, without cookies"),
        ORIGIN if with_credentials => CORS.warning(
            "the origin of the request, with cookies: a page of any origin can read it with the login of its visitor",
            "allow the origins that you know",
        ),
        ORIGIN => CORS.ok(format!("the origin of the request: pages of all origins can read it, {credentials}")),
        _ => CORS.ok(format!("only {value}, {credentials}")),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::check::reading::Reading;
    use crate::check::report::Verdict::{self, Fault, NotChecked, Ok, Warning};

    fn head(name: &'static str, value: &str) -> Head {
        let mut head = Reading::empty().head;
        if !value.is_empty() {
            head.headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        head
    }

    fn check(judge: fn(&Head) -> Row, name: &'static str, cases: &[(&str, Verdict)]) {
        for (value, verdict) in cases {
            assert_eq!(judge(&head(name, value)).verdict, *verdict, "{name}: {value}");
        }
    }

    #[test]
    fn each_header_has_its_verdict() {
        let cases = [("text/event-stream; x=y", Ok), ("text/html", Fault), ("", Fault)];
        check(content_type, "content-type", &cases);
        let cases = [("a/b", Ok), ("a/b;charset=UTF-8", Ok), ("a/b; x=y; Charset=\"utf-8\"", Ok)];
        check(charset, "content-type", &cases);
        check(charset, "content-type", &[("a/b; charset=latin1", Fault), ("a/b; charset=utf8", Fault)]);
        let cases = [("No-Store", Ok), ("private, no-cache, max-age=5", Ok), ("max-age=0", Warning), ("", Warning)];
        check(cache, "cache-control", &cases);
        check(cache, "cache-control", &[("max-age=60", Fault), ("public", Fault), ("x, S-MaxAge=1", Fault)]);
        check(transform, "cache-control", &[("no-store, No-Transform", Ok), ("no-store", Warning)]);
        check(accel, "x-accel-buffering", &[("no", Ok), ("yes", Warning), ("", Warning)]);
        check(accel, "server", &[("nginx/1.22", NotChecked), ("other", Warning)]);
    }
}
