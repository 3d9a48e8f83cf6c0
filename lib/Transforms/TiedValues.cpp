//===- TiedValues.cpp - Values that share a quantization ------------------===//

#include "TiedValues.h"

using namespace mlir;
using namespace accopt;

void TiedValues::insert(Value value) {
  if (!numbers.try_emplace(value, classes.size()).second)
    return;
  classes.push_back({classes.size(), {}, std::nullopt});
  order.push_back(value);
}

size_t TiedValues::find(Value value) const {
  size_t i = numbers.find(value)->second;
  while (classes[i].parent != i)
    i = classes[i].parent;
  return i;
}

bool TiedValues::tie(Value a, Value b) {
  size_t first = find(a), second = find(b);
  if (first == second)
    return true;
  Class &kept = classes[first], &joined = classes[second];
  if (kept.type && joined.type && kept.type != joined.type)
    return false;
  joined.parent = first;
  if (!kept.type)
    kept.type = joined.type;
  if (!kept.range)
    kept.range = joined.range;
  else if (joined.range)
    kept.range = unite(*kept.range, *joined.range);
  return true;
}

bool TiedValues::setType(Value value, quant::UniformQuantizedType type) {
  Class &found = classes[find(value)];
  if (found.type && found.type != type)
    return false;
  found.type = type;
  return true;
}

void TiedValues::addRange(Value value, Range range) {
  std::optional<Range> &found = classes[find(value)].range;
  found = found ? unite(*found, range) : range;
}
