#include "tradeguard/lock_holder.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "holder_note.hpp"

namespace tradeguard {

namespace {

// Behind the two lines of the fences: "holder 0000025942 start 00000000000083117".
constexpr std::size_t line_length = 64;
constexpr off_t place_of_note = 2 * line_length;

std::string of_process(pid_t pid, const char* file) {
  return text_of_proc("/proc/" + std::to_string(pid) + "/" + file);
}

// "Uid:	1000	1000	1000	1000": real and effective. /proc/PID itself may belong to
// root for any process.
std::optional<uid_t> effective_user(pid_t pid) {
  std::istringstream lines{of_process(pid, "status")};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("Uid:")) continue;
    std::istringstream numbers{line.substr(4)};
    uid_t real = 0;
    uid_t effective = 0;
    if (numbers >> real >> effective) return effective;
  }
  return std::nullopt;
}

std::string command_of(pid_t pid) {
  constexpr std::size_t longest = 80;
  std::string words = of_process(pid, "cmdline");
  // Program and first argument; what comes behind may be anybody's secret.
  if (const auto first = words.find('\0'); first != std::string::npos)
    if (const auto second = words.find('\0', first + 1); second != std::string::npos) words.resize(second);
  std::ranges::replace(words, '\0', ' ');
  while (!words.empty() && words.back() == ' ') words.pop_back();
  if (words.empty()) {
    words = of_process(pid, "comm");
    while (!words.empty() && words.back() == '\n') words.pop_back();
  }
  return words.size() <= longest ? words : words.substr(0, longest) + "...";
}

LockHolder holder_of(pid_t pid, const std::optional<NotedHolder>& noted) {
  LockHolder holder;
  holder.pid = pid;
  const auto uid = effective_user(pid);
  if (!uid) {
    // The process that took the lock has ended, and one that inherited it lives on.
    holder.user = "?";
    return holder;
  }
  holder.uid = *uid;
  const passwd* const entry = ::getpwuid(*uid);
  holder.user = entry == nullptr ? std::to_string(*uid) : entry->pw_name;
  holder.command = command_of(pid);
  const std::string name = of_process(pid, "comm");
  // Ended while it was looked at: every process that is there has a name, a dead one too.
  if (name.empty()) return LockHolder{.pid = pid, .user = "?"};
  const bool by_note = noted && noted->pid == pid && noted->started == start_of_process(pid);
  // An older version notes nothing. A name proves nothing of a stranger.
  const bool by_name = (*uid == 0 || *uid == ::geteuid()) && name == "tradeguard\n";
  holder.is_tradeguard = by_note || by_name;
  return holder;
}

}  // namespace

std::vector<LockHolder> lock_holders(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return {};
  // "1: FLOCK  ADVISORY  WRITE 25942 fe:00:10952826 0 EOF", and with "->" who waits for it. The
  // device is written differently by some file systems, so the inode has to do.
  const std::string inode = ":" + std::to_string(status.st_ino);
  const auto noted = noted_holder(path);
  std::vector<LockHolder> holders;
  std::ifstream locks{"/proc/locks"};
  for (std::string line; std::getline(locks, line);) {
    std::istringstream words{line};
    std::string number;
    std::string kind;
    std::string mode;
    std::string access;
    std::string place;
    pid_t pid = 0;
    if (!(words >> number >> kind >> mode >> access >> pid >> place) || kind == "->") continue;
    if (!place.ends_with(inode) || pid == ::getpid()) continue;
    if (std::ranges::find(holders, pid, &LockHolder::pid) == holders.end()) holders.push_back(holder_of(pid, noted));
  }
  return holders;
}

void note_holder(int descriptor) {
  const pid_t pid = ::getpid();
  std::array<char, line_length + 1> text{};
  std::snprintf(text.data(), text.size(), "holder %010ld start %s", static_cast<long>(pid),
                start_of_process(pid).c_str());
  std::string line{text.data()};
  line.resize(line_length - 1, ' ');
  line += '\n';
  (void)!::pwrite(descriptor, line.data(), line.size(), place_of_note);
}

std::optional<NotedHolder> noted_holder(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) return std::nullopt;
  std::array<char, line_length> bytes{};
  const ssize_t size = ::pread(descriptor, bytes.data(), bytes.size(), place_of_note);
  ::close(descriptor);
  if (size != static_cast<ssize_t>(bytes.size())) return std::nullopt;
  std::istringstream words{std::string{bytes.data(), bytes.size()}};
  std::string holder;
  std::string start;
  NotedHolder noted{};
  if (!(words >> holder >> noted.pid >> start >> noted.started) || holder != "holder" || start != "start")
    return std::nullopt;
  return noted;
}

std::string text_of_proc(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  // Not by iterators: those throw where reading fails.
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

std::string start_of_process(pid_t pid) {
  // Field 22; the name in field 2 may hold anything and ends with the last bracket.
  const std::string text = of_process(pid, "stat");
  const auto bracket = text.rfind(')');
  if (bracket == std::string::npos) return "";
  std::istringstream words{text.substr(bracket + 1)};
  std::string word;
  constexpr int field_behind_name = 20;
  for (int i = 0; i < field_behind_name; ++i)
    if (!(words >> word)) return "";
  return word;
}

}  // namespace tradeguard
