// May I enter? One answer for the claim, for `status` and for `resume`: from the same rows, in the same words.
// Contract test: tests/unit/entry_bars_test.cpp
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tradeguard/journal.hpp"

namespace tradeguard {

// What keeps entries out, whatever the signal says.
struct EntryBar {
  std::string base;  // empty: of every base
  Word<Denial> reason;
  std::string detail;     // names market and trade: "UNPROTECTED ETH_USDT, trade tg1-e1-..."
  bool by_doubt = false;  // frozen by an order whose answer was lost: it ends when the order is found
};
// A claim is denied where one concerns its base, and says one of them. Empty: a fresh signal passes, but for what belongs to it (its age, its size) and for what a run reads at the venue.
std::vector<EntryBar> entry_bars(const AdmissionFacts& facts, const EntryPolicy& policy);

// The same facts for the same rows, read as an open book.
AdmissionFacts facts_of(const OpenBook& book);

// What an alarm that stands, and an order without an answer, add to the facts. The first one of a kind is
// the one that is named.
void count_alarm(AdmissionFacts& facts, std::string_view kind, std::string_view symbol, std::string_view subject,
                 const std::string& freezes, bool breaks);
void count_doubt(AdmissionFacts& facts, const std::string& base, std::string_view symbol, std::string_view trade);

}  // namespace tradeguard
