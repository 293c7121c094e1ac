// What the pages share.
import { EventSourceParserStream } from "/vendor/eventsource-parser/stream.js";

export const element = (id) => document.getElementById(id);

/** Shows whether the stream is `connecting`, `open` or `closed`. */
export function status(text) {
  element("status").textContent = text;
  element("status").className = text;
}

/** How many lines a list keeps. */
const LINES = 500;

/** Appends a line to a list. Always as text: data of a stream is never markup. */
export function show(text, id = "events") {
  const list = element(id);
  const line = document.createElement("li");
  line.textContent = text;
  list.append(line);
  if (list.children.length > LINES) list.firstChild.remove();
  list.scrollTop = list.scrollHeight;
}

/** The browser's own client, which reconnects by itself. */
export function subscribe(url) {
  const source = new EventSource(url);
  status("connecting");
  source.onopen = () => status("open");
  source.onerror = () => status(source.readyState === EventSource.CLOSED ? "closed" : "connecting");
  return source;
}

/**
 * A stream over `fetch`, for requests that `EventSource` cannot make: with a method, headers, or a body. Calls `handle`
 * for each event, until the stream ends, and throws if it was refused, broke, or was aborted.
 */
export async function read(url, options, handle) {
  status("connecting");
  try {
    const response = await fetch(url, { ...options, headers: { accept: "text/event-stream", ...options.headers } });
    if (!response.ok) throw new Error(`${response.status} ${message(await response.text())}`);
    status("open");
    const reader = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream()).getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      handle({ name: next.value.event ?? "message", id: next.value.id, data: next.value.data });
    }
  } finally {
    status("closed");
  }
}

/** The message of a refusal, which is JSON that has one, or text. */
function message(body) {
  try {
    return JSON.parse(body).message ?? body;
  } catch {
    return body;
  }
}

/** The options of a POST with a JSON body. */
export function post(body, signal) {
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal };
}
