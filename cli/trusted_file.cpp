#include "trusted_file.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <system_error>

#include "tradeguard/clock.hpp"

namespace tradeguard::cli {

namespace {

Distrust missing() { return {Distrust::Kind::missing, "there is no such file", ""}; }
Distrust unfit(std::string what) { return {Distrust::Kind::unfit, std::move(what), ""}; }
Distrust too_large(std::uintmax_t most) {
  return unfit("is larger than " +
               (most < 1U << 20 ? std::to_string(most) + " bytes" : std::to_string(most >> 20) + " MiB"));
}
Distrust unreadable(int error) {
  if (error == ENOENT) return missing();
  return unfit("cannot be opened: " + std::system_category().message(error) + " (this process is " +
               user_text(::geteuid()) + ")");
}

std::string name_of(uid_t uid) {
  const passwd* const entry = ::getpwuid(uid);
  return entry == nullptr ? "" : entry->pw_name;
}
std::string own_name() {
  const std::string name = name_of(::geteuid());
  return name.empty() ? std::to_string(::geteuid()) : name;
}

bool has_access_list(const std::string& path) {
  return ::lgetxattr(path.c_str(), "system.posix_acl_access", nullptr, 0) > 0;
}

// The first member that is not trusted; "" if there is none.
std::string outsider_in(gid_t gid, const Trusted& trusted) {
  std::vector<std::string> members;
  if (const group* const entry = ::getgrgid(gid))
    for (char** member = entry->gr_mem; *member != nullptr; ++member) members.emplace_back(*member);
  for (const std::string& member : members) {
    const passwd* const user = ::getpwnam(member.c_str());
    if (user == nullptr || !trusted.includes(user->pw_uid)) return member;
  }
  std::string outsider;
  ::setpwent();
  while (const passwd* const user = ::getpwent())
    if (user->pw_gid == gid && !trusted.includes(user->pw_uid)) {
      outsider = user->pw_name;
      break;
    }
  ::endpwent();
  return outsider;
}

// Where accounts come from a directory not all of them can be listed, so that an empty list proves
// nothing: the group has to be private by its name or number too, root's, or of something that is
// root's.
bool may_be_private(gid_t gid, uid_t owner) {
  if (gid == 0 || owner == 0 || gid == owner || gid == ::geteuid()) return true;
  const group* const entry = ::getgrgid(gid);
  if (entry == nullptr) return false;
  const std::string name = entry->gr_name;
  return name == name_of(owner) || name == name_of(::geteuid());
}

std::optional<Distrust> judge_folder(const std::string& path, const Trusted& trusted) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return unreadable(errno);
  const bool sticky = (status.st_mode & S_ISVTX) != 0 && trusted.includes(status.st_uid);
  if (sticky) return std::nullopt;
  if (trusted.group_of_root && status.st_uid == 0 && (status.st_mode & S_IWOTH) == 0) return std::nullopt;
  auto distrust = writable_by_others(path, status, trusted);
  if (distrust) distrust->what = "lies in " + path + ", which " + distrust->what;
  return distrust;
}

std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from < path.size();) {
    const std::size_t to = std::min(path.find('/', from), path.size());
    if (to > from) parts.push_back(path.substr(from, to - from));
    from = to + 1;
  }
  return parts;
}

std::string link_target(const std::string& path) {
  std::string target(PATH_MAX, '\0');
  const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  target.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return target;
}

bool is_null_device(const struct stat& status) { return S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(1, 3); }

std::optional<Distrust> judge_kind(const struct stat& status, bool inherited, const Wanted& wanted) {
  if (S_ISREG(status.st_mode)) {
    if (static_cast<std::uintmax_t>(status.st_size) <= wanted.most_bytes) return std::nullopt;
    return too_large(wanted.most_bytes);
  }
  if (is_null_device(status)) return std::nullopt;
  const bool pipes = wanted.pipes == Wanted::Pipes::any || (wanted.pipes == Wanted::Pipes::inherited && inherited);
  const bool pipe = S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode);
  // Typed at a terminal: what the caller handed over, whatever it is.
  if (pipes && (pipe || (inherited && S_ISCHR(status.st_mode)))) return std::nullopt;
  const char* const found = S_ISDIR(status.st_mode)                              ? "a folder"
                            : S_ISFIFO(status.st_mode)                           ? "a named pipe"
                            : S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode) ? "a device"
                                                                                 : "no file";
  return unfit(std::string{"is "} + found + ", expected a regular file");
}

}  // namespace

bool Trusted::includes(uid_t uid) const {
  return uid == 0 || uid == ::geteuid() || std::ranges::find(others, uid) != others.end();
}

