// A bot whose folder everybody may enter, as those in /srv and /var/lib often are.
#pragma once

#include <sys/stat.h>

#include "stores.hpp"

namespace tradeguard::security {

struct OpenBot : cli::test::Trading {
  explicit OpenBot(std::string_view ini = "") : Trading{"sqlite", ini} { ::chmod(folder().path().c_str(), 0755); }
  std::string file(const std::string& name) const { return folder().file(name); }
  // Over the signals in signals.jsonl.
  cli::test::Ran run(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{"run",           "--config",     "bot.ini", "--signals",
                                       "signals.jsonl", "--log-format", "bare"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return place().run(arguments);
  }
};

}  // namespace tradeguard::security
