"""A Flask application with one line of text, served by waitress: the least that a web program in Python can be."""

from __future__ import annotations

import json

from flask import Flask
from waitress.server import create_server

app = Flask("bare")


@app.get("/login")
def hello() -> str:
    """One line."""
    return "Xin chào"


def main() -> None:
    """Serves on a free port and names it."""
    server = create_server(app, host="127.0.0.1", port=0, threads=6, ident=None)
    print(json.dumps({"port": server.effective_port}), flush=True)
    server.run()


if __name__ == "__main__":
    main()
