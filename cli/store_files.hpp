// The files of an SQLite store: who can write, read or lock them, or put another one beside them.
//
// Whoever can read a database or a lock file can lock it, and whoever can make files in the folder
// can give the database a log that is not its own. Nothing is opened here: to close a file would
// drop locks on it. Tests: tests/security/store_files_test.cpp
#pragma once

#include <string>
#include <vector>

#include "options.hpp"
#include "tradeguard/error.hpp"
#include "tradeguard/log.hpp"
#include "trusted_file.hpp"

namespace tradeguard::cli {

enum class Mending { no, what_is_ours };

struct StoreFault {
  std::string path;
  Distrust distrust;
  std::string text() const { return path + ": " + distrust.text(); }
};
struct StoreFiles {
  std::vector<StoreFault> faults;      // no run trades with these
  std::vector<std::string> readable;   // by others: for the next run to mend
  std::vector<std::string> tightened;  // what this call has mended
  std::string before;                  // the rights of the first of those
};
// Nothing of PostgreSQL, and nothing of a file that is not there. Files of this user that others
// can read lose those rights with Mending::what_is_ours; what others could write is for a person to
// look at.
StoreFiles judge_store_files(const Settings& settings, Mending mending);

// Fault::configuration: all that is wrong. Asked before every opening.
Result<void> require_ours(const Settings& settings);
// The same for a run, which mends what it can first, and says so in one line.
Result<void> secure_store(const Settings& settings, Log& log);

// What of the store is locked: the account's run lock, or the database itself.
enum class LockedPart { run, database };
enum class Named { strangers, all };
// One line for each other process that holds it; CRITICAL if it is another program than tradeguard,
// which is then what comes back: "process 4711 of mallory (python3 lock.py)". "": nobody is seen,
// or only tradeguards. That one run keeps out another is ordinary, and no reason to name it.
std::string say_lock_holders(const Settings& settings, const AccountKey& account, LockedPart what, Named named,
                             Log& log);
// "tradeguard, process 4711 of bot: /usr/bin/tradeguard run"; "" if nobody is seen.
std::string lock_holder_text(const Settings& settings, const AccountKey& account);

}  // namespace tradeguard::cli
