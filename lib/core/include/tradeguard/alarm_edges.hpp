// The edges of an alarm: raised, reminded of, cleared; each as what is written, and what is told with it.
// Contract test: tests/unit/alarm_edges_test.cpp
#pragma once

#include <optional>

#include "tradeguard/journal.hpp"
#include "tradeguard/log.hpp"

namespace tradeguard {

struct ToldEdge {
  AlarmEdge edge;
  std::optional<Notice> notice;
};

// From now on it stands and is reminded of. The notice's event id gets the moment: an edge may come again later.
ToldEdge raised(Alarm alarm, Notice notice, Instant now);
// nullopt: it is not time yet. After 5, 15 and 60 minutes, then hourly. By a clock that was set back it is time, too.
std::optional<ToldEdge> reminded(const Alarm& standing, Instant now);
// Nobody who was not told of it is told that it is over. `trade` is the one that the notice is about.
ToldEdge cleared(const Alarm& standing, const ClientOrderId& trade, Instant now);
Line line_of_cleared(const Alarm& alarm);

}  // namespace tradeguard
