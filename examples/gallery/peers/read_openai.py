"""Asks a chat API with the official `openai` package and prints the choices of each chunk as it comes."""

import json
import os
import sys

import openai

argument = json.loads(sys.argv[1])
key = os.environ.get("OPENAI_API_KEY", "none")
client = openai.OpenAI(api_key=key, base_url=argument["url"], max_retries=0)
messages = [{"role": "user", "content": argument["question"]}]
try:
    for chunk in client.chat.completions.create(model="gallery", messages=messages, stream=True):
        choices = [choice.delta.content for choice in chunk.choices]
        print(json.dumps({"choices": choices}), flush=True)
except openai.APIError as error:
    print(json.dumps({"error": error.message, "status": getattr(error, "status_code", None)}))
