// Other processes: programs, and forks of this one. They are gone when the test is, however it
// ends.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace tradeguard::support {

// A fork that tells a story of its own and reports by lines. Made before any thread is.
class Fork {
 public:
  // What the child has: say() is read by the parent's hear(), and park() ends with the process.
  class Parent {
   public:
    explicit Parent(int descriptor) : descriptor_{descriptor} {}
    void say(const std::string& line) const;
    [[noreturn]] static void park();

   private:
    int descriptor_;
  };
  explicit Fork(const std::function<void(Parent&)>& story);
  ~Fork();
  Fork(const Fork&) = delete;
  Fork& operator=(const Fork&) = delete;

  // The next line; "" when the child has ended. Waits for it, so no test has to sleep.
  std::string hear();
  void kill(int signal) const;
  void kill_and_wait();  // SIGKILL; when it returns the kernel has cleaned up
  int wait();            // exit code, or 128 + signal
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int descriptor_ = -1;
  std::string heard_;
};

// A program. Standard output and error are those of the test.
class Program {
 public:
  explicit Program(const std::vector<std::string>& arguments);
  ~Program();  // SIGTERM, then waits
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};
// Runs it to its end; the exit code.
int run_program(const std::vector<std::string>& arguments);

// A port of 127.0.0.1 that was free a moment ago.
int free_port();
// Waits until somebody listens there. False: nobody came within five seconds.
bool wait_for_listener(int port);

}  // namespace tradeguard::support
