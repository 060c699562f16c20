"""The server's endpoints as methods."""

from typing import Any

from lachesis.administration import Administration
from lachesis.estimators import Estimators
from lachesis.files import BatteryFiles


class Client(BatteryFiles, Estimators, Administration):
    """A server at an address; also a context manager that closes its connections.

    Batteries: `register_metadata`, `metadata`, `stats`, `upload`, `append`, `data`, `delete`; as files
    `export`, `load`, `dataset`. Estimators:
    `register_estimator`, `check`, `status`, `statuses`, `wait`, `history`, `events`, `logs`, `versions`, `version`,
    `rollback`. For admins: `workers`, `control_worker`. All raise UnreachableError if the server cannot be reached, and
    another RequestError if it refuses; the message is the server's own.

    May be used from several threads; in asyncio as `await asyncio.to_thread(client.data, "Cell 1")`.
    """

    def health(self) -> dict[str, Any]:
        """Return the server's own state: hosts, workers, plugins, estimators by phase."""
        answer: dict[str, Any] = self._request("GET", "/health")
        return answer
