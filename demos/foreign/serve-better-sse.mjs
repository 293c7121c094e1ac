// Serves the events of its argument, their data as JSON, with `better-sse`: each connection gets those after its `Last-Event-ID`, at most
// `each` of them, and is then closed; when there are none left, the answer is 204. Prints its port, and ends with its
// input.
import { createServer } from "node:http";
import { createSession } from "better-sse";

const { events, each } = JSON.parse(process.argv[2]);
const server = createServer(async (request, response) => {
  // The header is UTF-8, which Node.js reads as Latin-1.
  const lastEventId = Buffer.from(request.headers["last-event-id"] ?? "", "latin1").toString();
  const last = events.findIndex(({ id }) => id === lastEventId);
  const next = events.slice(last + 1, last + 1 + each);
  if (next.length === 0) {
    response.writeHead(204).end();
    return;
  }
  const session = await createSession(request, response, { retry: 120 });
  for (const { name, data, id } of next) session.push(data, name, id);
  response.end();
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.resume().on("end", () => process.exit());
