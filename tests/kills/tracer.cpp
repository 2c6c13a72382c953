#include "tracer.hpp"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace tradeguard::kills {

namespace {

struct Counted {
  std::uint32_t number;
  const char* name;
  bool has_descriptor;
  bool sends;
};

constexpr std::array counted{
    Counted{SYS_write, "write", true, false},
    Counted{SYS_writev, "writev", true, false},
    Counted{SYS_pwrite64, "pwrite64", true, false},
    Counted{SYS_pwritev, "pwritev", true, false},
    Counted{SYS_pwritev2, "pwritev2", true, false},
    Counted{SYS_sendto, "sendto", true, true},
    Counted{SYS_sendmsg, "sendmsg", true, true},
    Counted{SYS_sendmmsg, "sendmmsg", true, true},
    Counted{SYS_connect, "connect", true, true},
    Counted{SYS_shutdown, "shutdown", true, true},
    Counted{SYS_fsync, "fsync", true, false},
    Counted{SYS_fdatasync, "fdatasync", true, false},
    Counted{SYS_sync_file_range, "sync_file_range", true, false},
    Counted{SYS_ftruncate, "ftruncate", true, false},
    Counted{SYS_fallocate, "fallocate", true, false},
#ifdef SYS_rename
    Counted{SYS_rename, "rename", false, false},
#endif
#ifdef SYS_renameat
    Counted{SYS_renameat, "renameat", false, false},
#endif
    Counted{SYS_renameat2, "renameat2", false, false},
#ifdef SYS_unlink
    Counted{SYS_unlink, "unlink", false, false},
#endif
    Counted{SYS_unlinkat, "unlinkat", false, false},
};

// The kernel stops the process at these calls alone; everything else goes at full speed.
std::vector<sock_filter> filter() {
  std::vector<sock_filter> program;
  const auto add = [&](unsigned code, std::uint32_t k, std::size_t yes = 0, std::size_t no = 0) {
    program.push_back(
        {static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(yes), static_cast<std::uint8_t>(no), k});
  };
  add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
  for (const Counted& call : counted) {
    add(BPF_JMP | BPF_JEQ | BPF_K, call.number, 0, 1);
    add(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
  }
  add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  return program;
}

constexpr int tracing_refused = 126;
constexpr int not_started = 127;

[[noreturn]] void become(const Start& start, char* const* arguments, char* const* variables,
                         const sock_fprog& program) {
  ::setpgid(0, 0);
  if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(tracing_refused);
  ::raise(SIGSTOP);  // until the tracer has said what it wants to see
  const auto put = [](const std::string& path, int flags, int as) {
    const int descriptor = ::open(path.c_str(), flags, 0600);
    if (descriptor < 0 || ::dup2(descriptor, as) < 0) ::_exit(not_started);
    if (descriptor != as) ::close(descriptor);
  };
  put(start.input, O_RDONLY, STDIN_FILENO);
  put(start.output, O_WRONLY | O_CREAT | O_APPEND, STDOUT_FILENO);
  put(start.errors, O_WRONLY | O_CREAT | O_APPEND, STDERR_FILENO);
  if (::chdir(start.folder.c_str()) != 0) ::_exit(not_started);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    ::_exit(tracing_refused);
  ::execve(arguments[0], arguments, variables);
  ::_exit(not_started);
}

std::string object_of(pid_t pid, std::uint64_t descriptor) {
  const std::string link = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(static_cast<int>(descriptor));
  std::array<char, PATH_MAX> target{};
  const auto size = ::readlink(link.c_str(), target.data(), target.size());
  if (size <= 0) return "";
  const std::string path{target.data(), static_cast<std::size_t>(size)};
  if (path.starts_with("socket:")) return "socket";
  return path.starts_with('/') ? path.substr(path.rfind('/') + 1) : path;
}

// What the process is about to call. false: nothing that leaves it, a wake-up among its threads.
bool describe(pid_t pid, SystemCall& call) {
  __ptrace_syscall_info info{};
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg)
  if (::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0) return false;
  for (const Counted& known : counted) {
    if (known.number != info.seccomp.nr) continue;
    call = {known.name, known.has_descriptor ? object_of(pid, info.seccomp.args[0]) : "", known.sends};
    call.sends = call.sends || call.object == "socket";
    return call.object != "anon_inode:[eventfd]";
  }
  return false;
}

void resume(__ptrace_request how, pid_t pid, int signal = 0) {
  // A thread that is just being killed is gone, and that is no failure.
  ::ptrace(how, pid, nullptr, signal);
}

[[noreturn]] void refused(const std::string& what) {
  throw std::runtime_error{
      "a process cannot be traced here (" + what +
      "): run the tests where ptrace is allowed, for example with docker run --cap-add=SYS_PTRACE, "
      "or with kernel.yama.ptrace_scope below 3"};
}

}  // namespace

