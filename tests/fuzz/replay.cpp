// Replays files, or all files of folders, through a fuzz target: the corpus as a test of every
// build.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "fuzz.hpp"

int main(int count, char** words) {
  namespace fs = std::filesystem;
  std::vector<fs::path> inputs;
  for (const std::string& place : std::vector<std::string>(words + 1, words + count)) {
    if (fs::is_directory(place))
      std::copy(fs::directory_iterator{place}, {}, std::back_inserter(inputs));
    else
      inputs.emplace_back(place);
  }
  if (inputs.empty()) {
    std::fputs("nothing to replay\n", stderr);
    return 1;
  }
  std::sort(inputs.begin(), inputs.end());
  for (const fs::path& input : inputs) {
    std::ifstream file{input, std::ios::binary};
    if (!file) {
      std::fprintf(stderr, "cannot be read: %s\n", input.c_str());
      return 1;
    }
    // The name first: what breaks now was this one.
    std::fprintf(stderr, "%s\n", input.filename().c_str());
    const std::string content{std::istreambuf_iterator<char>{file}, {}};
    // A block of its own size, so that reading behind it is seen.
    const std::vector<std::uint8_t> bytes{content.begin(), content.end()};
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  return 0;
}
