// Files that decide what is traded: opened without being led elsewhere or held up, and taken only
// where nobody but root, the user who runs this and whoever is named can change them. ssh calls it
// StrictModes.
//
// The path is followed from / on. Every folder on the way belongs to somebody trusted and is not
// writable by others, except a sticky one such as /tmp, in which nobody replaces what is another's.
// A link is followed if it belongs to somebody trusted: links of root lead to credentials in
// containers. Writable by a group counts as writable by its members, so a user's private group is
// no fault; an access list that lets others write is one. Tests:
// tests/security/trusted_file_test.cpp
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace tradeguard::cli {

// Why a file is not taken, as a sentence without its path ("belongs to mallory (uid 1001), mode
// 0666: anybody can write it"), and the command that ends it; empty: there is none.
struct Distrust {
  enum class Kind { missing, unfit, unsafe };  // not there; another kind of file, or too large; others can change it
  Kind kind = Kind::unsafe;
  std::string what;
  std::string mend;
  std::string text() const { return what + (mend.empty() ? "" : "; to mend it: " + mend); }
};

// Who may be able to change a file: root, the user this process acts as, and these.
struct Trusted {
  std::vector<uid_t> others = {};
  bool group_of_root = false;                 // a folder of root's that a group can write, such as /var/log, is taken
  std::optional<gid_t> group = std::nullopt;  // and its members, who may write what belongs to this group
  bool includes(uid_t uid) const;
};

struct Wanted {
  enum class Pipes {
    none,       // a regular file, or /dev/null for an empty one
    inherited,  // also a pipe that the caller handed over: /dev/stdin, /dev/fd/63
    any,        // also a named pipe
  };
  std::uintmax_t most_bytes = std::uintmax_t{1} << 20;
  Pipes pipes = Pipes::none;
  // nullopt: who can change the file is not asked, only what it is.
  std::optional<Trusted> trusted = Trusted{};
};

// Where a path leads, every link followed.
struct RealPath {
  std::string path;
  bool exists = false;
  bool inherited = false;   // a descriptor of this process: /dev/stdin, /dev/fd/63
  struct stat status = {};  // of what exists and is not inherited
};
// The folders and links of a path judged, its last part not. With nullptr nothing is judged.
tl::expected<RealPath, Distrust> follow(const std::string& path, const Trusted* trusted);
// Who can write this file, or what is in this folder, besides those trusted.
std::optional<Distrust> writable_by_others(const std::string& path, const struct stat& status, const Trusted& trusted);

class OpenedFile {
 public:
  explicit OpenedFile(int descriptor);
  OpenedFile(OpenedFile&& other) noexcept : descriptor_{std::exchange(other.descriptor_, -1)}, status_{other.status_} {}
  OpenedFile& operator=(OpenedFile&&) = delete;
  ~OpenedFile();
  int descriptor() const { return descriptor_; }
  const struct stat& status() const { return status_; }  // of the descriptor

 private:
  int descriptor_;
  struct stat status_ = {};
};
// For reading, never blocking. What is judged is what was opened.
tl::expected<OpenedFile, Distrust> open_for_reading(const std::string& path, const Wanted& wanted);
// Its content, never more than most_bytes; a pipe is given 10 s.
tl::expected<std::string, Distrust> text_of_file(const std::string& path, const Wanted& wanted);
// Whether open_for_reading would take it; what is missing is no fault.
std::optional<Distrust> distrust_of(const std::string& path, const Wanted& wanted);

// The same for a file that is written at its end, a log or messages: a pipe or a terminal is none
// of a stranger's business either, and a file with a second name may be another one. What is
// missing is no fault, its folder may be.
std::optional<Distrust> distrust_of_output(const std::string& path, const struct stat& status, const Trusted& trusted);
std::optional<Distrust> distrust_of_output(const std::string& path, const Trusted& trusted);

// All that this machine can list.
std::vector<uid_t> members_of(gid_t gid);
// "mallory (uid 1001)"
std::string user_text(uid_t uid);
// "0644"
std::string mode_text(mode_t mode);
// A path as a shell takes it.
std::string shell_word(const std::string& path);

}  // namespace tradeguard::cli
