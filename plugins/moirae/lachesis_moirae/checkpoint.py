"""Estimators as bytes."""

import sys
from typing import Any

import cloudpickle

from lachesis_worker.script import MODULE_NAME


def save(estimator: Any) -> bytes:
    """Return an estimator as bytes.

    Classes and functions of the script go along, with the global variables they use: these may be part of the state.
    Where one of them cannot be pickled they are named only, and found again in the script's module.
    """
    module = sys.modules.get(MODULE_NAME)
    if module is None:
        return cloudpickle.dumps(estimator)
    cloudpickle.register_pickle_by_value(module)
    try:
        return cloudpickle.dumps(estimator)
    except Exception:  # noqa: BLE001 (locks, files, sockets, generators: each raises another)
        cloudpickle.unregister_pickle_by_value(module)
        return cloudpickle.dumps(estimator)
    finally:
        if MODULE_NAME in cloudpickle.list_registry_pickle_by_value():
            cloudpickle.unregister_pickle_by_value(module)


def load(data: bytes) -> Any:
    """Return what `save` was given; must not be used on bytes from another source than this worker's kind."""
    return cloudpickle.loads(data)
