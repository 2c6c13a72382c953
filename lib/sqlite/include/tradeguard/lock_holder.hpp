// Who holds a lock on a file of this machine, as the kernel lists it in /proc/locks.
// Tests: tests/security/store_files_test.cpp
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace tradeguard {

struct LockHolder {
  pid_t pid = 0;
  uid_t uid = 0;
  std::string user;     // its name, or the number
  std::string command;  // the beginning of its command line
  // It wrote itself into the lock file, or runs as this user or root and calls itself tradeguard.
  bool is_tradeguard = false;
};

// Other processes with a lock, or a record lock, on this very file, whatever they are. Empty: none
// that this process can see. Processes of other containers cannot be seen.
std::vector<LockHolder> lock_holders(const std::string& path);

}  // namespace tradeguard
