"""What scientists use works inside: libraries imported late, files in the work folder, threads, time zones."""

import pytest
from cells import KALMAN, assert_same, drive, plain_kalman
from hostile import Ground, Report
from streaming import upload

DEEDS = {
    "linear-algebra": """
import numpy as np
matrix = np.random.default_rng(0).normal(size=(200, 200))
matrix = matrix @ matrix.T + np.eye(200)
assert np.allclose(np.linalg.solve(matrix, matrix), np.eye(200))
np.linalg.cholesky(matrix), np.linalg.eigh(matrix), np.linalg.svd(matrix), np.fft.fft(matrix)
""",
    "memory-map": """
import numpy as np
array = np.memmap('array.bin', float, 'w+', shape=(1000,))
array[:] = 7
array.flush()
assert np.fromfile('array.bin').sum() == 7000
np.save('array.npy', array)
assert np.load('array.npy', mmap_mode='r')[3] == 7
""",
    "optimisation": """
from scipy.optimize import least_squares, minimize
assert abs(minimize(lambda x: (x[0] - 3) ** 2, [0.0]).x[0] - 3) < 1e-4
assert abs(least_squares(lambda x: [x[0] - 2, x[0] - 2], [0.0]).x[0] - 2) < 1e-6
""",
    "interpolation-and-integration": """
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicSpline
assert abs(solve_ivp(lambda t, y: -y, (0, 1), [1.0], rtol=1e-8).y[0, -1] - 0.36788) < 1e-4
assert CubicSpline([0, 1, 2, 3], [0, 1, 8, 27])(2) == 8
""",
    "csv": """
import pandas as pd
pd.DataFrame({'time': pd.date_range('2024-01-01', periods=3, tz='Europe/Berlin'), 'v': [1.5, 2.5, 3.5]}).to_csv('a.csv')
assert pd.read_csv('a.csv', index_col=0, parse_dates=['time']).v.sum() == 7.5
""",
    "parquet": """
import pandas as pd
pd.DataFrame({'v': range(100_000), 'w': ['x'] * 100_000}).to_parquet('a.parquet')
assert pd.read_parquet('a.parquet').v.sum() == 4_999_950_000
""",
    "hdf5": """
import pandas as pd, tables
with tables.open_file('a.h5', 'w') as file:
    file.create_array('/', 'v', list(range(10)))
with tables.open_file('a.h5') as file:
    assert sum(file.root.v) == 45
pd.DataFrame({'v': [1, 2]}).to_hdf('b.h5', key='k')
assert pd.read_hdf('b.h5').v.sum() == 3
""",
    "sqlite": """
import sqlite3
with sqlite3.connect('a.db') as connection:
    connection.execute('CREATE TABLE a (b)')
    connection.executemany('INSERT INTO a VALUES (?)', [(k,) for k in range(10)])
connection.close()
other = sqlite3.connect('a.db')
assert other.execute('SELECT sum(b) FROM a').fetchone() == (45,)
other.execute('VACUUM')
""",
    "sqlite-with-a-log": """
import sqlite3
connection = sqlite3.connect('wal.db')
assert connection.execute('PRAGMA journal_mode=WAL').fetchone() == ('wal',)
connection.execute('CREATE TABLE a (b)')
connection.execute('INSERT INTO a VALUES (1)')
connection.commit()
assert sqlite3.connect('wal.db').execute('SELECT * FROM a').fetchall() == [(1,)]
""",
    "temporary-files": """
import tempfile
from pathlib import Path
assert tempfile.gettempdir() == os.getcwd() == str(Path.home())
with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as file:
    named = tempfile.NamedTemporaryFile(dir=folder)
    file.write(b'x'), named.write(b'x')
""",
    "files": """
import shutil
from pathlib import Path
path = Path('folder/below')
path.mkdir(parents=True)
(path / 'a.txt').write_text('Ä')
shutil.copytree('folder', 'copy')
shutil.make_archive('archive', 'zip', 'folder')
shutil.unpack_archive('archive.zip', 'unpacked')
assert Path('unpacked/below/a.txt').read_text() == 'Ä'
shutil.move('copy', 'moved')
shutil.rmtree('moved')
""",
    "threads": """
import threading
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool:
    assert sum(pool.map(lambda x: x * x, range(100))) == 328_350
lock = threading.Lock()
threads = [threading.Thread(target=lock.acquire, args=(True, 0.01)) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
""",
    "asyncio-cannot-but-says-so": """
import asyncio
try:
    asyncio.run(asyncio.sleep(0))
except PermissionError:
    return 'refused'
""",
    "time-zones": """
from datetime import datetime
from zoneinfo import ZoneInfo
assert datetime(2024, 7, 1, tzinfo=ZoneInfo('America/Chicago')).utcoffset().total_seconds() == -18_000
import time
assert time.localtime().tm_year > 2000
""",
    "locale": """
import locale
locale.setlocale(locale.LC_ALL, '')
assert locale.getpreferredencoding() == 'utf-8' and sys.getfilesystemencoding() == 'utf-8'
""",
    "lazy-imports": """
import decimal, fractions, lzma, bz2, zlib, hashlib, ssl, xml.etree.ElementTree, email, ctypes.util, statistics
assert hashlib.sha256(b'').hexdigest()[:4] == 'e3b0'
assert lzma.decompress(lzma.compress(b'x' * 1000)) == b'x' * 1000
""",
    "battery-data-toolkit": "from battdat.data import BatteryDataset\nassert BatteryDataset",
    "machine-learning": """
import numpy as np
from sklearn.linear_model import LinearRegression
assert abs(LinearRegression().fit([[0], [1]], [1, 3]).coef_[0] - 2) < 1e-9
""",
    "warnings-and-logging": (
        "import logging, warnings\nlogging.basicConfig(filename='a.log')\nlogging.warning('x')\nwarnings.warn('y')"
    ),
    "pickling": (
        "import pickle\nopen('a.pkl', 'wb').write(pickle.dumps({'a': 1}))\n"
        "assert pickle.load(open('a.pkl', 'rb')) == {'a': 1}"
    ),
}


@pytest.fixture(scope="module")
def report(ground: Ground) -> Report:
    # What is wrong is easier found with its text.
    telling = "named = lambda error: f'{type(error).__name__}: {error}'\n"
    return ground.report(DEEDS, telling)


@pytest.mark.parametrize("deed", DEEDS)
def test_a_library_works(report: Report, deed: str) -> None:
    assert report[deed] == ("refused" if deed == "asyncio-cannot-but-says-so" else "done")


def test_an_estimator_may_keep_a_database_and_log_its_steps(ground: Ground) -> None:
    keeping = """
import sqlite3
database = sqlite3.connect("steps.db")
database.execute("CREATE TABLE steps (time REAL)")
def keep(now):
    with database:
        database.execute("INSERT INTO steps VALUES (?)", (now["test_time"],))
    return 0 if database.execute("SELECT count(*) > 0 FROM steps").fetchone()[0] else 1
"""
    script = keeping + KALMAN.replace("    hours =", "    assert keep(now) == 0\n    hours =")
    records = drive(30)
    with ground.accepted(script) as (name,):
        upload(ground.server, name, records)
        status = ground.server.wait_status(name, stepped=29, failed=0)
        assert_same(status, plain_kalman(records))
