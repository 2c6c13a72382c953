// Log lines: any value survives being written and read, and none forges a field or a line.
#include "fuzz.hpp"
#include "tradeguard/log.hpp"

using namespace tradeguard;
using namespace tradeguard::fuzz;

namespace {

void check_written(std::string_view first, std::string_view second) {
  const std::string line = Line{Level::info, "NAME"}.add("one", first).add("two", second).plain();
  for (const char c : line) require(static_cast<unsigned char>(c) >= 0x20, "a line has no control characters");
  const auto parsed = parse_line(line);
  require(parsed && parsed->name == "NAME" && parsed->fields.size() == 2, "two fields are two");
  require(parsed->fields[0].second == first && parsed->fields[1].second == second, "values are read back as they were");
}

// What the parser takes for a line is one: written anew it says the same.
void check_read(std::string_view line) {
  const auto parsed = parse_line(line);
  if (!parsed) return;
  Line again{Level::info, parsed->name};
  for (const auto& [key, value] : parsed->fields) again.add(key, value);
  const auto twice = parse_line(again.plain());
  require(twice && twice->name == parsed->name && twice->fields == parsed->fields,
          "a line that was read can be written");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes{data, size};
  check_read(bytes.rest());
  const std::string_view first = bytes.line();
  check_written(first, bytes.rest());
  check_written(bytes.rest(), first);
  return 0;
}
