//===- LayerGroups.h - Layers whose commands come in turn -------*- C++ -*-===//

#ifndef ACCOPT_CODEGEN_LAYERGROUPS_H
#define ACCOPT_CODEGEN_LAYERGROUPS_H

#include "accopt/CodeGen/Program.h"

#include <vector>

namespace accopt {

/// The group of each layer, ascending from 0: all commands of a group come
/// before those of the next, and no group can be split. Layers that run one
/// after another have groups of their own.
std::vector<size_t> layerGroups(const Program &program);

} // namespace accopt

#endif // ACCOPT_CODEGEN_LAYERGROUPS_H
