//===- LayerGroups.cpp - Layers whose commands come in turn ---------------===//

#include "accopt/CodeGen/LayerGroups.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>

using namespace accopt;

std::vector<size_t> accopt::layerGroups(const Program &program) {
  size_t count = program.layers.size();
  // The last command of a layer or an earlier one; the first of a layer or a
  // later one. Commands count from one.
  std::vector<size_t> last(count, 0), first(count, program.commands.size() + 1);
  for (auto [index, command] : llvm::enumerate(program.commands)) {
    last[command.layer] = index + 1;
    first[command.layer] = std::min(first[command.layer], index + 1);
  }
  for (size_t i = 1; i < count; ++i) {
    last[i] = std::max(last[i], last[i - 1]);
    first[count - 1 - i] = std::min(first[count - 1 - i], first[count - i]);
  }
  std::vector<size_t> groups(count, 0);
  for (size_t i = 1; i < count; ++i)
    groups[i] = groups[i - 1] + (last[i - 1] < first[i]);
  return groups;
}
