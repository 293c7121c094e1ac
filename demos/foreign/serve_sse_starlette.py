"""Serves the events of its argument with `sse-starlette`: each connection gets those after its `Last-Event-ID`, at most
`each` of them, and is then closed; when there are none left, the answer is 204. Prints its port, and ends with its input.
"""

import asyncio
import json
import socket
import sys

import uvicorn
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

argument = json.loads(sys.argv[1])
events, each = argument["events"], argument["each"]


async def stream(request):
    ids = [event["id"] for event in events]
    # The header is UTF-8, which Starlette reads as Latin-1.
    last = request.headers.get("last-event-id", "").encode("latin-1").decode()
    start = ids.index(last) + 1 if last in ids else 0
    following = events[start : start + each]
    if not following:
        return Response(status_code=204)

    async def send():
        for event in following:
            yield ServerSentEvent(event["data"], event=event["name"], id=event["id"], retry=120)

    return EventSourceResponse(send())


async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(Starlette(routes=[Route("/", stream)]), log_level="warning")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.should_exit = True
    await serving


asyncio.run(main())
