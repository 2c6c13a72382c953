#include "racer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <sstream>

namespace tradeguard::processes {

namespace {

// Open at both ends, so that neither side waits for the other to open it.
int new_pipe(const std::string& path) {
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(descriptor >= 0);
  return descriptor;
}

}  // namespace

Racer::Racer(const Trading& bot, int racer, const std::vector<std::string>& options) {
  const std::string stem = bot.folder().file("racer" + std::to_string(racer));
  orders_ = new_pipe(stem + ".orders");
  answers_ = new_pipe(stem + ".answers");
  std::vector<std::string> command{
      "/usr/bin/env",    "-C",          bot.folder().path(), "DRY_RUN=1", UNLOCKED_CYCLE, stem + ".orders",
      stem + ".answers", stem + ".log", "--config",          "bot.ini"};
  command.insert(command.end(), options.begin(), options.end());
  program_ = std::make_unique<support::Program>(command);
}

Racer::~Racer() {
  ::close(orders_);
  program_.reset();
  ::close(answers_);
}

void Racer::tell(const std::string& line) const {
  const std::string whole = line + "\n";
  REQUIRE(::write(orders_, whole.data(), whole.size()) == static_cast<ssize_t>(whole.size()));
}

std::string Racer::hear() {
  for (;;) {
    if (const auto end = heard_.find('\n'); end != std::string::npos) {
      const std::string line = heard_.substr(0, end);
      heard_.erase(0, end + 1);
      return line;
    }
    wait_until("a racer's answer", [this] {
      siginfo_t gone{};
      REQUIRE(::waitid(P_PID, static_cast<id_t>(program_->pid()), &gone, WEXITED | WNOHANG | WNOWAIT) == 0);
      REQUIRE(gone.si_pid == 0);
      pollfd ready{answers_, POLLIN, 0};
      return ::poll(&ready, 1, 20) == 1;
    });
    char buffer[256];
    const ssize_t size = ::read(answers_, buffer, sizeof buffer);
    REQUIRE(size > 0);
    heard_.append(buffer, static_cast<std::size_t>(size));
  }
}

StartingLine::StartingLine(const Trading& bot, int racers, const std::vector<std::string>& options) : bot_{bot} {
  for (int i = 0; i < racers; ++i) racers_.push_back(std::make_unique<Racer>(bot, i, options));
}

std::vector<std::string> StartingLine::race(const std::string& account, const std::vector<std::string>& signals) {
  for (std::size_t i = 0; i < racers_.size(); ++i) {
    const std::string file = "signals" + std::to_string(i);
    bot_.folder().write(file, signals[i % signals.size()]);
    racers_[i]->tell(account + " " + file);
  }
  for (const auto& racer : racers_) REQUIRE(racer->hear() == "ready");
  for (const auto& racer : racers_) racer->tell("go");
  std::vector<std::string> results;
  for (const auto& racer : racers_) results.push_back(racer->hear());
  return results;
}

std::string StartingLine::complaints() const {
  std::string found;
  for (std::size_t i = 0; i < racers_.size(); ++i) {
    std::istringstream log{bot_.folder().read("racer" + std::to_string(i) + ".log")};
    for (std::string line; std::getline(log, line);)
      if (line.find("Z ERROR ") != std::string::npos || line.find("Z CRITICAL ") != std::string::npos)
        found += "racer " + std::to_string(i) + ": " + line + "\n";
  }
  return found;
}

}  // namespace tradeguard::processes
