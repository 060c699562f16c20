"""Checkpoints of Moirae's estimators: whatever a script keeps, it goes on with the same bits."""

import moirae_scripts as scripts
import numpy as np
import pytest
from chains import assert_same_bits, begun, disturbed, interrupted, random_positions, uninterrupted
from moirae_scripts import records
from test_moirae import failing
from worker_client import PLUGINS, Result, Zygote

pytestmark = pytest.mark.usefixtures("moirae")


def own(before: str, body: str) -> str:
    """A script with an estimator class whose step measures a voltage that `body` sets as `shift` changes, in V."""
    indented = body.replace("\n", "\n        ")
    return f"""{scripts.JOINT}
import functools, random
from moirae.models.ecm import ECMMeasurement
{before}
class Own(JointEstimator):
    kept = []
    def __init__(self, filter):
        super().__init__(filter)
        self.prepare()
    def prepare(self):
        pass
    def step(self, inputs, measurements):
        {indented}
        voltage = measurements.terminal_voltage + 1e-3 * shift
        return super().step(inputs, ECMMeasurement(terminal_voltage=voltage))
estimator = Own(estimator.filter)
"""


KEEPING = {
    "global": ("count = 0", "global count\ncount += 1\nshift = np.sin(count)"),
    "global that a function changes": (
        "log = []\ndef note():\n    log.append(len(log))\n    return np.sin(len(log))",
        "shift = note()",
    ),
    "attribute of the class": ("", "self.kept.append(1)\nshift = np.sin(len(Own.kept))"),
    "attribute of a function": ("def f(): f.n = getattr(f, 'n', 0) + 1; return np.sin(f.n)", "shift = f()"),
    "default": ("def f(kept=[]): kept.append(1); return np.sin(len(kept))", "shift = f()"),
    "closure": (
        "def make():\n    n = 0\n    def f():\n        nonlocal n\n        n += 1\n        return np.sin(n)\n"
        "    return f\n"
        "f = make()",
        "shift = f()",
    ),
    "random generators": ("", "shift = random.gauss(0, 1) + np.random.normal()"),
    "a generator of its own": ("rng = np.random.default_rng(5)", "shift = rng.normal()"),
    "a sentinel": ("NONE = object()\nlast = NONE", "global last\nshift = 1.0 if last is NONE else 0.1\nlast = inputs"),
    "behind a cache": (
        "n = 0\n@functools.lru_cache\ndef cached(x): return np.sin(n)",
        "global n\nn += 1\ncached.cache_clear()\nshift = cached(1)",
    ),
    "views": (
        "",
        "if not hasattr(self, 'all'):\n    self.all = np.zeros((3, 4), order='F')\n"
        "    self.part = self.all[1:, ::-2].T\n"
        "self.all += 0.1 * (1 + np.arange(12).reshape(3, 4))\nself.part[0] *= 0.7\nshift = np.sin(self.all.sum())",
    ),
    "the estimator's own name": ("", "shift = np.sin(estimator.filter.hidden.get_mean()[0] * 100)"),
    "a patched library": (
        "calls = []\noriginal = JointEstimator.step\ndef patched(self, inputs, measurements):\n    calls.append(1)\n"
        "    measurements.terminal_voltage = measurements.terminal_voltage + 1e-3 * np.sin(len(calls))\n"
        "    return original(self, inputs, measurements)\nJointEstimator.step = patched",
        "shift = 0",
    ),
}


@pytest.mark.parametrize("name", ["JOINT", "DUAL", "NORMALIZED", "NORMALIZED_DUAL", "WITH_TEMPERATURE", "OWN_CLASSES"])
def test_an_estimator_goes_on_with_the_same_bits(moirae_zygote: Zygote, name: str) -> None:
    script, given = getattr(scripts, name), disturbed(records(250))
    expected = uninterrupted(moirae_zygote, script, given)
    assert {0, 1, 2, 4} <= set(expected.outcomes)
    positions = [1, *random_positions(len(given), 9)]
    assert_same_bits(interrupted(moirae_zygote, script, given, positions), expected)


def test_a_thevenin_model_goes_on_with_the_same_bits(moirae_zygote: Zygote) -> None:
    script, given = scripts.THEVENIN_WITH_TEMPERATURE, records(16)
    expected = uninterrupted(moirae_zygote, script, given)
    assert_same_bits(interrupted(moirae_zygote, script, given, [0, 1, 5, 6, 11]), expected)


@pytest.mark.parametrize("what", KEEPING)
def test_what_a_script_keeps_goes_along(moirae_zygote: Zygote, what: str) -> None:
    script, given = own(*KEEPING[what]), records(80)
    expected = uninterrupted(moirae_zygote, script, given)
    assert set(expected.outcomes) == {0, 1}, expected.errors
    positions = [0, 1, *random_positions(len(given), 5)]
    assert_same_bits(interrupted(moirae_zygote, script, given, positions), expected)
    plain = uninterrupted(moirae_zygote, scripts.JOINT, given)
    assert (plain.mean[-1] != expected.mean[-1]).any()


