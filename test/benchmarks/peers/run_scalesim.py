"""Runs SCALE-Sim on a list of layers, in an environment that has the package.

    python run_scalesim.py LAYERS.csv conv|gemm os|ws|is ROWS COLUMNS dense|sparse

Prints JSON: the package's "Total Cycles" of each layer, "Stall Cycles", and the
seconds that its run took, without imports and with no traces written.
"""

import contextlib
import csv
import importlib.util
import io
import json
import sys
import tempfile
import time
from pathlib import Path

CONFIG = """[general]
run_name = run
[architecture_presets]
ArrayHeight: {rows}
ArrayWidth: {columns}
IfmapSramSzkB: 1024
FilterSramSzkB: 1024
OfmapSramSzkB: 1024
IfmapOffset: 0
FilterOffset: 10000000
OfmapOffset: 20000000
Dataflow: {dataflow}
Bandwidth: 10
ReadRequestBuffer: 32
WriteRequestBuffer: 32
[layout]
IfmapCustomLayout: False
IfmapSRAMBankBandwidth: 10
IfmapSRAMBankNum: 10
IfmapSRAMBankPort: 2
FilterCustomLayout: False
FilterSRAMBankBandwidth: 10
FilterSRAMBankNum: 10
FilterSRAMBankPort: 2
[sparsity]
SparsitySupport: {sparse}
SparseRep: ellpack_block
OptimizedMapping: false
BlockSize: 8
RandomNumberGeneratorSeed: 40
[run_presets]
InterfaceBandwidth: CALC
UseRamulatorTrace: False
"""


def main():
    layers, kind, dataflow, rows, columns, density = sys.argv[1:]
    from scalesim.scale_sim import scalesim

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = folder / "array.cfg"
        config.write_text(CONFIG.format(rows=rows, columns=columns, dataflow=dataflow,
                                        sparse=str(density == "sparse").lower()))
        options = {}
        if importlib.util.find_spec("scalesim.layout_utils"):  # version 3
            count = len(Path(layers).read_text().splitlines()) - 1
            layout = folder / "layout.csv"
            layout.write_text("titles\n" + "layer," + "1," * 18 + "\n" +
                              ("layer," + "1," * 18 + "\n") * (count - 1))
            options["layout"] = str(layout)
        with contextlib.redirect_stdout(io.StringIO()):
            simulator = scalesim(save_disk_space=True, verbose=False, config=str(config),
                                 topology=layers, input_type_gemm=kind == "gemm", **options)
            start = time.perf_counter()
            simulator.run_scale(top_path=str(folder / "out"))
            seconds = time.perf_counter() - start
        with open(folder / "out/run/COMPUTE_REPORT.csv") as file:
            table = list(csv.DictReader(file, skipinitialspace=True))
    print(json.dumps({"cycles": [int(row["Total Cycles"]) for row in table],
                      "stalls": [int(row["Stall Cycles"]) for row in table],
                      "seconds": seconds}))


if __name__ == "__main__":
    main()
