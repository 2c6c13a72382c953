#include "tradeguard/time.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <limits>

namespace tradeguard {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::sys_days;
using std::chrono::year_month_day;

// A reader of fixed-width numbers and signs; after the first mismatch it reads nothing more.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_{text} {}

  bool at(char c) const { return ok_ && !rest_.empty() && rest_.front() == c; }
  bool take(char c) {
    if (!at(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) { ok_ = take(c); }
  int number(std::size_t width) {
    int value = 0;
    for (std::size_t i = 0; i < width; ++i) value = value * 10 + digit();
    return value;
  }
  // ".123456789" in microseconds, the finer digits cut; no point, no fraction.
  Micros fraction() {
    if (!take('.') && !take(',')) return Micros{0};  // ISO 8601 and Python's logging have a comma
    std::int64_t value = digit();
    int read = 1;
    for (; at_digit(); ++read) {
      const int next = digit();
      if (read < 6) value = value * 10 + next;
    }
    for (; read < 6; ++read) value *= 10;
    return Micros{value};
  }
  bool finished() const { return ok_ && rest_.empty(); }

 private:
  bool at_digit() const { return ok_ && !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }
  int digit() {
    if (!at_digit()) {
      ok_ = false;
      return 0;
    }
    const int value = rest_.front() - '0';
    rest_.remove_prefix(1);
    return value;
  }

  std::string_view rest_;
  bool ok_ = true;
};

// Local time less this is UTC; nullopt when there is no zone or it is none.
std::optional<Micros> read_zone(Reader& reader) {
  if (reader.take('Z') || reader.take('z')) return Micros{0};
  const bool west = reader.at('-');
  if (!west && !reader.at('+')) return std::nullopt;
  reader.take(west ? '-' : '+');
  const int hours = reader.number(2);
  // Python's %z writes no colon, PostgreSQL no minutes.
  const int minutes = !reader.take(':') && reader.finished() ? 0 : reader.number(2);
  if (hours > 23 || minutes > 59) return std::nullopt;
  const Micros offset = std::chrono::hours{hours} + std::chrono::minutes{minutes};
  return west ? -offset : offset;
}

struct Unit {
  std::string_view name;
  Micros size;
};
constexpr std::array<Unit, 6> units{{{"us", Micros{1}}, {"ms", 1ms}, {"s", 1s}, {"m", 1min}, {"h", 1h}, {"d", 24h}}};

// Before and after these there is no four-digit year; the nearest one of them stands in.
constexpr Instant earliest = sys_days{std::chrono::year{0} / 1 / 1};
constexpr Instant latest = sys_days{std::chrono::year{10000} / 1 / 1} - Micros{1};

}  // namespace

std::string iso_seconds(Instant t) {
  t = std::clamp(t, earliest, latest);
  const auto day = floor<days>(t);
  const year_month_day date{day};
  const auto seconds = static_cast<int>(floor<std::chrono::seconds>(t - day).count());
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d", int{date.year()}, unsigned{date.month()},
                unsigned{date.day()}, seconds / 3600, seconds / 60 % 60, seconds % 60);
  return text.data();
}

std::string iso_micros(Instant t) {
  t = std::clamp(t, earliest, latest);
  const auto fraction = static_cast<int>((t - floor<std::chrono::seconds>(t)).count());
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), ".%06dZ", fraction);
  return iso_seconds(t) + text.data();
}

std::optional<Instant> parse_iso(std::string_view text) {
  Reader reader{text};
  const int year = reader.number(4);
  reader.expect('-');
  const auto month = static_cast<unsigned>(reader.number(2));
  reader.expect('-');
  const auto day = static_cast<unsigned>(reader.number(2));
  if (!reader.take('T') && !reader.take('t')) reader.expect(' ');
  const int hour = reader.number(2);
  reader.expect(':');
  const int minute = reader.number(2);
  reader.expect(':');
  const int second = reader.number(2);
  const Micros fraction = reader.fraction();
  const auto zone = read_zone(reader);
  if (!zone || !reader.finished()) return std::nullopt;

  const year_month_day date{std::chrono::year{year}, std::chrono::month{month}, std::chrono::day{day}};
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const Instant result = sys_days{date} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
                         std::chrono::seconds{second} + fraction - *zone;
  const year_month_day utc{floor<days>(result)};
  if (utc.year() < std::chrono::year{2000} || utc.year() > std::chrono::year{2199}) return std::nullopt;
  return result;
}

std::optional<Micros> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  const auto* const end = text.data() + text.size();
  // from_chars reads a minus, which no duration has.
  if (text.empty() || text.front() == '-') return std::nullopt;
  const auto [stop, fault] = std::from_chars(text.data(), end, count);
  if (fault != std::errc{}) return std::nullopt;
  std::string_view name{stop, static_cast<std::size_t>(end - stop)};
  if (name.empty()) name = "s";
  for (const auto& unit : units) {
    if (unit.name != name) continue;
    std::int64_t micros = 0;
    if (__builtin_mul_overflow(count, unit.size.count(), &micros)) return std::nullopt;
    return Micros{micros};
  }
  return std::nullopt;
}

std::string duration_text(Micros d) {
  if (d % 1s == Micros{0}) return std::to_string(d / 1s) + "s";
  if (d % 1ms == Micros{0}) return std::to_string(d / 1ms) + "ms";
  return std::to_string(d.count()) + "us";
}

std::int64_t seconds_rounded_up(Micros d) {
  const auto whole = d / 1s + (d % 1s > Micros{0} ? 1 : 0);
  return whole < 1 ? 1 : whole;
}

}  // namespace tradeguard
