// Loaded before libc into the program under test: keeps, beside the files of a store, what of them a
// power loss would leave, and cuts the power at the n-th sync.
//
//   POWER_FILES   the beginning of the paths it looks at: "/folder/bot.db"
//   POWER_DISK    a folder that stands for the disk; disk.hpp reads it
//   POWER_CUT_AT  the sync that does not happen any more, from 1; 0 or absent: none
//
// What is written reaches the disk when the file is synced, and a name when its folder is. Until then
// it is pending, in order. Wal-index files (-shm) are memory and are not looked at.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>
#include <string>

namespace {

template <class F>
F real(const char* name) {
  return reinterpret_cast<F>(::dlsym(RTLD_NEXT, name));
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

struct Power {
  std::string files = variable("POWER_FILES");
  std::string disk = variable("POWER_DISK");
  long cut_at = std::atol(variable("POWER_CUT_AT").c_str());
  long syncs = 0;
  std::set<ino_t> tracked;
  std::recursive_mutex mutex;
  bool on() const { return !files.empty() && !disk.empty(); }
};
Power& power() {
  static Power* const one = new Power;  // used until the process is gone
  return *one;
}

bool is_ours(const std::string& path) { return path.starts_with(power().files) && !path.ends_with("-shm"); }
std::string path_of(int descriptor) {
  char path[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t length = ::readlink(link.c_str(), path, sizeof path);
  return length < 0 ? std::string{} : std::string{path, static_cast<std::size_t>(length)};
}
std::string place(const char* kind, ino_t inode) { return power().disk + "/" + kind + "-" + std::to_string(inode); }
ino_t inode_of(int descriptor) {
  struct stat found {};
  return ::fstat(descriptor, &found) == 0 ? found.st_ino : 0;
}
bool is_tracked(int descriptor) { return power().tracked.contains(inode_of(descriptor)); }

// Raw calls: what is written here is not what is watched.
void write_all(const std::string& path, int flags, const void* data, std::size_t size) {
  const int out =
      real<int (*)(const char*, int, ...)>("open")(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
  const auto* bytes = static_cast<const char*>(data);
  while (out >= 0 && size > 0) {
    const ssize_t more = real<ssize_t (*)(int, const void*, size_t)>("write")(out, bytes, size);
    if (more <= 0) ::abort();
    bytes += more;
    size -= static_cast<std::size_t>(more);
  }
  if (out >= 0) ::close(out);
}

void note_pending(int descriptor, std::int64_t offset, const void* data, std::int64_t size) {
  const std::int64_t head[2]{offset, size};
  std::string record{reinterpret_cast<const char*>(head), sizeof head};
  if (data != nullptr) record.append(static_cast<const char*>(data), static_cast<std::size_t>(size));
  write_all(place("pending", inode_of(descriptor)), O_APPEND, record.data(), record.size());
}

void keep_file(int descriptor) {
  const ino_t inode = inode_of(descriptor);
  std::string content;
  char buffer[65536];
  const std::string again = "/proc/self/fd/" + std::to_string(descriptor);
  const int in = real<int (*)(const char*, int, ...)>("open")(again.c_str(), O_RDONLY | O_CLOEXEC);
  for (ssize_t got = 0; in >= 0 && (got = ::read(in, buffer, sizeof buffer)) > 0;)
    content.append(buffer, static_cast<std::size_t>(got));
  if (in >= 0) ::close(in);
  write_all(place("kept", inode), O_TRUNC, content.data(), content.size());
  ::unlink(place("pending", inode).c_str());
}

// "inode name" of every file of ours that the folder has now.
void keep_names(const std::string& folder) {
  std::string names;
  if (DIR* entries = ::opendir(folder.c_str())) {
    while (const dirent* entry = ::readdir(entries)) {
      const std::string path = folder + "/" + entry->d_name;
      struct stat found {};
      if (is_ours(path) && ::stat(path.c_str(), &found) == 0) names += std::to_string(found.st_ino) + " " + path + "\n";
    }
    ::closedir(entries);
  }
  write_all(power().disk + "/names", O_TRUNC, names.data(), names.size());
}

void track(int descriptor, const std::string& path) {
  if (descriptor < 0 || !is_ours(path)) return;
  power().tracked.insert(inode_of(descriptor));
}

// Counts, cuts, or keeps.
int synced(int descriptor, const char* how) {
  Power& p = power();
  const std::lock_guard lock{p.mutex};
  const auto sync = real<int (*)(int)>(how);
  if (!p.on()) return sync(descriptor);
  struct stat found {};
  const bool folder = ::fstat(descriptor, &found) == 0 && S_ISDIR(found.st_mode);
  const bool ours = folder ? p.files.starts_with(path_of(descriptor) + "/") : is_tracked(descriptor);
  if (!ours) return sync(descriptor);
  if (++p.syncs == p.cut_at) {
    ::kill(::getpid(), SIGKILL);
    ::pause();
  }
  const int done = sync(descriptor);
  if (done == 0) folder ? keep_names(path_of(descriptor)) : keep_file(descriptor);
  return done;
}

int opened(const char* how, const char* path, int flags, mode_t mode) {
  Power& p = power();
  const std::lock_guard lock{p.mutex};
  const int descriptor = real<int (*)(const char*, int, ...)>(how)(path, flags, mode);
  if (p.on() && descriptor >= 0) {
    track(descriptor, path_of(descriptor));
    if ((flags & O_TRUNC) != 0 && is_tracked(descriptor)) note_pending(descriptor, -1, nullptr, 0);
  }
  return descriptor;
}

ssize_t written_at(const char* how, int descriptor, const void* data, size_t size, off64_t offset) {
  Power& p = power();
  const std::lock_guard lock{p.mutex};
  const ssize_t done = real<ssize_t (*)(int, const void*, size_t, off64_t)>(how)(descriptor, data, size, offset);
  if (p.on() && done > 0 && is_tracked(descriptor)) note_pending(descriptor, offset, data, done);
  return done;
}

int cut_off(const char* how, int descriptor, off64_t size) {
  Power& p = power();
  const std::lock_guard lock{p.mutex};
  const int done = real<int (*)(int, off64_t)>(how)(descriptor, size);
  // A length below zero: the file ends at -1 - length.
  if (p.on() && done == 0 && is_tracked(descriptor)) note_pending(descriptor, -1 - size, nullptr, 0);
  return done;
}

}  // namespace

extern "C" {

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return opened("open", path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return opened("open64", path, flags, mode);
}
#pragma GCC diagnostic pop

ssize_t pwrite(int descriptor, const void* data, size_t size, off_t offset) {
  return written_at("pwrite", descriptor, data, size, offset);
}
ssize_t pwrite64(int descriptor, const void* data, size_t size, off64_t offset) {
  return written_at("pwrite64", descriptor, data, size, offset);
}
ssize_t write(int descriptor, const void* data, size_t size) {
  Power& p = power();
  const auto plain = real<ssize_t (*)(int, const void*, size_t)>("write");
  if (!p.on()) return plain(descriptor, data, size);
  const std::lock_guard lock{p.mutex};
  const bool ours = is_tracked(descriptor);
  off_t at = ours ? ::lseek(descriptor, 0, SEEK_CUR) : 0;
  if (ours && (::fcntl(descriptor, F_GETFL) & O_APPEND) != 0) {
    struct stat found {};
    ::fstat(descriptor, &found);
    at = found.st_size;
  }
  const ssize_t done = plain(descriptor, data, size);
  if (ours && done > 0) note_pending(descriptor, at, data, done);
  return done;
}
int ftruncate(int descriptor, off_t size) noexcept { return cut_off("ftruncate", descriptor, size); }
int ftruncate64(int descriptor, off64_t size) noexcept { return cut_off("ftruncate64", descriptor, size); }
int fsync(int descriptor) { return synced(descriptor, "fsync"); }
int fdatasync(int descriptor) { return synced(descriptor, "fdatasync"); }

}  // extern "C"
