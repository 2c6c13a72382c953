// The stores the command line is tested on: a file, and a database of its own on a real server.
#pragma once

#include <memory>
#include <string>

#include "program.hpp"

namespace tradeguard::cli::test {

// A place whose store is made and named in bot.ini. The tests that matter run on each kind.
class Trading {
 public:
  explicit Trading(const std::string& kind, std::string_view ini = "");  // "sqlite", "postgres"
  Trading(const Trading&) = delete;
  Trading& operator=(const Trading&) = delete;
  ~Trading();

  const Place& place() const { return place_; }
  Place& place() { return place_; }
  const Scratch& folder() const { return place_.folder(); }
  const std::string& url() const { return url_; }

  // `tradeguard run` over these signals, log bare.
  Ran cycle(std::string_view signals, const std::vector<std::string>& more = {},
            const Environment& environment = {}) const;
  // Any other command with this configuration.
  Ran command(std::vector<std::string> arguments, const Environment& environment = {}) const;
  Started start_cycle(const std::string& signals_path, const std::vector<std::string>& more = {}) const;
  // SQL from outside, on PostgreSQL as a superuser; fails the test if it fails.
  std::string sql(const std::string& statement) const;

 private:
  Place place_;
  std::string url_;
  std::string database_;  // of PostgreSQL
};

// The tests of both stores begin with: const auto kind = GENERATE(...) over these.
std::vector<std::string> store_kinds();

}  // namespace tradeguard::cli::test
