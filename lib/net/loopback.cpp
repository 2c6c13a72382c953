#include "loopback.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>

namespace tradeguard {
namespace {

// An address as the kernel writes it there: words of four bytes, each in this machine's order.
std::string in_table(const unsigned char* bytes, std::size_t size) {
  std::string text;
  for (std::size_t at = 0; at < size; at += 4) {
    std::uint32_t word = 0;
    std::copy_n(bytes + at, 4, reinterpret_cast<unsigned char*>(&word));
    std::array<char, 9> hex{};
    std::snprintf(hex.data(), hex.size(), "%08X", word);
    text += hex.data();
  }
  return text;
}

// At which a connection to `address` may be answered: it, its form within IPv6, and every address.
std::set<std::string> answering(const std::string& address) {
  std::set<std::string> all{std::string(8, '0'), std::string(32, '0')};
  in_addr four{};
  in6_addr six{};
  if (::inet_pton(AF_INET, address.c_str(), &four) == 1) {
    all.insert(in_table(reinterpret_cast<const unsigned char*>(&four), sizeof four));
    const std::string mapped = "::ffff:" + address;
    ::inet_pton(AF_INET6, mapped.c_str(), &six);
    all.insert(in_table(six.s6_addr, sizeof six));
  } else if (::inet_pton(AF_INET6, address.c_str(), &six) == 1) {
    all.insert(in_table(six.s6_addr, sizeof six));
  }
  return all;
}

// sl local_address rem_address st tx_queue:rx_queue tr:when retransmits uid ...
struct Row {
  std::string local;
  std::string state;
  std::string uid;
};
std::optional<Row> row_of(const std::string& line) {
  std::istringstream words{line};
  std::string skipped;
  Row row;
  words >> skipped >> row.local >> skipped >> row.state >> skipped >> skipped >> skipped >> row.uid;
  if (!words || row.local.find(':') == std::string::npos) return std::nullopt;
  return row;
}

}  // namespace

std::optional<std::string> loopback_objection(const std::string& address, std::uint16_t port) {
  constexpr std::string_view listens = "0A";
  const std::set<std::string> where = answering(address);
  const std::set<std::string> trusted{"0", std::to_string(::geteuid())};
  bool readable = false;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream in{table};
    readable = readable || in.is_open();
    for (std::string line; std::getline(in, line);) {
      const auto row = row_of(line);
      if (!row || row->state != listens) continue;
      const std::size_t colon = row->local.find(':');
      unsigned its_port = 0;
      std::from_chars(row->local.data() + colon + 1, row->local.data() + row->local.size(), its_port, 16);
      if (its_port != port || !where.contains(row->local.substr(0, colon))) continue;
      if (!trusted.contains(row->uid)) return "is served by uid " + row->uid + ", which is neither root nor this user";
    }
  }
  if (!readable) return "is served by a user that cannot be told, for want of /proc/net/tcp";
  return std::nullopt;
}

}  // namespace tradeguard
