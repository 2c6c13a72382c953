#include "mallory.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "processes.hpp"

namespace tradeguard::security {

namespace {

void become(uid_t uid) {
  if (uid == 0) return;
  if (::setgroups(0, nullptr) != 0 || ::setgid(uid) != 0 || ::setuid(uid) != 0) ::_exit(111);
}

// The build may lie where others cannot go.
const std::string& binary_for_all() {
  static const Ground ground;
  static const std::string path = [] {
    std::filesystem::copy_file(TRADEGUARD_BINARY, ground.file("tradeguard"));
    ::chmod(ground.file("tradeguard").c_str(), 0755);
    return ground.file("tradeguard");
  }();
  return path;
}

void end(pid_t pid) {
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

}  // namespace

std::string as_user(uid_t uid, const std::function<std::string()>& does) {
  support::Fork other{[&](support::Fork::Parent& parent) {
    become(uid);
    parent.say(does());
  }};
  return other.hear();
}

std::string attempt_to_open(const std::string& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0666);
  if (descriptor < 0) return std::strerror(errno);
  ::close(descriptor);
  return "opened";
}

std::string attempt_to_lock(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return std::strerror(errno);
  struct flock record {};
  record.l_type = F_RDLCK;
  const bool locked = ::flock(descriptor, LOCK_SH | LOCK_NB) == 0 || ::fcntl(descriptor, F_SETLK, &record) == 0;
  ::close(descriptor);
  return locked ? "locked" : "not locked";
}

Holding::Holding(uid_t uid, const std::string& path) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  pid_ = ::fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    become(uid);
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const char held = descriptor >= 0 && ::flock(descriptor, LOCK_SH | LOCK_NB) == 0 ? 'y' : 'n';
    (void)!::write(ends[1], &held, 1);
    for (;;) ::pause();
  }
  char held = 0;
  (void)!::read(ends[0], &held, 1);
  ::close(ends[0]);
  ::close(ends[1]);
  REQUIRE(held == 'y');
}
Holding::~Holding() { end(pid_); }

Dripping::Dripping(const std::string& pipe) {
  pid_ = ::fork();
  REQUIRE(pid_ >= 0);
  if (pid_ != 0) return;
  const int descriptor = ::open(pipe.c_str(), O_RDWR);
  for (;;) {
    (void)!::write(descriptor, "\n", 1);
    ::usleep(5'000);
  }
}
Dripping::~Dripping() { end(pid_); }

namespace {

// Without root everything belongs to who runs the test, which is what most of them ask for.
void give(const std::string& path, uid_t owner, gid_t group) {
  if (::geteuid() != 0 && owner == 0 && group == 0) return;
  REQUIRE(::lchown(path.c_str(), owner, group) == 0);
}

}  // namespace

Ground::Ground() { ::chmod(folder_.path().c_str(), 0755); }

std::string Ground::write(const std::string& name, std::string_view content, mode_t mode, uid_t owner,
                          gid_t group) const {
  const std::string path = folder_.write(name, content, mode);
  give(path, owner, group);
  REQUIRE(::chmod(path.c_str(), mode) == 0);
  return path;
}
std::string Ground::folder(const std::string& name, mode_t mode, uid_t owner, gid_t group) const {
  const std::string path = file(name);
  REQUIRE(::mkdir(path.c_str(), 0700) == 0);
  give(path, owner, group);
  REQUIRE(::chmod(path.c_str(), mode) == 0);
  return path;
}
std::string Ground::pipe(const std::string& name, mode_t mode, uid_t owner) const {
  const std::string path = file(name);
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  give(path, owner, owner);
  REQUIRE(::chmod(path.c_str(), mode) == 0);
  return path;
}
std::string Ground::link(const std::string& target, const std::string& name, uid_t owner) const {
  const std::string path = file(name);
  REQUIRE(::symlink(target.c_str(), path.c_str()) == 0);
  give(path, owner, owner);
  return path;
}

cli::test::Ran run_as(uid_t uid, const Ground& ground, const std::vector<std::string>& arguments) {
  static int count = 0;
  const std::string stem = "/tmp/tradeguard-security." + std::to_string(::getpid()) + "." + std::to_string(++count);
  const std::string out = stem + ".out";
  const std::string err = stem + ".err";
  const std::string binary = binary_for_all();
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    const int output = ::open(out.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
    const int error = ::open(err.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
    const int input = ::open("/dev/null", O_RDONLY);
    ::dup2(input, 0);
    ::dup2(output, 1);
    ::dup2(error, 2);
    if (::chdir(ground.path().c_str()) != 0) ::_exit(112);
    become(uid);
    std::vector<char*> words{const_cast<char*>(binary.c_str())};
    for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    char dry_run[] = "DRY_RUN=1";
    char path[] = "PATH=/usr/bin:/bin";
    char* environment[] = {dry_run, path, nullptr};
    ::execve(binary.c_str(), words.data(), environment);
    ::_exit(113);
  }
  cli::test::Ran ran = cli::test::Started{pid, out, err}.finish();
  ::unlink(out.c_str());
  ::unlink(err.c_str());
  return ran;
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  INFO(path);
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

uid_t owner_of(const std::string& path) {
  struct stat status {};
  INFO(path);
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_uid;
}

bool says(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace tradeguard::security
