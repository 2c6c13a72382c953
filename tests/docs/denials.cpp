// Prints the table of denials as docs/log-lines.md has it.
#include <iostream>

#include "tradeguard/denial.hpp"

int main() {
  std::cout << "| reason | kind | meaning | goes away |\n|---|---|---|---|\n";
  for (const tradeguard::DenialRow& row : tradeguard::denials())
    std::cout << "| `" << row.word << "` | " << (row.decides == tradeguard::Decides::for_good ? "decision" : "obstacle")
              << " | " << row.meaning << " |" << (row.goes_away.empty() ? "" : " ") << row.goes_away << " |\n";
}
