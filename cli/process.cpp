#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "exit_codes.hpp"
#include "log_sink.hpp"
#include "secrets.hpp"
#include "tradeguard/clock.hpp"
#include "tradeguard/log.hpp"

// NOLINTNEXTLINE: the standard's own name for it
extern char** environ;

namespace tradeguard::cli {

namespace {

std::atomic<bool> stop_asked{false};
static_assert(std::atomic<bool>::is_always_lock_free, "it is set in a signal handler");

void end_process(const std::string& line, const std::string& log_file, bool bare);

}  // namespace

void open_standard_streams() {
  int descriptor = 0;
  do descriptor = ::open("/dev/null", O_RDWR);
  while (descriptor >= 0 && descriptor <= STDERR_FILENO);
  if (descriptor > STDERR_FILENO) ::close(descriptor);
}

namespace {

// Nothing but to be there, deeper than any run goes.
__attribute__((noinline)) void touch_stack(std::size_t bytes) {
  constexpr std::size_t page = 4096;
  std::array<volatile char, page> here;
  here[0] = 0;
  if (bytes > page) touch_stack(bytes - page);
  here[page - 1] = 0;  // behind the call, so that it stays a call
}

}  // namespace

bool reserve_stack() {
  constexpr std::size_t wanted = 512 * 1024;
  rlimit limit{};
  std::size_t reserved = wanted;
  if (::getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    reserved = std::min<std::size_t>(wanted, limit.rlim_cur / 2);
  // Asked for as memory first: a mapping can be refused, a stack cannot.
  void* const probe = ::mmap(nullptr, 2 * reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (probe == MAP_FAILED) return false;
  ::munmap(probe, 2 * reserved);
  touch_stack(reserved);
  return true;
}

const std::atomic<bool>& catch_stop_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { stop_asked.store(true); };
  // Without SA_RESTART: a wait that is interrupted is how the run notices at once.
  for (const int signal : {SIGTERM, SIGINT}) sigaction(signal, &action, nullptr);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
  return stop_asked;
}

Watchdog::Watchdog(Micros limit, std::string line, std::string log_file, bool bare) {
  // The thread inherits a mask in which the stop signals are blocked: they belong to the run.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread{[this, limit, line = std::move(line), log_file = std::move(log_file), bare] {
      std::unique_lock lock{mutex_};
      if (!changed_.wait_for(lock, limit, [this] { return over_; })) end_process(line, log_file, bare);
    }};
  } catch (const std::system_error& refused) {
    throw std::runtime_error{std::string{"no thread to watch the deadline, for want of memory or of processes: "} +
                             refused.what()};
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock{mutex_};
    over_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

Pairs take_environment() {
  Pairs pairs;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    const auto& [name, value] = pairs.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    if (is_secret_variable(name)) ::explicit_bzero(*entry + equals + 1, value.size());
  }
  return pairs;
}

std::string process_id() { return std::to_string(::getpid()); }

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "unknown";
  return name.data();
}

namespace {

void end_process(const std::string& line, const std::string& log_file, bool bare) {
  const std::string whole = formatted(Level::critical, SystemClock{}.now(), line, bare);
  // A pipe nobody reads would hold this write as it may have held the run.
  pollfd ready{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&ready, 1, 0) == 1) write_whole(STDERR_FILENO, whole);
  if (!log_file.empty()) {
    // /proc/PID/fd/1 is what somebody gave us, and a link by nature.
    const int no_link = log_file.starts_with("/proc/") ? 0 : O_NOFOLLOW;
    const int descriptor = ::open(log_file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | no_link);
    if (descriptor >= 0) write_whole(descriptor, whole);
  }
  // The kernel lets go of locks and connections; whatever a destructor might wait for is not waited
  // for.
  ::_exit(exit_internal);
}

}  // namespace
}  // namespace tradeguard::cli
