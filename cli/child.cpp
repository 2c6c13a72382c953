#include "child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace tradeguard::cli {

namespace {

constexpr int result_descriptor = 3;
constexpr std::size_t most_of_result = 65536;

class Descriptor {
 public:
  explicit Descriptor(int descriptor = -1) : descriptor_{descriptor} {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return descriptor_; }
  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }

 private:
  int descriptor_;
};

// Only what may be called between fork and exec. What goes wrong comes back as an errno over `trouble`.
[[noreturn]] void become(char* const* words, char* const* environment, int result, int trouble) {
  ::setpgid(0, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGTERM, SIGINT, SIGPIPE, SIGHUP, SIGCHLD}) ::signal(number, SIG_DFL);
  // The other end may be descriptor 3 itself; then a copy of it is moved out of the way first.
  const int far = ::fcntl(trouble, F_DUPFD_CLOEXEC, 10);
  const int mine = ::fcntl(result, F_DUPFD_CLOEXEC, 10);
  if (far < 0 || mine < 0 || ::dup2(mine, result_descriptor) < 0) ::_exit(127);
  ::syscall(SYS_close_range, result_descriptor + 1, ~0U, 4U);  // all others end with the exec: CLOSE_RANGE_CLOEXEC
  ::execvpe(words[0], words, environment);
  const int why = errno;
  static_cast<void>(!::write(far, &why, sizeof why));
  ::_exit(127);
}

// Everything there is to read at the moment; false: the other side is closed.
bool read_what_is_there(int descriptor, std::string& into) {
  for (;;) {
    char buffer[4096];
    const ssize_t size = ::read(descriptor, buffer, sizeof buffer);
    if (size == 0) return false;
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    into.append(buffer,
                std::min(static_cast<std::size_t>(size), most_of_result - std::min(most_of_result, into.size())));
  }
}

// Whoever of the group is still there is ended. Answers whether somebody was.
bool end_group(pid_t group) {
  if (::kill(-group, 0) != 0) return false;
  ::kill(-group, SIGKILL);
  return true;
}

}  // namespace

std::string ChildEnd::text() const {
  switch (how) {
    case How::exited:
      return "ended with exit code " + std::to_string(code);
    case How::signalled:
      return "was ended by signal " + std::to_string(code);
    case How::timed_out:
      return "did not end in time, and was killed";
    case How::left_something_running:
      return "ended and left something running, which was killed";
  }
  return "";
}

Result<ChildEnd> run_child(const std::vector<std::string>& command, const Pairs& environment, Micros timeout) {
  std::vector<std::string> settings;
  for (const auto& [name, value] : environment) settings.push_back(name + "=" + value);
  std::vector<char*> words;
  std::vector<char*> variables;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  for (std::string& setting : settings) variables.push_back(setting.data());
  words.push_back(nullptr);
  variables.push_back(nullptr);

  int result[2];
  int trouble[2];
  if (::pipe2(result, O_CLOEXEC) != 0) return failed(Fault::configuration, std::strerror(errno));
  const Descriptor result_end{result[0]};
  Descriptor result_start{result[1]};
  if (::pipe2(trouble, O_CLOEXEC) != 0) return failed(Fault::configuration, std::strerror(errno));
  const Descriptor trouble_end{trouble[0]};
  Descriptor trouble_start{trouble[1]};
  const pid_t child = ::fork();
  if (child < 0) return failed(Fault::configuration, std::string{"no process can be made: "} + std::strerror(errno));
  if (child == 0) become(words.data(), variables.data(), result_start.get(), trouble_start.get());
  ::setpgid(child, child);  // both sides do, whoever is first
  result_start.close();
  trouble_start.close();
  int why = 0;
  ssize_t size = 0;
  do size = ::read(trouble_end.get(), &why, sizeof why);
  while (size < 0 && errno == EINTR);
  if (size > 0) {
    ::waitpid(child, nullptr, 0);
    return failed(Fault::configuration, command.front() + " cannot be started: " + std::strerror(why));
  }

  const Descriptor process{static_cast<int>(::syscall(SYS_pidfd_open, child, 0))};
  ::fcntl(result_end.get(), F_SETFL, O_NONBLOCK);
  ChildEnd end{ChildEnd::How::exited};
  bool open = true;
  const auto until = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    if (left <= 0) {
      end.how = ChildEnd::How::timed_out;
      break;
    }
    pollfd ready[2] = {{process.get(), POLLIN, 0}, {open ? result_end.get() : -1, POLLIN, 0}};
    if (::poll(ready, 2, static_cast<int>(std::min<std::int64_t>(left, 60'000))) < 0 && errno != EINTR) break;
    if (open && ready[1].revents != 0) open = read_what_is_there(result_end.get(), end.result);
    if (ready[0].revents != 0) break;
  }
  if (end.how == ChildEnd::How::timed_out) end_group(child);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (open) read_what_is_there(result_end.get(), end.result);
  // Its own end is behind us, so whoever answers now is a descendant.
  const bool left_some = end_group(child);
  if (end.how == ChildEnd::How::timed_out) return end;
  if (WIFSIGNALED(status)) {
    end.how = ChildEnd::How::signalled;
    end.code = WTERMSIG(status);
  } else {
    end.code = WEXITSTATUS(status);
    if (left_some) end.how = ChildEnd::How::left_something_running;
  }
  return end;
}

}  // namespace tradeguard::cli
