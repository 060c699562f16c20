"""The pages in a real browser: they show what there is, follow it, and ask nobody but the server."""

import math
import time
from urllib.parse import urlsplit

import cells
import pytest
from browser import View, focused, pretend, store, worker
from playwright.sync_api import Route
from server import Server, ServerFactory, fresh

PLOTS = 5
"""Of a battery with voltage, current and a filter of charge and capacity: these, the residual, two groups of states."""


@pytest.fixture(scope="module")
def cell(server: Server) -> str:
    """A battery with metadata, 400 records and an estimator that has stepped them."""
    name = fresh("page cell")
    server.http.post("/db/register", json={"name": name, "battery": {"nominal_capacity": 1.3}}).raise_for_status()
    server.accept(name, cells.KALMAN)
    store(server, name, cells.drive(400))
    server.wait_status(name)
    return name


def test_a_battery_shows_its_figures_and_plots(server: Server, cell: str, view: View) -> None:
    visit = view(server, height=2600).battery(cell)
    visit.is_live()
    visit.drawn(PLOTS)
    status = server.status(cell)
    assert status is not None
    capacity = status["state_names"].index("capacity")
    shown = visit.text(f"dl.figures output[data-state='{capacity}']")
    mean, deviation = (float(part) for part in shown.split(" ± "))
    assert math.isclose(mean, status["mean"][capacity], abs_tol=deviation)
    assert math.isclose(deviation, math.sqrt(status["covariance"][capacity][capacity]), rel_tol=0.06)
    assert "of nominal 1.3 Ah" in visit.text("dl.figures")
    assert "end of life 1.04 Ah" in visit.text(".plot[data-nominal='1.3'] .legend")
    assert visit.text("#rows") == "400"
    visit.until(lambda: visit.text("#correlation-text").startswith("Strongest: soc and capacity"), "a correlation")
    assert "nominal capacity" in visit.text("dl.tree")
    visit.is_clean()


def test_a_new_record_is_shown_as_it_comes(server: Server, view: View) -> None:
    name = fresh("live")
    server.accept(name, cells.KALMAN)
    records = cells.drive(300)
    store(server, name, records[:200])
    server.wait_status(name)
    visit = view(server).battery(name)
    visit.is_live()
    visit.drawn(2)
    before = visit.text("dl.figures output[data-state='0']")
    sent = time.monotonic()
    store(server, name, records[200:])
    visit.until(lambda: visit.text("#rows") == "300" and visit.text("[data-count='stepped']") == "299", "300 records")
    # The page's promise is 2 s; machines that run tests may be slow, but not that slow.
    assert time.monotonic() - sent < 20
    assert visit.text("dl.figures output[data-state='0']") != before
    visit.is_clean()


def test_zooming_fetches_the_range_for_all_plots(server: Server, cell: str, view: View) -> None:
    visit = view(server, height=2600).battery(cell)
    visit.drawn(PLOTS)
    box = visit.find(".plot .canvas").first.bounding_box()
    assert box is not None
    visit.requests.clear()
    visit.page.mouse.move(box["x"] + 200, box["y"] + 60)
    visit.page.mouse.down()
    visit.page.mouse.move(box["x"] + 330, box["y"] + 64, steps=6)
    visit.page.mouse.up()
    visit.until(lambda: sum("start=" in url for url in visit.requests) >= PLOTS, "a request of each plot")
    assert all("points=" in url for url in visit.requests if "start=" in url)
    visit.until(lambda: ":" in visit.text("#range"), "a range")
    assert "start=" in (visit.find("a[data-range]").first.get_attribute("href") or "")
    visit.find("[data-view='all']").click()
    visit.until(lambda: visit.text("#range") == "", "all of the time again")
    visit.is_clean()


