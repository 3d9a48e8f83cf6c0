//===- ChannelGroups.cpp - Channels that must be removed together ---------===//
//
// Every class of the graph is a unit. Units that shrink the same dimensions of
// the same tensors by as many indices make up a group; where only half of the
// channels of a convolution go through a slice, there are two groups.
//
//===----------------------------------------------------------------------===//

#include "accopt/Transforms/ChannelGroups.h"

#include "ChannelGroupsGraph.h"
#include "ConstantData.h"

#include "accopt/Transforms/Passes.h"
#include "accopt/Transforms/Ranges.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

#include <map>

namespace accopt {
#define GEN_PASS_DEF_PRINTCHANNELGROUPS
#include "accopt/Transforms/Passes.h.inc"
} // namespace accopt

using namespace mlir;
using namespace accopt;

//===----------------------------------------------------------------------===//
// From classes to groups
//===----------------------------------------------------------------------===//

namespace {
/// The indices of a class in one slot.
struct Part {
  unsigned slot;
  SmallVector<int64_t, 1> positions;
};
using Unit = std::vector<Part>;
/// Slots and how many indices of each.
using Signature = std::vector<std::pair<unsigned, size_t>>;
} // namespace

/// The classes worth showing, in the order of their first index: all that can
/// be removed, and the channels that cannot.
static std::vector<std::pair<unsigned, Unit>>
collectUnits(const ChannelGraph &graph) {
  std::vector<std::pair<unsigned, Unit>> units;
  std::vector<int> unitOf(graph.numNodes(), -1);
  for (unsigned slot = 0; slot < graph.slots().size(); ++slot)
    for (int64_t i = 0; i < graph.slots()[slot].size; ++i) {
      unsigned root = graph.find(slot, i);
      if (!graph.reason(root).empty() && !graph.isChannel(root))
        continue;
      if (unitOf[root] < 0) {
        unitOf[root] = int(units.size());
        units.emplace_back(root, Unit());
      }
      Unit &unit = units[unitOf[root]].second;
      if (unit.empty() || unit.back().slot != slot)
        unit.push_back({slot, {}});
      unit.back().positions.push_back(i);
    }
  return units;
}

static void addMembers(const ChannelGraph &graph, ArrayRef<const Unit *> units,
                       ChannelGroup &group) {
  std::vector<GroupMember> others;
  for (size_t k = 0; k < units[0]->size(); ++k) {
    const ChannelGraph::Slot &slot = graph.slots()[(*units[0])[k].slot];
    const ChannelTensor &tensor = graph.tensors()[slot.tensor];
    GroupMember member;
    member.value = tensor.value;
    member.use = tensor.use;
    member.dimension = slot.dimension;
    for (const Unit *unit : units)
      member.positions.push_back((*unit)[k].positions);
    if (tensor.use)
      group.parameters.push_back(std::move(member));
    else if (tensor.producedDimension == int(slot.dimension))
      group.activations.push_back(std::move(member));
    else
      others.push_back(std::move(member));
  }
  group.producers = group.activations.size();
  llvm::move(others, std::back_inserter(group.activations));
}

static void nameGroups(func::FuncOp function,
                       std::vector<ChannelGroup> &groups) {
  llvm::MapVector<Value, std::string> names = nameValues(function);
  llvm::StringMap<unsigned> taken;
  for (ChannelGroup &group : groups) {
    std::string name = "constant";
    if (!group.activations.empty())
      name = names.lookup(group.activations.front().value);
    unsigned count = taken[name]++;
    group.name = count ? name + "#" + std::to_string(count) : name;
  }
}

ChannelGroups::ChannelGroups(func::FuncOp function) {
  ChannelGraph graph(function);
  std::vector<std::pair<unsigned, Unit>> units = collectUnits(graph);
  std::map<std::pair<Signature, StringRef>, size_t> indexOf;
  std::vector<std::vector<const Unit *>> unitsOf;
  for (const auto &[root, unit] : units) {
    Signature signature;
    for (const Part &part : unit)
      signature.emplace_back(part.slot, part.positions.size());
    auto [found, isNew] = indexOf.try_emplace(
        {std::move(signature), graph.reason(root)}, all.size());
    if (isNew) {
      all.emplace_back().fixedBy = graph.reason(root).str();
      unitsOf.emplace_back();
    }
    unitsOf[found->second].push_back(&unit);
  }
  for (size_t g = 0; g < all.size(); ++g) {
    all[g].units = int64_t(unitsOf[g].size());
    addMembers(graph, unitsOf[g], all[g]);
  }
  nameGroups(function, all);
}

