#include "cryptocom_records.hpp"

#include <algorithm>

namespace tradeguard::cryptocom {
namespace {

// A trigger or a limit of the advanced book, and the regular order it became or rests as.
struct Told {
  const Row* row;
  const Row* executed = nullptr;
};

std::vector<Told> told_of(const OrderQuery& query, const Records& records);
std::vector<const Row*> newest_of(const std::vector<Row>& rows, const OrderQuery& query,
                                  const std::set<std::string>& also);
bool newer(const Row& row, const Row& than);
bool is_leg(const OrderQuery& query) { return query.leg == Leg::stop || query.leg == Leg::target; }
bool is_trigger(const Row& row) {
  return row.type != OrderType::limit && row.type != OrderType::market;
}
bool complete(const Row& row);

Sighting sighting_of(const OrderQuery& query, const Row& row, Instant at);
void follow(Sighting& sighting, const Told& told, const Records& records, const OrderQuery& query,
            Instant at);
std::optional<Quantity> filled_of(const Row& row);
std::optional<Money> value_of(const Row& row);
std::optional<Quantity> fee_base_of(const Sighting& sighting, const Row& row,
                                    const Records& records);
std::optional<Instant> made_at(const Row& row);

}  // namespace

std::vector<std::string> executed_to_read(const OrderQuery& query, const Records& records) {
  std::vector<std::string> ids;
  for (const Told& told : told_of(query, records)) {
    if (told.executed != nullptr || told.row->executed_id.empty() || complete(*told.row)) continue;
    ids.push_back(told.row->executed_id);
  }
  return ids;
}

std::vector<Sighting> sightings_of(const OrderQuery& query, const Records& records, Instant at) {
  std::vector<Sighting> sightings;
  for (const Told& told : told_of(query, records)) {
    Sighting sighting = sighting_of(query, *told.row, at);
    follow(sighting, told, records, query, at);
    sighting.fee_base = fee_base_of(sighting, *told.row, records);
    sightings.push_back(std::move(sighting));
  }
  return sightings;
}

bool traded(const OrderQuery& query, const Records& records) {
  return std::any_of(records.trades.begin(), records.trades.end(), [&](const Fill& trade) {
    return trade.client_id == query.client_id ||
           (!query.venue_id.empty() && trade.order_id == query.venue_id) ||
           (!query.fired_id.empty() && trade.order_id == query.fired_id);
  });
}

std::vector<OrderQuery> own_queries(const Records& records) {
  std::map<ClientOrderId, OrderQuery> own;
  const auto note = [&](const Row& row, Leg leg) {
    if (!row.symbol || !row.client_id.starts_with(client_id_prefix)) return;
    own.emplace(row.client_id, OrderQuery{row.client_id, "", "", *row.symbol, leg});
  };
  for (const Row& row : records.advanced) note(row, Leg::stop);
  for (const Row& row : records.regular) note(row, row.side == Side::sell ? Leg::exit : Leg::entry);
  std::vector<OrderQuery> queries;
  for (const auto& [id, query] : own) queries.push_back(query);
  return queries;
}

namespace {

std::vector<Told> told_of(const OrderQuery& query, const Records& records) {
  const auto advanced = newest_of(records.advanced, query, {});
  std::set<std::string> executed_ids;
  for (const Row* row : advanced)
    if (!row->executed_id.empty()) executed_ids.insert(row->executed_id);
  auto regular = newest_of(records.regular, query, executed_ids);

  std::vector<Told> told;
  for (const Row* row : advanced) told.push_back({row});
  const auto give = [&](Told& to, auto fits) {
    const auto found = std::find_if(regular.begin(), regular.end(), fits);
    if (to.executed != nullptr || found == regular.end()) return;
    to.executed = *found;
    regular.erase(found);
  };
  for (Told& one : told)
    give(one, [&](const Row* row) { return row->order_id == one.row->executed_id; });
  // Legs are sent to the advanced book only, so that a regular order under a leg's client id is
  // what its trigger became, though the trigger's row was read too early to name it.
  if (is_leg(query))
    for (Told& one : told)
      if (one.row->executed_id.empty()) give(one, [](const Row*) { return true; });
  for (const Row* row : regular) told.push_back({row});
  return told;
}

// One row for each order: several views tell of it, and what is over stays over.
std::vector<const Row*> newest_of(const std::vector<Row>& rows, const OrderQuery& query,
                                  const std::set<std::string>& also) {
  std::vector<const Row*> newest;
  for (const Row& row : rows) {
    const bool wanted = (!query.client_id.empty() && row.client_id == query.client_id) ||
                        row.order_id == query.venue_id || row.order_id == query.fired_id ||
                        also.contains(row.order_id);
    if (!wanted) continue;
    const auto known = std::find_if(newest.begin(), newest.end(),
                                    [&](const Row* one) { return one->order_id == row.order_id; });
    if (known == newest.end())
      newest.push_back(&row);
    else if (newer(row, **known))
      *known = &row;
  }
  return newest;
}

bool newer(const Row& row, const Row& than) {
  const auto stage = [](const Row& one) {
    switch (one.status) {
      case VenueStatus::unknown:
        return 0;
      case VenueStatus::open:
        return 1;
      case VenueStatus::filled:
      case VenueStatus::cancelled:
      case VenueStatus::expired:
      case VenueStatus::rejected:
        break;
    }
    return 2;
  };
  if (stage(row) != stage(than)) return stage(row) > stage(than);
  return row.filled.value_or(Quantity{}) > than.filled.value_or(Quantity{});
}

// A row that tells all there is to tell: nothing more can come.
bool complete(const Row& row) {
  return row.status == VenueStatus::filled && row.quantity && row.filled &&
         *row.filled >= *row.quantity && value_of(row);
}

// What cannot be named is not understood: it is neither open nor closed.
Sighting sighting_of(const OrderQuery& query, const Row& row, Instant at) {
  const bool understood = row.symbol && row.side && row.quantity;
  const bool by_fired_id = row.order_id == query.fired_id;
  Sighting sighting{.client_id = query.client_id,
                    .venue_id = row.order_id,
                    .fired_id = row.executed_id,
                    .symbol = row.symbol.value_or(query.symbol),
                    .side = row.side.value_or(query.leg == Leg::entry ? Side::buy : Side::sell),
                    // A type without a word of ours is never the one that was planned.
                    .type = row.type.value_or(query.leg == Leg::stop || query.leg == Leg::target
                                                  ? OrderType::market
                                                  : OrderType::limit),
                    .status = understood ? row.status : VenueStatus::unknown,
                    .quantity = row.quantity.value_or(Quantity{}),
                    .filled = filled_of(row),
                    .filled_value = value_of(row),
                    .price = row.price,
                    .trigger = row.trigger,
                    .exchange_time = made_at(row),
                    .at = at,
                    .reason = row.reason};
  // Only what the trigger became is left to be seen.
  if (by_fired_id) {
    if (!query.venue_id.empty()) sighting.venue_id = query.venue_id;
    sighting.fired_id = row.order_id;
    sighting.fired = row.status == VenueStatus::open;
  }
  if (sighting.status == VenueStatus::rejected && sighting.reason.empty())
    sighting.reason = "REJECTED";
  return sighting;
}

void follow(Sighting& sighting, const Told& told, const Records& records, const OrderQuery& query,
            Instant at) {
  const Row& row = *told.row;
  if (told.executed == nullptr) {
    if (row.executed_id.empty() || complete(row)) return;
    sighting.fired = is_trigger(row) && row.status == VenueStatus::open;
    // The fills stand in a record that was not read: how much is not known.
    if (!records.not_regular.contains(row.executed_id)) {
      sighting.filled.reset();
      sighting.filled_value.reset();
    }
    return;
  }
  const Sighting executed = sighting_of(query, *told.executed, at);
  sighting.fired_id = told.executed->order_id;
  if (sighting.status != VenueStatus::unknown) sighting.status = executed.status;
  sighting.fired = is_trigger(row) && executed.status == VenueStatus::open;
  if (!executed.filled || !sighting.filled || *executed.filled >= *sighting.filled) {
    sighting.filled = executed.filled;
    sighting.filled_value = executed.filled_value;
  }
  if (sighting.reason.empty()) sighting.reason = executed.reason;
}

// "FILLED, nothing" contradicts itself: the venue did not say how much.
std::optional<Quantity> filled_of(const Row& row) {
  if (row.filled && row.filled->is_zero() && row.status == VenueStatus::filled) return std::nullopt;
  return row.filled;
}

std::optional<Money> value_of(const Row& row) {
  const auto filled = filled_of(row);
  if (!filled) return std::nullopt;
  if (filled->is_zero()) return Money{};
  if (!row.filled_value || !row.filled_value->is_positive()) return std::nullopt;
  return row.filled_value;
}

// Trades tell what was taken and from what, but only all of them together. The order's own row
// knows the currency that was asked for, which is the one taken unless the account was short of it:
// so of the two currencies that are traded here it is believed, and of a third one it is not.
std::optional<Quantity> fee_base_of(const Sighting& sighting, const Row& row,
                                    const Records& records) {
  if (sighting.side != Side::buy || !sighting.filled) return std::nullopt;
  const std::string base = sighting.symbol.base();
  std::set<std::string> counted;
  Quantity seen;
  Quantity taken;
  bool readable = true;
  for (const Fill& trade : records.trades) {
    const bool ours = trade.order_id == sighting.venue_id ||
                      (!sighting.fired_id.empty() && trade.order_id == sighting.fired_id);
    if (!ours || (!trade.trade_id.empty() && !counted.insert(trade.trade_id).second)) continue;
    readable = readable && trade.quantity && trade.fee && !trade.fee_currency.empty();
    if (!readable || seen > *sighting.filled) break;
    seen += *trade.quantity;
    if (trade.fee_currency == base) taken += Quantity{std::min(*trade.fee, trade.quantity->value)};
  }
  if (readable && seen == *sighting.filled) return taken;
  if (row.fee_currency == sighting.symbol.quote()) return Quantity{};
  if (row.fee_currency == base && row.fee && *row.fee <= sighting.filled->value)
    return Quantity{*row.fee};
  return std::nullopt;
}

std::optional<Instant> made_at(const Row& row) {
  constexpr std::int64_t year_2000 = 946'684'800'000'000;
  constexpr std::int64_t year_2200 = 7'258'118'400'000'000;
  const std::int64_t micros = row.created_ns / 1000;
  if (micros < year_2000 || micros >= year_2200) return std::nullopt;
  return from_micros(micros);
}

}  // namespace
}  // namespace tradeguard::cryptocom
