// What Binance says that a key may do: said, or not said; never guessed.
#include "binance_permissions_wire.hpp"
#include "fuzz.hpp"

using namespace tradeguard;
using namespace tradeguard::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  const auto permissions = binance::read_permissions(text);
  if (permissions.trade)
    require(text.find("canTrade") != std::string_view::npos || text.find('\\') != std::string_view::npos,
            "what was not said is not known");
  return 0;
}
