#include "tradeguard/journal.hpp"

#include <algorithm>
#include <iterator>

namespace tradeguard {

std::vector<ClientOrderId> trades_of(const ExitClaim& claim) {
  std::vector<ClientOrderId> trades = claim.touches;
  for (const TradeRecord& trade : claim.advance)
    if (std::find(trades.begin(), trades.end(), trade.id) == trades.end()) trades.push_back(trade.id);
  return trades;
}

std::vector<TradeRecord> wishes_beyond(const ExitClaim& claim, const std::set<ClientOrderId>& written) {
  std::vector<TradeRecord> wishes;
  std::copy_if(claim.advance.begin(), claim.advance.end(), std::back_inserter(wishes),
               [&](const TradeRecord& wish) { return !written.contains(wish.id); });
  return wishes;
}

Written judge_change(const Change& item, const VersionOf& order_version, const VersionOf& trade_version) {
  std::set<std::string_view> orders;
  for (const Order& order : item.append)
    if (order_version(order.client_id) || !orders.insert(order.client_id).second) return Written::exists;
  for (const Order& order : item.advance)
    if (order_version(order.client_id) != order.version || !orders.insert(order.client_id).second)
      return Written::stale;
  std::set<std::string_view> trades;
  for (const TradeRecord& trade : item.trades) {
    const auto standing = trade_version(trade.id);
    if (standing && trade.version == 0) return Written::exists;
    if (standing.value_or(0) != trade.version || !trades.insert(trade.id).second) return Written::stale;
  }
  return Written::yes;
}

ExitVerdict judge_exit(const Signal& signal, const std::optional<Duplicate>& known, std::vector<TradeRecord> wishes,
                       const VersionOf& trade_version, Micros max_age, Micros max_future, Instant now) {
  if (known) return *known;
  if (signal.time > now + max_future)
    return Denied{Denial::future, signal.time, "signal time " + iso_micros(signal.time), signal.time - now};
  if (now - signal.time > max_age) return Denied{Denial::stale, std::nullopt, "signal time " + iso_micros(signal.time)};
  const Change as_change{.append = {}, .advance = {}, .trades = wishes, .notices = {}, .alarms = {}, .words = {}};
  const auto no_order = [](const ClientOrderId&) -> std::optional<std::int64_t> { return std::nullopt; };
  if (judge_change(as_change, no_order, trade_version) != Written::yes)
    return Denied{Denial::changed, std::nullopt, "the trade was written by another run"};
  return ExitClaimed{std::move(wishes)};
}

Result<std::size_t> OrderJournal::prune(Instant before, Instant now, const std::function<bool()>& enough) {
  std::size_t gone = 0;
  for (;;) {
    const auto piece = prune_piece(before, now, prune_at_once);
    if (!piece) return piece;
    gone += *piece;
    if (*piece == 0 || (enough && enough())) return gone;
  }
}

namespace {

Micros back_off(const Notice& notice) {
  if (notice.attempts < 3) return 30s;
  return notice.attempts < 9 || notice.severity == Severity::critical ? Micros{5min} : Micros{30min};
}

}  // namespace

DeliveryRecord delivery_record(const Notice& notice, const Delivery& delivery, Instant now) {
  DeliveryRecord record{notice.event_id, DeliveryRecord::What::delivered, std::nullopt, ""};
  std::visit(overloaded{
                 [](const Delivered&) {},
                 [&](const TryLater& later) {
                   record.error = later.why;
                   if (later.may_have_arrived && notice.may_have_arrived && notice.severity != Severity::critical)
                     return;
                   record.what = DeliveryRecord::What::try_later;
                   record.next_try = now + std::min(longest_retry, std::max(later.after, back_off(notice)));
                   record.may_have_arrived = later.may_have_arrived || notice.may_have_arrived;
                 },
                 [&](const Undeliverable& never) {
                   record.what = DeliveryRecord::What::undeliverable;
                   record.error = never.why;
                 },
             },
             delivery);
  return record;
}

}  // namespace tradeguard
