"""How much of an estimator's own code is replaced: what is asked for, allowed, in use, and told."""

import re
import subprocess
from pathlib import Path

import pytest
from accelerated import STRANGE, falling, plugins, told
from cells import KALMAN, assert_same, drive, plain_kalman
from processes import wait
from prometheus_client.parser import text_string_to_metric_families
from server import PROGRAM, Server, ServerFactory, fresh
from streaming import upload


def warnings(server: Server) -> list[str]:
    text = server.log_path.read_text("utf-8")
    return [line for line in text.splitlines() if "a step differed" in line]


def metric(server: Server, name: str, **labels: str) -> float:
    families = text_string_to_metric_families(server.http.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples]
    (value,) = [one.value for one in samples if one.name == name and labels.items() <= one.labels.items()]
    return value


def test_a_step_that_differed_is_told_wherever_somebody_looks(make_server: ServerFactory, tmp_path: Path) -> None:
    server = make_server("--plugins", str(plugins(tmp_path)), "--checkpoint-records", "50")
    name, records = fresh("falling"), drive(300)
    at = records[120]["test_time"]
    reason = f"step at {at:g} s differed"
    server.accept(name, falling({at: "shortcuts"}), plugin="falling")
    assert server.status(name)["acceleration"] == told("full", "full")
    upload(server, name, records[:100])
    assert server.wait_status(name, stepped=99)["acceleration"] == told("full", "full")
    assert metric(server, "lachesis_estimators_accelerated", acceleration="full") == 1
    assert metric(server, "lachesis_estimator_disagreements_total", battery=name) == 0
    assert "differed" not in server.http.get("/").text and warnings(server) == []

    upload(server, name, records[100:200])
    fallen = told("full", "shortcuts", reason, 1)
    status = server.wait_status(name, stepped=199)
    assert status["acceleration"] == fallen and status["restarts"] == 0
    assert_same(status, plain_kalman(records[:200]))
    (line,) = warnings(server)
    assert re.search("warning", line, re.IGNORECASE) and name in line and reason in line
    assert metric(server, "lachesis_estimators_accelerated", acceleration="full") == 0
    assert metric(server, "lachesis_estimators_accelerated", acceleration="shortcuts") == 1
    assert metric(server, "lachesis_estimator_disagreements_total", battery=name) == 1
    (worker,) = server.get("/admin/workers")["workers"]
    assert worker["acceleration"] == fallen
    assert "an accelerated step differed" in server.http.get("/").text
    page = server.http.get(f"/dashboard/{name}").text
    assert f"shortcuts instead of full: {reason}" in page and 'id="disagreement" hidden' not in page
    listed = subprocess.run(
        [str(PROGRAM), "workers", "--url", server.url], capture_output=True, text=True, timeout=60, check=True
    )
    assert re.search(rf"^{name} .* shortcuts$", listed.stdout, re.MULTILINE), listed.stdout

    # It stays so, whatever ends: from a checkpoint or from the beginning, and is not counted again.
    server.stop()
    server.start()
    assert server.status(name)["acceleration"] == fallen
    upload(server, name, records[200:250])
    assert server.wait_status(name, stepped=249)["acceleration"] == fallen
    server.kill()
    server.start()
    upload(server, name, records[250:])
    status = server.wait_status(name, stepped=299)
    assert status["acceleration"] == fallen
    assert_same(status, plain_kalman(records))
    assert len(warnings(server)) == 1

    # A new version may try again.
    server.accept(name, KALMAN, plugin="falling")
    assert server.wait_status(name, stepped=299)["acceleration"] == told("full", "full")


def test_what_fell_before_a_crash_is_known_after_it_without_any_checkpoint(
    make_server: ServerFactory, tmp_path: Path
) -> None:
    server = make_server(
        "--plugins", str(plugins(tmp_path)), "--checkpoint-records", "1000000", "--checkpoint-interval", "3600"
    )
    name, records = fresh("crash"), drive(100)
    times = records[30]["test_time"], records[60]["test_time"]
    server.accept(name, falling({times[0]: "shortcuts", times[1]: "off"}), plugin="falling")
    upload(server, name, records[:50])
    server.wait_status(name, stepped=49)
    upload(server, name, records[50:])
    fallen = told("full", "off", f"step at {times[1]:g} s differed", 2)
    assert server.wait_status(name, stepped=99)["acceleration"] == fallen
    wait(lambda: len(warnings(server)) == 2, "both warnings")
    server.kill()
    server.start()
    status = server.wait_status(name, stepped=99)
    assert status["acceleration"] == fallen and status["checkpoint"] is None
    assert_same(status, plain_kalman(records))
    assert len(warnings(server)) == 2


