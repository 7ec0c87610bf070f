"""The writing of elements in our one form: indented, escaped, prefixed inside the envelope; and the parts that
documents and statuses share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import BinaryIO

from commune_portal.edxml.package import NAMESPACE, Organ, ResponseFor, Staff
from commune_portal.edxml.scalars import date_text, instant_text, writable

PREFIX = "edXML:"


class Markup:
    """Writes elements to a binary stream; the same calls always give the same bytes."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._depth = 0

    @contextmanager
    def packet(self) -> Iterator[None]:
        """The declaration and the root; what is written inside is its content."""
        self._out.write(b'<?xml version="1.0" encoding="UTF-8"?>\n')
        with self.within("edXML", prefix="", attributes=f' xmlns="{NAMESPACE}"'):
            yield

    @contextmanager
    def header(self) -> Iterator[None]:
        """The envelope's header, a child of the envelope that `envelope` opened."""
        with self.within("edXMLHeader"):
            yield

    @contextmanager
    def envelope(self) -> Iterator[None]:
        """The envelope, which binds the namespace a second time, to the prefix."""
        with self.within("edXMLEnvelope", attributes=f' xmlns:edXML="{NAMESPACE}"'):
            yield

    @contextmanager
    def within(self, name: str, *, prefix: str = PREFIX, attributes: str = "") -> Iterator[None]:
        """An element that holds elements."""
        self._line(f"<{prefix}{name}{attributes}>")
        self._depth += 1
        yield
        self._depth -= 1
        self._line(f"</{prefix}{name}>")

    def text(self, name: str, value: str, *, prefix: str = PREFIX) -> None:
        """An element that holds text; nothing is written when there is no text."""
        value = writable(value).strip()
        if value:
            value = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            self._line(f"<{prefix}{name}>{value}</{prefix}{name}>")

    def number(self, name: str, value: int | None) -> None:
        """An element that holds a whole number, or nothing."""
        if value is not None:
            self.text(name, str(value))

    def flag(self, name: str, *, value: bool | None) -> None:
        """An element that holds 0 or 1, or nothing."""
        if value is not None:
            self.text(name, "1" if value else "0")

    def day(self, name: str, value: date | None) -> None:
        """An element that holds a civil date, or nothing."""
        if value is not None:
            self.text(name, date_text(value))

    def instant(self, name: str, value: datetime | None) -> None:
        """An element that holds an instant in Vietnam's time, or nothing."""
        if value is not None:
            self.text(name, instant_text(value))

    def organ(self, name: str, organ: Organ) -> None:
        """From or To."""
        with self.within(name):
            self.text("OrganId", organ.organ_id)
            self.text("OrganizationInCharge", organ.in_charge)
            self.text("OrganName", organ.name)
            self.text("OrganAdd", organ.address)
            self.text("Email", organ.email)
            self.text("Telephone", organ.telephone)
            self.text("Fax", organ.fax)
            self.text("Website", organ.website)

    def response_for(self, response: ResponseFor) -> None:
        """The document that is answered."""
        with self.within("ResponseFor"):
            self.text("OrganId", response.organ_id)
            self.text("Code", response.code)
            self.day("PromulgationDate", response.promulgation_date)
            self.text("DocumentId", response.document_id)

    def staff(self, staff: Staff | None) -> None:
        """Who acted, or nothing."""
        if staff is None or staff == Staff():
            return
        with self.within("StaffInfo"):
            self.text("Department", staff.department)
            self.text("DepartmentId", staff.department_id)
            self.text("Staff", staff.staff)
            self.text("StaffId", staff.staff_id)
            self.text("Mobile", staff.mobile)
            self.text("Email", staff.email)

    @contextmanager
    def encoded(self, name: str) -> Iterator[None]:
        """An unprefixed element whose base64 text the caller writes to the stream itself, on one line."""
        self._out.write(b"  " * self._depth + f"<{name}>".encode())
        yield
        self._out.write(f"</{name}>\n".encode())

    def _line(self, line: str) -> None:
        self._out.write(("  " * self._depth + line + "\n").encode("utf-8"))