//===----------------------------------------------------------------------===//
// Importance
//===----------------------------------------------------------------------===//

static void addSquares(const GroupMember &member, std::vector<double> &sums) {
  std::optional<ConstantFloats> data = ConstantFloats::get(member.value);
  if (!data)
    return;
  ArrayRef<int64_t> shape =
      llvm::cast<ShapedType>(member.value.getType()).getShape();
  int64_t size = shape[member.dimension], inner = 1;
  for (int64_t extent : shape.drop_front(member.dimension + 1))
    inner *= extent;
  std::vector<int64_t> unitOf(size, -1);
  for (auto [unit, positions] : llvm::enumerate(member.positions))
    for (int64_t position : positions)
      unitOf[position] = int64_t(unit);
  ArrayRef<float> values = data->values();
  for (int64_t row = 0; row * inner < int64_t(values.size()); ++row) {
    int64_t unit = unitOf[row % size];
    if (unit < 0)
      continue;
    for (float value : values.slice(row * inner, inner))
      sums[unit] += double(value) * double(value);
  }
}

std::vector<double> accopt::magnitudes(const ChannelGroup &group) {
  std::vector<double> sums(group.units, 0.0);
  for (const GroupMember &member : group.parameters)
    addSquares(member, sums);
  return sums;
}

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

/// "0..7" for consecutive indices, "0,2,4" for others, cut after eight.
static void printIndices(raw_ostream &os, ArrayRef<int64_t> indices) {
  bool isRange = indices.size() > 2;
  for (size_t i = 1; i < indices.size(); ++i)
    isRange &= indices[i] == indices[i - 1] + 1;
  if (isRange) {
    os << indices.front() << ".." << indices.back();
    return;
  }
  constexpr size_t shown = 8;
  llvm::interleave(indices.take_front(shown), os, ",");
  if (indices.size() > shown)
    os << ",...";
}

static void printMember(raw_ostream &os, StringRef kind, StringRef name,
                        const GroupMember &member) {
  os << "  " << kind << " " << name << " dim " << member.dimension << " [";
  printIndices(os, member.positions.front());
  if (member.positions.size() > 1) {
    os << " | ";
    if (member.positions.size() > 2)
      os << "... | ";
    printIndices(os, member.positions.back());
  }
  os << "]\n";
}

static std::string nameUse(const GroupMember &member) {
  mlir::Operation *owner = member.use->getOwner();
  std::string name = getNodeName(owner->getLoc());
  if (name.empty())
    name = owner->getName().stripDialect().str();
  return name + " operand " + std::to_string(member.use->getOperandNumber());
}

void ChannelGroups::print(raw_ostream &os) const {
  llvm::MapVector<Value, std::string> names;
  for (const ChannelGroup &group : all)
    if (names.empty() && !group.activations.empty()) {
      Value value = group.activations.front().value;
      names = nameValues(
          llvm::cast<func::FuncOp>(value.getParentRegion()->getParentOp()));
    }
  for (const ChannelGroup &group : all) {
    os << "group " << group.name << ": " << group.units
       << (group.units == 1 ? " unit" : " units");
    if (!group.isPrunable())
      os << ", fixed: " << group.fixedBy;
    os << "\n";
    for (auto [i, member] : llvm::enumerate(group.activations))
      printMember(os, i < group.producers ? "producer" : "value",
                  names.lookup(member.value), member);
    for (const GroupMember &member : group.parameters)
      printMember(os, "parameter", nameUse(member), member);
  }
}

namespace {
struct PrintChannelGroups
    : accopt::impl::PrintChannelGroupsBase<PrintChannelGroups> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isDeclaration())
        continue;
      llvm::outs() << "function " << function.getName() << "\n";
      ChannelGroups(function).print(llvm::outs());
      for (const ResidualBranch &branch : findResidualBranches(function))
        llvm::outs() << "branch " << branch.name << ": " << branch.ops.size()
                     << " ops\n";
    }
    llvm::outs().flush();
    markAllAnalysesPreserved();
  }
};
} // namespace
