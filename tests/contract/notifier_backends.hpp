#pragma once

#include "backends.hpp"

namespace tradeguard::contract {

std::unique_ptr<NotifierUnderTest> fresh_memory_notifier();
std::unique_ptr<NotifierUnderTest> fresh_printing_notifier();
std::unique_ptr<NotifierUnderTest> fresh_file_notifier();
// Over TLS to the fake exchange, which is a fake Telegram too.
std::unique_ptr<NotifierUnderTest> fresh_telegram_notifier();

// A folder of its own, gone with its contents.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string contents_of(const std::string& file);  // empty when there is none

}  // namespace tradeguard::contract
