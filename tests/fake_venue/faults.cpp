#include "faults.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace tradeguard::fake {

namespace {

const std::set<std::string> effect_names{
    "wait_before", "delay",      "drop",         "hang",        "status",      "body",    "executed",
    "code",        "message",    "with_id",      "retry_after", "truncate",    "huge",    "ignore",
    "leave_out",   "fill_first", "reject_async", "fill",        "no_fill",     "end",     "end_after_reads",
    "fee",         "lag",        "views",        "stale",       "stored_type", "missing", "unknown_status",
    "omit"};

std::optional<std::int64_t> whole_number(const std::string& text) {
  std::int64_t number = 0;
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

std::vector<std::string> words(const std::string& list) {
  std::vector<std::string> all;
  for (std::size_t begin = 0; begin <= list.size();) {
    const auto end = std::min(list.find(',', begin), list.size());
    if (end > begin) all.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return all;
}

bool fits(const std::string& pattern, const std::string& endpoint) {
  if (!pattern.empty() && pattern.back() == '*')
    return endpoint.starts_with(std::string_view{pattern}.substr(0, pattern.size() - 1));
  return pattern == endpoint;
}

}  // namespace

std::string Fault::text(const std::string& effect) const {
  const auto found = effects.find(effect);
  return found == effects.end() ? "" : found->second;
}

std::int64_t Fault::number(const std::string& effect) const { return whole_number(text(effect)).value_or(0); }

bool Fault::means(std::string_view client_id) const { return client_id.starts_with(client); }

std::optional<Fault> parse_fault(const Pairs& query, std::string& why) {
  Fault fault;
  const std::set<std::string> numbers{"wait_before", "delay",           "status", "retry_after", "truncate",
                                      "huge",        "end_after_reads", "lag",    "stale"};
  for (const auto& [name, value] : query) {
    const auto number = whole_number(value);
    why = name + "=" + value;
    if (name == "on") {
      fault.endpoint = value;
    } else if (name == "client") {
      fault.client = value;
    } else if (name == "skip" || name == "times") {
      if (!number) return std::nullopt;
      (name == "skip" ? fault.skip : fault.times) = static_cast<int>(*number);
    } else if (effect_names.count(name) == 1) {
      if (numbers.count(name) == 1 && !number) return std::nullopt;
      if (name == "fill" && !Decimal::parse(value)) return std::nullopt;
      fault.effects[name] = value;
    } else {
      return std::nullopt;
    }
  }
  why = "no endpoint: on=...";
  if (fault.endpoint.empty()) return std::nullopt;
  return fault;
}

Fate fate_of(const Fault& fault) {
  Fate fate;
  if (fault.has("reject_async")) fate.reject = fault.text("reject_async");
  if (fault.has("fill")) fate.part = Decimal::parse(fault.text("fill"));
  fate.never_fills = fault.has("no_fill");
  fate.missing = fault.has("missing");
  if (fault.has("end")) {
    fate.end = fault.text("end") == "expired" ? Status::expired : Status::cancelled;
    fate.end_after_reads = static_cast<int>(fault.number("end_after_reads"));
  }
  fate.fee_currency = fault.text("fee");
  if (fault.has("lag")) {
    const int reads = fault.number("lag") == 0 ? -1 : static_cast<int>(fault.number("lag"));
    auto views = words(fault.text("views"));
    if (views.empty()) views.push_back("*");
    for (const auto& view : views) fate.hidden[view] = reads;
  }
  fate.stale = static_cast<int>(fault.number("stale"));
  fate.shown_status = fault.text("unknown_status");
  fate.left_out = words(fault.text("omit"));
  return fate;
}

Fate fate_for(const Fault* fault, std::string_view client_id) {
  return fault && fault->means(client_id) ? fate_of(*fault) : Fate{};
}

std::optional<Fault> Faults::next(const std::string& endpoint, const std::vector<std::string>& clients) {
  for (auto fault = queue_.begin(); fault != queue_.end(); ++fault) {
    if (!fits(fault->endpoint, endpoint)) continue;
    const bool meant = fault->client.empty() ||
                       std::any_of(clients.begin(), clients.end(), [&](const auto& id) { return fault->means(id); });
    if (!meant) continue;
    if (fault->skip > 0) {
      --fault->skip;
      continue;
    }
    const Fault now = *fault;
    if (fault->times > 0 && --fault->times == 0) queue_.erase(fault);
    return now;
  }
  return std::nullopt;
}

}  // namespace tradeguard::fake
