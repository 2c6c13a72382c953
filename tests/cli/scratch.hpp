// A folder that is gone with the test, and the files in it.
#pragma once

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

namespace tradeguard::cli::test {

class Scratch {
 public:
  Scratch() : path_{make()} {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  std::string file(std::string_view name) const { return path_ + "/" + std::string{name}; }
  std::string write(std::string_view name, std::string_view content, mode_t mode = 0644) const {
    const std::string path = file(name);
    std::ofstream{path, std::ios::binary | std::ios::trunc} << content;
    ::chmod(path.c_str(), mode);
    return path;
  }
  std::string read(std::string_view name) const {
    std::ifstream in{file(name), std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
  }

 private:
  static std::string make() {
    std::string name = (std::filesystem::temp_directory_path() / "tradeguard-cli.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"no temporary folder: " + name};
    return name;
  }
  std::string path_;
};

}  // namespace tradeguard::cli::test
