// Many processes of tests/processes/unlocked_cycle.cpp at one starting line.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "processes.hpp"
#include "witness.hpp"

namespace tradeguard::processes {

// One process that runs a cycle when it is told to, and says what came of it.
class Racer {
 public:
  Racer(const Trading& bot, int number, const std::vector<std::string>& options);
  Racer(const Racer&) = delete;
  Racer& operator=(const Racer&) = delete;
  ~Racer();
  void tell(const std::string& line) const;
  std::string hear();  // the next line; fails the test when none comes

 private:
  int orders_;
  int answers_;
  std::string heard_;
  std::unique_ptr<support::Program> program_;
};

class StartingLine {
 public:
  StartingLine(const Trading& bot, int racers, const std::vector<std::string>& options);
  // All run at once, each over its own signals. Returns "EXIT_CODE ENTRIES" of each.
  std::vector<std::string> race(const std::string& account, const std::vector<std::string>& signals);
  // What is worse than a warning in the logs of all races.
  std::string complaints() const;

 private:
  const Trading& bot_;
  std::vector<std::unique_ptr<Racer>> racers_;
};

}  // namespace tradeguard::processes
