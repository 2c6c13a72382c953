// Words of others on a terminal and in JSON.
#include "fuzz.hpp"
#include "tradeguard/foreign_text.hpp"

using namespace tradeguard;
using namespace tradeguard::fuzz;

namespace {

std::size_t line_ends(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += c == '\n' ? 1 : 0;
  return count;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  const std::string one_line = printable(text);
  for (std::size_t at = 0; at < one_line.size();) {
    const std::size_t length = printable_length(one_line, at);
    require(length > 0, "a terminal shows each character as itself");
    at += length;
  }
  require(printable(one_line) == one_line, "shown twice is shown the same");
  const std::string lines = printable_lines(text);
  require(line_ends(lines) == line_ends(text), "no line is begun and none is lost");
  const std::string replacement = replaced(text);
  for (std::size_t at = 0; at < replacement.size();) {
    const std::size_t length = printable_length(replacement, at);
    require(length > 0 || static_cast<unsigned char>(replacement[at]) < 0x20, "only what JSON escapes is left");
    at += length > 0 ? length : 1;
  }
  require(replaced(replacement) == replacement, "replaced twice is replaced once");
  return 0;
}