Traced trace(const Start& start, const At& at) {
  std::vector<std::string> texts;
  for (const auto& [name, value] : start.environment) texts.push_back(name + "=" + value);
  const auto pointers = [](const std::vector<std::string>& all) {
    std::vector<char*> raw;
    for (const std::string& text : all) raw.push_back(const_cast<char*>(text.c_str()));
    raw.push_back(nullptr);
    return raw;
  };
  const auto arguments = pointers(start.command);
  const auto variables = pointers(texts);
  auto program = filter();
  const sock_fprog whole{static_cast<unsigned short>(program.size()), program.data()};

  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error{"no fork"};
  if (child == 0) become(start, arguments.data(), variables.data(), whole);

  int status = 0;
  ::setpgid(child, child);
  while (::waitpid(child, &status, __WALL) < 0 && errno == EINTR) {
  }
  if (!WIFSTOPPED(status)) refused("the kernel refuses PTRACE_TRACEME");
  constexpr long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                           PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
  if (::ptrace(PTRACE_SETOPTIONS, child, nullptr, options) != 0) {
    const std::string why = std::strerror(errno);
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, __WALL);
    refused(why);
  }
  resume(PTRACE_CONT, child);

  Traced traced;
  int number_inside = 0;  // of the call that a thread is in, watched until it returns
  pid_t thread_inside = 0;
  SystemCall call_inside;
  const auto reached = [&](int number, When when, const SystemCall& call) {
    if (!at || at(number, when, call, child) == Then::go_on) return false;
    ::kill(child, SIGKILL);
    return true;
  };
  for (;;) {
    const pid_t who = ::waitpid(-child, &status, __WALL);
    if (who < 0) {
      if (errno == EINTR) continue;
      throw std::runtime_error{"a traced process got lost"};
    }
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (who != child) continue;
      traced.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
      if (traced.calls.empty() && traced.code == tracing_refused) refused("the kernel refuses a seccomp filter");
      if (traced.calls.empty() && traced.code == not_started)
        throw std::runtime_error{start.command[0] + " cannot be started"};
      return traced;
    }
    const int signal = WSTOPSIG(status);
    const int event = status >> 16;
    if (event == PTRACE_EVENT_SECCOMP) {
      SystemCall call;
      if (!describe(who, call)) {
        resume(PTRACE_CONT, who);
        continue;
      }
      traced.calls.push_back(call);
      const int number = static_cast<int>(traced.calls.size());
      if (reached(number, When::before, call)) continue;
      // The return is waited for only where somebody might want it.
      if (at && thread_inside == 0) {
        thread_inside = who;
        number_inside = number;
        call_inside = call;
        resume(PTRACE_SYSCALL, who);
      } else {
        resume(PTRACE_CONT, who);
      }
    } else if (signal == (SIGTRAP | 0x80)) {
      if (who == thread_inside) {
        thread_inside = 0;
        if (reached(number_inside, When::behind, call_inside)) continue;
      }
      resume(PTRACE_CONT, who);
    } else if (event != 0 || signal == SIGTRAP || (signal == SIGSTOP && who != child)) {
      resume(PTRACE_CONT, who);  // an exec, or a thread that begins
    } else {
      resume(PTRACE_CONT, who, signal);
    }
  }
}

At kill_at(int number, When when) {
  return [number, when](int now, When where, const SystemCall&, pid_t) {
    return now == number && where == when ? Then::kill : Then::go_on;
  };
}

std::string Traced::text() const {
  std::string lines;
  for (std::size_t i = 0; i < calls.size(); ++i)
    lines += std::to_string(i + 1) + " " + calls[i].name + " " + calls[i].object + "\n";
  return lines;
}

}  // namespace tradeguard::kills
