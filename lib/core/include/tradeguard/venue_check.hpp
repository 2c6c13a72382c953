// VenueExamination: what can be known of a venue, a key and a configuration before money depends on them.
// Contract test: tests/live/doctor_test.cpp
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tradeguard/error.hpp"
#include "tradeguard/rules.hpp"
#include "tradeguard/signal.hpp"

namespace tradeguard {

enum class Judgement { ok, warning, problem };
constexpr std::string_view text(Judgement judgement) {
  switch (judgement) {
    case Judgement::ok:
      return "ok";
    case Judgement::warning:
      return "warning";
    case Judgement::problem:
      return "problem";
  }
  return "";
}

struct Finding {
  std::string what;  // "clock", "ETH_USDT"
  Judgement judgement = Judgement::ok;
  std::string detail;                  // no secrets
  std::string what_to_do;              // empty where nothing is to be done
  Fault fault = Fault::configuration;  // of a problem: what a run that meets it would end with
};

// What only the adapter can find out; time, rules, prices, balances and orders are read through Venue.
class VenueExamination {
 public:
  virtual ~VenueExamination() = default;
  // Reads. What is tried in each market is the stop, and where the venue has a test call the target,
  // that its plan would place at the present price. With `place_far_order` a venue that tells in no
  // other way whether it takes stops is sent one of the least size, which is read back, cancelled, and
  // read back gone.
  virtual std::vector<Finding> examine(const std::map<Symbol, ProtectionPlan>& markets, bool place_far_order) = 0;
};

}  // namespace tradeguard
