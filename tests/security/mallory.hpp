// A second login on this machine, without rights: what she does, and the binary as another user
// runs it.
#pragma once

#include <sys/types.h>

#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <vector>

#include "program.hpp"
#include "scratch.hpp"

// Nothing can be shown without a second user, and only root can be one.
#define NEEDS_ROOT()                                                             \
  if (::geteuid() != 0) {                                                        \
    WARN("SKIPPED: makes a second user, for which the test has to run as root"); \
    return;                                                                      \
  }

namespace tradeguard::security {

inline constexpr uid_t mallory = 65533;
inline constexpr uid_t service = 65532;  // another user, who runs the bot

// In a process of that user; the text is what came of it.
std::string as_user(uid_t uid, const std::function<std::string()>& does);
inline std::string as_mallory(const std::function<std::string()>& does) { return as_user(mallory, does); }

// "opened", or why it cannot be.
std::string attempt_to_open(const std::string& path, int flags);
// By flock and by a record lock on all of it, shared and exclusive: "locked", or why not.
std::string attempt_to_lock(const std::string& path);

// Holds a lock on the file from a process of hers, until it is gone.
class Holding {
 public:
  Holding(uid_t uid, const std::string& path);
  Holding(const Holding&) = delete;
  Holding& operator=(const Holding&) = delete;
  ~Holding();
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

// Writes an empty line into the pipe every few milliseconds.
class Dripping {
 public:
  explicit Dripping(const std::string& pipe);
  Dripping(const Dripping&) = delete;
  Dripping& operator=(const Dripping&) = delete;
  ~Dripping();

 private:
  pid_t pid_;
};

// A folder that others may enter, as root has it.
class Ground {
 public:
  Ground();
  std::string file(const std::string& name) const { return folder_.file(name); }
  const std::string& path() const { return folder_.path(); }
  std::string read(const std::string& name) const { return folder_.read(name); }
  std::string write(const std::string& name, std::string_view content, mode_t mode = 0644, uid_t owner = 0,
                    gid_t group = 0) const;
  std::string folder(const std::string& name, mode_t mode, uid_t owner = 0, gid_t group = 0) const;
  std::string pipe(const std::string& name, mode_t mode = 0600, uid_t owner = 0) const;
  std::string link(const std::string& target, const std::string& name, uid_t owner = 0) const;

 private:
  cli::test::Scratch folder_;
};

// The binary, run there by that user on paper, and waited for.
cli::test::Ran run_as(uid_t uid, const Ground& ground, const std::vector<std::string>& arguments);
inline cli::test::Ran run_as_root(const Ground& ground, const std::vector<std::string>& arguments) {
  return run_as(0, ground, arguments);
}
mode_t mode_of(const std::string& path);
uid_t owner_of(const std::string& path);
bool says(const std::string& text, std::string_view part);

}  // namespace tradeguard::security
