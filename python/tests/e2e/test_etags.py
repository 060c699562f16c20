"""Entity tags of statuses: who polls is told when nothing is new."""

import time
from email.utils import parsedate_to_datetime

import pytest
from cells import KALMAN, drive
from server import Server, ServerFactory, fresh
from streaming import upload


def test_one_status_is_that_of_all(server: Server, battery: str) -> None:
    reply = server.http.get(f"/online/status/{battery}")
    assert reply.status_code == 200 and reply.headers["content-type"] == "application/json"
    assert reply.json() == server.status(battery)


def test_without_an_estimator_there_is_no_status(server: Server) -> None:
    name = fresh("none")
    for path in (name, "-x"):
        assert server.http.get(f"/online/status/{path}").status_code in (404, 422)
    upload(server, name, drive(2))
    reply = server.http.get(f"/online/status/{name}")
    assert reply.status_code == 404 and name in reply.json()["detail"]


def test_what_one_has_is_not_sent_again(server: Server, battery: str) -> None:
    path = f"/online/status/{battery}"
    tag = server.http.get(path).headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', f'"a" , W/{tag},"b"', "*"):
        for method in ("GET", "HEAD"):
            reply = server.http.request(method, path, headers={"If-None-Match": known})
            assert (reply.status_code, reply.content, reply.headers["etag"]) == (304, b"", tag)
    for other in ('"other"', tag.strip('"'), "", ","):
        assert server.http.get(path, headers={"If-None-Match": other}).status_code == 200


def test_a_change_gives_another_tag(server: Server, battery: str) -> None:
    path = f"/online/status/{battery}"
    before = server.http.get(path)
    upload(server, battery, drive(10))
    server.wait_status(battery, stepped=9)
    after = server.http.get(path, headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200 and after.json()["stepped"] == 9
    assert after.headers["etag"] != before.headers["etag"]


def test_all_statuses_have_a_tag_of_their_own(make_server: ServerFactory) -> None:
    server = make_server()
    empty = server.http.get("/online/status")
    assert empty.json() == {}
    server.accept("a", KALMAN)
    server.accept("b", KALMAN)
    server.wait_status("a", phase="running")
    server.wait_status("b", phase="running")
    reply = server.http.get("/online/status", headers={"If-None-Match": empty.headers["etag"]})
    assert reply.status_code == 200 and list(reply.json()) == ["a", "b"]
    tag, of_a = reply.headers["etag"], server.http.get("/online/status/a").headers["etag"]
    assert server.http.get("/online/status", headers={"If-None-Match": tag}).status_code == 304
    upload(server, "b", drive(5))
    server.wait_status("b", stepped=4)
    assert server.http.get("/online/status", headers={"If-None-Match": tag}).status_code == 200
    # What changed at one battery does not make the others' new.
    assert server.http.get("/online/status/a", headers={"If-None-Match": of_a}).status_code == 304


def test_a_tag_of_another_life_is_none(make_server: ServerFactory) -> None:
    server = make_server()
    server.accept("a", KALMAN)
    server.wait_status("a", phase="running")
    tags = {server.http.get(path).headers["etag"]: path for path in ("/online/status", "/online/status/a")}
    server.stop()
    server.start()
    server.wait_status("a")
    for tag, path in tags.items():
        assert server.http.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_statuses_of_some_are_asked_for_by_name(server: Server) -> None:
    names = [fresh("Zelle 1 ä"), fresh("some"), fresh("other")]
    for name in names:
        server.accept(name, KALMAN)
        server.wait_status(name, phase="running")
    asked = {"name": [names[0], names[1], names[0]]}
    reply = server.http.get("/online/status", params=asked)
    assert reply.status_code == 200 and list(reply.json()) == sorted(names[:2])
    assert reply.json()[names[0]] == server.status(names[0])
    again = server.http.get("/online/status", params=asked, headers={"If-None-Match": reply.headers["ETag"]})
    assert again.status_code == 304
    missing = server.http.get("/online/status", params={"name": [names[0], "nobody"]})
    assert missing.status_code == 404 and "'nobody'" in missing.json()["detail"]
    assert server.http.get("/online/status", params={"name": "-"}).status_code == 422


@pytest.mark.parametrize("path", ["/online/status", "/online/status/{}"])
@pytest.mark.parametrize("given", [{}, {"If-None-Match": "*"}, {"If-None-Match": '"other"'}])
def test_what_is_answered_at_once_is_what_the_router_answers(
    server: Server, battery: str, path: str, given: dict[str, str]
) -> None:
    # The first is parsed, the others are repetitions.
    replies = [server.http.get(path.format(battery), headers=given) for _ in range(3)]
    # A request with a length, be it nothing, goes the router's way.
    replies.append(server.http.request("GET", path.format(battery), headers={**given, "Content-Length": "0"}))
    heads = [dict(reply.headers) for reply in replies]
    dates = [parsedate_to_datetime(head.pop("date")).timestamp() for head in heads]
    assert all(abs(date - time.time()) < 30 for date in dates)
    assert all(reply.status_code == replies[0].status_code for reply in replies)
    assert all(reply.content == replies[0].content for reply in replies)
    assert all(head == heads[0] for head in heads)
