//===- Command.cpp - Which engine runs a command --------------------------===//

#include "accopt/Target/Command.h"

using namespace accopt;

Engine Command::engine() const {
  if (std::holds_alternative<LoadCommand>(operation))
    return Engine::Load;
  if (std::holds_alternative<StoreCommand>(operation))
    return Engine::Store;
  if (std::holds_alternative<HostCommand>(operation))
    return Engine::Host;
  return Engine::Exec;
}
