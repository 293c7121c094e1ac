"""Reads a stream with `httpx-sse`: prints each event until the stream ends."""

import json
import sys

import httpx
from httpx_sse import connect_sse

argument = json.loads(sys.argv[1])
with httpx.Client(headers=argument.get("headers")) as client:
    with connect_sse(client, "GET", argument["url"]) as source:
        for event in source.iter_sse():
            print(json.dumps({"name": event.event, "data": event.data, "id": event.id}), flush=True)
