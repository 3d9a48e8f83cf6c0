//===- Evaluate.h - A published model over a list of layers -----*- C++ -*-===//
//
// Part of AccOpt. What the tool acc-cost does: read a file of layers, apply one
// model to each, and give a table.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_FORMULAS_EVALUATE_H
#define ACCOPT_FORMULAS_EVALUATE_H

#include "accopt/Formulas/Eyeriss.h"
#include "accopt/Formulas/FormulaReport.h"
#include "accopt/Formulas/Maestro.h"
#include "accopt/Formulas/ScaleSim.h"

namespace accopt::formulas {

enum class Model { ScaleSim, Stonne, Eyeriss, Gemmini, Maestro, ZigZag };

struct EvaluateOptions {
  Model model = Model::ScaleSim;
  /// The array; by default 32 x 32, or the chip's for Eyeriss.
  std::optional<int64_t> rows, columns;
  /// SCALE-Sim.
  Dataflow dataflow = Dataflow::WeightStationary;
  /// SCALE-Sim: of all layers, instead of the file's column Sparsity.
  std::optional<SparsityRatio> sparsity;
  /// SCALE-Sim, weight-stationary: elements of a block of row-wise sparsity,
  /// at most the array's rows; 0: none.
  int64_t sparseBlock = 0;
  /// Eyeriss.
  EyerissChip chip = EyerissChip::jssc17();
  /// MAESTRO: the file with the dataflow of every layer.
  std::string mapping;
  MaestroMachine maestro;
  /// Images: multiplies the batch of convolutions and m of products.
  int64_t batch = 1;
  /// How outputs are counted; by default up for SCALE-Sim, down for others.
  std::optional<Rounding> rounding;
};

/// Reads the layers of `path` and applies the model. The file is a topology
/// (TopologyFile.h), for Gemmini what GemminiReport.h reads,
/// for ZigZag what OperandFile.h does. Options of
/// other models are ignored. Fails, in one line, where the file or an option is
/// refused.
llvm::Expected<FormulaReport> evaluate(llvm::StringRef path,
                                       const EvaluateOptions &options);

} // namespace accopt::formulas

#endif // ACCOPT_FORMULAS_EVALUATE_H
