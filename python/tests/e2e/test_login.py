"""Tokens in a browser: logging in, what the cookie may and may not do, logging out."""

import cells
import pytest
import tokens
from browser import View
from processes import wait
from server import Server, ServerFactory

HTML = {"Accept": "text/html,application/xhtml+xml"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def guarded(make_server: ServerFactory) -> Server:
    """A server with tokens."""
    server = make_server(start=False)
    server.token = tokens.create(server, "admin", label="admin")
    return server.start()


def cookie(server: Server, token: str) -> dict[str, str]:
    """Log in as a browser's form does, and return the header field with the cookie."""
    reply = server.http.post("/login", headers={"Authorization": ""} | FORM, content=f"token={token}&next=/workers")
    assert reply.status_code == 303, reply.text
    assert reply.headers["location"] == "/workers"
    given = reply.headers["set-cookie"]
    assert "HttpOnly" in given and "SameSite=Strict" in given and "Secure" not in given
    server.http.cookies.clear()
    return {"Cookie": given.split(";")[0]}


def cookie_when_known(server: Server, token: str) -> dict[str, str]:
    """Log in once the running server has seen that the token was made."""
    wait(lambda: server.http.get("/db/stats", headers=tokens.shown(token)).status_code == 200, "the token", tokens.SOON)
    return cookie(server, token)


def bare(server: Server, method: str, path: str, fields: dict[str, str], **more: object):  # noqa: ANN201
    """Send a request without the server's own token."""
    request = server.http.build_request(method, path, headers=fields, **more)
    if "Authorization" not in fields:
        del request.headers["Authorization"]
    return server.http.send(request)


def test_browsers_are_sent_to_log_in_and_programs_get_401(guarded: Server) -> None:
    reply = bare(guarded, "GET", "/dashboard/a?x=1", HTML)
    assert reply.status_code == 303
    assert reply.headers["location"] == "/login?next=/dashboard/a%3Fx%3D1"
    for fields in [{"Accept": "*/*"}, {"Accept": "application/json"}]:
        assert bare(guarded, "GET", "/", fields).status_code == 401
    assert bare(guarded, "POST", "/db/register", HTML, json={"name": "a"}).status_code == 401
    for path in ["/login", "/static/lachesis.css", "/static/fleet.js"]:
        assert bare(guarded, "GET", path, {}).status_code == 200


def test_a_cookie_reads_and_changes_only_from_the_servers_own_pages(guarded: Server) -> None:
    held = cookie(guarded, guarded.token or "")
    assert bare(guarded, "GET", "/db/stats", held).status_code == 200
    metadata = {"name": "a"}
    for origin in [None, "null", "http://127.0.0.1:1", "http://evil.example"]:
        fields = held | ({"Origin": origin} if origin else {})
        reply = bare(guarded, "POST", "/db/register", fields, json=metadata)
        assert reply.status_code == 403, f"{origin}: {reply.text}"
    reply = bare(guarded, "POST", "/db/register", held | {"Origin": guarded.url}, json=metadata)
    assert reply.status_code == 200, reply.text
    # A bearer token is shown on purpose, and needs no origin; beside one that is wrong the cookie does not count.
    wrong = held | {"Authorization": "Bearer lachesis_" + "0" * 64}
    assert bare(guarded, "GET", "/db/stats", wrong).status_code == 401


def test_wrong_tokens_and_odd_forms_are_refused(guarded: Server) -> None:
    for content in ["token=", "token=lachesis_00", "token=" + "x" * 5000]:
        reply = bare(guarded, "POST", "/login", FORM, content=content)
        assert reply.status_code == 401 and "set-cookie" not in reply.headers
        assert "does not know this token" in reply.text
    tokens.audited(guarded, "POST /login", outcome="refused")
    for content in ["", "a=b", "token=a&token=b"]:
        assert bare(guarded, "POST", "/login", FORM, content=content).status_code == 422, content
    assert bare(guarded, "POST", "/login", FORM, content="token=" + "x" * 9000).status_code == 413
    assert bare(guarded, "POST", "/login", {}, json={"token": guarded.token}).status_code == 415
    away = bare(guarded, "POST", "/login", FORM, content=f"token={guarded.token}&next=//evil.example")
    assert away.headers["location"] == "/"


def test_a_cookie_ends_with_its_token(guarded: Server) -> None:
    reader = tokens.create(guarded, "read", label="reader")
    held = cookie_when_known(guarded, reader)
    reply = bare(guarded, "GET", "/workers", held | HTML)
    assert reply.status_code == 303 and "lacks=admin" in reply.headers["location"]
    assert bare(guarded, "GET", "/workers", held).status_code == 403
    tokens.revoke(guarded, "reader")
    wait(lambda: bare(guarded, "GET", "/", held).status_code == 401, "an end of the cookie", tokens.SOON)


def test_logging_in_and_out_in_a_browser(guarded: Server, view: View) -> None:
    guarded.accept("Cell 1", cells.KALMAN)
    visit = view(guarded).open("/dashboard/Cell%201")
    assert visit.page.url.startswith(guarded.url + "/login")
    visit.find("#token").fill("lachesis_wrong")
    visit.page.keyboard.press("Enter")
    visit.until(lambda: "does not know this token" in visit.text("main"), "a refusal")
    visit.find("#token").fill(guarded.token or "")
    visit.page.keyboard.press("Enter")
    visit.until(lambda: visit.find("#battery").count() == 1, "the page that was wanted")
    visit.is_live()
    assert visit.page.evaluate("() => document.cookie") == ""
    visit.find("button").filter(has_text="Log out").click()
    visit.until(lambda: "/login" in visit.page.url, "the way out")
    visit.open("/")
    assert "/login" in visit.page.url
    # The refusal is the one thing that a browser reports.
    assert [error for error in visit.errors if "401" not in error] == []


def test_without_tokens_nobody_needs_to_log_in(server: Server) -> None:
    reply = server.http.get("/login", headers=HTML)
    assert reply.status_code == 200 and "no tokens" in reply.text
    assert server.http.post("/login", headers=FORM, content="token=x&next=/workers").headers["location"] == "/workers"
    assert server.http.post("/logout").status_code == 303
