// The small files beside a store and of secrets: the marker, the note of the lock's holder, a credential. Each is read as
// something that could have been written, or as nothing.
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "fuzz.hpp"
#include "holder_note.hpp"
#include "run_marker.hpp"
#include "secrets.hpp"

using namespace tradeguard;
using namespace tradeguard::fuzz;

namespace {

// These readers follow no link, so the file has to lie somewhere.
class RealFile {
 public:
  RealFile() {
    std::string folder = (std::filesystem::temp_directory_path() / "tradeguard-fuzz.XXXXXX").string();
    require(::mkdtemp(folder.data()) != nullptr, "there is a folder for a file");
    path_ = folder + "/file";
    number_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    require(number_ >= 0, "there is a file");
  }
  RealFile(const RealFile&) = delete;
  RealFile& operator=(const RealFile&) = delete;
  ~RealFile() {
    ::close(number_);
    std::filesystem::remove_all(std::filesystem::path{path_}.parent_path());
  }
  void hold(std::string_view content) const {
    require(::ftruncate(number_, 0) == 0, "a file can be emptied");
    require(::pwrite(number_, content.data(), content.size(), 0) == static_cast<::ssize_t>(content.size()),
            "a file takes what is written");
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int number_ = -1;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const RealFile file;
  const std::string_view text = text_of(data, size);
  file.hold(text);

  const cli::RunMarker marker{{{file.path()}}};
  if (const auto trades = marker.open_trades()) require(*trades >= 0, "trades are counted from none");
  const Instant now = from_micros(1'700'000'000'000'000);
  for (const cli::Topic topic : {cli::Topic::run_failed, cli::Topic::log_file}) {
    if (!marker.told(topic)) require(marker.is_due(topic, "a cause", now), "what was never told is due");
    if (const auto told = marker.told(topic))
      require(text.find(told->cause) != std::string_view::npos, "a cause is what was written");
  }

  if (const auto noted = noted_holder(file.path()))
    require(!noted->started.empty() && text.find(noted->started) != std::string_view::npos,
            "a start is what was written");

  const cli::Pairs environment{{"TRADEGUARD_API_KEY_FILE", file.path()}};
  if (const auto secret = cli::read_secret(cli::SecretName::api_key, environment)) {
    const std::string_view word = secret->reveal();
    // A private key has several lines; what ends the last one is no part of it.
    require(!word.empty() && text.starts_with(word), "a secret is what was written");
    require(word.back() != '\n' && word.back() != '\r', "a secret ends before the end of its line");
  }
  return 0;
}
