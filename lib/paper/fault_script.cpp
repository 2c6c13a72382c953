#include "tradeguard/fault_script.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>
#include <utility>

namespace tradeguard {
namespace {

constexpr std::array verb_names{
    std::pair{VenueVerb::place, std::string_view{"place"}},
    std::pair{VenueVerb::protect, std::string_view{"protect"}},
    std::pair{VenueVerb::flatten, std::string_view{"flatten"}},
    std::pair{VenueVerb::find, std::string_view{"find"}},
    std::pair{VenueVerb::cancel, std::string_view{"cancel"}},
    std::pair{VenueVerb::rules, std::string_view{"rules"}},
    std::pair{VenueVerb::quotes, std::string_view{"quotes"}},
    std::pair{VenueVerb::balances, std::string_view{"balances"}},
    std::pair{VenueVerb::venue_time, std::string_view{"venue_time"}},
    std::pair{VenueVerb::own_orders, std::string_view{"own_orders"}},
};

constexpr std::array mishap_names{
    std::pair{Mishap::not_connected, std::string_view{"not_connected"}},
    std::pair{Mishap::throttled, std::string_view{"throttled"}},
    std::pair{Mishap::clock_refused, std::string_view{"clock_refused"}},
    std::pair{Mishap::dropped, std::string_view{"dropped"}},
    std::pair{Mishap::accepted_dropped, std::string_view{"accepted_dropped"}},
    std::pair{Mishap::accepted_500, std::string_view{"accepted_500"}},
    std::pair{Mishap::accepted_timeout, std::string_view{"accepted_timeout"}},
    std::pair{Mishap::accepted_empty, std::string_view{"accepted_empty"}},
    std::pair{Mishap::refused_min_quantity, std::string_view{"refused_min_quantity"}},
    std::pair{Mishap::refused_min_notional, std::string_view{"refused_min_notional"}},
    std::pair{Mishap::refused_tick, std::string_view{"refused_tick"}},
    std::pair{Mishap::refused_step, std::string_view{"refused_step"}},
    std::pair{Mishap::refused_balance, std::string_view{"refused_balance"}},
    std::pair{Mishap::refused_margin, std::string_view{"refused_margin"}},
    std::pair{Mishap::refused_permission, std::string_view{"refused_permission"}},
    std::pair{Mishap::refused_auth, std::string_view{"refused_auth"}},
    std::pair{Mishap::refused_unsupported, std::string_view{"refused_unsupported"}},
    std::pair{Mishap::refused_in_200, std::string_view{"refused_in_200"}},
    std::pair{Mishap::refused_with_id, std::string_view{"refused_with_id"}},
    std::pair{Mishap::duplicate, std::string_view{"duplicate"}},
    std::pair{Mishap::rejected_later, std::string_view{"rejected_later"}},
    std::pair{Mishap::part_then_cancelled, std::string_view{"part_then_cancelled"}},
    std::pair{Mishap::cancelled_with_zero, std::string_view{"cancelled_with_zero"}},
    std::pair{Mishap::stored_as_limit, std::string_view{"stored_as_limit"}},
    std::pair{Mishap::fee_in_base, std::string_view{"fee_in_base"}},
    std::pair{Mishap::fee_in_other, std::string_view{"fee_in_other"}},
    std::pair{Mishap::read_fails, std::string_view{"read_fails"}},
    std::pair{Mishap::unknown_order, std::string_view{"unknown_order"}},
    std::pair{Mishap::view_truncated, std::string_view{"view_truncated"}},
    std::pair{Mishap::unknown_status, std::string_view{"unknown_status"}},
    std::pair{Mishap::filled_without_quantity, std::string_view{"filled_without_quantity"}},
    std::pair{Mishap::filled_without_price, std::string_view{"filled_without_price"}},
    std::pair{Mishap::fees_unread, std::string_view{"fees_unread"}},
    std::pair{Mishap::cancel_unsent, std::string_view{"cancel_unsent"}},
    std::pair{Mishap::cancel_ignored, std::string_view{"cancel_ignored"}},
    std::pair{Mishap::cancel_lost, std::string_view{"cancel_lost"}},
    std::pair{Mishap::cancel_dropped, std::string_view{"cancel_dropped"}},
    std::pair{Mishap::filled_before_cancel, std::string_view{"filled_before_cancel"}},
    std::pair{Mishap::left_out, std::string_view{"left_out"}},
};

template <class Names, class Value>
std::string_view name_of(const Names& names, Value value) {
  const auto found = std::find_if(names.begin(), names.end(), [&](const auto& name) { return name.first == value; });
  return found == names.end() ? std::string_view{} : found->second;
}

template <class Value, class Names>
std::optional<Value> value_of(const Names& names, std::string_view word) {
  const auto found = std::find_if(names.begin(), names.end(), [&](const auto& name) { return name.second == word; });
  return found == names.end() ? std::nullopt : std::optional<Value>{found->first};
}

std::optional<int> count_of(std::string_view word) {
  int count = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), count);
  if (error != std::errc{} || end != word.data() + word.size() || count < 0) return std::nullopt;
  return count;
}

