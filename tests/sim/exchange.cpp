#include "exchange.hpp"

#include <algorithm>
#include <stdexcept>

namespace tradeguard::sim {

namespace {

template <class T>
T must(std::string_view text) {
  const auto value = T::parse(text);
  if (!value) throw std::logic_error{"unreadable: " + std::string{text}};
  return *value;
}

struct Listing {
  const char* symbol;
  const char* tick;
  const char* step;
  std::int64_t ticks;
};
constexpr Listing listings[] = {
    {"ETH_USDT", "0.01", "0.0001", 300'000}, {"ETH_USD", "0.01", "0.0001", 300'100},
    {"BTC_USDT", "0.1", "0.00001", 950'000}, {"SOL_USDT", "0.01", "0.01", 15'000},
    {"DOGE_USDT", "0.00001", "1", 31'000},
};

bool sells(const Order& order) { return order.side == Side::sell; }
bool is_stop(OrderType type) { return type == OrderType::stop_market || type == OrderType::stop_limit; }

}  // namespace

bool too_little(Quantity quantity, Price price, const InstrumentRules& rules) {
  const Decimal whole = quantity.value.to_multiple(rules.step.value, Rounding::down);
  return !quantity.is_positive() || whole < rules.min_quantity.value ||
         Decimal::multiply(whole, price.value, Rounding::down) <
             Decimal::multiply(rules.min_notional.value, Decimal::from_units(1'100'000'000'000'000'000), Rounding::up);
}

VenueTraits traits_of(Exchange exchange) {
  switch (exchange) {
    case Exchange::oco_slow_window:
      return {.oco = true,
              .stop_market = true,
              .duplicate_ids_refused = false,
              .answers_are_sightings = false,
              .validity_window = 60s,
              .absence_margin = 2s,
              .entries_at_a_time = 3,
              .network = true,
              .absent_balance = AbsentBalance::zero};
    case Exchange::answers_at_once:
      return {.oco = true,
              .stop_market = true,
              .duplicate_ids_refused = true,
              .answers_are_sightings = true,
              .validity_window = 5s,
              .absence_margin = 2s,
              .entries_at_a_time = 10,
              .network = true,
              .absent_balance = AbsentBalance::zero};
    case Exchange::plain:
      return {.oco = false,
              .stop_market = false,
              .duplicate_ids_refused = false,
              .answers_are_sightings = false,
              .validity_window = 10s,
              .absence_margin = 2s,
              .entries_at_a_time = 1,
              .network = true,
              .absent_balance = AbsentBalance::zero};
  }
  return {};
}

SimExchange::SimExchange(const Story& story, const VenueTraits& traits)
    : seed_{mixed(story.seed)}, traits_{traits}, now_{from_micros(story.starts_at)} {
  Chance chance{story.seed, "exchange"};
  slow_to_show_ = traits.answers_are_sightings ? Micros{0} : std::chrono::milliseconds{chance.below(900)};
  fee_rate_ = must<Decimal>(chance.once_in(2) ? "0.001" : "0.00075");
  fees_in_coin_ = !chance.once_in(4);
  for (const Listing& listing : listings) {
    InstrumentRules rules{.symbol = must<Symbol>(listing.symbol),
                          .tick = must<Price>(listing.tick),
                          .step = must<Quantity>(listing.step),
                          .min_quantity = must<Quantity>(listing.step),
                          .min_notional = Money{Decimal{5}},
                          .highest_fee_rate = must<Decimal>("0.001")};
    rules.read_at = now_;
    const std::int64_t ticks = listing.ticks + chance.between(-500, 500);
    markets_.push_back({rules.symbol, rules, rules.tick, ticks, ticks, {}});
    symbols_.push_back(rules.symbol);
  }
  for (const char* currency : {"USDT", "USD"}) given_[currency] = Decimal{5000};
  for (const char* currency : {"ETH", "BTC", "SOL", "DOGE"}) given_[currency] = Decimal{};
  if (story.owner_has_coins) {
    given_["ETH"] = must<Decimal>("0.5");
    given_["SOL"] = must<Decimal>("3.25");
  }
  balances_ = given_;
}

// ---- time ------------------------------------------------------------------------------------------

void SimExchange::advance(Instant to) {
  while (now_ < to) {
    const Instant full = std::chrono::floor<std::chrono::seconds>(now_) + 1s;
    Instant next = std::min(to, full);
    for (const auto& [at, request] : pending_) next = std::min(next, std::max(at, now_));
    for (const std::size_t index : open_) {
      const Paper& paper = papers_[index];
      if (!paper.to_come.empty()) next = std::min(next, std::max(paper.to_come.front().first, now_));
      if (paper.expires) next = std::min(next, std::max(*paper.expires, now_));
    }
    now_ = next;
    while (true) {
      const auto due = std::min_element(pending_.begin(), pending_.end(),
                                        [](const auto& a, const auto& b) { return a.first < b.first; });
      if (due == pending_.end() || due->first > now_) break;
      const auto request = std::move(due->second);
      pending_.erase(due);
      request();
    }
    const std::vector<std::size_t> open = open_;
    for (const std::size_t index : open) {
      while (papers_[index].open() && !papers_[index].to_come.empty() && papers_[index].to_come.front().first <= now_) {
        const Quantity part = papers_[index].to_come.front().second;
        papers_[index].to_come.erase(papers_[index].to_come.begin());
        fill(index, part, price_of(market(papers_[index].asked.symbol)));
      }
      if (papers_[index].open() && papers_[index].expires && *papers_[index].expires <= now_) end_by_itself(index);
    }
    if (now_ == full) {
      tick_prices();
      triggers();
    }
  }
}

void SimExchange::end_by_itself(std::size_t index) {
  papers_[index].taken_away = true;
  if (!papers_[index].gone_soon) return close(index, VenueStatus::expired, "expired by the venue");
  const auto sibling = papers_[index].sibling;
  close(index, VenueStatus::rejected, "rejected by the engine");
  if (sibling && papers_[*sibling].open()) close(*sibling, VenueStatus::rejected, "rejected by the engine");
}

void SimExchange::tick_prices() {
  const auto second = static_cast<std::uint64_t>(to_micros(now_) / 1'000'000);
  for (std::size_t i = 0; i < markets_.size(); ++i) {
    Market& m = markets_[i];
    const std::uint64_t dice = mixed(seed_ ^ (second * 8 + i));
    // A fiftieth of a per cent up or down, with a light pull back to where it came from.
    std::int64_t step = m.ticks / 5000 * static_cast<std::int64_t>(dice % 3) - m.ticks / 5000;
    if (dice / 3 % 16 == 0) step += (m.anchor - m.ticks) / 64;
    m.recent.push_back(m.ticks);
    if (m.recent.size() > 8) m.recent.erase(m.recent.begin());
    m.ticks = std::max<std::int64_t>(10, m.ticks + step);
  }
}

void SimExchange::jump(std::size_t which, int permille) {
  Market& m = markets_[which % markets_.size()];
  m.ticks = std::max<std::int64_t>(10, m.ticks + m.ticks * permille / 1000);
  m.anchor = m.ticks;
  say("price " + m.symbol.text() + " " + price_of(m).text());
  triggers();
}

void SimExchange::triggers() {
  const std::vector<std::size_t> open = open_;
  for (const std::size_t index : open)
    if (papers_[index].open()) run_order(index);
}

// What the market does with an order that rests.
void SimExchange::run_order(std::size_t index) {
  const Market& m = market(papers_[index].asked.symbol);
  const Price price = price_of(m);
  Paper& paper = papers_[index];
  if (!paper.to_come.empty()) return;
  switch (paper.type) {
    case OrderType::market: {
      const Price off =
          moved_by_percent(price, Decimal::from_units(Decimal::Units{paper.slips} * 100'000'000'000'000'000));
      fill_all(index, to_tick(off, m.grain, Rounding::down));
      return;
    }
    case OrderType::limit:
      if (price >= *paper.asked.price) fill_all(index, price);
      return;
    case OrderType::stop_market:
    case OrderType::stop_limit:
      break;
  }
  if (paper.sleeps) return;
  if (!paper.now.fired && price <= *paper.trigger) {
    paper.now.fired = true;
    if (!traits_.answers_are_sightings) paper.fired_id = new_id();
    say("fired " + paper.asked.client_id);
    if (paper.sibling && papers_[*paper.sibling].open())
      close(*paper.sibling, VenueStatus::cancelled, "the other half fired");
    show(papers_[index]);
  }
  if (!papers_[index].now.fired) return;
  if (papers_[index].type == OrderType::stop_market || price >= *papers_[index].asked.price) fill_all(index, price);
}

void SimExchange::fill_all(std::size_t index, Price at) {
  Paper& paper = papers_[index];
  const Quantity step = market(paper.asked.symbol).rules.step;
  const Quantity first = floor_to_step(Quantity{Decimal::divide(paper.left().value, Decimal{3}, Rounding::down)}, step);
  if (paper.in_parts.count() == 0 || !first.is_positive()) return fill(index, paper.left(), at);
  const Quantity second = first;
  const Quantity rest = paper.left() - first - second;
  paper.to_come = {{now_ + paper.in_parts / 2, second}, {now_ + paper.in_parts, rest}};
  paper.in_parts = Micros{0};
  fill(index, first, at);
}

void SimExchange::fill(std::size_t index, Quantity quantity, Price at) {
  Paper& paper = papers_[index];
  const std::string base = paper.asked.symbol.base();
  const std::string quote = paper.asked.symbol.quote();
  const Money value = cost(at, quantity, Rounding::half_even);
  if (!sells(paper.asked)) {
    if (balances_[quote] < value.value) return close(index, VenueStatus::cancelled, "insufficient balance");
    const Decimal fee = fees_in_coin_ ? Decimal::multiply(quantity.value, fee_rate_, Rounding::down)
                                            .to_multiple(Decimal::from_units(10'000'000'000), Rounding::down)
                                      : Decimal{};
    balances_[quote] -= value.value;
    balances_[base] += quantity.value - fee;
    balances_["fees " + base] += fee;
    balances_["market " + base] -= quantity.value;
    balances_["market " + quote] += value.value;
    paper.now.fee += Quantity{fee};
  } else {
    if (balances_[base] < quantity.value) {
      broken.push_back("sold what is not there: " + paper.asked.client_id);
      return close(index, VenueStatus::cancelled, "insufficient balance");
    }
    const Decimal fee = Decimal::multiply(value.value, fee_rate_, Rounding::up);
    balances_[base] -= quantity.value;
    balances_[quote] += value.value - fee;
    balances_["fees " + quote] += fee;
    balances_["market " + base] += quantity.value;
    balances_["market " + quote] -= value.value;
  }
  paper.fills.push_back({now_, quantity, at});
  paper.now.filled += quantity;
  paper.now.value += value;
  say("filled " + paper.asked.client_id + " " + quantity.text() + " at " + at.text());
  if (paper.type == OrderType::limit && paper.sibling && papers_[*paper.sibling].open())
    close(*paper.sibling, VenueStatus::cancelled, "the other half was filled");
  if (!paper.left().is_positive())
    close(index, VenueStatus::filled, "");
  else
    show(paper);
  watch_naked(papers_[index].asked.trade);
}

void SimExchange::close(std::size_t index, VenueStatus status, std::string reason) {
  Paper& paper = papers_[index];
  paper.now.status = status;
  paper.now.fired = false;
  paper.reason = std::move(reason);
  paper.closed = now_;
  paper.to_come.clear();
  std::erase(open_, index);
  say("closed " + paper.asked.client_id + " " + std::string{text(status)});
  show(paper);
  watch_naked(paper.asked.trade);
}

void SimExchange::show(Paper& paper) {
  paper.now.at = now_;
  paper.past.push_back(paper.now);
}

void SimExchange::say(const std::string& event) {
  events_hash = hashed(event, events_hash);
  events_hash = mixed(events_hash ^ static_cast<std::uint64_t>(to_micros(now_)));
  if (on_event) on_event(event);
}

// ---- requests --------------------------------------------------------------------------------------

std::optional<Refused> SimExchange::objection(const Order& order) const {
  const Market& m = market(order.symbol);
  if (order.quantity < m.rules.min_quantity || !order.quantity.value.is_multiple_of(m.rules.step.value))
    return Refused{"213", "invalid quantity"};
  const Price at = order.trigger ? *order.trigger : (order.price && sells(order) ? *order.price : price_of(m));
  if (cost(at, order.quantity, Rounding::down) < m.rules.min_notional) return Refused{"415", "below minimum"};
  if (order.trigger && !order.trigger->value.is_multiple_of(m.rules.tick.value)) return Refused{"308", "invalid price"};
  if (order.price && sells(order) && !order.price->value.is_multiple_of(m.rules.tick.value))
    return Refused{"308", "invalid price"};
  if (is_stop(order.type) && stops_refused_until && now_ < *stops_refused_until)
    return Refused{"140001", "stops are disabled"};
  if (sells(order)) {
    const auto total = balances_.find(order.symbol.base());
    const Decimal free = (total == balances_.end() ? Decimal{} : total->second) - locked(order.symbol.base());
    if (free < order.quantity.value) return Refused{"306", "insufficient available balance"};
  } else if (balances_.at(order.symbol.quote()) < cost(at, order.quantity, Rounding::up).value) {
    return Refused{"306", "insufficient available balance"};
  }
  return std::nullopt;
}

Decimal SimExchange::locked(const std::string& base) const {
  Decimal sum;
  for (const std::size_t index : open_) {
    const Paper& paper = papers_[index];
    if (!sells(paper.asked) || paper.asked.symbol.base() != base) continue;
    // Both halves of an OCO lock the same coins.
    if (paper.sibling && *paper.sibling < index && papers_[*paper.sibling].open()) continue;
    sum += paper.left().value;
  }
  return sum;
}

SimExchange::Taken SimExchange::take(const Order& order, const Mishap& mishap) {
  // A request has a stamp, and the venue believes no stamp from the future.
  if (now_ > order.valid_until || order.stamp > now_ + 1s + 500ms)
    return {Unsent{Unsent::Why::clock, "the time stamp is outside of the window"}, {}};
  if (traits_.duplicate_ids_refused) {
    const auto [first, last] = by_client_.equal_range(order.client_id);
    for (auto it = first; it != last; ++it)
      if (papers_[it->second].open()) return {InDoubt{"-2010 Duplicate order sent."}, {}};
  }
  const auto refused = objection(order);
  // Where a create is a receipt only, a refusal for the balance shows in the order's own record.
  const bool later = mishap.rejected_later || (refused && refused->code == "306" && !traits_.answers_are_sightings);
  if (refused && !later) return {*refused, {}};
  if (traits_.answers_are_sightings && mishap.rejected_later) return {Refused{"-2010", "rejected"}, {}};
  const std::size_t index = open_paper(order, mishap);
  if (later) {
    close(index, VenueStatus::rejected, refused ? refused->message : "rejected by the engine");
  } else {
    if (sells(order)) check_offer(order);
    run_order(index);
  }
  Accepted accepted{papers_[index].venue_id, {}};
  if (traits_.answers_are_sightings) accepted.record = sighting_of(papers_[index], {now_, order.stamp, true});
  return {accepted, index};
}

std::pair<SimExchange::Taken, SimExchange::Taken> SimExchange::take_pair(const Order& stop, const Order& target,
                                                                         const Mishap& mishap) {
  const auto both = [](const PlaceOutcome& outcome) { return std::pair{Taken{outcome, {}}, Taken{outcome, {}}}; };
  if (now_ > stop.valid_until || stop.stamp > now_ + 1s + 500ms)
    return both(Unsent{Unsent::Why::clock, "the time stamp is outside of the window"});
  if (traits_.duplicate_ids_refused) {
    const auto [first, last] = by_client_.equal_range(stop.client_id);
    for (auto it = first; it != last; ++it)
      if (papers_[it->second].open()) return both(InDoubt{"-2010 Duplicate order sent."});
  }
  const Price price = price_of(market(stop.symbol));
  if (price <= *stop.trigger || price >= *target.price)
    return both(Refused{"-2010", "The relationship of the prices is not correct."});
  if (pairs_refused_until && now_ < *pairs_refused_until) return both(Refused{"140001", "pairs are disabled"});
  if (!target.price->value.is_multiple_of(market(target.symbol).rules.tick.value))
    return both(Refused{"308", "invalid price"});
  auto refused = objection(stop);
  if (!refused && mishap.rejected_later) refused = Refused{"306", "rejected by the engine"};
  if (refused && (traits_.answers_are_sightings || refused->code != "306")) return both(*refused);
  const std::size_t first = open_paper(stop, mishap);
  const std::size_t second = open_paper(target, {});
  papers_[first].sibling = second;
  papers_[second].sibling = first;
  if (refused) {
    close(first, VenueStatus::rejected, refused->message);
    close(second, VenueStatus::rejected, refused->message);
  } else {
    check_offer(stop);
  }
  watch_naked(stop.trade);
  const auto answer = [&](std::size_t index) {
    Accepted accepted{traits_.answers_are_sightings ? papers_[index].venue_id : "", {}};
    if (traits_.answers_are_sightings) accepted.record = sighting_of(papers_[index], {now_, stop.stamp, true});
    return Taken{accepted, index};
  };
  return {answer(first), answer(second)};
}

std::size_t SimExchange::open_paper(const Order& order, const Mishap& mishap) {
  const std::size_t index = papers_.size();
  Paper paper{.asked = order,
              .type = order.type,
              .trigger = order.trigger,
              .venue_id = new_id(),
              .fired_id = {},
              .created = now_,
              .visible_from = now_ + slow_to_show_};
  paper.in_parts = mishap.in_parts;
  paper.sleeps = mishap.sleeps && is_stop(paper.type);
  paper.slips = paper.type == OrderType::market ? mishap.slips : 0;
  paper.gone_soon = mishap.gone_soon;
  if (mishap.expires.count() > 0) paper.expires = now_ + mishap.expires;
  if (mishap.stored_wrong && is_stop(paper.type)) {
    const Market& m = market(order.symbol);
    paper.trigger =
        to_tick(Price{Decimal::divide(order.trigger->value, Decimal{2}, Rounding::down)}, m.rules.tick, Rounding::down);
  }
  stop_came_twice =
      stop_came_twice || (sells(order) && traits_.duplicate_ids_refused && by_client_.contains(order.client_id));
  papers_.push_back(std::move(paper));
  by_client_.emplace(order.client_id, index);
  by_trade_.emplace(order.trade, index);
  open_.push_back(index);
  say("opened " + order.client_id + " " + order.quantity.text());
  show(papers_[index]);
  watch_naked(order.trade);
  return index;
}

// What is for sale under a trade is never more than the trade holds.
void SimExchange::check_offer(const Order& order) {
  const Quantity held = received(order.trade) - sold(order.trade);
  const Quantity offered = for_sale(order.trade);
  if (offered > held && !stop_came_twice)
    broken.push_back("more is for sale than the trade holds: " + order.client_id + ", " + offered.text() + " of " +
                     held.text());
}

CancelOutcome SimExchange::cancel(const CancelRequest& request) {
  const auto [first, last] = by_client_.equal_range(request.client_id);
  bool some = false;
  for (auto it = first; it != last; ++it) {
    const std::size_t index = it->second;
    if (!papers_[index].open()) continue;
    if (!request.venue_id.empty() && papers_[index].venue_id != request.venue_id) continue;
    const auto sibling = papers_[index].sibling;
    close(index, VenueStatus::cancelled, "cancelled");
    some = true;
    // Where the answer is the record, cancelling one half of a list cancels the list.
    if (traits_.answers_are_sightings && sibling && papers_[*sibling].open())
      close(*sibling, VenueStatus::cancelled, "cancelled");
  }
  if (!some) return CancelGone{};
  return CancelAcknowledged{};
}

void SimExchange::on_its_way(Instant at, std::function<void()> request) {
  pending_.emplace_back(at, std::move(request));
}

// ---- readings --------------------------------------------------------------------------------------

Sighting SimExchange::sighting_of(const Paper& paper, const Look& look) const {
  Face face = paper.past.front();
  for (const Face& next : paper.past)
    if (next.at <= look.at) face = next;
  Sighting sighting{.client_id = paper.asked.client_id,
                    .venue_id = paper.venue_id,
                    .fired_id = face.fired || face.status == VenueStatus::filled ? paper.fired_id : "",
                    .symbol = paper.asked.symbol,
                    .side = paper.asked.side,
                    .type = paper.type,
                    .status = face.status,
                    .quantity = paper.asked.quantity};
  sighting.filled = face.filled;
  sighting.filled_value = face.value;
  if (look.fees && paper.asked.side == Side::buy) sighting.fee_base = face.fee;
  if (paper.type == OrderType::limit || paper.type == OrderType::stop_limit) sighting.price = paper.asked.price;
  sighting.trigger = paper.trigger;
  sighting.fired = face.fired;
  sighting.exchange_time = paper.created;
  sighting.at = now_;
  if (face.status != VenueStatus::open) sighting.reason = paper.reason;
  return sighting;
}

std::vector<const SimExchange::Paper*> SimExchange::matching(const OrderQuery& query, const Look& look) const {
  std::vector<const Paper*> found;
  const auto [first, last] = by_client_.equal_range(query.client_id);
  for (auto it = first; it != last; ++it) {
    const Paper& paper = papers_[it->second];
    if (paper.visible_from > look.at || paper.created > look.at) continue;
    // What is open is always shown; history only as far back as it was asked for.
    if (paper.created < look.since && !paper.open()) continue;
    found.push_back(&paper);
  }
  return found;
}

Price SimExchange::price_of(const Market& m) { return Price{Decimal::from_units(m.grain.value.units() * m.ticks)}; }
Price SimExchange::price(const Symbol& symbol) const { return price_of(market(symbol)); }

Price SimExchange::price_ago(const Symbol& symbol, Micros span) const {
  const Market& m = market(symbol);
  const auto seconds = static_cast<std::size_t>(span.count() / 1'000'000) + 1;
  if (m.recent.empty() || span.count() <= 0) return price_of(m);
  const std::int64_t ticks = m.recent[m.recent.size() - std::min(seconds, m.recent.size())];
  return Price{Decimal::from_units(m.grain.value.units() * ticks)};
}

std::map<std::string, Balance> SimExchange::balances() const {
  std::map<std::string, Balance> all;
  for (const auto& [currency, given] : given_) {
    const Decimal total = balances_.at(currency);
    if (zeros_omitted && total.is_zero()) continue;
    all[currency] = Balance{total - locked(currency), total};
  }
  return all;
}

const SimExchange::Market& SimExchange::market(const Symbol& symbol) const {
  for (const Market& m : markets_)
    if (m.symbol == symbol) return m;
  throw std::logic_error{"no such market: " + symbol.text()};
}
SimExchange::Market& SimExchange::market(const Symbol& symbol) {
  return const_cast<Market&>(std::as_const(*this).market(symbol));
}

// ---- the owner of the account ------------------------------------------------------------------------

bool SimExchange::owner_cancels_stop(std::size_t which) {
  std::vector<std::size_t> stops;
  for (const std::size_t index : open_)
    if (is_stop(papers_[index].type)) stops.push_back(index);
  if (stops.empty()) return false;
  const std::size_t index = stops[which % stops.size()];
  const auto sibling = papers_[index].sibling;
  papers_[index].taken_away = true;
  close(index, VenueStatus::cancelled, "cancelled by the user");
  if (!sibling || !papers_[*sibling].open()) return true;
  papers_[*sibling].taken_away = true;
  close(*sibling, VenueStatus::cancelled, "cancelled by the user");
  return true;
}

// By hand: what rests is cancelled, and all coins are sold.
bool SimExchange::owner_takes_all(std::size_t which) {
  const Market& m = markets_[which % markets_.size()];
  const std::string base = m.symbol.base();
  const std::vector<std::size_t> open = open_;
  bool some = false;
  for (const std::size_t index : open) {
    if (!papers_[index].open() || papers_[index].asked.symbol.base() != base || !sells(papers_[index].asked)) continue;
    papers_[index].taken_away = true;
    some = true;
    close(index, VenueStatus::cancelled, "cancelled by the user");
  }
  const Decimal all = balances_[base];
  if (!some || !all.is_positive()) return false;
  const Decimal value = cost(price_of(m), Quantity{all}, Rounding::half_even).value;
  balances_[base] -= all;
  balances_["market " + base] += all;
  balances_[m.symbol.quote()] += value;
  balances_["market " + m.symbol.quote()] -= value;
  say("owner sells all " + all.text() + " " + base);
  return true;
}

bool SimExchange::owner_withdraws(const std::string& quote) {
  const Decimal all = balances_[quote];
  if (!all.is_positive()) return false;
  balances_[quote] -= all;
  given_[quote] -= all;
  say("owner withdraws all " + quote);
  return true;
}

// Orders that rest stay as they are; new ones have to keep the new tick.
bool SimExchange::change_tick(std::size_t which) {
  Market& m = markets_[which % markets_.size()];
  m.rules.tick = Price{Decimal::multiply(m.rules.tick.value, Decimal{10}, Rounding::down)};
  m.rules.read_at = now_;
  say("tick " + m.symbol.text() + " " + m.rules.tick.text());
  return true;
}

bool SimExchange::owner_sells(std::size_t which, int permille) {
  const Market& m = markets_[which % markets_.size()];
  const std::string base = m.symbol.base();
  const Decimal free = balances_[base] - locked(base);
  const Quantity quantity =
      floor_to_step(Quantity{Decimal::multiply(
                        free, Decimal::from_units(Decimal::Units{permille} * 1'000'000'000'000'000), Rounding::down)},
                    m.rules.step);
  if (!quantity.is_positive()) return false;
  const Decimal value = cost(price_of(m), quantity, Rounding::half_even).value;
  balances_[base] -= quantity.value;
  balances_["market " + base] += quantity.value;
  balances_[m.symbol.quote()] += value;
  balances_["market " + m.symbol.quote()] -= value;
  say("owner sells " + quantity.text() + " " + base);
  return true;
}

void SimExchange::owner_buys(std::size_t which, const Quantity& quantity) {
  owner_gives(markets_[which % markets_.size()].symbol.base(), quantity.value);
}

void SimExchange::owner_gives(const std::string& base, Decimal amount) {
  balances_[base] += amount;
  given_[base] += amount;
  say("owner gives " + amount.text() + " " + base);
}

bool SimExchange::half_fill_a_target(std::size_t which, int permille) {
  std::vector<std::size_t> targets;
  for (const std::size_t index : open_)
    if (papers_[index].type == OrderType::limit && papers_[index].to_come.empty()) targets.push_back(index);
  if (targets.empty()) return false;
  const std::size_t index = targets[which % targets.size()];
  const Quantity part =
      floor_to_step(Quantity{Decimal::multiply(papers_[index].left().value,
                                               Decimal::from_units(Decimal::Units{permille} * 1'000'000'000'000'000),
                                               Rounding::down)},
                    market(papers_[index].asked.symbol).rules.step);
  if (!part.is_positive() || part >= papers_[index].left()) return false;
  fill(index, part, *papers_[index].asked.price);
  return true;
}

// ---- the witness -------------------------------------------------------------------------------------

Quantity SimExchange::received(const ClientOrderId& trade) const {
  Quantity sum;
  const auto [first, last] = by_trade_.equal_range(trade);
  for (auto it = first; it != last; ++it)
    if (!sells(papers_[it->second].asked)) sum += papers_[it->second].now.filled - papers_[it->second].now.fee;
  return sum;
}

Quantity SimExchange::sold(const ClientOrderId& trade) const {
  Quantity sum;
  const auto [first, last] = by_trade_.equal_range(trade);
  for (auto it = first; it != last; ++it)
    if (sells(papers_[it->second].asked)) sum += papers_[it->second].now.filled;
  return sum;
}

Quantity SimExchange::for_sale(const ClientOrderId& trade) const {
  Quantity sum;
  const auto [first, last] = by_trade_.equal_range(trade);
  for (auto it = first; it != last; ++it) {
    const Paper& paper = papers_[it->second];
    if (!sells(paper.asked) || !paper.open()) continue;
    if (paper.sibling && *paper.sibling < it->second && papers_[*paper.sibling].open()) continue;
    sum += paper.left();
  }
  return sum;
}

// How long a trade lies bare is measured where it lies.
void SimExchange::watch_naked(const ClientOrderId& trade) {
  const Quantity bare = received(trade) - sold(trade) - for_sale(trade);
  const auto [first, last] = by_trade_.equal_range(trade);
  const Market& m = market(papers_[first->second].asked.symbol);
  const Price low{Decimal::multiply(price_of(m).value, Decimal::from_units(900'000'000'000'000'000), Rounding::down)};
  const bool naked = bare.is_positive() && !is_dust(bare, low, m.rules);
  if (naked) {
    naked_since_.emplace(trade, now_);
  } else if (const auto since = naked_since_.find(trade); since != naked_since_.end()) {
    longest_naked = std::max(longest_naked, Micros{now_ - since->second});
    naked_since_.erase(since);
  }
  static_cast<void>(last);
  const Quantity open = held(trade) - under_stops(trade);
  if (!too_little(open, price_of(m), m.rules)) {
    stopless_since_.emplace(trade, now_);
  } else {
    stopless_since_.erase(trade);
    if (under_stops(trade).is_positive()) once_covered_.insert(trade);
  }
}

Quantity SimExchange::under_stops(const ClientOrderId& trade) const {
  Quantity sum;
  const auto [first, last] = by_trade_.equal_range(trade);
  for (auto it = first; it != last; ++it) {
    const Paper& paper = papers_[it->second];
    if (is_stop(paper.type) && paper.open()) sum += paper.left();
  }
  return sum;
}

std::optional<Instant> SimExchange::stopless_since(const ClientOrderId& trade) const {
  const auto since = stopless_since_.find(trade);
  return since == stopless_since_.end() ? std::nullopt : std::optional{since->second};
}

std::string SimExchange::money_is_lost() const {
  for (const auto& [currency, given] : given_) {
    Decimal sum = balances_.at(currency);
    for (const char* where : {"market ", "fees "})
      if (const auto it = balances_.find(where + currency); it != balances_.end()) sum += it->second;
    if (sum != given) return currency + ": " + sum.text() + " of " + given.text();
  }
  for (const Paper& paper : papers_) {
    Quantity filled;
    Money value;
    for (const Fill& f : paper.fills) {
      filled += f.quantity;
      value += cost(f.price, f.quantity, Rounding::half_even);
    }
    if (filled != paper.now.filled || value != paper.now.value) return paper.asked.client_id;
  }
  return "";
}

}  // namespace tradeguard::sim
