#include "tradeguard/paper_venue.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

#include "visit.hpp"

namespace tradeguard {
namespace {

constexpr Micros send_margin = 2s;    // before valid_until: the way to the venue takes time
constexpr Micros future_margin = 1s;  // a stamp further ahead of the venue's clock is refused
constexpr int nobody_knows = 100;

struct Refusal {
  Mishap mishap;
  std::string_view code;
  std::string_view message;
};
constexpr std::array refusals{
    Refusal{Mishap::refused_min_quantity, "min_quantity", "quantity below the minimum"},
    Refusal{Mishap::refused_min_notional, "min_notional", "value below the minimum"},
    Refusal{Mishap::refused_tick, "tick", "invalid price"},
    Refusal{Mishap::refused_step, "step", "invalid quantity"},
    Refusal{Mishap::refused_balance, "insufficient_balance", "insufficient balance"},
    Refusal{Mishap::refused_margin, "margin", "not enough margin"},
    Refusal{Mishap::refused_permission, "permission", "the key may not trade"},
    Refusal{Mishap::refused_auth, "auth", "unauthorized"},
    Refusal{Mishap::refused_unsupported, "unsupported_type", "no such conditional order here"},
    Refusal{Mishap::refused_in_200, "error_code_in_200", "an error code in a good answer"},
};

// Answers of a venue, or of the way to it, that leave no order behind.
std::optional<PlaceOutcome> turned_away(std::optional<Mishap> mishap) {
  if (!mishap) return std::nullopt;
  if (*mishap == Mishap::not_connected) {
    return Unsent{Unsent::Why::not_connected, "connection refused"};
  }
  if (*mishap == Mishap::throttled) return Unsent{Unsent::Why::throttled, "too many requests"};
  if (*mishap == Mishap::clock_refused) {
    return Unsent{Unsent::Why::clock, "the request's time is off"};
  }
  if (*mishap == Mishap::dropped) return InDoubt{"the connection broke"};
  if (*mishap == Mishap::duplicate) return InDoubt{"duplicate client id"};
  for (const auto& refusal : refusals) {
    if (refusal.mishap == *mishap) {
      return Refused{std::string{refusal.code}, std::string{refusal.message}};
    }
  }
  return std::nullopt;
}

// Answers that do not say what became of the request though the venue dealt with it.
std::optional<std::string> lost_answer(std::optional<Mishap> mishap) {
  if (!mishap) return std::nullopt;
  if (*mishap == Mishap::accepted_dropped) return "the connection broke";
  if (*mishap == Mishap::accepted_500) return "HTTP 500";
  if (*mishap == Mishap::accepted_timeout) return "no answer in time";
  if (*mishap == Mishap::accepted_empty) return "HTTP 200 with an empty result";
  if (*mishap == Mishap::refused_with_id) return "an error code and an order id";
  return std::nullopt;
}

std::optional<std::int64_t> number_of(std::string_view venue_id) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(venue_id.data(), venue_id.data() + venue_id.size(), number);
  if (error != std::errc{} || end != venue_id.data() + venue_id.size()) return std::nullopt;
  return number;
}

Sighting sighting_of(const PaperOrder& order, bool with_fees, Instant at) {
  Sighting sighting{.client_id = order.client_id,
                    .venue_id = std::to_string(order.number),
                    .fired_id = order.fired_number == 0 ? "" : std::to_string(order.fired_number),
                    .symbol = order.symbol,
                    .side = order.side,
                    .type = order.type,
                    .status = order.status,
                    .quantity = order.quantity,
                    .filled = order.filled,
                    .filled_value = order.filled_value,
                    .fee_base = std::nullopt,
                    .price = order.price,
                    .trigger = order.trigger,
                    .fired = order.fired && order.open(),
                    .exchange_time = order.created_at,
                    .at = at,
                    .reason = order.reason};
  if (with_fees) sighting.fee_base = order.fee_base;
  return sighting;
}

void spoil(Sighting& sighting, std::optional<Mishap> mishap) {
  if (!mishap) return;
  if (*mishap == Mishap::unknown_status) sighting.status = VenueStatus::unknown;
  if (*mishap == Mishap::filled_without_quantity) sighting.filled.reset();
  if (*mishap == Mishap::filled_without_quantity || *mishap == Mishap::filled_without_price) {
    sighting.filled_value.reset();
  }
  if (*mishap == Mishap::fees_unread) sighting.fee_base.reset();
}

PlaceOutcome answer_of(const Visit& visit, const Taken& taken, std::optional<Mishap> mishap, bool with_record,
                       bool with_fees, Instant now) {
  if (const auto lost = lost_answer(mishap)) return InDoubt{*lost};
  return std::visit(
      overloaded{[](const Refused& refused) -> PlaceOutcome { return refused; },
                 // "No order exists" would be wrong of it, so it is not a refusal.
                 [](const Resting& resting) -> PlaceOutcome {
                   return InDoubt{"duplicate client id: order " + std::to_string(resting.number) + " rests under it"};
                 },
                 [&](std::int64_t number) -> PlaceOutcome {
                   Accepted accepted{std::to_string(number), std::nullopt};
                   if (with_record && mishap != Mishap::rejected_later) {
                     accepted.record = sighting_of(visit.order(number), with_fees, now);
                   }
                   return accepted;
                 }},
      taken);
}

}  // namespace

