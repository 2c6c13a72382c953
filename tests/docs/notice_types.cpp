// Prints the type of every notice there is, one a line; docs/log-lines.md has to list them.
#include <iostream>

#include "tradeguard/notice.hpp"

int main() {
  for (const auto type : tradeguard::notice_types()) std::cout << text(type) << '\n';
}