def test_what_a_scripts_files_keep_goes_along(moirae_zygote: Zygote) -> None:
    counting = b"count = 0\ndef shift():\n    global count\n    count += 1\n    return count % 7\n"
    inner = b"from . import other\nseen = []\nclass Kept:\n    total = 0\n"
    files = {
        "counting.py": counting,
        "setting.py": b"level = 0.0\n",
        "kept.py": inner.replace(b"from . import other", b""),
    }
    script = own(
        "import counting, setting, kept\nfrom counting import shift as next_shift",
        "setting.level += 0.1\nkept.Kept.total += 1\nkept.seen.append(kept.Kept.total)\n"
        "shift = next_shift() + counting.count * 0.01 + setting.level + kept.Kept.total + len(kept.seen)",
    )
    given = records(60)
    expected = uninterrupted(moirae_zygote, script, given, files=files)
    assert set(expected.outcomes) == {0, 1}, expected.errors
    assert_same_bits(interrupted(moirae_zygote, script, given, [0, 1, 20, 21, 45], files=files), expected)


def test_steps_that_fail_are_undone_after_a_checkpoint_too(moirae_zygote: Zygote) -> None:
    given = records(60)
    for position in (10, 11, 30, 31, 50):
        given.insert(
            position, {**given[position], "current": 77.0, "test_time": given[position - 3]["test_time"] + 100}
        )
    for name in ("JOINT", "DUAL", "OWN_CLASSES"):
        script = failing(getattr(scripts, name), "correction_update")
        expected = uninterrupted(moirae_zygote, script, given)
        assert expected.outcomes.count(5) == 5
        assert_same_bits(interrupted(moirae_zygote, script, given, [5, 11, 12, 31, 40]), expected)


def test_a_checkpoint_changes_nothing(moirae_zygote: Zygote) -> None:
    given = records(200)
    for script in (scripts.JOINT, scripts.DUAL, scripts.OWN_CLASSES, own(*KEEPING["random generators"])):
        worker, total = begun(moirae_zygote, script), None
        for start in range(0, 200, 5):
            result: Result = worker.step(given[start : start + 5], checkpoint=True)
            assert result.state is not None, result.refusal
            result.state = None
            total = result if total is None else total.followed_by(result)
            assert worker.checkpoint() == worker.checkpoint()
        assert total is not None
        assert_same_bits(total, uninterrupted(moirae_zygote, script, given))


@pytest.mark.parametrize(
    ("before", "body", "word"),
    [
        ("", "import threading\nself.lock, shift = threading.Lock(), 0", "cannot pickle '_thread.lock' object"),
        ("import threading\nlock = threading.Lock()", "with lock: shift = 0", "cannot pickle '_thread.lock' object"),
        ("log = open('log', 'w')\ndef note(): log.write('')", "shift = 0", "Cannot pickle files"),
        ("numbers = iter([])\ndef unused(): yield\nopened = unused()", "shift = 0 if opened else 1", "generator"),
        ("class Bad:\n    def __reduce__(self): raise SystemExit", "self.bad, shift = Bad(), 0", "sys.exit"),
        ("", "self.deep, shift = [], 0\nfor _ in range(100_000): self.deep = [self.deep]", "recursion"),
    ],
)
def test_what_cannot_be_saved_is_named_and_the_estimator_goes_on(
    moirae_zygote: Zygote, before: str, body: str, word: str
) -> None:
    worker, given = begun(moirae_zygote, own(before, body)), records(12)
    result = worker.step(given[:6], checkpoint=True)
    assert result.state is None and result.refusal is not None and word in result.refusal
    assert "lachesis_moirae" not in result.refusal
    result.refusal = None
    assert_same_bits(result.followed_by(worker.step(given[6:])), uninterrupted(moirae_zygote, scripts.JOINT, given))


def test_a_checkpoint_is_small(moirae_zygote: Zygote) -> None:
    """The bound is about twice what is measured, 15 to 25 kB."""
    example = PLUGINS / "moirae" / "examples"
    files = {"initial-asoh.json": (example / "initial-asoh.json").read_bytes()}
    worker = begun(moirae_zygote, (example / "estimator.py").read_text("utf-8"), files=files)
    worker.step(records(20))
    assert len(worker.checkpoint()) < 50_000


def test_arrays_keep_their_layout() -> None:
    import io
    import pickle
    import sys

    sys.path.append(str(PLUGINS / "moirae"))
    from lachesis_moirae.checkpoint import _Pickler

    base = np.arange(24.0).reshape(2, 3, 4)
    permuted = np.empty_like(base.transpose(1, 2, 0)) + base.transpose(1, 2, 0)
    assert permuted.base is None and not permuted.flags.forc
    frozen = base[1]
    frozen.flags.writeable = False
    arrays = [
        base,
        base[:, ::-1],
        base[0].T,
        base.view("i8")[1, 1],
        base[..., None],
        frozen,
        permuted,
        permuted[1, ::2],
    ]
    arrays += [np.asfortranarray(base[0]), np.float64(3).reshape(()), np.zeros((0, 3)), base[:0], np.array([{}, None])]
    arrays += [np.frombuffer(bytes(16)), np.frombuffer(bytearray(16))[::-1]]
    for _ in range(3):
        stream = io.BytesIO()
        _Pickler(stream, []).dump(arrays)
        restored = pickle.loads(stream.getvalue())
        for one, two in zip(arrays, restored, strict=True):
            assert (one == two).all() and one.dtype == two.dtype and one.shape == two.shape
            assert one.size == 0 or one.strides == two.strides
            assert one.flags.writeable == two.flags.writeable
        restored[0][:] = 7
        assert all((array == 7).all() for array in (restored[1], restored[2], restored[4], restored[5]))
        restored[6][1] = 9
        assert (restored[7] == 9).all()
        arrays = pickle.loads(stream.getvalue())