InstrumentRules built_in_rules(const Symbol& symbol, std::optional<Price> price, Decimal fee_rate, Instant now) {
  constexpr Decimal::Units one = 1'000'000'000'000'000'000;
  Decimal::Units tick = one / 10'000'000'000;
  if (price) {
    // 0.01 from 10 upwards; a tenth of it for each power of ten below.
    tick = one / 100;
    for (Decimal::Units below = 10 * one; price->value.units() < below && tick > 1'000'000; below /= 10) {
      tick /= 10;
    }
  }
  return {.symbol = symbol,
          .tick = Price{Decimal::from_units(tick)},
          .step = Quantity{Decimal::from_units(one / 100'000)},
          .min_quantity = Quantity{Decimal::from_units(one / 100'000)},
          .max_quantity = Quantity{},
          .min_notional = Money{5},
          .highest_fee_rate = fee_rate,
          .max_open_stops = 0,
          .tradable = true,
          .read_at = now};
}

PaperVenue::PaperVenue(Clock& clock, PaperBook& book, PaperSettings settings)
    : clock_{clock}, book_{book}, settings_{std::move(settings)} {
  traits_.oco = settings_.oco;
  traits_.stop_market = settings_.stop_market;
  traits_.duplicate_ids_refused = settings_.duplicate_ids_refused;
  traits_.answers_are_sightings = !settings_.asynchronous;
  traits_.validity_window = settings_.validity_window;
  traits_.absence_margin = settings_.absence_margin;
  traits_.entries_at_a_time = settings_.entries_at_a_time;
  traits_.network = false;
  traits_.absent_balance = AbsentBalance::zero;
  traits_.rejects_later = settings_.asynchronous;
}

// ---- Sending ---------------------------------------------------------------------------------

std::vector<PlaceOutcome> PaperVenue::place(std::span<const EntryTicket> tickets) {
  std::vector<Errand> errands;
  for (const auto& ticket : tickets) errands.push_back({&ticket.order(), nullptr});
  return first_answers(send(VenueVerb::place, errands));
}

std::vector<PlaceOutcome> PaperVenue::flatten(std::span<const Order> exits) {
  std::vector<Errand> errands;
  for (const auto& order : exits) errands.push_back({&order, nullptr});
  return first_answers(send(VenueVerb::flatten, errands));
}

std::vector<SltpPlacer::LegOutcome> PaperVenue::protect(std::span<const LegRequest> requests) {
  std::vector<Errand> errands;
  for (const auto& request : requests) {
    errands.push_back({&request.stop, request.target ? &*request.target : nullptr});
  }
  return send(VenueVerb::protect, errands);
}

std::vector<PlaceOutcome> PaperVenue::first_answers(std::vector<LegOutcome> answers) {
  std::vector<PlaceOutcome> first;
  first.reserve(answers.size());
  for (auto& answer : answers) first.push_back(std::move(answer.stop));
  return first;
}

std::vector<SltpPlacer::LegOutcome> PaperVenue::send(VenueVerb verb, std::span<const Errand> errands) {
  std::vector<LegOutcome> answers;
  if (errands.empty()) return answers;
  bool timed_out = false;
  const auto visited = visit({}, [&](Visit& visit, Instant now) {
    for (const auto& errand : errands) {
      answers.push_back(run(visit, verb, errand, now, timed_out));
    }
  });
  for (std::size_t i = 0; i < errands.size(); ++i) {
    if (visited.not_opened) {
      const Unsent unsent{Unsent::Why::not_connected, visited.not_opened->what};
      answers.push_back({unsent, errands[i].target == nullptr ? std::optional<PlaceOutcome>{} : PlaceOutcome{unsent}});
    }
    if (visited.not_closed) {
      make_doubtful(answers[i].stop, *visited.not_closed);
      if (answers[i].target) make_doubtful(*answers[i].target, *visited.not_closed);
    }
    tell_guess(*errands[i].order);
  }
  if (timed_out) clock_.wait(settings_.patience);
  return answers;
}

SltpPlacer::LegOutcome PaperVenue::run(Visit& visit, VenueVerb verb, const Errand& errand, Instant now,
                                       bool& timed_out) {
  const auto& order = *errand.order;
  meet(order.symbol);
  const bool pair = errand.target != nullptr;
  const auto both = [&](const PlaceOutcome& outcome) {
    return LegOutcome{outcome, pair ? std::optional{outcome} : std::nullopt};
  };
  const auto first = mishap(verb, &order.symbol, order.leg);
  const auto second = pair ? mishap(verb, &order.symbol, errand.target->leg) : std::nullopt;

  for (const auto* one : {errand.order, errand.target}) {
    if (one == nullptr) continue;
    if (now > one->valid_until - send_margin) {
      return both(Unsent{Unsent::Why::too_late, "too late to arrive before its time is over"});
    }
    if (one->stamp > now + future_margin) {
      return both(Unsent{Unsent::Why::clock, "the request's time lies ahead of the venue's"});
    }
  }
  // A pair is one request: what befalls one of them on the way befalls both.
  for (const auto& happens : {first, second}) {
    if (const auto away = turned_away(happens)) return both(*away);
    timed_out = timed_out || happens == Mishap::accepted_timeout;
  }
  const auto lost = lost_answer(first) ? first : lost_answer(second) ? second : std::nullopt;
  const auto answer = [&](const Taken& taken, std::optional<Mishap> happens) {
    return answer_of(visit, taken, lost ? lost : happens, !settings_.asynchronous, !settings_.fees_on_request, now);
  };
  try {
    if (pair && settings_.oco) {
      const auto taken = visit.take_pair(order, *errand.target, first, second);
      return {answer(taken.stop, first), answer(taken.target, second)};
    }
    LegOutcome alone{answer(visit.take(order, first), first), std::nullopt};
    if (pair) alone.target = Refused{"unsupported_type", "this venue has no pairs"};
    return alone;
  } catch (const std::overflow_error&) {
    return both(Refused{"malformed", "the amounts are out of range"});
  }
}

// The book may or may not have been written: what was taken is in doubt, what was not is not.
void PaperVenue::make_doubtful(PlaceOutcome& outcome, const Error& error) {
  if (std::holds_alternative<Accepted>(outcome)) outcome = InDoubt{error.what};
}

// The signal's price of an order may be the very 100 that quotes() had to answer.
void PaperVenue::tell_guess(const Order& order) {
  if (settings_.quotes_come_back && order.type == OrderType::market && order.price == Price{nobody_knows} &&
      guessed_.count(order.symbol) != 0) {
    tell_invented({order.symbol});
  }
}

void PaperVenue::tell_invented(const std::set<Symbol>& symbols) {
  for (const auto& symbol : symbols) {
    if (told_.insert(symbol).second && settings_.price_invented) settings_.price_invented(symbol);
  }
}

// ---- Looking and cancelling ------------------------------------------------------------------

std::vector<Result<Lookup>> PaperVenue::find(std::span<const OrderQuery> queries) {
  std::vector<Result<Lookup>> lookups;
  if (queries.empty()) return lookups;
  PaperWanted wanted;
  for (const auto& query : queries) {
    meet(query.symbol);
    wanted.client_ids.push_back(query.client_id);
    if (const auto number = number_of(query.venue_id)) wanted.numbers.push_back(*number);
  }
  const auto visited = visit(wanted, [&](Visit& visit, Instant now) {
    for (const auto& query : queries) lookups.push_back(look_up(visit, query, now));
  });
  if (visited.error() != nullptr) {
    lookups.assign(queries.size(), tl::unexpected<Error>{*visited.error()});
  }
  return lookups;
}

Result<Lookup> PaperVenue::look_up(Visit& visit, const OrderQuery& query, Instant now) {
  const auto happens = mishap(VenueVerb::find, &query.symbol, query.leg);
  if (happens == Mishap::read_fails) return failed(Fault::unreachable, "the read failed");
  Lookup lookup{{}, happens != Mishap::view_truncated, now};
  if (happens == Mishap::view_truncated || happens == Mishap::unknown_order) return lookup;
  for (const auto number : visit.numbers_of(query.client_id, number_of(query.venue_id))) {
    if (!visit.order(number).looked_at()) continue;
    visit.go_on(number);
    const bool with_fees = query.want_fees || !settings_.fees_on_request;
    auto sighting = sighting_of(visit.order(number), with_fees, now);
    spoil(sighting, happens);
    lookup.found.push_back(std::move(sighting));
  }
  return lookup;
}

std::vector<CancelOutcome> PaperVenue::cancel(std::span<const CancelRequest> requests) {
  std::vector<CancelOutcome> outcomes;
  if (requests.empty()) return outcomes;
  const auto visited = visit({}, [&](Visit& visit, Instant) {
    for (const auto& request : requests) outcomes.push_back(cancel_one(visit, request));
  });
  if (visited.not_opened) {
    outcomes.assign(requests.size(), Unsent{Unsent::Why::not_connected, visited.not_opened->what});
  }
  if (visited.not_closed) outcomes.assign(requests.size(), InDoubt{visited.not_closed->what});
  return outcomes;
}

CancelOutcome PaperVenue::cancel_one(Visit& visit, const CancelRequest& request) {
  meet(request.symbol);
  const auto happens = mishap(VenueVerb::cancel, &request.symbol, request.leg);
  if (happens == Mishap::cancel_unsent) {
    return Unsent{Unsent::Why::not_connected, "connection refused"};
  }
  if (happens == Mishap::cancel_dropped) return InDoubt{"the connection broke"};
  if (happens == Mishap::cancel_ignored) return CancelAcknowledged{};
  bool cancelled = false;
  for (const auto number : visit.numbers_of(request.client_id, number_of(request.venue_id))) {
    const auto& order = visit.order(number);
    if (!order.open() || !order.looked_at()) continue;
    // Of twins under one id only the one that is named.
    if (!request.venue_id.empty() && request.venue_id != std::to_string(number)) continue;
    if (happens == Mishap::filled_before_cancel) {
      visit.fill_at_market(number);
      continue;
    }
    visit.cancel(number, "cancelled on request");
    cancelled = true;
  }
  if (happens == Mishap::cancel_lost) return InDoubt{"the connection broke"};
  if (!cancelled) return CancelGone{};
  return CancelAcknowledged{};
}

Result<std::vector<Sighting>> PaperVenue::own_orders(Instant since) {
  if (unreadable(VenueVerb::own_orders)) return failed(Fault::unreachable, "the read failed");
  std::vector<Sighting> own;
  const auto visited = visit({.created_since = since}, [&](Visit& visit, Instant now) {
    for (const auto& [number, order] : visit.orders()) {
      const bool ours = order.client_id.rfind(client_id_prefix, 0) == 0;
      if (!ours || !order.looked_at() || (!order.open() && order.created_at < since)) continue;
      own.push_back(sighting_of(order, !settings_.fees_on_request, now));
    }
  });
  if (visited.error() != nullptr) return tl::unexpected<Error>{*visited.error()};
  return own;
}

// ---- Tables ----------------------------------------------------------------------------------

Result<Instant> PaperVenue::venue_time() {
  if (unreadable(VenueVerb::venue_time)) return failed(Fault::unreachable, "the read failed");
  return venue_now();
}

Result<std::map<Symbol, InstrumentRules>> PaperVenue::rules(const std::set<Symbol>& symbols) {
  std::map<Symbol, InstrumentRules> table;
  const auto asked = spared(VenueVerb::rules, symbols);
  if (!asked) return relayed(asked);
  std::set<Symbol> unconfigured;
  for (const auto& symbol : *asked) {
    const auto own = settings_.rules.find(symbol);
    if (own == settings_.rules.end()) {
      unconfigured.insert(symbol);
    } else {
      table.emplace(symbol, own->second).first->second.read_at = venue_now();
    }
  }
  const auto prices = known_prices(unconfigured);
  if (!prices) return relayed(prices);
  for (const auto& symbol : unconfigured) {
    const auto known = prices->find(symbol);
    const auto price = known == prices->end() ? std::nullopt : std::optional{known->second};
    table.emplace(symbol, built_in_rules(symbol, price, settings_.fee_rate, venue_now()));
  }
  return table;
}

Result<std::map<Symbol, Quote>> PaperVenue::quotes(const std::set<Symbol>& symbols) {
  const auto asked = spared(VenueVerb::quotes, symbols);
  if (!asked) return relayed(asked);
  const auto prices = known_prices(*asked);
  if (!prices) return relayed(prices);
  std::map<Symbol, Quote> table;
  for (const auto& symbol : *asked) {
    const auto known = prices->find(symbol);
    if (known == prices->end()) guessed_.insert(symbol);
    const auto price = known == prices->end() ? Price{nobody_knows} : known->second;
    table.emplace(symbol, Quote{price, venue_now()});
  }
  return table;
}

// The symbols no mishap leaves out; an error when one spoils the whole table.
Result<std::set<Symbol>> PaperVenue::spared(VenueVerb verb, const std::set<Symbol>& symbols) {
  std::set<Symbol> spared;
  bool fails = false;
  for (const auto& symbol : symbols) {
    meet(symbol);
    const auto happens = mishap(verb, &symbol, std::nullopt);
    fails = fails || happens == Mishap::read_fails;
    if (happens != Mishap::left_out) spared.insert(symbol);
  }
  if (fails) return failed(Fault::unreachable, "the read failed");
  return spared;
}

// The feed may know them all, and then the book stays closed.
Result<std::map<Symbol, Price>> PaperVenue::known_prices(const std::set<Symbol>& symbols) {
  std::map<Symbol, Price> prices;
  const auto now = venue_now();
  for (const auto& symbol : symbols) {
    const auto bar = settings_.prices == nullptr ? std::nullopt : settings_.prices->latest(symbol, now);
    if (bar) prices.emplace(symbol, known_price(*bar, now));
  }
  if (prices.size() == symbols.size()) return prices;
  const auto visited = visit({}, [&](Visit& visit, Instant) {
    for (const auto& symbol : symbols) {
      if (const auto price = visit.market_price(symbol, now)) prices.emplace(symbol, *price);
    }
  });
  if (visited.error() != nullptr) return tl::unexpected<Error>{*visited.error()};
  return prices;
}

Result<std::map<std::string, Balance>> PaperVenue::balances() {
  if (unreadable(VenueVerb::balances)) return failed(Fault::unreachable, "the read failed");
  std::map<std::string, Balance> table;
  const auto visited = visit({}, [&](Visit& visit, Instant) {
    std::set<std::string> currencies = visit.currencies();
    currencies.insert(bases_.begin(), bases_.end());
    currencies.insert(quotes_.begin(), quotes_.end());
    for (const auto& [currency, amount] : settings_.balances) currencies.insert(currency);
    for (const auto& currency : currencies) {
      const auto total = visit.total(currency, quotes_.count(currency) != 0);
      table.emplace(currency, Balance{total - visit.locked(currency), total});
    }
  });
  if (visited.error() != nullptr) return tl::unexpected<Error>{*visited.error()};
  return table;
}

// ---- Visits ----------------------------------------------------------------------------------

template <class Act>
PaperVenue::Visited PaperVenue::visit(const PaperWanted& wanted, Act act) {
  if (auto opened = book_.open(wanted); !opened) return {opened.error(), std::nullopt};
  const auto now = venue_now();
  Visit visit{book_.state(), settings_, now};
  try {
    visit.catch_up();
    act(visit, now);
  } catch (...) {
    book_.abandon();
    throw;
  }
  auto closed = book_.close(visit.changes());
  tell_invented(visit.invented());
  if (!closed) return {std::nullopt, closed.error()};
  return {};
}

Instant PaperVenue::venue_now() { return clock_.now() + settings_.offset; }

void PaperVenue::meet(const Symbol& symbol) {
  bases_.insert(symbol.base());
  quotes_.insert(symbol.quote());
}

std::optional<Mishap> PaperVenue::mishap(VenueVerb verb, const Symbol* symbol, std::optional<Leg> leg) {
  return settings_.faults == nullptr ? std::nullopt : settings_.faults->next(verb, symbol, leg);
}

bool PaperVenue::unreadable(VenueVerb verb) { return mishap(verb, nullptr, std::nullopt) == Mishap::read_fails; }

}  // namespace tradeguard
