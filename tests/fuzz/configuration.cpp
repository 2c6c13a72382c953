// Configuration files: settings, or faults that name their place. What was accepted is accepted
// again.
#include "fuzz.hpp"
#include "options.hpp"

using namespace tradeguard;
using namespace tradeguard::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file{text_of(data, size)};
  cli::Given given;
  given.file = file.path();
  const auto first = cli::read_configuration(given);
  if (!first) {
    require(!first.error().empty(), "a refused configuration has a fault");
    for (const std::string& fault : first.error()) require(!fault.empty(), "a fault is a sentence");
    return 0;
  }
  require(first->settings.policy.cooldown.cooldown >= Micros{0}, "a cooldown does not run backwards");
  const auto again = cli::read_configuration(given);
  require(again && again->hash == first->hash, "one file is one configuration");
  return 0;
}
