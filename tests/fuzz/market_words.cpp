// Markets as people type them: one market, or the markets of a base, or a sentence that says why not.
#include "fuzz.hpp"
#include "market_word.hpp"

using namespace tradeguard;
using namespace tradeguard::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes{data, size};
  std::set<Symbol> known;
  for (int count = bytes.byte() % 4; count > 0; --count)
    if (const auto symbol = Symbol::parse(bytes.line())) known.insert(*symbol);
  const std::string_view word = bytes.rest();
  const auto read = cli::read_market_word(word, known);
  if (!read) {
    require(!read.error().empty() && read.error().find('\n') == std::string::npos, "a refusal is one sentence");
    return 0;
  }
  require(read->symbol.has_value() || !read->base.empty(), "it names something");
  const auto again = cli::read_market_word(read->text(), known);
  require(again && again->text() == read->text(), "what it names is read as itself");
  return 0;
}
