// Signal files: each line is a signal or a rejection with its number, whatever the bytes are.
#include "signal_file.hpp"

#include <algorithm>

#include "fuzz.hpp"

using namespace tradeguard;
using namespace tradeguard::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  const Instant noon{std::chrono::sys_days{std::chrono::year{2025} / 1 / 1} + 12h};

  const auto alone = cli::parse_signal(text.substr(0, text.find('\n')), 1, {noon, noon, noon});
  if (!alone) require(!alone.error().reason.empty(), "a rejection says why");
  if (alone) {
    const auto again = Symbol::parse(alone->symbol.text());
    require(again && *again == alone->symbol, "a symbol is one when it is read again");
    require(signal_key(*alone).find_first_of(" \n\"") == std::string::npos, "a signal key is one word");
    require(!alone->notional || alone->notional->value.is_positive(), "an amount is positive");
    require(!alone->quantity || alone->quantity->value.is_positive(), "a quantity is positive");
  }

  const MemoryFile file{text};
  ManualClock clock{noon};
  const auto batch = cli::SignalFile{file.path(), clock}.read();
  require(batch.has_value(), "a file in memory can be read");
  const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
  require(static_cast<long>(batch->signals.size() + batch->rejected.size()) <= lines, "no line is two signals");
  return 0;
}
