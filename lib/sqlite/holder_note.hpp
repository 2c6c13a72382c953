// Which process holds the lock, noted in the lock file behind the fences. Private to this room.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace tradeguard {

// Not durable, and no error if it cannot be written: it is for people.
void note_holder(int descriptor);

// A process as the note names it: its number alone may be given to another one.
struct NotedHolder {
  pid_t pid;
  std::string started;  // in ticks since the machine was started
};
std::optional<NotedHolder> noted_holder(const std::string& path);
std::string start_of_process(pid_t pid);  // "" if there is no such process

// A file of /proc; "" if it cannot be read, as that of a process which has ended since it was opened.
std::string text_of_proc(const std::string& path);

}  // namespace tradeguard
