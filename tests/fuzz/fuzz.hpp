// What the fuzz targets share: a way to say what must be so, and a way to cut an input into values.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

// Every target is this function; it returns 0, or does not return.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace tradeguard::fuzz {

// An input after which this is not so has found a bug.
inline void require(bool so, const char* what) {
  if (so) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Takes values from the front of an input; what is used up reads as zero.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : rest_{text_of(data, size)} {}
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  std::int64_t number() {
    std::uint64_t bits = 0;
    for (int i = 0; i < 8; ++i) bits = bits << 8 | byte();
    return static_cast<std::int64_t>(bits);
  }
  // Up to the next newline, which is taken too.
  std::string_view line() {
    const std::string_view line = rest_.substr(0, rest_.find('\n'));
    rest_.remove_prefix(line.size() + (line.size() < rest_.size() ? 1 : 0));
    return line;
  }
  std::string_view rest() const { return rest_; }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// The bytes as a file without a place on a disk.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content) : number_{::memfd_create("fuzz", 0)} {
    require(number_ >= 0, "there is memory for a file");
    require(::write(number_, content.data(), content.size()) == static_cast<::ssize_t>(content.size()),
            "a file in memory takes what is written");
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { ::close(number_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(number_); }

 private:
  int number_;
};

}  // namespace tradeguard::fuzz
