"""Costs random mappings with ZigZag, in an environment that has the package.

    python run_zigzag_mappings.py FOLDER COUNT SEED

Random convolutions on machines that the package brings, with random sizes, widths and
prices; of the mappings that its search goes through, some are drawn and costed. Writes each
machine with its mapped layers to FOLDER as acc-cost's ZigZag mode reads them (the keys are
in include/accopt/Formulas/OperandFile.h), COUNT layers in all, and prints JSON: for each
file its machine, energies in pJ and cycles, and the seconds that costing took.
"""

import contextlib
import io
import json
import logging
import random
import sys
import tempfile
import time
from pathlib import Path

import yaml

# Machines with the names of their files of mappings.
MACHINES = {"tpu_like": "tpu_like", "edge_tpu_like": "edge_tpu_like", "meta_prototype": "meta_prototype_like",
            "ascend_like": "ascend_like", "tesla_npu_like": "tesla_npu_like"}
DIMENSIONS = {"B": "N", "C": "C", "K": "M", "OY": "P", "OX": "Q", "FY": "R", "FX": "S"}
TRANSFERS = {"RD_OUT_TO_LOW": "tl", "WR_IN_BY_LOW": "fl", "RD_OUT_TO_HIGH": "th", "WR_IN_BY_HIGH": "fh"}
OPERANDS = ("W", "I", "O")
TAKEN = 3  # mappings of a layer


class Enough(Exception):
    """So many mappings were drawn."""


