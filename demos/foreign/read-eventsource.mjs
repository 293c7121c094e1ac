// Reads a stream with `eventsource`: prints each event, and closes after `count` of them.
import { EventSource } from "eventsource";

const { url, names, count, headers } = JSON.parse(process.argv[2]);
const source = new EventSource(url, {
  fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, ...headers } }),
});
let seen = 0;
for (const name of names) {
  source.addEventListener(name, (event) => {
    // Its own events are named `open` and `error` too, and have no data. What came in one chunk with the last is
    // dispatched even after `close`.
    if (event.data === undefined || seen === count) return;
    console.log(JSON.stringify({ name: event.type, data: event.data, id: event.lastEventId }));
    seen += 1;
    if (seen === count) source.close();
  });
}
