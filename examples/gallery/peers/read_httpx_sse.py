"""Sends a request and reads the answer with `httpx-sse`: prints each event until the stream ends, or after `count`."""

import json
import sys

import httpx
from httpx_sse import connect_sse

argument = json.loads(sys.argv[1])
headers, body = argument.get("headers"), argument.get("body")
with httpx.Client() as client:
    method = argument.get("method", "GET")
    with connect_sse(client, method, argument["url"], headers=headers, content=body) as source:
        for seen, event in enumerate(source.iter_sse(), start=1):
            print(json.dumps({"name": event.event, "data": event.data, "id": event.id}), flush=True)
            if seen == argument.get("count"):
                break
