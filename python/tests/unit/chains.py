"""Runs with interruptions, to be compared with one without."""

import random
from collections.abc import Mapping, Sequence

import numpy as np
from worker_client import Result, Worker, Zygote

Record = dict[str, float]


def assert_same_bits(one: Result, two: Result) -> None:
    assert one.outcomes == two.outcomes
    for name in ("test_time", "mean", "variance", "output_mean", "output_variance", "covariance"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes(), name


def begun(
    zygote: Zygote, script: str, state: bytes | None = None, files: Mapping[str, bytes] | None = None, **options: object
) -> Worker:
    """A worker with the script built, from a state if there is one."""
    worker = zygote.worker()
    for name, content in (files or {}).items():
        worker.add_file(name, content)
    if state is not None:
        worker.restore(state)
    worker.build(script, **options)
    return worker


def uninterrupted(zygote: Zygote, script: str, records: Sequence[Record], **options: object) -> Result:
    worker = begun(zygote, script, **options)
    result = worker.step(list(records), batch=50)
    assert worker.end() == 0
    return result


def interrupted(
    zygote: Zygote, script: str, records: Sequence[Record], positions: Sequence[int], **options: object
) -> Result:
    """Go on in another worker at each position; some checkpoints come with records and some without."""
    worker, start = begun(zygote, script, **options), 0
    total: Result | None = None
    for index, end in enumerate((*sorted(set(positions)), len(records))):
        is_last = end == len(records)
        part, state = list(records[start:end]), None
        if part:
            result = worker.step(part, batch=37, checkpoint=not is_last and index % 2 == 0)
            state, result.state = result.state, None
            assert result.refusal is None, result.refusal
            total = result if total is None else total.followed_by(result)
        if is_last:
            break
        state = worker.checkpoint() if state is None else state
        assert worker.end() == 0
        worker, start = begun(zygote, script, state, **options), end
        if total is not None and total.covariance is not None:
            assert worker.ready is not None and total.mean[-1].tobytes() == worker.ready.mean.tobytes()
            assert total.covariance.tobytes() == worker.ready.covariance.tobytes()
    assert worker.end() == 0 and total is not None
    return total


def random_positions(count: int, number: int) -> list[int]:
    """Places in `count` records, ascending; the seed is shown where a test fails."""
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed of the positions: {seed}")
    return sorted(random.Random(seed).sample(range(count), number))


def disturbed(records: Sequence[Record]) -> list[Record]:
    """The records with some that are late, miss a value or repeat a time among them."""
    made: list[Record] = []
    for index, record in enumerate(records):
        made.append(record)
        if index % 5 == 2:
            made.append({**record, "voltage": np.nan})
        if index % 7 == 3:
            made.append({**record, "test_time": record["test_time"] - 0.5})
        if index % 11 == 4:
            made.append(dict(record))
    return made
