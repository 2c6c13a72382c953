#include "notifier_backends.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tradeguard/file_notifier.hpp"
#include "tradeguard/memory_notifier.hpp"
#include "tradeguard/printing_notifier.hpp"

namespace tradeguard::contract {

namespace {

class MemoryReader final : public NotifierUnderTest {
 public:
  Notifier& notifier() override { return notifier_; }
  std::string what_arrived() override {
    std::string all;
    for (const Notice& notice : notifier_.told()) all += plain_text(notice) + "\n\n";
    return all;
  }
  void break_the_way() override {
    notifier_.answer_with([](const Notice&) { return TryLater{1s, "as the test said"}; });
  }
  void mend_the_way() override { notifier_.answer_with(nullptr); }

 private:
  MemoryNotifier notifier_;
};

class PrintingReader final : public NotifierUnderTest {
 public:
  Notifier& notifier() override { return notifier_; }
  std::string what_arrived() override { return printed_; }
  void break_the_way() override { broken_ = true; }
  void mend_the_way() override { broken_ = false; }

 private:
  std::string printed_;
  bool broken_ = false;
  PrintingNotifier notifier_{[this](std::string_view message) {
    if (broken_) throw std::runtime_error{"as the test said"};
    printed_ += message;
    return true;
  }};
};

class FileReader final : public NotifierUnderTest {
 public:
  FileReader() { mend_the_way(); }
  Notifier& notifier() override { return notifier_; }
  std::string what_arrived() override { return contents_of(file_); }
  // The whole folder goes: a missing mode bit would not stop root.
  void break_the_way() override { std::filesystem::rename(there_, away_); }
  void mend_the_way() override {
    if (std::filesystem::exists(away_))
      std::filesystem::rename(away_, there_);
    else
      std::filesystem::create_directory(there_);
  }

 private:
  TemporaryFolder folder_;
  std::string there_ = folder_.path() + "/there";
  std::string away_ = folder_.path() + "/away";
  std::string file_ = there_ + "/notices";
  FileNotifier notifier_{file_};
};

}  // namespace

std::unique_ptr<NotifierUnderTest> fresh_memory_notifier() { return std::make_unique<MemoryReader>(); }
std::unique_ptr<NotifierUnderTest> fresh_printing_notifier() { return std::make_unique<PrintingReader>(); }
std::unique_ptr<NotifierUnderTest> fresh_file_notifier() { return std::make_unique<FileReader>(); }

TemporaryFolder::TemporaryFolder() {
  path_ = (std::filesystem::temp_directory_path() / "tradeguard-test.XXXXXX").string();
  if (!::mkdtemp(path_.data())) throw std::runtime_error{"no temporary folder: " + path_};
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string contents_of(const std::string& file) {
  std::ostringstream all;
  all << std::ifstream{file}.rdbuf();
  return all.str();
}

}  // namespace tradeguard::contract
