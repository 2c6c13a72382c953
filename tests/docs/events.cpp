// Prints the table of one section of log lines as docs/log-lines.md has it: frame, guards, orders, protection, telling
// or inside.
#include <iostream>
#include <map>

#include "tradeguard/event.hpp"

int main(int argc, char** argv) {
  using namespace tradeguard;
  const std::map<std::string_view, Section> sections{{"frame", Section::frame},     {"guards", Section::guards},
                                                     {"orders", Section::orders},   {"protection", Section::protection},
                                                     {"telling", Section::telling}, {"inside", Section::inside}};
  const auto section = sections.find(argc > 1 ? argv[1] : "");
  if (section == sections.end()) return 1;
  const auto word = [](Level level) { return text(level); };
  std::cout << "| line | level | fields | meaning |\n|---|---|---|---|\n";
  for (const EventRow& row : event_rows()) {
    if (row.section != section->second) continue;
    std::cout << "| `" << row.name << "` | " << word(row.level);
    if (row.other != row.level) std::cout << ", " << word(row.other);
    std::cout << " | " << row.fields << " | " << row.meaning << " |\n";
  }
}
