// Loaded into a process with LD_PRELOAD: at SIGUSR1 it makes a child that lives as long as somebody
// holds the pipe CHILD_READS open, be the parent alive or not. With CHILD_IS=program the child becomes
// `cat`, and without it stays a fork, descriptors and all.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>

namespace {

const char* pipe_path = nullptr;
bool becomes_program = false;

void make_child(int) {
  if (::fork() != 0) return;
  if (becomes_program) ::execlp("cat", "cat", pipe_path, nullptr);
  const int descriptor = ::open(pipe_path, O_RDONLY);
  char byte = 0;
  while (::read(descriptor, &byte, 1) > 0) {
  }
  ::_exit(0);
}

__attribute__((constructor)) void listen() {
  pipe_path = std::getenv("CHILD_READS");
  becomes_program = std::getenv("CHILD_IS") != nullptr;
  // Once is enough, and `cat` must not do it again.
  ::unsetenv("LD_PRELOAD");
  struct sigaction action {};
  action.sa_handler = make_child;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGUSR1, &action, nullptr);
}

}  // namespace
