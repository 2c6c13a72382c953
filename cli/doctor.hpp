// What doctor looks at, part by part. Each finding is one sentence, what to do about it, and the exit
// code a run would end with because of it. Tests: tests/live/doctor_test.cpp, tests/cli/doctor_test.cpp
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "setup.hpp"
#include "tradeguard/run_lock.hpp"
#include "tradeguard/venue_check.hpp"
#include "wiring.hpp"

namespace tradeguard::cli {

struct Found : Finding {
  int code = exit_ok;
};
Found well(std::string what, std::string detail);
Found doubtful(std::string what, std::string detail, std::string what_to_do);
Found problem(std::string what, std::string detail, std::string what_to_do, int code);
Found problem(std::string what, const Error& error, std::string what_to_do);
Found found(Finding finding);
// A certificate that is not valid now is mostly a clock that is wrong: certificates are looked after.
Found with_the_clock(Found finding, Instant now);
// Of all that was found, the exit code that comes first in the contract.
int first_that_applies(const std::vector<Found>& findings);

// What only the command line says.
struct Wishes {
  std::string config_file;
  bool far_order;
  bool send;
  std::FILE* messages;
};

// ---- this machine: secrets, the notifier, files, disks ----
struct Secrets {
  std::vector<Found> findings;  // of those that this configuration needs
  bool exchange = true;         // its key and secret are there
  bool notifier = true;
};
Secrets examine_secrets(const Setup& setup);
std::vector<Found> examine_notifier(Setup& setup, const Wishes& wishes, bool has_token);
// What others could change, lock or read a password in: one problem each, with the command that mends it.
std::vector<Found> examine_files(const Setup& setup, const std::string& config_file);
std::vector<Found> examine_disks(const Setup& setup);
// `what` lies in `folder`, where so many bytes and files are left.
struct Space {
  std::uint64_t bytes;
  std::uint64_t files;
  bool read_only;
  std::string passing = "";  // a file system that is emptied: "tmpfs", "overlay"
};
Found judge_space(const std::string& what, const std::string& folder, const Space& space);

// ---- the store: its clock and rights, the lock, the account in it ----
struct Locked {
  std::vector<Found> findings;
  std::unique_ptr<RunLease::Hold> hold;  // null: a run has it
};
Locked examine_lock(const Settings& settings, Store& store);
std::vector<Found> examine_store(Setup& setup, Store& store);
std::vector<Found> examine_account(Setup& setup, Store& store, bool alone);
// The exchange asked an earlier run for silence that is not over: it is not asked by doctor either.
std::optional<Found> examine_silence(Setup& setup, Store& store);

// ---- what is configured, and the exchange ----
// Sizes that no entry could have: beyond the cap, and on paper below what the paper exchange takes.
std::vector<Found> examine_sizes(const Settings& settings, Instant now);
std::vector<Found> examine_venue(Setup& setup, const Wishes& wishes, bool alone);

}  // namespace tradeguard::cli
