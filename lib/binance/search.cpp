#include "search.hpp"

#include <algorithm>

namespace tradeguard::binance {
namespace {

constexpr Micros longest_window = 24h - 1ms;
constexpr Micros longest_look_back = 24h * 7;

// In an answer about one symbol the name can mean only that: elsewhere AB_C and A_BC are spelled alike.
Spellings called(const Symbol& symbol) { return {{spelling(symbol), symbol}}; }

bool is_leg(const OrderQuery& query) { return query.leg == Leg::stop || query.leg == Leg::target; }

// Of two readings of one order that of the longer life wins: fills are never taken back, the dead do not rise.
bool further_along(const Sighting& a, const Sighting& b) {
  const auto ended = [](const Sighting& s) {
    return s.status != VenueStatus::open && s.status != VenueStatus::unknown;
  };
  if (ended(a) != ended(b)) return ended(a);
  return a.filled.value_or(Quantity{}) > b.filled.value_or(Quantity{});
}

void keep_further(std::map<std::string, Sighting>& found, Sighting sighting) {
  const auto [known, fresh] = found.try_emplace(sighting.venue_id, sighting);
  if (!fresh && further_along(sighting, known->second)) known->second = std::move(sighting);
}

// No longer shown, by the venue's rule for what ended unfilled ninety days ago.
Sighting archived_order(const OrderQuery& query, Instant at) {
  return {.client_id = query.client_id,
          .venue_id = query.venue_id,
          .fired_id = {},
          .symbol = query.symbol,
          .side = query.leg == Leg::entry ? Side::buy : Side::sell,
          .type = OrderType::market,
          .status = VenueStatus::expired,
          .quantity = Quantity{},
          .filled = Quantity{},
          .filled_value = Money{},
          .fee_base = Quantity{},
          .at = at,
          .reason = "archived"};
}

}  // namespace

HttpRequest build(const Ask& ask, const Signer& signer, Instant timestamp) {
  switch (ask.view) {
    case Ask::View::by_venue_id:
      return build_order_by_venue_id(signer, *ask.symbol, ask.id, timestamp);
    case Ask::View::by_client_id:
      return build_order_by_client_id(signer, *ask.symbol, ask.id, timestamp);
    case Ask::View::open_orders:
      return build_open_orders(signer, ask.symbol ? &*ask.symbol : nullptr, timestamp);
    case Ask::View::history:
      return build_all_orders(signer, *ask.symbol, ask.window, timestamp);
    case Ask::View::pair:
      return build_pair_read(signer, ask.id, timestamp);
    case Ask::View::trades:
      return build_trades(signer, *ask.symbol, ask.id, timestamp);
    case Ask::View::market_names:
      return build_market_rules(ask.spellings);
  }
  return {};
}

// ---- What is asked -----------------------------------------------------------------------------

Search::Search(std::span<const OrderQuery> queries, Instant began) : Search{began} {
  for (const OrderQuery& query : queries) quests_.push_back(Quest{query, {}, {}, {}, {}, {}});
  for (std::size_t quest = 0; quest < quests_.size(); ++quest) begin(quest);
}

Search Search::of_own(const std::set<Symbol>& markets, Instant since, Instant began) {
  Search search{began};
  search.own_ = true;
  search.since_ = since;
  search.asks_.push_back({.view = Ask::View::open_orders, .symbol = std::nullopt, .id = {}});
  for (const Symbol& symbol : markets) {
    search.known_.merge(called(symbol));
    search.ask_history(symbol, since);
  }
  return search;
}

void Search::begin(std::size_t quest) {
  const OrderQuery& query = quests_[quest].query;
  if (query.venue_id.empty()) return look_everywhere(quest);
  if (query.want_fees) ask_fees(quest, query.venue_id);
  // Several legs of one market: one list of what is open there costs less than asking for each.
  if (is_leg(query) && resting_legs(query.symbol) > 1) {
    quests_[quest].waits_for_open = true;
    ask_open(query.symbol);
  } else {
    ask_by_venue_id(quest, query.venue_id);
  }
}

std::size_t Search::resting_legs(const Symbol& symbol) const {
  return static_cast<std::size_t>(std::ranges::count_if(quests_, [&](const Quest& quest) {
    return quest.query.symbol == symbol && is_leg(quest.query) && !quest.query.venue_id.empty();
  }));
}

void Search::look_everywhere(std::size_t quest) {
  if (std::exchange(quests_[quest].every_view, true)) return;
  const OrderQuery& query = quests_[quest].query;
  asks_.push_back({.view = Ask::View::by_client_id, .symbol = query.symbol, .id = query.client_id, .quest = quest});
  ask_open(query.symbol);
  Market& market = markets_[query.symbol];
  if (!market.history_from || query.since < *market.history_from) {
    market.history_from = query.since;
    ask_history(query.symbol, query.since);
  }
  // The legs of a pair stand in it under the stop's name.
  if (query.leg == Leg::stop)
    asks_.push_back(
        {.view = Ask::View::pair, .symbol = query.symbol, .id = list_client_id(query.client_id), .quest = quest});
}

void Search::ask_by_venue_id(std::size_t quest, const std::string& venue_id) {
  if (!quests_[quest].asked.insert(venue_id).second) return;
  asks_.push_back(
      {.view = Ask::View::by_venue_id, .symbol = quests_[quest].query.symbol, .id = venue_id, .quest = quest});
}

void Search::ask_open(const Symbol& symbol) {
  if (std::exchange(markets_[symbol].open_asked, true)) return;
  asks_.push_back({.view = Ask::View::open_orders, .symbol = symbol, .id = {}});
}

void Search::ask_history(const Symbol& symbol, Instant asked_since) {
  Ask ask{.view = Ask::View::history, .symbol = symbol, .id = {}};
  const Instant since = std::min(asked_since, began_ - 1min);  // never nothing at all
  // Over a long time the newest thousand are asked for at once: either they are all, or it cannot be read.
  if (began_ - since > longest_look_back) {
    asks_.push_back(ask);
    return;
  }
  const Instant end = began_ + 1min;  // its clock is known to milliseconds, and never to the last of them
  for (Instant from = since; from <= end; from += longest_window + 1ms) {
    ask.window = Window{from, std::min(from + longest_window, end)};
    asks_.push_back(ask);
  }
}

void Search::ask_fees(std::size_t quest, const std::string& venue_id) {
  if (!quests_[quest].fees_asked.insert(venue_id).second) return;
  asks_.push_back({.view = Ask::View::trades, .symbol = quests_[quest].query.symbol, .id = venue_id, .quest = quest});
}

// ---- What is heard -----------------------------------------------------------------------------

Heard Search::hear(const Ask& ask, const HttpResult& result) {
  switch (ask.view) {
    case Ask::View::by_venue_id:
    case Ask::View::by_client_id:
      return hear_order(ask, result);
    case Ask::View::open_orders:
      return ask.symbol ? hear_open(ask, result) : hear_every_open(result);
    case Ask::View::history:
      return hear_history(ask, result);
    case Ask::View::pair:
      return hear_pair(ask, result);
    case Ask::View::trades:
      return hear_trades(ask, result);
    case Ask::View::market_names:
      return hear_names(result);
  }
  return {};
}

Heard Search::hear_order(const Ask& ask, const HttpResult& result) {
  Quest& quest = quests_[ask.quest];
  auto read = read_order(result, quest.query.symbol, began_);
  if (!read.it) {
    quest.unread = read.it.error();
  } else if (*read.it) {
    if ((*read.it)->client_id == quest.query.client_id)
      take(ask.quest, std::move(**read.it));
    else
      quest.unread = Error{Fault::unreachable, "another order was shown under this one's id"};
  } else if (read.ruling.fate == Fate::archived && !quest.query.venue_id.empty()) {
    take(ask.quest, archived_order(quest.query, began_));
  } else {
    look_everywhere(ask.quest);  // a record may be late in one place and there in another
  }
  return read;
}

Heard Search::hear_open(const Ask& ask, const HttpResult& result) {
  const Symbol& symbol = *ask.symbol;
  auto page = read_orders(result, called(symbol), began_);
  const bool read = page.it.has_value();
  take_page(symbol, std::move(page.it));
  for (std::size_t i = 0; i < quests_.size(); ++i) {
    Quest& quest = quests_[i];
    const bool waited = quest.query.symbol == symbol && std::exchange(quest.waits_for_open, false);
    if (!waited || quest.found.contains(quest.query.venue_id)) continue;
    if (read)
      ask_by_venue_id(i, quest.query.venue_id);
    else
      quest.unread = markets_[symbol].unread;
  }
  return page;
}

// A full page may hide the rest, so its window is halved until it is not full: which end of a full page is missing
// need not be known for that.
Heard Search::hear_history(const Ask& ask, const HttpResult& result) {
  auto page = read_orders(result, called(*ask.symbol), began_);
  const bool full = page.it && page.it->shown >= page_size;
  const bool divisible = ask.window && ask.window->to - ask.window->from >= 2ms;
  if (full && !divisible) page.it->whole = false;
  if (full && divisible) {
    const auto [from, to] = *ask.window;
    const Instant middle = std::chrono::floor<std::chrono::milliseconds>(from + (to - from) / 2);
    for (const Window& half : {Window{from, middle}, Window{middle + 1ms, to}}) {
      asks_.push_back(ask);
      asks_.back().window = half;
    }
  }
  if (own_)
    take_own(std::move(page.it));
  else
    take_page(*ask.symbol, std::move(page.it));
  return page;
}

Heard Search::hear_pair(const Ask& ask, const HttpResult& result) {
  const auto legs = read_pair(result);
  if (!legs.it) {
    quests_[ask.quest].unread = legs.it.error();
    return legs;
  }
  for (std::size_t i = 0; i < quests_.size(); ++i) {
    const auto leg = legs.it->find(quests_[i].query.client_id);
    if (leg != legs.it->end() && !quests_[i].found.contains(leg->second)) ask_by_venue_id(i, leg->second);
  }
  return legs;
}

// Fees that were not read are not known, and are asked for again in the next look.
Heard Search::hear_trades(const Ask& ask, const HttpResult& result) {
  const auto fees = read_trades(result, *ask.symbol);
  if (fees.it) quests_[ask.quest].fees.insert_or_assign(ask.id, *fees.it);
  return fees;
}

// An order of ours in a market nobody named: the venue says what its name is made of, and the list is read once
// more. A name still unknown cannot be one of ours.
Heard Search::hear_every_open(const HttpResult& result) {
  auto page = read_orders(result, known_, began_);
  if (page.it && !page.it->foreign_names.empty()) {
    every_open_ = result;
    asks_.push_back({.view = Ask::View::market_names,
                     .symbol = std::nullopt,
                     .id = {},
                     .spellings = std::move(page.it->foreign_names)});
  } else {
    take_own(std::move(page.it));
  }
  return page;
}

Heard Search::hear_names(const HttpResult& result) {
  auto markets = read_market_rules(result, Decimal{}, began_);
  if (!markets.it) {
    own_unread_ = markets.it.error();
    return markets;
  }
  known_.insert(markets.it->names.begin(), markets.it->names.end());
  take_own(read_orders(*every_open_, known_, began_).it);
  return markets;
}

// ---- What it comes to --------------------------------------------------------------------------

void Search::take(std::size_t quest, Sighting sighting) {
  const OrderQuery& query = quests_[quest].query;
  const bool filled = sighting.filled && sighting.filled->is_positive();
  const bool nothing_said = !sighting.filled && sighting.status != VenueStatus::unknown;
  if (nothing_said || (filled && (query.want_fees || !sighting.filled_value))) ask_fees(quest, sighting.venue_id);
  keep_further(quests_[quest].found, std::move(sighting));
}

void Search::take_page(const Symbol& symbol, Result<OrderPage> page) {
  Market& market = markets_[symbol];
  if (!page) {
    market.unread = page.error();
    return;
  }
  if (!page->whole) market.cut = true;
  for (const Sighting& order : page->rows)
    for (std::size_t i = 0; i < quests_.size(); ++i)
      if (quests_[i].query.symbol == symbol && quests_[i].query.client_id == order.client_id) take(i, order);
}

void Search::take_own(Result<OrderPage> page) {
  if (!page) {
    own_unread_ = page.error();
    return;
  }
  if (!page->whole) own_unread_ = Error{Fault::unreachable, "the orders of the past could not be read completely"};
  for (const Sighting& order : page->rows) keep_further(markets_[order.symbol].found, order);
}

std::vector<Result<Lookup>> Search::lookups() const {
  std::vector<Result<Lookup>> lookups;
  for (const Quest& quest : quests_) lookups.push_back(lookup(quest));
  return lookups;
}

Result<Lookup> Search::lookup(const Quest& quest) const {
  static const Market never_listed;
  const auto listed = markets_.find(quest.query.symbol);
  const Market& market = listed == markets_.end() ? never_listed : listed->second;
  auto unread = quest.unread;
  if (quest.every_view && !unread) unread = market.unread;
  if (quest.found.empty() && unread) return tl::unexpected<Error>{*unread};
  Lookup lookup{{}, quest.every_view && !unread && !cut_ && !market.cut, began_};
  for (const auto& [id, found] : quest.found) {
    Sighting& sighting = lookup.found.emplace_back(found);
    if (const auto fees = quest.fees.find(id); fees != quest.fees.end())
      complete(sighting, fees->second, sighting.quantity.is_positive() ? sighting.quantity : quest.query.quantity);
  }
  return lookup;
}

Result<std::vector<Sighting>> Search::own() const {
  if (own_unread_) return tl::unexpected<Error>{*own_unread_};
  if (cut_) return failed(Fault::unreachable, "the orders of the past are more than can be read");
  std::vector<Sighting> own;
  for (const auto& [symbol, market] : markets_)
    for (const auto& [id, order] : market.found)
      if (order.status == VenueStatus::open || !order.exchange_time || *order.exchange_time >= since_)
        own.push_back(order);
  return own;
}

}  // namespace tradeguard::binance
