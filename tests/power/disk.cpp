#include "disk.hpp"

#include <sys/stat.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace tradeguard::power {

namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}
void write(const fs::path& file, const std::string& content) {
  std::ofstream{file, std::ios::binary | std::ios::trunc} << content;
}

std::vector<fs::path> files_beginning_with(const std::string& beginning) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator{fs::path{beginning}.parent_path()})
    if (entry.path().string().starts_with(beginning)) found.push_back(entry.path());
  return found;
}

struct Write {
  std::int64_t offset;  // below zero: the file ends at -1 - offset
  std::string data;
};
std::vector<Write> writes_in(const std::string& pending) {
  std::vector<Write> writes;
  for (std::size_t at = 0; at < pending.size();) {
    std::int64_t head[2];
    if (at + sizeof head > pending.size()) throw std::runtime_error{"a pending write is cut off"};
    std::memcpy(head, pending.data() + at, sizeof head);
    at += sizeof head;
    writes.push_back({head[0], pending.substr(at, static_cast<std::size_t>(head[1]))});
    at += static_cast<std::size_t>(head[1]);
  }
  return writes;
}

void carry_out(const Write& write, std::string& content) {
  if (write.offset < 0) {
    content.resize(static_cast<std::size_t>(-1 - write.offset));
    return;
  }
  const auto at = static_cast<std::size_t>(write.offset);
  if (content.size() < at + write.data.size()) content.resize(at + write.data.size());
  content.replace(at, write.data.size(), write.data);
}

void carry_out(const std::vector<Write>& writes, Loss loss, std::string& content) {
  const std::size_t half = writes.size() / 2;
  switch (loss) {
    case Loss::dropped:
      return;
    case Loss::torn:
      for (std::size_t i = 0; i < half; ++i) carry_out(writes[i], content);
      if (half < writes.size()) {
        Write torn = writes[half];
        torn.data.resize(torn.data.size() / 2);
        if (torn.offset >= 0) carry_out(torn, content);
      }
      return;
    case Loss::reordered:
      for (std::size_t i = half; i < writes.size(); ++i) carry_out(writes[i], content);
      return;
  }
}

}  // namespace

Disk::Disk(std::string folder, std::string files) : folder_{std::move(folder)}, files_{std::move(files)} {
  fs::create_directories(folder_);
}

void Disk::all_is_synced() const {
  for (const auto& entry : fs::directory_iterator{folder_}) fs::remove(entry.path());
  std::string names;
  for (const fs::path& file : files_beginning_with(files_)) {
    if (file.string().ends_with("-shm")) continue;
    struct stat found {};
    if (::stat(file.c_str(), &found) != 0) throw std::runtime_error{"no " + file.string()};
    names += std::to_string(found.st_ino) + " " + file.string() + "\n";
    write(fs::path{folder_} / ("kept-" + std::to_string(found.st_ino)), read(file));
  }
  write(fs::path{folder_} / "names", names);
}

void Disk::come_back(Loss loss) const {
  std::map<std::string, std::string> contents;
  std::istringstream names{read(fs::path{folder_} / "names")};
  std::string inode;
  std::string path;
  while (names >> inode >> std::ws && std::getline(names, path)) {
    std::string content = read(fs::path{folder_} / ("kept-" + inode));
    carry_out(writes_in(read(fs::path{folder_} / ("pending-" + inode))), loss, content);
    contents.emplace(path, std::move(content));
  }
  for (const fs::path& file : files_beginning_with(files_)) fs::remove(file);
  for (const auto& [file, content] : contents) write(file, content);
  all_is_synced();
}

}  // namespace tradeguard::power
