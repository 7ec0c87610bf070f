"""Pages, fragments, headers and errors of the shell, on a real Flask app."""

from __future__ import annotations

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient

from commune_portal import errors
from commune_portal.views._errors import STATUS, TITLES, one_line, status_of
from commune_portal.views._page import is_local
from tests.views.shell_app import create_shell_app

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_shell_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    app.config["WTF_CSRF_ENABLED"] = False
    return app.test_client()


def every_error() -> list[type[errors.PortalError]]:
    # Those of the tree itself; rooms below may have leaves of their own, which are handled where they are raised.
    return [
        item
        for item in vars(errors).values()
        if isinstance(item, type) and issubclass(item, errors.PortalError) and item is not errors.PortalError
    ]


def test_a_browser_gets_the_whole_page(client: FlaskClient) -> None:
    text = client.get("/incoming").text
    assert "<!doctype html>" in text
    assert 'id="rows"' in text


def test_htmx_gets_the_fragment_alone(client: FlaskClient) -> None:
    text = client.get("/incoming", headers={**HTMX, "HX-Target": "div#rows"}).text
    assert "<html" not in text
    assert text.lstrip().startswith('<div id="rows">')


@pytest.mark.parametrize("also", ["HX-Boosted", "HX-History-Restore-Request"])
def test_a_boosted_or_restored_request_gets_the_whole_page(client: FlaskClient, also: str) -> None:
    assert "<html" in client.get("/incoming", headers={**HTMX, also: "true"}).text


def test_a_request_that_replaces_the_body_gets_the_whole_page(client: FlaskClient) -> None:
    assert "<html" in client.get("/incoming", headers={"HX-Request": "true", "HX-Request-Type": "full"}).text


@pytest.mark.parametrize("path", ["/incoming", "/incoming/1", "/fails/crash", "/static/app.css"])
def test_every_answer_carries_the_security_headers(app: Flask, client: FlaskClient, path: str) -> None:
    answer = client.get(path, buffered=True)
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "HX-Request" in answer.headers["Vary"]
    assert "no-store" in answer.headers["Cache-Control"] or path.startswith("/static/")


def test_a_view_keeps_the_policy_that_it_set_itself(client: FlaskClient) -> None:
    assert client.get("/paper.pdf").headers["Content-Security-Policy"].startswith("default-src 'none'; sandbox")


def test_a_vietnamese_header_value_fails_here_and_not_only_under_waitress(client: FlaskClient) -> None:
    assert client.get("/fails/header").status_code == 500


def test_an_act_ends_with_a_redirect_for_a_browser_and_a_header_for_htmx(client: FlaskClient) -> None:
    import io

    def typed() -> dict[str, object]:
        return {
            "scan": (io.BytesIO(b"%PDF-1.7"), "a.pdf"), "symbol": "12/QĐ-UBND", "sender": "UBND tỉnh",
            "issued_on": "5/11/2026", "subject": "Về việc thử",
        }  # fmt: skip

    plain = client.post("/incoming/register", data=typed())
    assert (plain.status_code, plain.headers["Location"]) == (303, "/incoming")
    by_htmx = client.post("/incoming/register", data=typed(), headers=HTMX)
    assert (by_htmx.status_code, by_htmx.headers["HX-Redirect"]) == (200, "/incoming")


def test_a_refused_form_comes_back_with_everything_that_was_typed(client: FlaskClient) -> None:
    answer = client.post("/incoming/register", data={"symbol": "12/<b>", "issued_on": "31/02/2026"})
    assert answer.status_code == 422
    assert 'value="12/&lt;b&gt;"' in answer.text
    assert 'value="31/02/2026"' in answer.text
    assert 'href="#field-issued_on"' in answer.text
    assert "Hãy sửa 4 chỗ sau" in answer.text


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_error_class_has_a_status_a_title_and_its_sentence(
    client: FlaskClient, kind: type[errors.PortalError]
) -> None:
    if kind is errors.Unauthenticated:
        return
    answer = client.get(f"/fails/{kind.__name__}")
    assert answer.status_code == status_of(kind())
    assert kind.sentence in answer.text
    assert kind.code in answer.text
    assert answer.status_code in {*TITLES, 500}


def test_the_table_names_only_classes_that_exist() -> None:
    assert set(STATUS) <= set(every_error())


def test_a_refusal_reaches_htmx_as_a_notice_and_never_lands_in_the_table(client: FlaskClient) -> None:
    answer = client.post("/act", headers={**HTMX, "HX-Target": "tbody#rows"})
    assert answer.status_code == 409
    assert answer.headers["HX-Retarget"] == "#notice"
    assert answer.text.lstrip().startswith('<div id="notice"')
    assert "vừa được người khác tiếp nhận" in answer.text


def test_an_expired_session_leads_to_the_log_in_page_and_back(client: FlaskClient) -> None:
    plain = client.get("/fails/Unauthenticated")
    assert (plain.status_code, plain.headers["Location"]) == (303, "/login?next=/fails/Unauthenticated")
    by_htmx = client.get("/fails/Unauthenticated", headers=HTMX)
    assert (by_htmx.status_code, by_htmx.headers["HX-Redirect"]) == (401, "/login")


def test_a_crash_tells_a_code_and_nothing_of_the_inside(client: FlaskClient) -> None:
    answer = client.get("/fails/crash")
    assert answer.status_code == 500
    assert "ZeroDivision" not in answer.text
    assert "secret" not in answer.text


def test_a_wrong_method_and_an_unknown_address_answer_in_vietnamese(client: FlaskClient) -> None:
    assert client.post("/bell").status_code == 405
    assert client.get("/act").status_code == 405
    unknown = client.get("/khong-co")
    assert unknown.status_code == 404
    assert "Không tìm thấy" in unknown.text


def test_a_post_without_its_token_is_refused_by_form_and_by_htmx(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    assert client.post("/act").status_code == 400
    assert client.post("/act", headers=HTMX).status_code == 400


def test_the_token_in_the_bodys_header_attribute_opens_a_post(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    text = client.get("/incoming").text
    headers = json.loads(text.split("hx-headers:inherited='")[1].split("'")[0])
    assert client.post("/act", headers={**HTMX, **headers}).status_code == 409


@pytest.mark.parametrize(
    ("url", "local"),
    [("/incoming?tab=a", True), ("//evil.example", False), ("https://evil.example", False), ("/\\evil", False),
     ("", False), ("/a\nb", False), ("javascript:alert(1)", False)],
)  # fmt: skip
def test_a_log_in_leads_back_to_this_site_only(url: str, local: bool) -> None:
    assert is_local(url) is local


def test_a_log_line_cannot_be_forged_with_a_line_break() -> None:
    assert one_line("a\r\nERROR forged") == "a··ERROR forged"


def test_assets_carry_their_digest_and_may_be_kept_for_a_year(client: FlaskClient) -> None:
    text = client.get("/incoming").text
    address = text.split('rel="stylesheet" href="')[1].split('"')[0]
    assert "v=" in address
    assert "max-age=31536000" in client.get(address, buffered=True).headers["Cache-Control"]


def test_the_menu_marks_the_place_with_the_longest_matching_address(client: FlaskClient) -> None:
    text = client.get("/incoming/1284").text
    menu = text.split('id="menu"')[1].split("</nav>")[0]
    assert menu.count('aria-current="page"') == 1
    assert '<a href="/incoming" aria-current="page">' in menu
