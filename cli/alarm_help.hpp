// What stands behind each alarm and what to do about it: for `status` and `tradeguard help ALARM`.
// Tests: tests/cli/alarm_help_test.cpp
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tradeguard/journal.hpp"

namespace tradeguard::cli {

struct AlarmHelp {
  std::string_view name;       // "UNPROTECTED", as lines, notices and `status` have it
  std::string_view cause;      // what was seen
  std::string_view meanwhile;  // what tradeguard does and does not do while it stands
  std::string_view next;       // what a person does; {trade}, {symbol} and {subject} stand for the alarm's
  std::string_view ends;       // when it ends
};
const std::vector<AlarmHelp>& alarm_helps();
// By its name, in capitals or not; nullptr: there is no such alarm.
const AlarmHelp* find_alarm_help(std::string_view name);

// `next` for this alarm, with what it is about written in.
std::string next_step(const AlarmHelp& help, const Alarm& alarm);

std::string alarm_page(const AlarmHelp& help);  // `tradeguard help UNPROTECTED`
std::string alarms_page();                      // `tradeguard help alarms`

}  // namespace tradeguard::cli