std::optional<Distrust> writable_by_others(const std::string& path, const struct stat& status, const Trusted& trusted) {
  const std::string whose = "belongs to " + user_text(status.st_uid) + ", mode " + mode_text(status.st_mode);
  const auto unsafe = [&](const std::string& why, const std::string& command) {
    return Distrust{Distrust::Kind::unsafe, whose + ": " + why, command + " " + shell_word(path)};
  };
  if (!trusted.includes(status.st_uid))
    // Given to root, the files of a user's bot would be lost to that bot.
    return unsafe(::geteuid() == 0 ? "expected root, who runs this; if it is the bot of " + user_text(status.st_uid) +
                                         ", start it as that user (sudo -u) and change nothing"
                                   : "expected root or " + user_text(::geteuid()) + ", who runs this",
                  "chown " + own_name());
  if ((status.st_mode & S_IWOTH) != 0) return unsafe("anybody can write it", "chmod go-w");
  if ((status.st_mode & S_IWGRP) == 0) return std::nullopt;
  const group* const entry = ::getgrgid(status.st_gid);
  const std::string group_text = entry == nullptr
                                     ? "gid " + std::to_string(status.st_gid)
                                     : std::string{entry->gr_name} + " (gid " + std::to_string(status.st_gid) + ")";
  if (has_access_list(path)) return unsafe("its access list lets others write it", "setfacl -b");
  if (trusted.group == status.st_gid) return std::nullopt;
  const std::string outsider = outsider_in(status.st_gid, trusted);
  if (!outsider.empty())
    return unsafe("the group " + group_text + " can write it, and " + outsider + " is in it", "chmod g-w");
  if (!may_be_private(status.st_gid, status.st_uid))
    return unsafe("the group " + group_text + " can write it", "chmod g-w");
  return std::nullopt;
}

tl::expected<RealPath, Distrust> follow(const std::string& path, const Trusted* trusted) {
  std::string whole = path;
  if (path.empty() || path.find('\0') != std::string::npos) return tl::unexpected{missing()};
  if (path.front() != '/') {
    std::array<char, PATH_MAX> here{};
    if (::getcwd(here.data(), here.size()) == nullptr) return tl::unexpected{unreadable(errno)};
    whole = std::string{here.data()} + "/" + path;
  }
  const std::string own_descriptors = "/proc/" + std::to_string(::getpid()) + "/fd";
  std::vector<std::string> ahead = parts_of(whole);
  std::ranges::reverse(ahead);
  std::string at;  // without a slash at its end, so "" is /
  if (trusted != nullptr)
    if (auto distrust = judge_folder("/", *trusted)) return tl::unexpected{std::move(*distrust)};
  RealPath real;
  constexpr int most_links = 40;  // as the kernel has it
  for (int links = 0; !ahead.empty();) {
    const std::string part = std::move(ahead.back());
    ahead.pop_back();
    if (part == ".") continue;
    if (part == "..") {
      if (!at.empty()) at.resize(at.rfind('/'));
      continue;
    }
    const std::string next = at + "/" + part;
    if (at == own_descriptors && ahead.empty()) return RealPath{next, true, true, {}};
    struct stat status {};
    if (::lstat(next.c_str(), &status) != 0) {
      if (errno == ENOENT && ahead.empty()) return RealPath{next, false, false, {}};
      return tl::unexpected{unreadable(errno)};
    }
    if (S_ISLNK(status.st_mode)) {
      if (++links > most_links) return tl::unexpected{unreadable(ELOOP)};
      if (trusted != nullptr && !trusted->includes(status.st_uid))
        return tl::unexpected{Distrust{Distrust::Kind::unsafe,
                                       "is reached through the link " + next + ", which belongs to " +
                                           user_text(status.st_uid) + ": expected root or " + user_text(::geteuid()) +
                                           ", who runs this",
                                       "rm " + shell_word(next)}};
      const std::string target = link_target(next);
      if (target.empty()) return tl::unexpected{unreadable(ENOENT)};
      if (target.front() == '/') at.clear();
      std::vector<std::string> more = parts_of(target);
      ahead.insert(ahead.end(), more.rbegin(), more.rend());
      continue;
    }
    if (ahead.empty()) return RealPath{next, true, false, status};
    if (!S_ISDIR(status.st_mode)) return tl::unexpected{unreadable(ENOTDIR)};
    if (trusted != nullptr)
      if (auto distrust = judge_folder(next, *trusted)) return tl::unexpected{std::move(*distrust)};
    at = next;
  }
  real.path = at.empty() ? "/" : at;
  real.exists = ::lstat(real.path.c_str(), &real.status) == 0;
  return real;
}

OpenedFile::OpenedFile(int descriptor) : descriptor_{descriptor} { ::fstat(descriptor, &status_); }

OpenedFile::~OpenedFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

