"""Asks a chat API with the official `openai` package and prints the text of the first choice as it comes."""

import json
import sys

import openai

argument = json.loads(sys.argv[1])
client = openai.OpenAI(api_key="none", base_url=argument["url"], max_retries=0)
messages = [{"role": "user", "content": argument["question"]}]
try:
    for chunk in client.chat.completions.create(model=argument["model"], messages=messages, stream=True):
        for choice in chunk.choices:
            if choice.index == 0 and choice.delta.content:
                print(json.dumps({"text": choice.delta.content}), flush=True)
except Exception as error:
    print(json.dumps({"error": str(error), "status": getattr(error, "status_code", None)}))
