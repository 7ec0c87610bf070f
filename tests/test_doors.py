"""The doors of a portal are told apart by what a client cannot say of itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from commune_portal.doors import DOOR, Doors, Environ, Start
from commune_portal.wire.lan_addresses import DOOR_ADDRESS

SECRET = "ab" * 32


def seen(doors: dict[str, Any], **environ: str) -> dict[str, str] | None:
    """What the portal is told of a request; None where it never hears of it."""
    told: dict[str, str] = {}

    def app(given: Environ, start: Start) -> Iterable[bytes]:
        told.update({name: str(value) for name, value in given.items()})
        start("200 OK", [])
        return []

    list(Doors(app, **doors)({"wsgi.url_scheme": "http", "REMOTE_ADDR": "127.0.0.1", **environ}, lambda *_: None))
    return told or None


def test_a_request_on_loopback_is_what_it_is_whatever_its_headers_say() -> None:
    told = seen(
        {"secret": SECRET}, HTTP_X_FORWARDED_FOR="10.0.0.9", HTTP_X_FORWARDED_PROTO="https",
        HTTP_FORWARDED="for=10.0.0.9",
    )  # fmt: skip
    assert told is not None
    assert (told[DOOR], told["REMOTE_ADDR"], told["wsgi.url_scheme"]) == ("loopback", "127.0.0.1", "http")
    assert not [name for name in told if "FORWARDED" in name or "FRONT" in name]


def test_the_word_of_nginx_brings_the_client_and_is_not_passed_on() -> None:
    told = seen({"secret": SECRET}, HTTP_X_FORWARDED_FOR="192.168.1.20", HTTP_X_PORTAL_FRONT=SECRET)
    assert told is not None
    assert (told[DOOR], told["REMOTE_ADDR"], told["wsgi.url_scheme"]) == ("lan", "192.168.1.20", "https")
    assert SECRET not in told.values()


def test_a_front_with_another_word_is_refused_and_not_taken_for_this_pc() -> None:
    for doors in ({"secret": SECRET}, {}):
        assert seen(doors, HTTP_X_FORWARDED_FOR="192.168.1.20", HTTP_X_PORTAL_FRONT="cd" * 32) is None


def test_without_a_word_agreed_an_empty_one_opens_nothing() -> None:
    told = seen({}, HTTP_X_FORWARDED_FOR="192.168.1.20", HTTP_X_PORTAL_FRONT="")
    assert told is not None
    assert told[DOOR] == "loopback"


def test_the_tls_door_brings_the_client_by_its_source_port() -> None:
    doors = {"client_of": {40001: "192.168.1.21"}.get}
    told = seen(doors, REMOTE_ADDR=DOOR_ADDRESS, REMOTE_PORT="40001", HTTP_X_FORWARDED_FOR="10.0.0.9",
                HTTP_X_PORTAL_FRONT="guessed")  # fmt: skip
    assert told is not None
    assert (told[DOOR], told["REMOTE_ADDR"], told["wsgi.url_scheme"]) == ("lan", "192.168.1.21", "https")


def test_who_poses_as_the_tls_door_is_refused_and_not_taken_for_this_pc() -> None:
    assert seen({"client_of": {}.get}, REMOTE_ADDR=DOOR_ADDRESS, REMOTE_PORT="40002") is None
    assert seen({}, REMOTE_ADDR=DOOR_ADDRESS, REMOTE_PORT="40001") is None


def test_a_proxy_that_the_settings_trust_keeps_its_headers() -> None:
    told = seen({"trust_headers": True}, HTTP_X_FORWARDED_FOR="10.0.0.9")
    assert told is not None
    assert told["HTTP_X_FORWARDED_FOR"] == "10.0.0.9"
