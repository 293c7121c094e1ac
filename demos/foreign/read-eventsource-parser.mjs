// Sends a request and reads the answer with `eventsource-parser`: prints each event until the stream ends. The id is that
// of the event's own block.
import { EventSourceParserStream } from "eventsource-parser/stream";

const { url, ...request } = JSON.parse(process.argv[2]);
const response = await fetch(url, request);
const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
for await (const { event = "message", data, id = null } of events) {
  console.log(JSON.stringify({ name: event, data, id }));
}
