"""Makes demo-cell.csv: a cell that has lost capacity, cycled, as seen by noisy sensors. Needs numpy alone.

    python make_data.py [FILE]

The cell has a capacity of CAPACITY, a resistance of RESISTANCE, and the open-circuit voltage below. Each cycle begins
at a state of charge of START_SOC and is, with a record every 10 s,

    rest        5 min
    discharge   current pulses of 60 s, PULSES over and over, until the state of charge is 0.15
    rest        5 min
    charge      constant current of 1.0 A until the state of charge is START_SOC again

Sensors: voltage 3 mV, current 2 mA (standard deviations).
"""

import csv
import sys
from pathlib import Path

import numpy as np

CAPACITY = 1.8  # Ah; the script begins with 2.0
RESISTANCE = 0.055  # Ohm; the script begins with 0.040
START_SOC = 0.95
PULSES = (-1.0, -2.0, -4.0, -1.0, 1.0, -3.0, 0.0)  # A, negative discharges
CHARGE = 1.0  # A
CYCLES = 3
INTERVAL = 10.0  # s


def open_circuit_voltage(soc: float) -> float:
    """V, of the cell at rest."""
    return 3.30 + 0.80 * soc - 0.25 * float(np.exp(-12 * soc))


def simulate() -> list[tuple[int, float, float, float]]:
    """Return cycle number, test_time (s), current (A) and voltage (V) of each record, without noise."""
    rows: list[tuple[int, float, float, float]] = []
    soc = START_SOC

    def record(cycle: int, current: float) -> None:
        nonlocal soc
        rows.append((cycle, INTERVAL * len(rows), current, open_circuit_voltage(soc) + current * RESISTANCE))
        soc += current * INTERVAL / 3600 / CAPACITY

    for cycle in range(CYCLES):
        for _ in range(30):
            record(cycle, 0.0)
        pulse = 0
        while soc > 0.15:
            for _ in range(6):
                record(cycle, PULSES[pulse % len(PULSES)])
            pulse += 1
        for _ in range(30):
            record(cycle, 0.0)
        while soc < START_SOC:
            record(cycle, CHARGE)
    return rows


def main(path: Path) -> None:
    """Write the file."""
    random = np.random.default_rng(20_240_608)
    rows = simulate()
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("cycle_number", "test_time", "current", "voltage"))
        for cycle, time, current, voltage in rows:
            current, voltage = current + random.normal(0, 0.002), voltage + random.normal(0, 0.003)
            writer.writerow((cycle, time, round(current, 4), round(voltage, 4)))
    print(f"{path}: {len(rows)} records over {rows[-1][1] / 3600:.1f} h")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "demo-cell.csv")
