#include "tradeguard/entry_bars.hpp"

#include <algorithm>

namespace tradeguard {

namespace {

std::string named(std::string_view what, std::string_view symbol, std::string_view subject) {
  std::string name{what};
  if (!symbol.empty() && symbol != "-") name.append(" ").append(symbol);
  if (subject.starts_with(client_id_prefix))
    name.append(", trade ").append(subject);
  else if (!subject.empty() && subject != "-" && symbol.empty())
    name.append(" ").append(subject);
  return name;
}

}  // namespace

std::vector<EntryBar> entry_bars(const AdmissionFacts& facts, const EntryPolicy& policy) {
  std::vector<EntryBar> bars;
  if (facts.halted) bars.push_back({"", Denial::halted, *facts.halted});
  if (policy.max_open_positions > 0 && facts.open_positions >= policy.max_open_positions)
    bars.push_back({"", Denial::max_open_positions, std::to_string(facts.open_positions) + " open"});
  if (policy.max_entries_per_day > 0 && facts.entries_today >= policy.max_entries_per_day)
    bars.push_back({"", Denial::max_entries_per_day, std::to_string(facts.entries_today) + " today"});
  if (!policy.no_entries.empty()) bars.push_back({"", policy.no_entries, ""});
  if (facts.breaker) bars.push_back({"", Denial::protection_failing, *facts.breaker});
  for (const auto& [base, why] : facts.frozen)
    bars.push_back({base, Denial::frozen, why, facts.frozen_by_doubt.contains(base)});
  return bars;
}

AdmissionFacts facts_of(const OpenBook& book) {
  AdmissionFacts facts;
  facts.halted = book.account.halted;
  facts.breaker = book.account.breaker;
  facts.entries_after = book.account.entries_after;
  facts.entries_today = book.entries_today;
  for (const Trade& trade : book.trades) {
    if (trade.entry().side != Side::buy) continue;
    facts.open_positions += std::any_of(trade.entries.begin(), trade.entries.end(), [](const Order& entry) {
      return entry.state != OrderState::refused && entry.state != OrderState::lapsed;
    });
    for (const auto* rows : {&trade.entries, &trade.legs})
      for (const Order& order : *rows)
        if (freezes_its_base(order, trade.record))
          count_doubt(facts, order.symbol.base(), order.symbol.text(), order.trade);
  }
  for (const Alarm& alarm : book.alarms)
    count_alarm(facts, text(alarm.kind), alarm.symbol, alarm.subject, alarm.freezes, alarm.breaks);
  return facts;
}

void count_alarm(AdmissionFacts& facts, std::string_view kind, std::string_view symbol, std::string_view subject,
                 const std::string& freezes, bool breaks) {
  const std::string name = named(kind, symbol, subject);
  if (!freezes.empty()) facts.frozen.emplace(freezes, name);
  if (breaks && !facts.breaker) facts.breaker = name;
}

void count_doubt(AdmissionFacts& facts, const std::string& base, std::string_view symbol, std::string_view trade) {
  if (facts.frozen.emplace(base, named("in_doubt", symbol, trade)).second) facts.frozen_by_doubt.insert(base);
}

}  // namespace tradeguard
