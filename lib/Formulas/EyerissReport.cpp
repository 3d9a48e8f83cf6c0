//===- EyerissReport.cpp - The table of the row-stationary model ----------===//

#include "Models.h"

#include "accopt/Support/Diagnostics.h"

using namespace llvm;
using namespace accopt;
using namespace accopt::formulas;

static std::string pair(int64_t a, int64_t b) {
  return std::to_string(a) + "x" + std::to_string(b);
}

static std::vector<FormulaColumn> columnsFor(const EyerissChip &chip) {
  const std::string unit = chip.energyUnit.str();
  // A layer takes microjoules, or billions of operations' worth.
  const bool absolute = unit == "pj";
  const double scale = absolute ? 1e-6 : 1e-9;
  const std::string title = absolute ? " uJ" : " G";
  auto energy = [&](std::string name, std::string shown) {
    return FormulaColumn{name + "_" + unit, shown + title, absolute ? 1u : 2u,
                         true, scale};
  };
  FormulaColumn folds = {"folds", "folds"}, copies = {"copies", "copies"};
  FormulaColumn idle = energy("idle_energy", "idle");
  folds.onlyInFiles = copies.onlyInFiles = idle.onlyInFiles = true;
  return {folds,
          copies,
          {"macs", "MACs", 0, true},
          {"cycles", "cycles", 0, true},
          {"dram_bytes", "DRAM MB", 2, true, 1e-6},
          energy("mac_energy", "MAC"),
          energy("registers_energy", "RF"),
          energy("array_energy", "array"),
          energy("buffer_energy", "buffer"),
          energy("dram_energy", "DRAM"),
          idle};
}

static std::vector<Cell> cellsOf(const EyerissCost &cost,
                                 const EyerissChip &chip) {
  const EyerissMapping &map = cost.mapping;
  return {pair(map.foldHeight, map.foldWidth),
          pair(map.replicationHeight, map.replicationWidth),
          cost.macs,
          cost.cycles,
          cost.words(Dram) * double(chip.wordBytes),
          cost.macEnergy,
          cost.levelEnergy[Registers],
          cost.levelEnergy[Array],
          cost.levelEnergy[Buffer],
          cost.levelEnergy[Dram],
          cost.idleEnergy};
}

Expected<FormulaReport> accopt::formulas::reportEyeriss(ArrayRef<Layer> layers,
                                                        const EyerissChip &chip,
                                                        int64_t batch) {
  FormulaReport report;
  report.model = "eyeriss";
  report.parameters = {{"array", pair(chip.rows, chip.columns)},
                       {"buffer_words", chip.bufferWords},
                       {"register_words", chip.registerWords},
                       {"batch", batch}};
  report.columns = columnsFor(chip);
  for (const Layer &layer : layers) {
    Expected<EyerissCost> cost = eyerissCost(
        layer.conv() ? *layer.conv() : asConvolution(layer.gemm()), chip);
    if (!cost)
      return makeFileError("layer '" + layer.name + "'",
                           toString(cost.takeError()));
    report.rows.push_back({layer.name, cellsOf(*cost, chip)});
  }
  report.notes = {"Row-stationary; cycles of the array alone. DRAM: inputs, "
                  "weights and sums of the cheapest\nblocking, nothing "
                  "compressed."};
  if (chip.energyUnit != "pj")
    report.notes.push_back("Energies in billions of one operation's.");
  return report;
}
