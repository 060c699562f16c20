"""Client of Lachesis: register batteries and estimators, stream records, read estimates.

from lachesis import Client

client = Client("http://127.0.0.1:8000")
client.register_estimator("Cell 1", "estimator.py", files=["initial-asoh.json"])
client.upload("Cell 1", "cell.h5")
print(client.wait("Cell 1").mean)
"""

from lachesis.client import Client
from lachesis.errors import LachesisError, RefusedRecordError, RequestError, UploadError
from lachesis.status import Registered, Status

__all__ = ["Client", "LachesisError", "RefusedRecordError", "Registered", "RequestError", "Status", "UploadError"]