def test_plots_are_read_and_zoomed_with_the_keyboard(server: Server, cell: str, view: View) -> None:
    visit = view(server, height=2600).battery(cell)
    visit.drawn(PLOTS)
    visit.find(".plot .canvas").nth(1).focus()
    for _ in range(3):
        visit.page.keyboard.press("ArrowRight")
    readings = [visit.find(".plot .legend").nth(place).inner_text() for place in range(PLOTS)]
    assert all(":" in reading for reading in readings), "each plot tells the time and its value"
    assert "V" in readings[0] and "A" in readings[1]
    visit.page.keyboard.press("+")
    visit.until(lambda: ":" in visit.text("#range"), "a range")
    visit.page.keyboard.press("0")
    visit.until(lambda: visit.text("#range") == "", "all of the time again")
    visit.find("#correlation").focus()
    visit.page.keyboard.press("ArrowDown")
    visit.page.keyboard.press("ArrowRight")
    assert visit.text("#correlation-text") == "soc and capacity: " + visit.text("#correlation-text").split(": ")[1]
    visit.is_clean()


def test_an_empty_server_says_what_to_do_next_and_shows_the_first_battery(
    make_server: ServerFactory, view: View
) -> None:
    server = make_server()
    visit = view(server).open("/")
    assert f"{server.url}/db/register" in visit.text("#empty pre")
    assert not visit.find("#fleet").is_visible()
    store(server, "first", cells.drive(3))
    visit.until(lambda: visit.find("#fleet tbody tr").count() == 1, "the first battery")
    assert "first" in visit.text("#fleet tbody tr") and "no estimator" in visit.text("#fleet tbody tr")
    assert not visit.find("#empty").is_visible()
    # A battery without an estimator, and then with one: the page makes itself anew.
    visit.battery("first")
    visit.drawn(2)
    assert "/online/register" in visit.text(".empty pre")
    server.accept("first", cells.KALMAN)
    visit.until(lambda: visit.find("#phase").count() == 1, "the estimator")
    visit.is_clean()


def test_lines_to_paste_call_the_server_as_the_browser_does(make_server: ServerFactory, view: View) -> None:
    server = make_server()
    visit = view(server)
    outside = "https://localhost"

    def answer(route: Route) -> None:
        """Be a proxy that has the certificate: the server hears plain HTTP."""
        url = urlsplit(route.request.url)
        if url.path == "/online/events":
            return route.abort()
        reply = server.http.get(url.path, headers={"Host": url.netloc})
        route.fulfill(status=reply.status_code, headers=dict(reply.headers), body=reply.content)

    visit.page.route(f"{outside}/**", answer)
    visit.page.goto(f"{outside}/")
    lines = visit.text("#empty pre")
    assert f"{outside}/db/register" in lines and f"{outside}/db/upload/" in lines and "http://" not in lines


def test_records_without_an_estimator_are_followed(server: Server, view: View) -> None:
    name = fresh("bare")
    server.http.post("/db/register", json={"name": name}).raise_for_status()
    visit = view(server).battery(name)
    assert "/db/upload/" in visit.text(".empty pre")
    records = cells.drive(60)
    store(server, name, records[:50])
    visit.drawn(2)
    store(server, name, records[50:])
    visit.until(lambda: visit.text("#rows") == "60", "60 records")
    visit.is_clean()


def test_a_fleet_of_500_sorts_searches_and_follows(make_server: ServerFactory, view: View) -> None:
    server = make_server("--max-workers", "20")
    for number in range(495):
        server.http.post("/db/register", json={"name": f"Cell {number:03}"}).raise_for_status()
    for number in range(5):
        name = f"Live {number}"
        server.accept(name, cells.KALMAN)
        store(server, name, cells.drive(10 + number))
        server.wait_status(name)
    visit = view(server).open("/")
    visit.is_live()
    rows = visit.find("#fleet tbody tr")
    assert rows.count() == 500 and visit.text("#count") == "500 batteries"

    def names() -> list[str]:
        return visit.find("#fleet tbody tr:visible th").all_inner_texts()

    visit.page.keyboard.press("/")
    visit.page.keyboard.type("live")
    visit.until(lambda: len(names()) == 5, "five batteries")
    visit.find("button[data-sort='rows']").click()
    assert names() == [f"Live {number}" for number in reversed(range(5))]
    assert visit.find("th[aria-sort='descending']").inner_text().startswith("Rows")
    assert "q=live" in visit.page.url and "sort=rows" in visit.page.url
    before = visit.text("tr[data-name='Live 0'] output")
    store(server, "Live 0", cells.drive(40)[10:])
    visit.until(lambda: visit.text("tr[data-name='Live 0'] output") != before, "the new capacity")
    visit.until(lambda: "40" in visit.text("tr[data-name='Live 0'] td:nth-child(3)"), "the new count of rows")
    server.http.delete("/db/Live 1").raise_for_status()
    visit.until(lambda: len(names()) == 4, "the battery's removal")
    visit.find("#search").fill("no such thing")
    assert visit.find("#nothing").is_visible()
    visit.is_clean()


