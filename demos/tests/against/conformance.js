// Evaluated in a page: opens an `EventSource` for every path and resolves to the events of each, as (name, data, last
// event ID). A stream that ends is closed; with `resume` it is left to reconnect until the server wants no more.
async ({ paths, names, resume }) => {
  const read = (path) =>
    new Promise((resolve) => {
      const source = new EventSource(path);
      const events = [];
      for (const name of names) {
        source.addEventListener(name, (event) => {
          if (event instanceof MessageEvent) events.push([event.type, event.data, event.lastEventId]);
        });
      }
      source.addEventListener("error", (event) => {
        if (event instanceof MessageEvent || (resume && source.readyState !== EventSource.CLOSED)) return;
        source.close();
        resolve(events);
      });
    });
  if (resume) return Promise.all(paths.map(read));
  const results = [];
  let next = 0;
  // No more connections than a browser makes to one server.
  const worker = async () => {
    while (next < paths.length) {
      const at = next++;
      results[at] = await read(paths[at]);
    }
  };
  await Promise.all(Array.from({ length: 6 }, worker));
  return results;
}