def random_layer(generator):
    """A layer as the package's workload files have it."""
    kernel = [generator.choice((1, 1, 3, 5)) for _ in "yx"]
    stride = [generator.choice((1, 1, 2, 3)) for _ in "yx"]
    output = [generator.choice((1, 2, 4, 7, 8, 12, 14, 28)) for _ in "yx"]
    padding = [generator.randint(0, size // 2) for size in kernel]
    read = [stride[i] * (output[i] - 1) + kernel[i] - 2 * padding[i] for i in range(2)]
    while min(read) < 1:  # all of it padding
        padding = [0, 0]
        read = [stride[i] * (output[i] - 1) + kernel[i] for i in range(2)]
    sizes = {"B": generator.choice((1, 1, 2)), "K": generator.choice((1, 4, 10, 16, 32, 48, 64, 100, 256)),
             "C": generator.choice((1, 3, 8, 16, 24, 32, 64, 128)), "OY": output[0], "OX": output[1],
             "FY": kernel[0], "FX": kernel[1]}
    return {"id": 0, "name": "layer", "operator_type": "Conv",
            "equation": "O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]",
            "dimension_relations": [f"ix={stride[1]}*ox+1*fx", f"iy={stride[0]}*oy+1*fy"],
            "loop_dims": list(sizes), "loop_sizes": list(sizes.values()),
            "operand_precision": {"W": 8, "I": 8, "O": 16, "O_final": 8}, "operand_source": {"I": 0, "W": 0},
            "pr_loop_dims": ["IX", "IY"], "pr_loop_sizes": [read[1], read[0]],
            "padding": [[padding[1]] * 2, [padding[0]] * 2]}, stride, read


def random_machine(generator, hardware):
    """The package's machine with other sizes, widths and prices. Registers keep theirs,
    into which an element just fits."""
    machine = yaml.safe_load(hardware.read_text())
    for memory in machine["memories"].values():
        for price in ("r_cost", "w_cost"):
            memory[price] = round(memory[price] * generator.uniform(0.5, 2), 3)
        if memory["size"] <= 1024:
            continue
        memory["size"] = int(memory["size"] * 2.0 ** generator.randint(-2, 1))
        wider = 2 ** generator.randint(0, 2)
        for port in memory["ports"]:
            port["bandwidth_max"] *= wider
    machine["operational_array"]["unit_energy"] = round(generator.uniform(0.01, 1), 3)
    return machine


def machine_of(evaluation):
    """What acc-cost's file says of the machine."""
    layer, accelerator = evaluation.layer, evaluation.accelerator
    letters = {layer.memory_operand_links.layer_to_mem_op(op): op.name for op in layer.layer_operands}
    names, memories = {}, {}
    for level in accelerator.memory_hierarchy.mem_level_list:
        instance = level.memory_instance
        [narrowest], [widest] = ({getattr(port, key) for port in level.ports} for key in ("bw_min", "bw_max"))
        ports = []
        for port in level.ports:
            uses = [f"{letters[operand]}{at}:{TRANSFERS[direction.name]}"
                    for operand, at, direction in port.served_op_lv_dir]
            ports.append(" ".join([str(port.bw_max), *uses]))
        # Maps are read in the order of their keys.
        names[level.id] = f"{len(names):02} {instance.name}"
        memories[names[level.id]] = {
            "bits": instance.size, "read_pj": instance.r_cost, "write_pj": instance.w_cost,
            "narrowest": narrowest, "widest": widest, "ports": ports}
    operands = {}
    for operand, letter in letters.items():
        found = {level.mem_level_of_operands[operand]: names[level.id]
                 for level in accelerator.memory_hierarchy.mem_level_list if operand in level.mem_level_of_operands}
        operands[letter] = {"bits": 16 if letter == "O" else 8, "memories": [found[i] for i in range(len(found))]}
    operands["O"]["final_bits"] = 8
    return {"mac_pj": accelerator.operational_array.unit.energy_cost, "spare": "together",
            "memories": memories, "operands": operands}


def text_of(loops):
    return " ".join(f"{DIMENSIONS[str(dimension)]}{count!r}" for dimension, count in loops)


def mapping_of(evaluation, stride, read, name):
    """What acc-cost's file says of a mapped layer; loops from the innermost on."""
    temporal = evaluation.temporal_mapping.mapping_dic_origin
    spatial = evaluation.spatial_mapping.mapping_dict_origin
    entry = {"name": name, "stride": stride, "input": read}
    for operand in evaluation.layer.layer_operands:
        cuts, turns = [], 0
        for fan_out, own in zip(spatial[operand], temporal[operand]):
            turns += len(own)
            cuts.append(f"{text_of(fan_out)}:{turns}")
        entry[operand.name] = "|".join(cuts)
        assert not spatial[operand][len(temporal[operand]):][0]
        entry["loops"] = text_of(loop for own in temporal[operand] for loop in own)
    return entry


def draw(generator, stage, taken):
    """Makes the package cost a random tenth of the mappings only, and end after some."""
    from zigzag.cost_model.cost_model import CostModelEvaluation

    def run(self):
        if generator.random() > 0.1:
            return
        evaluation = CostModelEvaluation(
            accelerator=self.accelerator, layer=self.layer, spatial_mapping=self.spatial_mapping,
            spatial_mapping_int=self.spatial_mapping_int, temporal_mapping=self.temporal_mapping)
        taken.append(evaluation)
        if len(taken) == TAKEN:
            raise Enough
        yield evaluation, None

    stage.run = run


def cost_layer(generator, layer, machine, mapping):
    """Some evaluations of mappings of the layer, none where the package finds no mapping."""
    from zigzag.api import get_hardware_performance_zigzag
    from zigzag.stages.evaluation.cost_model_evaluation import CostModelStage

    taken = []
    draw(generator, CostModelStage, taken)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        path = Path(folder) / "machine.yaml"
        path.write_text(yaml.safe_dump(machine, sort_keys=False))
        try:
            get_hardware_performance_zigzag(
                [layer], str(path), str(mapping), dump_folder=folder, pickle_filename=f"{folder}/results.pickle",
                lpf_limit=6, nb_spatial_mappings_generated=1, loma_show_progress_bar=False)
        except Enough:
            pass
        except AssertionError:  # no mapping fits, or none was drawn
            pass
    return taken


def main():
    folder, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    import zigzag

    logging.disable(logging.CRITICAL)
    inputs = Path(zigzag.__file__).parent / "inputs"
    generator = random.Random(seed)
    results, made = [], 0
    while made < count:
        machine = generator.choice(list(MACHINES))
        layer, stride, read = random_layer(generator)
        start = time.perf_counter()
        taken = cost_layer(generator, layer, random_machine(generator, inputs / f"hardware/{machine}.yaml"),
                           inputs / f"mapping/{MACHINES[machine]}.yaml")[:count - made]
        if not taken:
            continue
        names = [f"layer{made + i}" for i in range(len(taken))]
        made += len(taken)
        file = machine_of(taken[0])
        file["layers"] = [mapping_of(evaluation, stride, read, name) for evaluation, name in zip(taken, names)]
        path = folder / f"mappings{len(results)}.json"
        path.write_text(json.dumps(file, indent=1))
        results.append({
            "file": path.name, "machine": machine, "seconds": time.perf_counter() - start,
            "energy": [float(evaluation.energy_total) for evaluation in taken],
            "cycles": [float(evaluation.latency_total2) for evaluation in taken]})
    print(json.dumps(results))


if __name__ == "__main__":
    main()