tl::expected<OpenedFile, Distrust> open_for_reading(const std::string& path, const Wanted& wanted) {
  const Trusted* const trusted = wanted.trusted ? &*wanted.trusted : nullptr;
  const auto real = follow(path, trusted);
  if (!real) return relayed(real);
  if (!real->exists) return tl::unexpected{missing()};
  // Looked at before it is opened: opening a device may do something.
  if (!real->inherited)
    if (auto unfit = judge_kind(real->status, false, wanted)) return tl::unexpected{std::move(*unfit)};
  const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (real->inherited ? 0 : O_NOFOLLOW);
  const int descriptor = ::open(real->path.c_str(), flags);
  if (descriptor < 0) return tl::unexpected{unreadable(errno)};
  OpenedFile file{descriptor};
  const struct stat& status = file.status();
  if (auto unfit = judge_kind(status, real->inherited, wanted)) return tl::unexpected{std::move(*unfit)};
  if (!real->inherited && (status.st_dev != real->status.st_dev || status.st_ino != real->status.st_ino))
    return tl::unexpected{unfit("was replaced while it was opened")};
  if (trusted != nullptr && !real->inherited && !S_ISCHR(status.st_mode))
    if (auto distrust = writable_by_others(path, status, *trusted)) return tl::unexpected{std::move(*distrust)};
  return file;
}

tl::expected<std::string, Distrust> text_of_file(const std::string& path, const Wanted& wanted) {
  auto file = open_for_reading(path, wanted);
  if (!file) return relayed(file);
  constexpr Micros patience = 10s;
  SystemClock clock;
  const Micros until = clock.monotonic() + patience;
  std::string text;
  std::array<char, 64 * 1024> piece{};
  while (text.size() <= wanted.most_bytes) {
    pollfd ready{file->descriptor(), POLLIN, 0};
    constexpr int slice = 100;  // milliseconds
    const int events = ::poll(&ready, 1, slice);
    if (clock.monotonic() >= until && !S_ISREG(file->status().st_mode))
      return tl::unexpected{unfit("was still open after " + duration_text(patience))};
    if (events <= 0) continue;
    const ssize_t size = ::read(file->descriptor(), piece.data(), piece.size());
    if (size == 0) return text;
    if (size > 0) text.append(piece.data(), static_cast<std::size_t>(size));
    if (size < 0 && errno != EINTR && errno != EAGAIN) return tl::unexpected{unreadable(errno)};
  }
  return tl::unexpected{too_large(wanted.most_bytes)};
}

std::optional<Distrust> distrust_of(const std::string& path, const Wanted& wanted) {
  auto file = open_for_reading(path, wanted);
  if (file || file.error().kind == Distrust::Kind::missing) return std::nullopt;
  return file.error();
}

std::optional<Distrust> distrust_of_output(const std::string& path, const struct stat& status, const Trusted& trusted) {
  if (S_ISCHR(status.st_mode)) return std::nullopt;  // terminals and the like are made by root alone
  if (S_ISREG(status.st_mode) && status.st_nlink > 1)
    return Distrust{Distrust::Kind::unsafe, "has several names (hard links), and may be another file than it seems",
                    ""};
  return writable_by_others(path, status, trusted);
}

std::optional<Distrust> distrust_of_output(const std::string& path, const Trusted& trusted) {
  const auto real = follow(path, &trusted);
  if (!real) return real.error().kind == Distrust::Kind::unsafe ? std::optional{real.error()} : std::nullopt;
  if (!real->exists || real->inherited) return std::nullopt;
  return distrust_of_output(real->path, real->status, trusted);
}

std::vector<uid_t> members_of(gid_t gid) {
  std::vector<std::string> names;
  if (const group* const entry = ::getgrgid(gid))
    for (char** member = entry->gr_mem; *member != nullptr; ++member) names.emplace_back(*member);
  std::vector<uid_t> members;
  for (const std::string& name : names)
    if (const passwd* const user = ::getpwnam(name.c_str())) members.push_back(user->pw_uid);
  ::setpwent();
  while (const passwd* const user = ::getpwent())
    if (user->pw_gid == gid) members.push_back(user->pw_uid);
  ::endpwent();
  return members;
}

std::string user_text(uid_t uid) {
  const std::string name = name_of(uid);
  const std::string number = "uid " + std::to_string(uid);
  return name.empty() ? number : name + " (" + number + ")";
}

std::string mode_text(mode_t mode) {
  std::string digits = (mode & (S_ISUID | S_ISGID | S_ISVTX)) != 0 ? "" : "0";
  for (const int shift : {9, 6, 3, 0})
    if (shift != 9 || digits.empty()) digits += static_cast<char>('0' + ((mode >> shift) & 7));
  return digits;
}

std::string shell_word(const std::string& path) {
  const bool plain = std::ranges::all_of(path, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"/._-+@:,=%"}.find(c) != std::string_view::npos;
  });
  if (plain && !path.empty()) return path;
  std::string quoted = "'";
  for (const char c : path) quoted += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return quoted + "'";
}

}  // namespace tradeguard::cli
