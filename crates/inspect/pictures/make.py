#!/usr/bin/env python3
"""Makes the pictures of the README from what the program shows on a terminal. Needs `pip install rich`.

crates/inspect/pictures/make.py PROGRAM    from the root of the repository; PROGRAM is target/release/sse-inspect, say
"""

import fcntl
import os
import pathlib
import pty
import struct
import subprocess
import sys
import tempfile
import termios

from rich.console import Console
from rich.text import Text

COLUMNS, ROWS = 100, 40
FOLDER = pathlib.Path(__file__).parent
PROGRAM = os.path.abspath(sys.argv[1])

# An answer that stalls once, and breaks off.
RECORDING = """\
{"sse_recording":1}
{"status":200,"content_type":"text/event-stream"}
{"at_ms":180,"text":"event: message_start\\ndata: {\\"type\\":\\"message_start\\",\\"message\\":{\\"role\\":\\"assistant\\"}}\\n\\n"}
{"at_ms":260,"text":": keep-alive\\n\\n"}
{"at_ms":310,"text":"event: content_block_delta\\ndata: {\\"type\\":\\"content_block_delta\\",\\"delta\\":{\\"text\\":\\"In Z\\u00fcrich\\"}}\\n\\n"}
{"at_ms":340,"text":"event: content_block_delta\\ndata: {\\"type\\":\\"content_block_delta\\",\\"delta\\":{\\"text\\":\\" it is\\"}}\\n\\n"}
{"at_ms":1420,"text":"event: content_block_delta\\ndata: {\\"type\\":\\"content_block_delta\\",\\"delta\\":{\\"text\\":\\" 21 \\u00b0C.\\"}}\\n\\n"}
{"at_ms":1500,"text":"event: message_stop\\nretry: 3s\\ndata: {\\"type\\":\\"message_"}
{"at_ms":1700,"end":"finished"}
"""


def shown(arguments):
    """What the program shows on a terminal of this size."""
    terminal, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    child = subprocess.Popen([PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=other, stderr=other)
    os.close(other)
    output = b""
    try:
        while read := os.read(terminal, 65536):
            output += read
    except OSError:  # The end, on Linux.
        pass
    child.wait()
    os.close(terminal)
    return output.decode().replace("\r\n", "\n")


def picture(name, title, arguments):
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"))
    console.print(Text.assemble(("$ ", "bold"), title))
    console.print(Text.from_ansi(shown(arguments)))
    console.save_svg(str(FOLDER / f"{name}.svg"), title="sse-inspect")


with tempfile.NamedTemporaryFile("w", suffix=".rec") as recording:
    recording.write(RECORDING)
    recording.flush()
    server = subprocess.Popen([PROGRAM, "serve", recording.name], stdout=subprocess.PIPE, text=True)
    url = server.stdout.readline().strip()
    picture("view", "sse-inspect https://api.example.org/v1/messages -d @question.json", [url])
    server.terminate()

server = subprocess.Popen([PROGRAM, "serve", "--loop", "--rate", "2", "examples/data/mcp-streamable-http.sse"],
                          stdout=subprocess.PIPE, text=True)
url = server.stdout.readline().strip()
picture("check", "sse-inspect check https://example.org/events", ["check", "--for", "4", url])
server.terminate()
