// Prints the table of notices as docs/log-lines.md has it.
#include <iostream>

#include "tradeguard/notice.hpp"

int main() {
  std::cout << "| type | severity | no entries meanwhile | told when |\n|---|---|---|---|\n";
  for (const tradeguard::NoticeRow& row : tradeguard::notice_rows())
    std::cout << "| `" << row.word << "` | " << text(row.severity) << " |"
              << (row.freezes == tradeguard::Freezes::base      ? " in its base currency |"
                  : row.freezes == tradeguard::Freezes::account ? " in the account |"
                                                                : " |")
              << " " << row.told_when << " |\n";
}
