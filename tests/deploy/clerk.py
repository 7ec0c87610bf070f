"""A browser reduced to forms: it keeps cookies, follows links and redirects, and fills what a page's form offers.

It runs in the test's own process, inside a machine's network where one is given (see `machines.Machine.network`).
"""

from __future__ import annotations

import http.cookiejar
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
import uuid
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Protocol


class HasNetwork(Protocol):
    """Where sockets can be made: a machine."""

    def network(self) -> AbstractContextManager[None]:
        """Sockets that this thread makes meanwhile are the machine's."""
        ...


@dataclass
class Form:
    """A form of a page: where it goes, and what its fields hold."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    choices: dict[str, list[tuple[str, str]]] = field(default_factory=dict)


class _Forms(HTMLParser):
    """Reads the forms of a page as a browser without script would."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._select: str = ""
        self._area: str = ""
        self._option: tuple[str, bool] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(told.get("action", ""), told.get("method", "get").lower()))
        elif not self.forms or (not told.get("name") and tag not in ("option",)):
            return
        elif tag == "input":
            self._input(told)
        elif tag == "select":
            self._select = told["name"]
        elif tag == "textarea":
            self._area = told["name"]
            self.forms[-1].fields[self._area] = ""
        elif tag == "option" and self._select:
            form = self.forms[-1]
            form.choices.setdefault(self._select, []).append((told.get("value", ""), ""))
            if "selected" in told or self._select not in form.fields:
                form.fields[self._select] = told.get("value", "")

    def _input(self, told: dict[str, str]) -> None:
        form, kind = self.forms[-1], told.get("type", "text")
        if kind == "file":
            form.files.append(told["name"])
        elif kind in ("checkbox", "radio"):
            form.choices.setdefault(told["name"], []).append((told.get("value", "on"), ""))
            if "checked" in told:
                form.fields[told["name"]] = told.get("value", "on")
        elif kind not in ("submit", "button", "image", "reset"):
            form.fields[told["name"]] = told.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._area:
            self.forms[-1].fields[self._area] += data
        elif self._select and data.strip():
            offered = self.forms[-1].choices.get(self._select)
            if offered and not offered[-1][1]:
                offered[-1] = (offered[-1][0], data.strip())

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""


@dataclass
class Page:
    """What was answered."""

    status: int
    url: str
    text: str
    data: bytes

    @property
    def forms(self) -> list[Form]:
        """The forms that it shows."""
        reader = _Forms()
        reader.feed(self.text)
        return reader.forms

    def form(self, part: str) -> Form:
        """The form whose action has this in it, or that has a field of this name."""
        for form in self.forms:
            if part in form.action or part in form.fields or part in form.files or part in form.choices:
                return form
        raise AssertionError(f"{self.url} has no form with {part!r}: {[form.action for form in self.forms]}")


class Clerk:
    """One person at one browser."""

    def __init__(self, address: str, machine: HasNetwork | None = None, ca: Path | None = None) -> None:
        self.address = address.rstrip("/")
        self._machine = machine
        context = ssl.create_default_context(cafile=str(ca)) if ca else None
        handlers: list[urllib.request.BaseHandler] = [
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
        ]
        if context is not None:
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self._opener = urllib.request.build_opener(*handlers)
        self.page = Page(0, "", "", b"")

    def _network(self) -> AbstractContextManager[None]:
        return self._machine.network() if self._machine is not None else nullcontext()

    def open(self, path: str) -> Page:
        """Opens a page."""
        return self._ask(urllib.request.Request(urllib.parse.urljoin(self.page.url or self.address + "/", path)))

    def submit(self, form: Form, files: dict[str, tuple[str, bytes]] | None = None, **values: str) -> Page:
        """Sends a form with what it held, changed by `values`; with a file box as multipart."""
        fields = {**form.fields, **values}
        url = urllib.parse.urljoin(self.page.url, form.action or self.page.url)
        if form.method == "get":
            return self._ask(urllib.request.Request(url + "?" + urllib.parse.urlencode(fields)))
        if form.files or files:
            body, kind = _multipart(fields, {**dict.fromkeys(form.files, ("", b"")), **(files or {})})
        else:
            body, kind = urllib.parse.urlencode(fields).encode(), "application/x-www-form-urlencoded"
        return self._ask(urllib.request.Request(url, body, {"Content-Type": kind, "Referer": self.page.url}))

    def log_in(self, username: str, password: str, new_password: str = "") -> Page:
        """Logs in, and changes the first password where the portal asks for it."""
        self.open(self.address + "/login")
        page = self.submit(self.page.form("password"), username=username, password=password)
        if new_password and "/account/password" in page.url:
            form = page.form("new_password")
            page = self.submit(form, old_password=password, new_password=new_password, again=new_password)
        return page

    def alive(self) -> dict[str, Any]:
        """What the portal says of itself; empty while nobody answers."""
        try:
            page = self.open("/alive")
            answer: dict[str, Any] = json.loads(page.text) if page.status == 200 else {}
        except (OSError, json.JSONDecodeError):
            return {}
        return answer

    def _ask(self, request: urllib.request.Request) -> Page:
        with self._network():
            try:
                with self._opener.open(request, timeout=60) as answer:
                    status, url, data = answer.status, answer.url, answer.read()
                    is_text = answer.headers.get_content_type().startswith(("text/", "application/json"))
            except urllib.error.HTTPError as error:
                status, url, data, is_text = error.code, error.url or request.full_url, error.read(), True
        page = Page(status, url, data.decode("utf-8", "replace") if is_text else "", data)
        if is_text and "<" in page.text:
            self.page = page
        return page


def _multipart(fields: dict[str, str], files: dict[str, tuple[str, bytes]]) -> tuple[bytes, str]:
    boundary = uuid.uuid4().hex
    parts = []
    for name, value in fields.items():
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    for name, (file_name, data) in files.items():
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{file_name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        parts.append(head.encode() + data + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"
