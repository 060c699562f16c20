"""Makes demo-cell.h5: a cell that has lost capacity and gained resistance, cycled, as seen by noisy sensors.

    python make_data.py [FILE]

The truth is a simulation with Moirae of the circuit in initial-asoh.json, but with CAPACITY and RESISTANCE. Each cycle
begins at a state of charge of START_SOC and is

    rest       10 min                                       a record every 10 s
    drive      current pulses of 30 s, PULSES over and      a record every 5 s
               over, until the state of charge is 0.10
    rest       10 min                                       a record every 10 s
    charge     constant current of 0.6 A until the state    a record every 10 s
               of charge is START_SOC again

Sensors: voltage 2 mV, current 1 mA, temperature 0.1 °C (standard deviations). Runs with the same packages give the same
file's content.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from battdat.data import BatteryDataset
from battdat.schemas import BatteryMetadata
from battdat.schemas.battery import BatteryDescription
from moirae.models.ecm import ECMASOH, ECMInput, ECMTransientVector, EquivalentCircuitModel
from moirae.simulator import Simulator

HERE = Path(__file__).parent
CAPACITY = 1.2  # Ah; initial-asoh.json says 1.3
RESISTANCE = 0.075  # Ohm; initial-asoh.json says 0.060
START_SOC = 0.9
PULSES = (-0.6, -1.2, -2.4, -0.6, 0.6, -1.8, 0.0, -1.2)  # A, negative discharges
CHARGE = 0.6  # A
CYCLES = 3


def simulate() -> pd.DataFrame:
    """Return the true course: cycle_number, step_index, test_time (s), current (A), voltage (V), soc."""
    health = ECMASOH.model_validate_json((HERE / "initial-asoh.json").read_text())
    health.q_t.base_values = np.array([[CAPACITY]])
    health.r0.base_values = np.array([[RESISTANCE]])
    state = ECMTransientVector.from_asoh(health)
    state.soc = np.array([[START_SOC]])
    cell = Simulator(EquivalentCircuitModel(), health, state, ECMInput(time=0.0, current=0.0))
    rows = []

    def record(cycle: int, step: int, time: float, current: float) -> None:
        # A record's current flows until the next one.
        cell.step(ECMInput(time=time, current=current))
        voltage, soc = cell.measurement.terminal_voltage.item(), cell.transient.soc.item()
        rows.append((cycle, step, time, current, voltage, soc))

    time = 0.0
    for cycle in range(CYCLES):
        for _ in range(60):
            record(cycle, 0, time, 0.0)
            time += 10.0
        pulse = 0
        while cell.transient.soc.item() > 0.10:
            for _ in range(6):
                record(cycle, 1, time, PULSES[pulse % len(PULSES)])
                time += 5.0
            pulse += 1
        for _ in range(60):
            record(cycle, 2, time, 0.0)
            time += 10.0
        while cell.transient.soc.item() < START_SOC:
            record(cycle, 3, time, CHARGE)
            time += 10.0
    return pd.DataFrame(rows, columns=["cycle_number", "step_index", "test_time", "current", "voltage", "soc"])


def measure(truth: pd.DataFrame) -> pd.DataFrame:
    """Return what sensors make of the true course."""
    random = np.random.default_rng(20_240_607)
    seen = truth.drop(columns="soc")
    states = np.select([truth["current"] > 0, truth["current"] < 0], ["charging", "discharging"], "hold")
    seen.insert(3, "state", states)
    seen["voltage"] = (truth["voltage"] + random.normal(0, 0.002, len(truth))).round(5)
    seen["current"] = (truth["current"] + random.normal(0, 0.001, len(truth))).round(5)
    seen["temperature"] = (25 + random.normal(0, 0.1, len(truth))).round(2)
    return seen


def main(path: Path) -> None:
    """Write the file."""
    records = measure(simulate())
    metadata = BatteryMetadata(
        name="Demo cell",
        comments=(
            f"Simulated with Moirae by make_data.py. True capacity {CAPACITY} Ah, true series resistance "
            f"{RESISTANCE} Ohm, true state of charge at the start {START_SOC}."
        ),
        is_measurement=False,
        battery=BatteryDescription(nominal_capacity=1.3),
        source="Lachesis",
    )
    BatteryDataset.make_cell_dataset(metadata=metadata, raw_data=records).to_hdf(path, complevel=9)
    print(f"{path}: {len(records)} records over {records['test_time'].iloc[-1] / 3600:.1f} h")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "demo-cell.h5")
