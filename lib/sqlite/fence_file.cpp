#include "fence_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace tradeguard {

namespace {

// Two lines that take turns: "fence 0000000000000000012 check 8c3f21aa".
constexpr std::size_t line_length = 64;
constexpr std::string_view before_fence = "fence ";
constexpr std::string_view before_check = " check ";
constexpr std::size_t digits = 19;

// FNV-1a, as of client ids: a torn line does not pass for a whole one.
std::uint32_t checksum(std::string_view text) {
  std::uint32_t hash = 2166136261U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}

std::string line_for(Fence fence) {
  std::array<char, line_length + 1> text{};
  std::snprintf(text.data(), text.size(), "%s%019lld%s", before_fence.data(), static_cast<long long>(fence),
                before_check.data());
  const std::uint32_t check = checksum(text.data());
  std::string line{text.data()};
  std::snprintf(text.data(), text.size(), "%08x", check);
  line += text.data();
  line.resize(line_length - 1, ' ');
  return line + "\n";
}

std::optional<Fence> fence_in(std::string_view line) {
  if (!line.starts_with(before_fence)) return std::nullopt;
  Fence fence = 0;
  const std::string_view number = line.substr(before_fence.size(), digits);
  const auto [end, fault] = std::from_chars(number.data(), number.data() + number.size(), fence);
  if (fault != std::errc{} || end != number.data() + number.size()) return std::nullopt;
  return line == line_for(fence) ? std::optional{fence} : std::nullopt;
}

}  // namespace

FenceWitness read_fence_file(int descriptor, bool just_made) {
  std::array<char, 2 * line_length> bytes{};
  const ssize_t read = ::pread(descriptor, bytes.data(), bytes.size(), 0);
  if (read == 0) return {std::nullopt, just_made};
  const std::string_view text{bytes.data(), read < 0 ? 0 : static_cast<std::size_t>(read)};
  FenceWitness witness;
  for (std::size_t at = 0; at < text.size(); at += line_length)
    if (const auto fence = fence_in(text.substr(at, line_length))) witness.highest = std::max(witness.highest, fence);
  witness.missing = !witness.highest;
  return witness;
}

Result<void> write_fence_file(int descriptor, const std::string& path, Fence fence) {
  const std::string line = line_for(fence);
  const auto place = static_cast<off_t>((fence % 2) * static_cast<Fence>(line_length));
  for (std::size_t written = 0; written < line.size();) {
    const ssize_t more =
        ::pwrite(descriptor, line.data() + written, line.size() - written, place + static_cast<off_t>(written));
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) return failed(Fault::unreachable, "writing the lock file " + path + ": " + std::strerror(errno));
    written += static_cast<std::size_t>(more);
  }
  if (::fdatasync(descriptor) != 0)
    return failed(Fault::unreachable, "writing the lock file " + path + ": " + std::strerror(errno));
  return {};
}

}  // namespace tradeguard
