#include "tradeguard/paper_book.hpp"

namespace tradeguard {

std::string_view text(FeeIn fee_in) {
  switch (fee_in) {
    case FeeIn::base:
      return "base";
    case FeeIn::quote:
      return "quote";
    case FeeIn::other:
      return "other";
  }
  return "";
}
std::optional<FeeIn> parse_fee_in(std::string_view word) {
  for (const auto fee_in : {FeeIn::base, FeeIn::quote, FeeIn::other}) {
    if (text(fee_in) == word) return fee_in;
  }
  return std::nullopt;
}

std::string_view text(Fate fate) {
  switch (fate) {
    case Fate::none:
      return "none";
    case Fate::rejected:
      return "rejected";
    case Fate::cancelled:
      return "cancelled";
    case Fate::part_cancelled:
      return "part_cancelled";
    case Fate::inert:
      return "inert";
  }
  return "";
}
std::optional<Fate> parse_fate(std::string_view word) {
  for (const auto fate : {Fate::none, Fate::rejected, Fate::cancelled, Fate::part_cancelled, Fate::inert}) {
    if (text(fate) == word) return fate;
  }
  return std::nullopt;
}

PaperOrder& PaperState::put(PaperOrder order) {
  const auto number = order.number;
  const auto [it, is_new] = orders.try_emplace(number, order);
  if (is_new) {
    by_client_id.emplace(order.client_id, number);
  } else {
    it->second = std::move(order);
  }
  place(it->second);
  return it->second;
}

void PaperState::place(const PaperOrder& order) {
  const std::string currency = order.side == Side::buy ? order.symbol.quote() : order.symbol.base();
  if (order.open()) {
    open.insert(order.number);
    open_in[order.symbol].insert(order.number);
    locking[currency].insert(order.number);
    return;
  }
  if (open.erase(order.number) == 0) return;
  const auto take_out = [&](auto& index, const auto& key) {
    const auto found = index.find(key);
    if (found == index.end()) return;
    found->second.erase(order.number);
    if (found->second.empty()) index.erase(found);
  };
  take_out(open_in, order.symbol);
  take_out(locking, currency);
}

Result<void> MemoryPaperBook::open(const PaperWanted&) { return {}; }

Result<void> MemoryPaperBook::close(const PaperChanges& changes) {
  if (changes.any()) ++state_.version;
  fills_.insert(fills_.end(), changes.fills.begin(), changes.fills.end());
  return {};
}

Result<std::vector<PaperFill>> MemoryPaperBook::fills(Instant since) {
  std::vector<PaperFill> found;
  for (const auto& fill : fills_) {
    if (fill.at >= since) found.push_back(fill);
  }
  return found;
}

}  // namespace tradeguard