// One of symbol=X, leg=L, from=N, times=N.
bool read_field(std::string_view field, Occasion& occasion) {
  const auto equals = field.find('=');
  if (equals == std::string_view::npos) return false;
  const auto key = field.substr(0, equals);
  const auto value = field.substr(equals + 1);
  if (key == "symbol") return (occasion.symbol = Symbol::parse(value)).has_value();
  if (key == "leg") return (occasion.leg = parse_leg(value)).has_value();
  const auto count = count_of(value);
  if (!count) return false;
  if (key == "from" && *count > 0) {
    occasion.from = *count;
    return true;
  }
  if (key == "times") {
    occasion.times = *count;
    return true;
  }
  return false;
}

}  // namespace

std::string_view text(VenueVerb verb) { return name_of(verb_names, verb); }
std::optional<VenueVerb> parse_venue_verb(std::string_view word) { return value_of<VenueVerb>(verb_names, word); }
std::string_view text(Mishap mishap) { return name_of(mishap_names, mishap); }
std::optional<Mishap> parse_mishap(std::string_view word) { return value_of<Mishap>(mishap_names, word); }
const std::vector<Mishap>& mishaps() {
  static const auto all = [] {
    std::vector<Mishap> list;
    list.reserve(mishap_names.size());
    for (const auto& [mishap, name] : mishap_names) list.push_back(mishap);
    return list;
  }();
  return all;
}

FaultScript& FaultScript::on(VenueVerb verb, Mishap mishap, Occasion occasion) {
  rules_.push_back({verb, mishap, std::move(occasion)});
  return *this;
}

std::optional<Mishap> FaultScript::next(VenueVerb verb, const Symbol* symbol, std::optional<Leg> leg) {
  std::optional<Mishap> decided;
  for (auto& rule : rules_) {
    const auto& occasion = rule.occasion;
    if (rule.verb != verb) continue;
    if (occasion.symbol && (symbol == nullptr || *occasion.symbol != *symbol)) continue;
    if (occasion.leg && occasion.leg != leg) continue;
    ++rule.seen;
    const bool begun = rule.seen >= occasion.from;
    const bool over = occasion.times > 0 && begun && rule.seen - occasion.from >= occasion.times;
    if (begun && !over && !decided) decided = rule.mishap;
  }
  return decided;
}

Result<FaultScript> parse_fault_script(std::string_view script, const std::string& name) {
  FaultScript faults;
  std::istringstream lines{std::string{script}};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    const auto wrong = [&](std::string_view what, std::string_view which = {}) {
      std::string place = name + ":" + std::to_string(number) + ": ";
      return failed(Fault::configuration, place.append(what).append(which));
    };
    std::istringstream words{line};
    std::string word;
    if (!(words >> word) || word.front() == '#') continue;
    const auto verb = parse_venue_verb(word);
    if (!verb) return wrong("not a verb of a venue: ", word);
    if (!(words >> word)) return wrong("no mishap is named");
    const auto mishap = parse_mishap(word);
    if (!mishap) return wrong("not a mishap: ", word);
    Occasion occasion;
    while (words >> word) {
      if (!read_field(word, occasion)) return wrong("not an occasion: ", word);
    }
    faults.on(*verb, *mishap, occasion);
  }
  return faults;
}

}  // namespace tradeguard