def test_failures_are_shown_with_their_traceback(server: Server, view: View) -> None:
    name = fresh("fails")
    script = cells.KALMAN.replace("lambda x, now: [", "lambda x, now: now['test_time'] > 50 and 1 / 0 or [")
    server.accept(name, script)
    store(server, name, cells.drive(60))
    server.wait_status(name)
    visit = view(server).battery(name)
    visit.is_live()
    assert "ZeroDivisionError" in visit.text("#last-error")
    visit.open("/")
    assert "most steps fail: " in visit.text(f"tr[data-name='{name}'] .warnings")
    visit.is_clean()


def test_the_fleet_warns_where_most_records_are_skipped(server: Server, view: View) -> None:
    name = fresh("skips")
    server.accept(name, cells.KALMAN)
    visit = view(server).open("/")
    visit.is_live()
    store(server, name, [{"test_time": float(k), "current": 0.1} for k in range(5)])
    warnings, told = f"tr[data-name='{name}'] .warnings", "most records are skipped: values are missing"
    visit.until(lambda: told in visit.text(warnings), "a warning")
    # The server's own words are the same.
    assert f"<li>{told}</li>" in server.http.get("/").text
    visit.is_clean()


def test_an_estimator_that_is_deleted_leaves_its_battery_on_the_page(server: Server, view: View) -> None:
    name = fresh("deleted")
    server.accept(name, cells.KALMAN)
    store(server, name, cells.drive(30))
    server.wait_status(name)
    visit = view(server).battery(name)
    visit.is_live()
    assert visit.find("#phase").count() == 1
    server.http.delete(f"/online/{name}").raise_for_status()
    visit.until(lambda: "No estimator yet" in visit.text("#battery"), "the page without it")
    assert visit.text("#rows") == "30"
    # What the page was asking for at that moment is not found any more, or is gone while it is read.
    visit.is_clean(but=rf"(404 .*/(online|dashboard)|409 .*/online/history)/.*{name}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_readers_choice(server: Server, cell: str, view: View, scheme: str) -> None:
    visit = view(server, color_scheme=scheme).battery(cell)
    visit.drawn(2)
    paint = visit.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    shades = [int(part) for part in paint.removeprefix("rgb(").removesuffix(")").split(",")]
    assert (sum(shades) < 150) == (scheme == "dark")
    # Plots too: the same page, after the reader has changed their mind.
    other = "light" if scheme == "dark" else "dark"
    line = "() => getComputedStyle(document.documentElement).getPropertyValue('--s1')"
    before = visit.page.evaluate(line)
    visit.page.emulate_media(color_scheme=other)
    assert visit.page.evaluate(line) != before
    visit.drawn(2)
    visit.is_clean()


def test_nothing_is_wider_than_a_telephone(server: Server, cell: str, view: View) -> None:
    visit = view(server, width=360, height=740, has_touch=True, is_mobile=True)
    pretend(visit, worker("Cell 1", last_error="Traceback\n" + "very " * 50))
    for path in ["/", f"/dashboard/{cell}", "/workers", "/login", "/docs"]:
        visit.open(path)
        width = visit.page.evaluate("() => document.documentElement.scrollWidth")
        assert width <= 360, f"{path} is {width} pixels wide"
    assert not visit.errors


def test_a_page_is_walked_through_with_the_tab_key(server: Server, cell: str, view: View) -> None:
    visit = view(server).battery(cell)
    visit.drawn(2)
    seen = []
    for _ in range(40):
        visit.page.keyboard.press("Tab")
        seen.append(focused(visit.page))
    assert "Skip to the content" in seen[0]
    for wanted in ["Fleet", "Records (CSV)", "Last hour", "Zoom in", "Voltage over test time"]:
        assert any(wanted in one for one in seen), f"{wanted} is not reached: {seen}"


def test_logs_are_shown_when_they_are_opened(server: Server, view: View) -> None:
    name = fresh("talks")
    server.accept(name, "print('<b>hello</b> from the script')\n" + cells.KALMAN)
    visit = view(server).battery(name)
    visit.find("#logs summary").first.click()
    visit.until(lambda: "<b>hello</b> from the script" in visit.text("#log"), "the script's line")
    visit.is_clean()


def test_states_with_hostile_names_are_only_text(server: Server, view: View) -> None:
    name = fresh("hostile")
    evil = "<img src=x onerror=document.title='hacked'>"
    # A quote with an accent is one character to some, and to a browser a quote.
    accented = "a\\\"\\u0301 onmouseover=document.title='hacked' x=\\\"\\u0301"
    server.accept(
        name,
        cells.KALMAN.replace('"soc"', f'"{accented}"')
        .replace('"capacity"', f'"{evil}"')
        .replace('"terminal_voltage"', f'"{evil} voltage"'),
    )
    records = [record | {"<script>alert(1)</script>": 1.0} for record in cells.drive(60)]
    store(server, name, records)
    server.wait_status(name)
    visit = view(server, height=2600).battery(name)
    visit.drawn(4)
    visit.find(".plot .canvas").first.hover()
    assert visit.page.evaluate("() => document.querySelectorAll('[onmouseover]').length") == 0
    assert evil in visit.text("table.states")
    visit.open("/")
    visit.is_live()
    assert "hacked" not in visit.page.title()
    visit.is_clean()


def test_no_estimate_is_too_great_or_too_little_for_a_page(server: Server, view: View) -> None:
    name = fresh("extreme")
    script = cells.KALMAN.replace("[0.6, 1.5]", "[0.6, 1e200]").replace("[0.01, 0.04]", "[0.01, 1e-320]")
    server.accept(name, script)
    for page in ("/", f"/dashboard/{name}"):
        assert "1.000e+200 ±\xa0" in server.http.get(page).text
    visit = view(server).battery(name)
    assert "1.000e+200 ± " in visit.text("table.states")
    visit.is_clean()


def test_the_interface_is_described(server: Server, view: View) -> None:
    visit = view(server).open("/docs")
    operations = visit.find(".operation")
    described = sum(len(item.keys() - {"parameters"}) for item in server.get("/openapi.json")["paths"].values())
    visit.until(lambda: operations.count() == described, "all operations")
    visit.find("#search").fill("/db/data")
    entry = visit.find(".operation:visible")
    assert entry.count() == 1
    entry.locator("summary").click()
    assert "columns" in entry.inner_text() and "422" in entry.inner_text()
    # The fields of a form, with what they mean.
    visit.find("#search").fill("/online/register")
    entry.locator("summary").click()
    for word in ("definition", "seed_inputs", "by default moirae", "step_timeout", "Seconds that one step may take."):
        assert word in entry.inner_text(), word
    visit.is_clean()


def test_a_server_without_dygraphs_starts_and_says_so(make_server: ServerFactory, view: View) -> None:
    server = make_server("--dygraphs", "/nowhere")
    assert "libjs-dygraphs" in server.log_tail()
    store(server, "cell", cells.drive(5))
    visit = view(server).battery("cell")
    assert "libjs-dygraphs" in visit.text(".notice")
    assert visit.text("#rows") == "5"
    visit.is_clean()


def test_what_does_not_change_is_not_sent_again(server: Server, cell: str) -> None:
    for path in ["/static/lachesis.css", "/static/dygraphs/dygraph.min.js", "/workers"]:
        first = server.http.get(path)
        assert first.status_code == 200, path
        again = server.http.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304 and again.content == b""
    assert server.http.get("/static/nothing.js").status_code == 404
    assert server.http.get("/static/..%2FPackage.swift").status_code == 404
    policy = server.http.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    missing = server.http.get("/dashboard/nobody")
    assert missing.status_code == 404 and "No battery" in missing.text
    assert server.http.get("/dashboard/%2E%2E%2Fx").status_code == 422
