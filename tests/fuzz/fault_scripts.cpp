// Fault scripts: rules, or a fault that names the line.
#include "fuzz.hpp"
#include "tradeguard/fault_script.hpp"

using namespace tradeguard;
using namespace tradeguard::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto script = parse_fault_script(text_of(data, size), "faults.txt");
  if (!script) {
    require(script.error().what.find("faults.txt") != std::string::npos, "a fault names its file");
    return 0;
  }
  const Symbol symbol = *Symbol::parse("ETH_USDT");
  for (int i = 0; i < 3; ++i) {
    for (const VenueVerb verb : {VenueVerb::place, VenueVerb::protect, VenueVerb::find})
      script->next(verb, &symbol, Leg::stop);
    script->next(VenueVerb::balances, nullptr, std::nullopt);
  }
  return 0;
}
