"""The page of workers in a real browser."""

import cells
from browser import View, pretend, store, worker
from playwright.sync_api import Route
from server import Server, fresh

FALLEN = {"asked": "full", "in_use": "off", "reason": "step 9 differed", "disagreements": 1}


def test_workers_are_shown_and_looked_after(server: Server, view: View) -> None:
    visit = view(server, width=1300)
    asked: list[str] = []

    def act(route: Route) -> None:
        asked.append(route.request.url.removeprefix(server.url))
        route.fulfill(json={"name": "Cell 1", "state": "paused"})

    visit.page.route("**/admin/workers/**", act)
    pretend(
        visit, worker("Cell 1", lag_records=12_000, lag_seconds=7_200),
        worker("held", state="stopped", pid=None, memory_bytes=None, steps_per_second=None, cpu_seconds=None),
        worker("fallen", acceleration=FALLEN),
        worker("bad", state="parked", restarts=5, cpu_seconds=0.412345,
               last_error="Traceback:\nValueError: <b>no</b>" + " very" * 50),
    )  # fmt: skip
    visit.open("/workers")
    visit.until(lambda: visit.find("#workers tbody tr").count() == 4, "four workers")
    assert visit.text("tr[data-name='Cell 1'] [data-acceleration]") == "full"
    fallen = visit.find("tr[data-name='fallen'] [data-acceleration].differed")
    assert fallen.inner_text() == "off: a step differed"
    assert fallen.get_attribute("title") == "acceleration off instead of full: step 9 differed"
    assert visit.text("tr[data-name='bad'] td[data-label='CPU']") == "0.4s"
    # However long an error is, the buttons stay in sight, and all of it can be read.
    table, frame = (visit.find(selector).bounding_box() for selector in ("#workers", ".scroll"))
    assert table and frame and table["width"] <= frame["width"] + 1
    assert (visit.find("tr[data-name='bad'] summary").get_attribute("title") or "").endswith("very")
    row = visit.text("tr[data-name='Cell 1']")
    for text in ["running", "12000 (2.00h)", "812", "9.0MiB", "1.50min"]:
        assert text in row, row
    assert "ValueError: <b>no</b>" in visit.text("tr[data-name='bad'] summary")
    assert visit.find("tr[data-name='held'] button:visible").all_inner_texts() == ["Resume", "Restart"]
    pause = visit.find("tr[data-name='Cell 1'] button[data-action='pause']")
    pause.click()
    assert "Pause Cell 1?" in visit.text("dialog")
    # What comes by itself is the harmless answer.
    visit.page.keyboard.press("Enter")
    assert not visit.find("dialog").is_visible() and asked == []
    pause.click()
    visit.find("#yes").click()
    visit.until(lambda: asked == ["/admin/workers/Cell%201/pause"], "the request")
    visit.find("button[data-sort='restarts']").click()
    assert visit.find("#workers tbody th").first.inner_text() == "bad"
    visit.is_clean()


def test_a_worker_is_paused_and_resumed_from_its_page(server: Server, view: View) -> None:
    name = fresh("held")
    server.accept(name, cells.KALMAN)
    store(server, name, cells.drive(30))
    server.wait_status(name)
    visit = view(server, width=1440).open("/workers")
    row = f"tr[data-name='{name}']"
    for action, state in [("pause", "paused"), ("resume", "running"), ("stop", "stopped"), ("resume", "running")]:
        visit.find(f"{row} button[data-action='{action}']").click()
        visit.find("#yes").click()
        visit.until(lambda state=state: visit.text(f"{row} .chip") == state, state)
        visit.until(lambda state=state: (server.status(name) or {}).get("phase") == state, f"{state} in the status")
    visit.battery(name)
    visit.find("#logs summary").nth(1).click()
    visit.until(lambda: "1 (current)" in visit.text("#versions"), "the version")
    visit.is_clean()
