// Time is UTC microseconds, in one type, from the wire to the store.
// Contract test: tests/unit/time_test.cpp
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tradeguard {

using Micros = std::chrono::microseconds;
using Instant = std::chrono::sys_time<Micros>;
using namespace std::chrono_literals;  // the whole house writes 300s

constexpr std::int64_t to_micros(Instant t) { return t.time_since_epoch().count(); }
constexpr Instant from_micros(std::int64_t us) { return Instant{Micros{us}}; }

std::string iso_micros(Instant t);   // 2025-01-01T12:00:00.123456Z
std::string iso_seconds(Instant t);  // 2025-01-01T12:00:00   (UTC, as log keys have it)

// Reads RFC 3339 and what bots write for it: date, 'T' or blank, time, optional fraction behind a point
// or comma (finer than a microsecond is cut), and a zone, which must be there ('Z', +hh:mm, +hhmm or
// +hh): a time without zone is a guess, so nullopt.
// Years 2000 to 2199 only.
std::optional<Instant> parse_iso(std::string_view text);

// "300s", "250ms", "7us", "2m", "1h", "24h", "0"; a bare number is seconds. nullopt otherwise.
std::optional<Micros> parse_duration(std::string_view text);
std::string duration_text(Micros d);  // "300s", "250ms", "7us"; exact

// A moment that was stored may be of a clock that was ahead. True: it lies further ahead than the
// longest span anybody waits for it, so it says nothing, and what waits for it is due.
constexpr bool is_ahead(Instant stored, Micros longest, Instant now) { return stored - now > longest; }
constexpr bool is_due(Instant next, Micros longest, Instant now) { return now >= next || is_ahead(next, longest, now); }

// Whole seconds, rounded up, at least 1: what a log line may call seconds_remaining.
std::int64_t seconds_rounded_up(Micros d);

}  // namespace tradeguard