def test_the_lesser_of_what_is_asked_for_and_allowed_is_used(make_server: ServerFactory, tmp_path: Path) -> None:
    folder = str(plugins(tmp_path))
    server = make_server("--plugins", folder, "--acceleration", "shortcuts")
    limit = "the server allows no more than 'shortcuts'"
    expected = {
        "full": told("full", "shortcuts", limit), "shortcuts": told("shortcuts", "shortcuts"),
        "off": told("off", "off"),
    }  # fmt: skip
    for asked, state in expected.items():
        server.accept(f"cell-{asked}", KALMAN, plugin="falling", acceleration=asked)
        assert server.status(f"cell-{asked}")["acceleration"] == state
    form = {"name": "cell-query", "definition": KALMAN, "plugin": "falling"}
    assert server.http.post("/online/register", data=form, params={"acceleration": "off"}).status_code == 200
    assert server.status("cell-query")["acceleration"] == told("off", "off")
    server.accept("cell-default", KALMAN, plugin="falling")
    assert server.status("cell-default")["acceleration"] == told("full", "shortcuts", limit)
    server.stop()

    # What was asked for is known when the server allows more.
    server.options = ("--plugins", folder)
    server.start()
    for asked in expected:
        upload(server, f"cell-{asked}", drive(10))
        assert server.wait_status(f"cell-{asked}", stepped=9)["acceleration"] == told(asked, asked)


def test_what_was_asked_for_is_kept_with_the_version(make_server: ServerFactory, tmp_path: Path) -> None:
    server = make_server("--plugins", str(plugins(tmp_path)))
    name = fresh("kept")
    server.accept(name, KALMAN, plugin="falling", acceleration="shortcuts")
    server.accept(name, STRANGE, plugin="falling")
    assert server.status(name)["acceleration"] == told("full", "off", "the class Strange is not known")
    assert "off instead of full: the class Strange is not known" in server.http.get(f"/dashboard/{name}").text
    assert "differed" not in server.http.get("/").text

    def asked() -> list[str]:
        return [entry["acceleration"] for entry in server.get(f"/online/{name}/versions")]

    assert asked() == ["full", "shortcuts"]
    assert server.get(f"/online/{name}/versions/1")["acceleration"] == "shortcuts"
    assert server.http.post(f"/online/{name}/rollback", params={"version": 1}).status_code == 200
    assert asked() == ["shortcuts", "full", "shortcuts"]
    server.stop()
    server.start()
    assert asked() == ["shortcuts", "full", "shortcuts"]
    assert server.wait_status(name)["acceleration"] == told("shortcuts", "shortcuts")


def test_a_trial_tells_of_a_step_that_differed_and_leaves_no_trace(make_server: ServerFactory, tmp_path: Path) -> None:
    server = make_server("--plugins", str(plugins(tmp_path)))
    name, records = fresh("tried"), drive(100)
    upload(server, name, records)
    at = records[50]["test_time"]
    for asked, state in (
        ("full", told("full", "off", f"step at {at:g} s differed", 1)), ("off", told("off", "off")),
    ):  # fmt: skip
        form = {"name": name, "definition": falling({at: "off"}), "plugin": "falling", "acceleration": asked}
        reply = server.http.post("/online/check", data=form)
        assert reply.status_code == 200, reply.text
        assert reply.json()["acceleration"] == state and reply.json()["stepped"] == 99
    assert warnings(server) == [] and server.status(name) is None


def test_a_plugin_without_acceleration_says_so(server: Server) -> None:
    name = fresh("none")
    server.accept(name, KALMAN)
    assert server.status(name)["acceleration"] == told("full", None)
    assert 'id="acceleration" hidden' in server.http.get(f"/dashboard/{name}").text


@pytest.mark.parametrize("word", ["more", "Full", ""])
def test_the_servers_option_takes_the_three_words(word: str) -> None:
    made = subprocess.run([str(PROGRAM), "serve", "--acceleration", word], capture_output=True, text=True, timeout=60)
    assert made.returncode == 64
    assert all(level in made.stderr for level in ("off", "shortcuts", "full"))
