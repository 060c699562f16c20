"""Client of Lachesis: register batteries and estimators, stream records, read estimates.

from lachesis import Client

client = Client("http://127.0.0.1:8000")
client.register_estimator("Cell 1", "estimator.py", files=["initial-asoh.json"])
client.upload("Cell 1", "cell.h5")
print(client.wait("Cell 1").mean)
"""

from lachesis.acceleration import Accelerated
from lachesis.administration import Worker, Workforce
from lachesis.client import Client
from lachesis.errors import (
    ConflictError,
    ForbiddenError,
    LachesisError,
    NotFoundError,
    RefusedError,
    RefusedRecordError,
    RequestError,
    ServerError,
    UnauthorizedError,
    UnreachableError,
    UploadCutError,
    UploadError,
)
from lachesis.events import Event
from lachesis.scripts import Check, Limits, LogEntry, Registered, Version
from lachesis.status import Status

__all__ = [
    "Accelerated", "Check", "Client", "ConflictError", "Event", "ForbiddenError", "LachesisError", "Limits", "LogEntry",
    "NotFoundError", "RefusedError", "RefusedRecordError", "Registered", "RequestError", "ServerError", "Status",
    "UnauthorizedError", "UnreachableError", "UploadCutError", "UploadError", "Version", "Worker", "Workforce",
]  # fmt: skip
