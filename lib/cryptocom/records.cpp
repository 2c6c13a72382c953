#include "records.hpp"

#include <algorithm>

namespace tradeguard::cryptocom {
namespace {

// A trigger or a limit of the advanced book, and the regular order it became or rests as.
struct Told {
  Row row;
  std::optional<Row> executed = {};
};

std::vector<Told> told_of(const OrderQuery& query, const Records& records);
std::vector<Row> newest_of(const std::vector<Row>& rows, const OrderQuery& query, const std::set<std::string>& also);
Row joined(const Row& row, const Row& other);
bool newer(const Row& row, const Row& than);
bool ended(VenueStatus status);
bool is_leg(const OrderQuery& query) { return query.leg == Leg::stop || query.leg == Leg::target; }
bool is_trigger(const Row& row) { return row.type != OrderType::limit && row.type != OrderType::market; }
bool complete(const Row& row);

Sighting sighting_of(const OrderQuery& query, const Row& row, Instant at);
void follow(Sighting& sighting, const Told& told, const Records& records, const OrderQuery& query, Instant at);
std::optional<Quantity> filled_of(const Row& row);
std::optional<Money> value_of(const Row& row);
struct Traded {
  Quantity quantity;
  std::optional<Money> value = Money{};           // nullopt: one of them did not say at what price
  std::optional<Quantity> fee_base = Quantity{};  // nullopt: one of them did not say what was taken
};
std::optional<Traded> traded_by(const Sighting& sighting, const Records& records);
void complete(Sighting& sighting, const Row& row, const OrderQuery& query, const Traded& traded);
std::optional<Quantity> fee_base_of(const Sighting& sighting, const Row& row, const std::optional<Traded>& traded);
std::optional<Instant> made_at(const Row& row);

}  // namespace

std::vector<std::string> executed_to_read(const OrderQuery& query, const Records& records) {
  std::vector<std::string> ids;
  for (const Told& told : told_of(query, records)) {
    if (told.executed || told.row.executed_id.empty() || complete(told.row)) continue;
    ids.push_back(told.row.executed_id);
  }
  return ids;
}

std::vector<std::string> legs_to_read(const OrderQuery& query, const Records& records) {
  std::vector<std::string> ids;
  if (!is_leg(query)) return ids;
  for (const Told& told : told_of(query, records)) {
    const Row& row = told.row;
    if (told.executed || ended(row.status)) continue;
    const bool level = row.type == OrderType::limit ? row.price.has_value() : row.trigger.has_value();
    if (!row.type_shown || !row.side || !row.quantity || !level) ids.push_back(row.order_id);
  }
  return ids;
}

bool trades_to_read(const OrderQuery& query, const Records& records) {
  const auto sightings = sightings_of(query, records, {});
  return std::any_of(sightings.begin(), sightings.end(), [&](const Sighting& one) {
    const bool filled = one.filled && one.filled->is_positive();
    return filled ? !one.filled_value.has_value() : !one.filled && (ended(one.status) || !is_leg(query));
  });
}

std::vector<Sighting> sightings_of(const OrderQuery& query, const Records& records, Instant at) {
  std::vector<Sighting> sightings;
  for (const Told& told : told_of(query, records)) {
    Sighting sighting = sighting_of(query, told.row, at);
    follow(sighting, told, records, query, at);
    const auto traded = traded_by(sighting, records);
    if (traded) complete(sighting, told.row, query, *traded);
    sighting.fee_base = fee_base_of(sighting, told.row, traded);
    sightings.push_back(std::move(sighting));
  }
  return sightings;
}

bool traded(const OrderQuery& query, const Records& records) {
  return std::any_of(records.trades.begin(), records.trades.end(), [&](const Fill& trade) {
    return trade.client_id == query.client_id || (!query.venue_id.empty() && trade.order_id == query.venue_id) ||
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
  auto advanced = newest_of(records.advanced, query, {});
  std::set<std::string> executed_ids;
  for (const Row& row : advanced)
    if (!row.executed_id.empty()) executed_ids.insert(row.executed_id);
  auto regular = newest_of(records.regular, query, executed_ids);

  // Some orders are listed in both books under one id: that is one order, and no trigger that fired.
  std::erase_if(regular, [&](const Row& row) {
    const auto same =
        std::find_if(advanced.begin(), advanced.end(), [&](const Row& one) { return one.order_id == row.order_id; });
    if (same == advanced.end()) return false;
    Row both = joined(*same, row);
    // What it was planned as stands where it was made.
    if (same->type_shown) {
      both.type = same->type;
      both.type_shown = true;
    }
    if (same->trigger) both.trigger = same->trigger;
    if (same->price) both.price = same->price;
    *same = std::move(both);
    return true;
  });

  std::vector<Told> told;
  for (Row& row : advanced) told.push_back({std::move(row)});
  const auto give = [&](Told& to, auto fits) {
    const auto found = std::find_if(regular.begin(), regular.end(), fits);
    if (to.executed || found == regular.end()) return;
    to.executed = std::move(*found);
    regular.erase(found);
  };
  for (Told& one : told) give(one, [&](const Row& row) { return row.order_id == one.row.executed_id; });
  // Legs are sent to the advanced book only, so that a regular order under a leg's client id is
  // what its trigger became, though the trigger's row was read too early to name it.
  if (is_leg(query))
    for (Told& one : told)
      if (one.row.executed_id.empty()) give(one, [](const Row&) { return true; });
  for (Row& row : regular) told.push_back({std::move(row)});
  return told;
}

// One row for each order: several views tell of it, and what is over stays over.
std::vector<Row> newest_of(const std::vector<Row>& rows, const OrderQuery& query, const std::set<std::string>& also) {
  std::vector<Row> newest;
  for (const Row& row : rows) {
    const bool wanted = (!query.client_id.empty() && row.client_id == query.client_id) ||
                        row.order_id == query.venue_id || row.order_id == query.fired_id || also.contains(row.order_id);
    if (!wanted) continue;
    const auto known =
        std::find_if(newest.begin(), newest.end(), [&](const Row& one) { return one.order_id == row.order_id; });
    if (known == newest.end())
      newest.push_back(row);
    else
      *known = joined(*known, row);
  }
  return newest;
}

// The newer of two rows of one order, and of the other what it leaves out.
Row joined(const Row& row, const Row& other) {
  const bool other_is_newer = newer(other, row);
  Row all = other_is_newer ? other : row;
  const Row& rest = other_is_newer ? row : other;
  const auto take = [](auto& to, const auto& from) {
    if (!to) to = from;
  };
  const auto take_text = [](std::string& to, const std::string& from) {
    if (to.empty()) to = from;
  };
  take_text(all.client_id, rest.client_id);
  take_text(all.executed_id, rest.executed_id);
  take_text(all.account_id, rest.account_id);
  take_text(all.fee_currency, rest.fee_currency);
  take_text(all.reason, rest.reason);
  take(all.symbol, rest.symbol);
  take(all.side, rest.side);
  if (!all.type_shown) {
    all.type = rest.type;
    all.type_shown = rest.type_shown;
  }
  take(all.quantity, rest.quantity);
  take(all.price, rest.price);
  take(all.trigger, rest.trigger);
  all.trigger_zero = all.trigger_zero || rest.trigger_zero;
  if (all.created_ns == 0) all.created_ns = rest.created_ns;
  // Sums of fills are of one moment: an older row's belong to fewer fills.
  if (!all.filled && all.status == rest.status) all.filled = rest.filled;
  if (all.filled == rest.filled) {
    take(all.filled_value, rest.filled_value);
    take(all.average, rest.average);
    take(all.fee, rest.fee);
  }
  return all;
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

bool ended(VenueStatus status) {
  switch (status) {
    case VenueStatus::filled:
    case VenueStatus::cancelled:
    case VenueStatus::expired:
      return true;
    case VenueStatus::rejected:  // of what was never taken nothing was filled
    case VenueStatus::open:
    case VenueStatus::unknown:
      return false;
  }
  return false;
}

// A row that tells all there is to tell: nothing more can come.
bool complete(const Row& row) {
  return row.status == VenueStatus::filled && row.quantity && row.filled && *row.filled >= *row.quantity &&
         value_of(row);
}

// What cannot be named is not understood: it is neither open nor closed.
Sighting sighting_of(const OrderQuery& query, const Row& row, Instant at) {
  // How much an entry was for is known here; of a leg it is part of what has to be as planned.
  const auto quantity =
      !row.quantity && !is_leg(query) && query.quantity.is_positive() ? std::optional{query.quantity} : row.quantity;
  // A trigger order whose trigger is zero is none that would ever fire, and none that anybody sent.
  const bool never_fires = is_trigger(row) && row.trigger_zero && !row.trigger;
  const bool understood = row.symbol && row.side && quantity && (!is_leg(query) || (row.type_shown && !never_fires));
  const bool by_fired_id = row.order_id == query.fired_id;
  Sighting sighting{.client_id = query.client_id,
                    .venue_id = row.order_id,
                    .fired_id = row.executed_id,
                    .symbol = row.symbol.value_or(query.symbol),
                    .side = row.side.value_or(query.leg == Leg::entry ? Side::buy : Side::sell),
                    // A type without a word of ours is never the one that was planned.
                    .type = row.type.value_or(query.leg == Leg::stop || query.leg == Leg::target ? OrderType::market
                                                                                                 : OrderType::limit),
                    .status = understood ? row.status : VenueStatus::unknown,
                    .quantity = quantity.value_or(Quantity{}),
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
  if (sighting.status == VenueStatus::rejected && sighting.reason.empty()) sighting.reason = "REJECTED";
  return sighting;
}

void follow(Sighting& sighting, const Told& told, const Records& records, const OrderQuery& query, Instant at) {
  const Row& row = told.row;
  if (!told.executed) {
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
  if (row.filled_value && row.filled_value->is_positive()) return row.filled_value;
  if (!row.average) return std::nullopt;
  return cost(*row.average, *filled, Rounding::half_even);
}

// What the trades of an order add up to; nullopt: there are none, or one cannot be read.
std::optional<Traded> traded_by(const Sighting& sighting, const Records& records) {
  const std::string base = sighting.symbol.base();
  std::set<std::string> counted;
  Traded all;
  try {
    for (const Fill& trade : records.trades) {
      const bool ours =
          trade.order_id == sighting.venue_id || (!sighting.fired_id.empty() && trade.order_id == sighting.fired_id);
      if (!ours || (!trade.trade_id.empty() && !counted.insert(trade.trade_id).second)) continue;
      if (!trade.quantity) return std::nullopt;
      all.quantity += *trade.quantity;
      if (all.value && trade.price)
        *all.value += cost(*trade.price, *trade.quantity, Rounding::half_even);
      else
        all.value.reset();
      if (!trade.fee || trade.fee_currency.empty())
        all.fee_base.reset();
      else if (all.fee_base && trade.fee_currency == base)
        *all.fee_base += Quantity{std::min(*trade.fee, trade.quantity->value)};
    }
  } catch (const std::overflow_error&) {
    return std::nullopt;  // no market's amounts
  }
  return all.quantity.is_positive() ? std::optional{all} : std::nullopt;
}

// Trades complete what the order's own record leaves out. Whether they are all of them, only the
// quantity that was asked for can tell: until then an entry has what is known of it and is not over.
void complete(Sighting& sighting, const Row& row, const OrderQuery& query, const Traded& traded) {
  if (sighting.filled) {
    if (!sighting.filled_value && traded.quantity == *sighting.filled) sighting.filled_value = traded.value;
    return;
  }
  const Quantity asked = row.quantity.value_or(query.quantity);
  const bool whole = sighting.status == VenueStatus::filled && asked.is_positive() && traded.quantity >= asked;
  if (!whole && is_leg(query)) return;
  if (!whole && ended(sighting.status)) sighting.status = VenueStatus::open;
  sighting.filled = traded.quantity;
  sighting.filled_value = traded.value;
}

// Trades tell what was taken and from what, but only all of them together. The order's own row
// knows the currency that was asked for, which is the one taken unless the account was short of it:
// so of the two currencies that are traded here it is believed, and of a third one it is not.
std::optional<Quantity> fee_base_of(const Sighting& sighting, const Row& row, const std::optional<Traded>& traded) {
  if (sighting.side != Side::buy || !sighting.filled) return std::nullopt;
  if (traded && traded->fee_base && traded->quantity == *sighting.filled) return traded->fee_base;
  if (row.fee_currency == sighting.symbol.quote()) return Quantity{};
  if (row.fee_currency == sighting.symbol.base() && row.fee && *row.fee <= sighting.filled->value)
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
