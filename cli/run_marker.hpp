// What a run knows of its account when the store cannot be asked: whether live trades may be open, and
// when somebody was last told what the outbox could not tell.
//
// A small file beside the lock, "{real path of the database}.{venue}.{account}.marker". The lock of
// PostgreSQL has no place on this machine, so its marker lies beside the configuration file. Where that
// place cannot be written the next one is taken: $STATE_DIRECTORY, $XDG_STATE_HOME/tradeguard,
// ~/.local/state/tradeguard, /tmp/tradeguard-UID. Of several the newest counts. Lines have a fixed
// length and are overwritten in place, so a full disk does not keep a marker that is there from being
// written. Tests: tests/cli/run_marker_test.cpp
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "options.hpp"
#include "tradeguard/signal.hpp"
#include "tradeguard/time.hpp"

namespace tradeguard::cli {

// What is told without the outbox; each is remembered for itself.
enum class Topic { run_failed, log_file };

class RunMarker {
 public:
  struct Place {
    std::string path;
    bool own_folder = false;  // the folder is this program's, and is made with mode 0700
  };
  // In this order.
  explicit RunMarker(std::vector<Place> places) : places_{std::move(places)} {}

  // How many live trades were open at most; nullopt: nobody ever wrote it, or it cannot be read.
  std::optional<int> open_trades() const;
  // Durable when it returns: written and synced before an entry can leave. False: no place took it.
  bool note_open_trades(int trades, Instant now) const;

  // When this topic was told, and of what; nullopt: not since it was well.
  struct Told {
    Instant at;
    std::string cause;  // in short, as is_due compares it
  };
  std::optional<Told> told(Topic topic) const;
  // Whether it is time to tell it: not yet, or another cause and 5 minutes ago, or an hour ago. A time
  // that a clock which was ahead wrote down counts as no time.
  bool is_due(Topic topic, std::string_view cause, Instant now) const;
  bool note_told(Topic topic, std::string_view cause, Instant now) const;
  void forget_told(Topic topic, Instant now) const;

 private:
  std::vector<Place> places_;
};

// 16 hex digits for a text, for names and for comparing causes; it holds no secret. FNV-1a.
std::string short_of(std::string_view text);

// The places for the account of these settings. `config_file` is as it was given; empty: none was.
RunMarker marker_of(const Settings& settings, const AccountKey& account, const std::string& config_file,
                    const Pairs& environment);

}  // namespace tradeguard::cli
