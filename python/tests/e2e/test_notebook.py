"""The examples' notebook runs from top to bottom, on a server, and shows what it says."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from server import ROOT, Server

EXAMPLES = ROOT / "plugins" / "moirae" / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


def read(path: Path) -> Any:
    import nbformat  # seconds that no other test needs

    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_are_kept_without_what_they_print(path: Path) -> None:
    for cell in read(path).cells:
        assert cell.cell_type != "code" or (cell.outputs == [] and cell.execution_count is None)


@pytest.mark.moirae
def test_the_notebook_runs_and_finds_the_truth(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbclient import NotebookClient

    folder = shutil.copytree(EXAMPLES, tmp_path / "examples")
    for variable in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setenv("LACHESIS_URL", server.url)
    notebook = read(folder / "demo-cell.ipynb")
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 2
    assert not [output for output in outputs if output.get("name") == "stderr"], "it warns"
    text = "".join(output.text for output in outputs if output.output_type == "stream")
    found = re.findall(r"(\S+) ± (\S+), truth (\S+)$", text, re.MULTILINE)
    assert len(found) == 2
    for estimate, band, truth in found:
        assert abs(float(estimate) / float(truth) - 1) < 0.02
        assert abs(float(estimate) - float(truth)) < 1.5 * float(band)
