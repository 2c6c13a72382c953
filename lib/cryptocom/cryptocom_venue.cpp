#include "tradeguard/cryptocom_venue.hpp"

#include <algorithm>
#include <array>

#include "cryptocom_search.hpp"
#include "tradeguard/silence.hpp"

namespace tradeguard {

using namespace cryptocom;

namespace {

constexpr Micros send_margin = 2s;  // before valid_until: the way to the venue takes time
constexpr int open_orders_in_a_market = 200;
constexpr int most_bursts = 12;  // of one search; pages and fired triggers end long before
constexpr std::size_t asked_one_by_one = 3;

Act act_of(const Order& order) {
  return order.leg == Leg::stop || order.leg == Leg::target ? Act::create_advanced : Act::create;
}
Book book_of(Leg leg) { return leg == Leg::stop || leg == Leg::target ? Book::advanced : Book::regular; }

}  // namespace

// Protection and entries do not share a limit, but for exits, which are sales at the market: they
// and entries are 15 in 100 ms together, and no more entries than that are claimed at a time.
std::vector<RateLimit> cryptocom_limits() {
  std::vector<RateLimit> limits{{"private/create-order", 15, 100ms},     {"private/cancel-order", 15, 100ms},
                                {"private/get-order-detail", 30, 100ms}, {"private/get-trades", 1, 1s},
                                {"private/get-order-history", 1, 1s},    {"public/get-tickers", 100, 1s},
                                {"public/get-instruments", 100, 1s},     {"public/get-risk-parameters", 100, 1s}};
  for (const char* name :
       {"private/get-open-orders", "private/user-balance", "private/advanced/create-order",
        "private/advanced/create-oco", "private/advanced/cancel-order", "private/advanced/get-open-orders",
        "private/advanced/get-order-detail", "private/advanced/get-order-history"})
    limits.push_back({name, 3, 100ms});
  return limits;
}

class CryptocomVenue::Impl {
 public:
  Impl(HttpTransport& transport, Secret api_key, Secret api_secret, CryptocomSettings settings, Clock& clock, Log& log);

  const VenueTraits& traits() const { return traits_; }
  Result<Instant> venue_time();
  std::vector<Result<Lookup>> find(std::span<const OrderQuery> queries);
  std::vector<CancelOutcome> cancel(std::span<const CancelRequest> requests);
  std::vector<PlaceOutcome> place(std::span<const Order* const> orders);
  std::vector<LegOutcome> protect(std::span<const LegRequest> requests);
  Result<std::map<Symbol, InstrumentRules>> rules(const std::set<Symbol>& symbols);
  Result<std::vector<Sighting>> own_orders(Instant since);
  const std::string& account_id() const { return account_id_; }
  Market market(const std::set<Symbol>* symbols, bool with_balances);
  std::optional<Quiet> quiet() const { return silence_.quiet(); }
  void keep_quiet(const Quiet& quiet) { silence_.keep(quiet); }

 private:
  std::vector<HttpResult> exchange(std::vector<HttpRequest> requests);
  std::optional<Unsent> held_back() const;
  void hear_silence(const HttpResponse& response);
  void measure(const HttpResponse& response);
  void redact(HttpResponse& response) const;
  void tell(std::string_view method, const Oddity& oddity);
  void search(Search& search);
  Instant now() const { return clock_.now() + offset_.value_or(Micros{0}); }
  bool too_late(const Order& order) const { return now() > order.valid_until - send_margin; }
  void meet(const Symbol& symbol) {
    met_.insert(symbol.base());
    met_.insert(symbol.quote());
  }
  std::int64_t next_id();
  Serial serial();
  Keys keys() const { return {api_key_, api_secret_}; }
  template <class Reading>
  decltype(Reading::outcome) heard(std::string_view method, Reading reading);

  HttpTransport& transport_;
  Secret api_key_;
  Secret api_secret_;
  CryptocomSettings settings_;
  Clock& clock_;
  Log& log_;
  VenueTraits traits_;
  Silence silence_;
  std::int64_t last_id_ = 0;
  std::int64_t last_nonce_ = 0;
  Micros lowest_offset_{0};  // of the venue's clock to ours
  Micros highest_offset_{0};
  std::optional<Micros> offset_;
  std::optional<Micros> trades_read_;  // on the monotonic clock
  std::string account_id_;
  std::map<ClientOrderId, std::string> resting_;  // what a fired trigger became, seen open
  std::set<std::string> met_;                     // currencies of the markets asked about
};

CryptocomVenue::Impl::Impl(HttpTransport& transport, Secret api_key, Secret api_secret, CryptocomSettings settings,
                           Clock& clock, Log& log)
    : transport_{transport},
      api_key_{std::move(api_key)},
      api_secret_{std::move(api_secret)},
      settings_{std::move(settings)},
      clock_{clock},
      log_{log},
      silence_{clock} {
  traits_ = {.oco = true,
             .stop_market = true,
             .duplicate_ids_refused = false,
             .answers_are_sightings = false,
             .validity_window = 60s,
             .absence_margin = 15s,
             .entries_at_a_time = settings_.paced ? std::size_t{15} : std::size_t{1000},
             .network = true,
             .absent_balance = AbsentBalance::zero};
}

// ---- Sending -----------------------------------------------------------------------------------

std::vector<PlaceOutcome> CryptocomVenue::Impl::place(std::span<const Order* const> orders) {
  std::vector<PlaceOutcome> outcomes;
  std::vector<HttpRequest> requests;
  std::vector<std::pair<std::size_t, std::int64_t>> sent;  // which order, under which id
  for (std::size_t i = 0; i < orders.size(); ++i) {
    outcomes.emplace_back(Unsent{Unsent::Why::too_late, "valid until " + iso_micros(orders[i]->valid_until)});
    const auto held = held_back();
    if (held) outcomes.back() = *held;
    if (held || too_late(*orders[i])) continue;
    sent.emplace_back(i, next_id());
    const bool advanced = act_of(*orders[i]) == Act::create_advanced;
    requests.push_back(advanced ? build_stop(*orders[i], sent.back().second, keys())
                                : build_order(*orders[i], sent.back().second, keys()));
  }
  const auto answers = exchange(std::move(requests));
  for (std::size_t n = 0; n < sent.size(); ++n) {
    const auto& [i, id] = sent[n];
    const Order& order = *orders[i];
    const Act act = act_of(order);
    outcomes[i] = heard(act == Act::create ? "private/create-order" : "private/advanced/create-order",
                        read_order_answer(act, id, order.client_id, answers[n]));
  }
  return outcomes;
}

std::vector<SltpPlacer::LegOutcome> CryptocomVenue::Impl::protect(std::span<const LegRequest> requests) {
  std::vector<LegOutcome> outcomes;
  std::vector<HttpRequest> sending;
  std::vector<std::pair<std::size_t, std::int64_t>> sent;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto& [stop, target] = requests[i];
    const auto held = held_back();
    const PlaceOutcome late =
        held.value_or(Unsent{Unsent::Why::too_late, "valid until " + iso_micros(stop.valid_until)});
    outcomes.push_back({late, target ? std::optional{late} : std::nullopt});
    if (held || too_late(stop) || (target && too_late(*target))) continue;
    sent.emplace_back(i, next_id());
    sending.push_back(target ? build_pair(stop, *target, sent.back().second, keys())
                             : build_stop(stop, sent.back().second, keys()));
  }
  const auto answers = exchange(std::move(sending));
  for (std::size_t n = 0; n < sent.size(); ++n) {
    const auto& [i, id] = sent[n];
    const bool pair = requests[i].target.has_value();
    const std::string_view method = pair ? "private/advanced/create-oco" : "private/advanced/create-order";
    const PlaceOutcome outcome =
        heard(method, pair ? read_pair_answer(id, answers[n])
                           : read_order_answer(Act::create_advanced, id, requests[i].stop.client_id, answers[n]));
    outcomes[i] = {outcome, pair ? std::optional{outcome} : std::nullopt};
  }
  return outcomes;
}

namespace {

// Of two requests for one order: a yes to one is a yes, and gone is what both say is gone.
CancelOutcome joined(const CancelOutcome& a, const CancelOutcome& b) {
  const auto rank = [](const CancelOutcome& outcome) {
    return std::visit(overloaded{[](const CancelAcknowledged&) { return 3; }, [](const InDoubt&) { return 2; },
                                 [](const Unsent&) { return 1; }, [](const CancelGone&) { return 0; }},
                      outcome);
  };
  return rank(a) >= rank(b) ? a : b;
}

}  // namespace

// An order is cancelled in its own book: in the other one the venue may say yes and do nothing.
// What a fired trigger became rests in the regular book.
std::vector<CancelOutcome> CryptocomVenue::Impl::cancel(std::span<const CancelRequest> requests) {
  if (const auto held = held_back()) return std::vector<CancelOutcome>(requests.size(), *held);
  std::vector<HttpRequest> sending;
  std::vector<std::pair<std::size_t, Book>> sent;
  const auto send = [&](std::size_t i, Book book, const OrderName& name) {
    sending.push_back(build_cancel(book, name, serial(), keys()));
    sent.emplace_back(i, book);
  };
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const CancelRequest& request = requests[i];
    send(i, book_of(request.leg), {request.venue_id, request.client_id});
    if (const auto fired = resting_.find(request.client_id); fired != resting_.end())
      send(i, Book::regular, {fired->second, {}});
  }
  const auto answers = exchange(std::move(sending));
  std::vector<std::optional<CancelOutcome>> said(requests.size());
  for (std::size_t n = 0; n < sent.size(); ++n) {
    const auto& [i, book] = sent[n];
    const CancelOutcome outcome =
        heard(book == Book::advanced ? "private/advanced/cancel-order" : "private/cancel-order",
              read_cancel_answer(answers[n]));
    said[i] = said[i] ? joined(*said[i], outcome) : outcome;
  }
  std::vector<CancelOutcome> outcomes;
  outcomes.reserve(said.size());
  for (const auto& outcome : said) outcomes.push_back(outcome.value_or(InDoubt{"no answer"}));
  return outcomes;
}

// ---- Looking -----------------------------------------------------------------------------------

std::vector<Result<Lookup>> CryptocomVenue::Impl::find(std::span<const OrderQuery> queries) {
  if (queries.empty()) return {};
  for (const OrderQuery& query : queries) meet(query.symbol);
  // Trades are one request a second: for the sake of fees alone nobody waits for their turn.
  const bool fees_now = !settings_.paced || !trades_read_ || clock_.monotonic() - *trades_read_ >= 1s;
  Search searching{queries, now(), fees_now};
  search(searching);
  auto lookups = searching.lookups();
  for (const auto& lookup : lookups) {
    if (!lookup) continue;
    for (const Sighting& sighting : lookup->found) {
      resting_.erase(sighting.client_id);
      if (sighting.fired && !sighting.fired_id.empty()) resting_[sighting.client_id] = sighting.fired_id;
    }
  }
  return lookups;
}

Result<std::vector<Sighting>> CryptocomVenue::Impl::own_orders(Instant since) {
  Search searching = Search::of_own(since, now());
  search(searching);
  return searching.own();
}

void CryptocomVenue::Impl::search(Search& searching) {
  for (int bursts = 0; bursts < most_bursts; ++bursts) {
    const std::vector<Ask> asks = searching.burst();
    if (asks.empty()) break;
    std::vector<HttpRequest> requests;
    for (const Ask& ask : asks) {
      if (ask.view == Ask::View::trades) trades_read_ = clock_.monotonic();
      requests.push_back(build(ask, serial(), keys()));
    }
    const auto answers = exchange(std::move(requests));
    for (std::size_t i = 0; i < asks.size(); ++i)
      for (const Oddity& oddity : searching.hear(asks[i], answers[i])) tell(method_of(asks[i]), oddity);
  }
  if (!searching.account_id().empty()) account_id_ = searching.account_id();
}

// ---- Tables ------------------------------------------------------------------------------------

namespace {

constexpr std::array<std::string_view, 3> dollars{"USD", "USDT", "USDC"};

bool is_dollar(std::string_view currency) {
  return std::find(dollars.begin(), dollars.end(), currency) != dollars.end();
}

// What one of this currency is worth in US dollars; nullopt: no market tells.
std::optional<Price> worth(const std::string& currency, const std::map<Symbol, Price>& prices) {
  if (is_dollar(currency)) return Price{Decimal{1}};
  for (const std::string_view dollar : dollars) {
    const auto market = Symbol::parse(currency + "_" + std::string{dollar});
    const auto price = market ? prices.find(*market) : prices.end();
    if (price != prices.end()) return price->second;
  }
  return std::nullopt;
}

// The least order in the quote currency. Rules live for a day, in which a currency moves: a tenth more
// than the venue asks for today, and a hundredth where a dollar is as good as a dollar.
Money least_in(const std::string& quote, Price quote_in_dollars, Money dollars_asked) {
  const auto percent = quote == "USD" ? Decimal{100} : is_dollar(quote) ? Decimal{101} : Decimal{110};
  const Decimal asked =
      Decimal::divide(Decimal::multiply(dollars_asked.value, percent, Rounding::up), Decimal{100}, Rounding::up);
  return Money{Decimal::divide(asked, quote_in_dollars.value, Rounding::up)};
}

// And the largest, with the same room to the other side; zero: none was published.
Money most_in(const std::string& quote, Price quote_in_dollars, const OrderLimits& limit) {
  Money most = limit.most;
  if (limit.in_a_day.is_positive() && (!most.is_positive() || limit.in_a_day < most)) most = limit.in_a_day;
  const auto percent = quote == "USD" ? Decimal{100} : is_dollar(quote) ? Decimal{99} : Decimal{90};
  const Decimal kept =
      Decimal::divide(Decimal::multiply(most.value, percent, Rounding::down), Decimal{100}, Rounding::down);
  return Money{Decimal::divide(kept, quote_in_dollars.value, Rounding::down)};
}

}  // namespace

Result<std::map<Symbol, InstrumentRules>> CryptocomVenue::Impl::rules(const std::set<Symbol>& symbols) {
  const Instant read_at = now();
  const bool other_quotes =
      std::any_of(symbols.begin(), symbols.end(), [](const Symbol& symbol) { return !is_dollar(symbol.quote()); });
  std::vector<HttpRequest> requests{build_instruments(), build_risk_parameters()};
  if (other_quotes) requests.push_back(build_tickers());
  const auto answers = exchange(std::move(requests));
  const auto table = read_instruments(answers[0]);
  if (table.oddity) tell("public/get-instruments", *table.oddity);
  if (table.answer != Answer::accepted) return failed(table.fault, "public/get-instruments: " + table.why);
  // Without them the configured minimum is all there is, and the venue refuses what is too small.
  const auto limits = read_risk_parameters(answers[1]);
  if (limits.oddity) tell("public/get-risk-parameters", *limits.oddity);
  std::map<Symbol, Price> prices;
  if (other_quotes) {
    auto tickers = read_tickers(answers[2], std::nullopt);
    if (tickers.oddity) tell("public/get-tickers", *tickers.oddity);
    if (tickers.answer != Answer::accepted) return failed(tickers.fault, "public/get-tickers: " + tickers.why);
    prices = std::move(tickers.rows);
  }

  std::map<Symbol, InstrumentRules> rules;
  for (const Symbol& symbol : symbols) {
    meet(symbol);
    const auto row = table.rows.find(symbol);
    if (row == table.rows.end()) continue;
    InstrumentRules market{.symbol = symbol,
                           .tick = row->second.tick,
                           .step = row->second.step,
                           .min_quantity = row->second.step,
                           .max_quantity = Quantity{},
                           .min_notional = settings_.min_notional,
                           .highest_fee_rate = settings_.highest_fee_rate,
                           .max_open_stops = open_orders_in_a_market,
                           .tradable = row->second.tradable,
                           .stop_market = true,
                           .read_at = read_at};
    const auto published = limits.rows.find(symbol.base());
    const OrderLimits limit = published == limits.rows.end() ? OrderLimits{} : published->second;
    if (const auto quote = worth(symbol.quote(), prices)) {
      market.min_notional = is_dollar(symbol.quote())
                                ? std::max(settings_.min_notional, least_in(symbol.quote(), *quote, limit.least))
                                : least_in(symbol.quote(), *quote, std::max(settings_.min_notional, limit.least));
      market.max_notional = most_in(symbol.quote(), *quote, limit);
    }
    // What somebody wrote for this market is in its quote currency, and may only ask for more.
    if (const auto own = settings_.market_min_notional.find(symbol); own != settings_.market_min_notional.end())
      market.min_notional = published == limits.rows.end() ? own->second : std::max(own->second, market.min_notional);
    rules.emplace(symbol, std::move(market));
  }
  return rules;
}

SltpPlacer::Market CryptocomVenue::Impl::market(const std::set<Symbol>* symbols, bool with_balances) {
  if (symbols != nullptr)
    for (const Symbol& symbol : *symbols) meet(symbol);
  std::vector<HttpRequest> requests;
  std::vector<std::optional<Symbol>> asked;  // of each ticker request
  if (symbols != nullptr && symbols->size() > asked_one_by_one) {
    asked.emplace_back(std::nullopt);
    requests.push_back(build_tickers());
  } else if (symbols != nullptr) {
    for (const Symbol& symbol : *symbols) {
      asked.emplace_back(symbol);
      requests.push_back(build_ticker(symbol));
    }
  }
  if (with_balances) requests.push_back(build_balance(serial(), keys()));
  const auto answers = exchange(std::move(requests));
  const Instant at = now();

  Market market;
  std::map<Symbol, Quote> quotes;
  bool any = asked.empty();
  std::string why;
  Fault fault = Fault::unreachable;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const auto table = read_tickers(answers[i], asked[i]);
    if (table.oddity) tell("public/get-tickers", *table.oddity);
    any = any || table.answer == Answer::accepted;
    why = table.why;
    fault = table.fault;
    for (const auto& [symbol, last] : table.rows)
      if (symbols->contains(symbol)) quotes.insert_or_assign(symbol, Quote{last, at});
  }
  if (any)
    market.quotes = std::move(quotes);
  else
    market.quotes = failed(fault, "public/get-tickers: " + why);
  if (with_balances) {
    auto table = read_balances(answers.back());
    if (table.oddity) tell("private/user-balance", *table.oddity);
    // The list leaves out what the account has none of, so that one that is there and cannot be read
    // may not look as if it were left out.
    const auto unread =
        std::ranges::find_if(table.unread, [&](const std::string& currency) { return met_.contains(currency); });
    if (table.answer != Answer::accepted)
      market.balances = failed(table.fault, "private/user-balance: " + table.why);
    else if (unread != table.unread.end())
      market.balances = failed(Fault::unreachable, "private/user-balance: the row of " + *unread + " cannot be read");
    else
      market.balances = std::move(table.rows);
  }
  return market;
}

// There is no call for the time: every answer says it, to the second, in its Date header.
Result<Instant> CryptocomVenue::Impl::venue_time() {
  if (const auto why = silence_.why()) return tl::unexpected<Error>{*why};
  if (!offset_) {
    const auto answers = exchange({build_ticker(*Symbol::parse("BTC_USDT"))});
    if (!offset_ && !answers.front()) return failed(Fault::unreachable, answers.front().error().what);
    if (!offset_) return failed(Fault::unreachable, "the venue's answer has no Date");
  }
  return now();
}

// ---- Requests ----------------------------------------------------------------------------------

std::vector<HttpResult> CryptocomVenue::Impl::exchange(std::vector<HttpRequest> requests) {
  if (requests.empty()) return {};
  if (!settings_.paced)
    for (HttpRequest& request : requests) request.limit.clear();
  std::vector<HttpResult> results;
  if (const auto why = silence_.why())
    results.assign(requests.size(), tl::unexpected<HttpFailure>{HttpFailure{false, why->what}});
  else
    results = transport_.exchange(requests, settings_.patience);
  for (HttpRequest& request : requests) wipe(request.body);
  while (results.size() < requests.size()) results.emplace_back(tl::unexpect, HttpFailure{true, "no answer"});
  for (HttpResult& result : results) {
    if (!result) continue;
    measure(*result);
    redact(*result);
    hear_silence(*result);
  }
  return results;
}

// Why nothing is sent at all.
std::optional<Unsent> CryptocomVenue::Impl::held_back() const {
  const auto why = silence_.why();
  if (!why) return std::nullopt;
  return Unsent{Unsent::Why::throttled, why->what};
}

void CryptocomVenue::Impl::hear_silence(const HttpResponse& response) {
  const auto hush = hush_in(response);
  if (!hush) return;
  if (!hush->not_served.empty())
    silence_.not_served(hush->not_served);
  else
    silence_.asked(hush->length, hush->status);
}

// The venue's clock stood somewhere in the second its Date names, at some moment between sending
// and answer. Each answer narrows that down, and the middle is the estimate.
void CryptocomVenue::Impl::measure(const HttpResponse& response) {
  const auto date = http_date(response);
  if (!date) return;
  const Micros lowest = *date - response.answered;
  const Micros highest = *date + 1s - response.sent;
  if (lowest > highest) return;
  const bool agrees = offset_ && lowest <= highest_offset_ && lowest_offset_ <= highest;
  // Where they contradict, one of the clocks was set: only the newest counts.
  lowest_offset_ = agrees ? std::max(lowest_offset_, lowest) : lowest;
  highest_offset_ = agrees ? std::min(highest_offset_, highest) : highest;
  // Clocks that may agree are taken to agree: the middle of a second would differ from run to run, and
  // a later run's sighting must not look older than an earlier one's.
  const bool may_agree = lowest_offset_ <= Micros{0} && Micros{0} <= highest_offset_;
  offset_ = may_agree ? Micros{0} : (lowest_offset_ + highest_offset_) / 2;
}

// An error may repeat the request it is about, and what an answer says is told and stored.
void CryptocomVenue::Impl::redact(HttpResponse& response) const {
  constexpr std::size_t shortest_key = 16;  // a shorter text may be a word of the answer itself
  const std::string_view key = api_key_.reveal();
  if (key.size() < shortest_key) return;
  for (std::size_t at = response.body.find(key); at != std::string::npos; at = response.body.find(key, at)) {
    response.body.replace(at, key.size(), "***");
    at += 3;
  }
}

void CryptocomVenue::Impl::tell(std::string_view method, const Oddity& oddity) {
  log_.write(Line{Level::warn, "VENUE_ANSWER"}
                 .add("path", method)
                 .add("http", std::int64_t{oddity.http})
                 .add("code", oddity.code.empty() ? "-" : oddity.code)
                 .add("text", oddity.text));
}

template <class Reading>
decltype(Reading::outcome) CryptocomVenue::Impl::heard(std::string_view method, Reading reading) {
  if (reading.oddity) tell(method, *reading.oddity);
  return std::move(reading.outcome);
}

// Grows over runs too: an id and its nonce are never sent twice.
std::int64_t CryptocomVenue::Impl::next_id() {
  last_id_ = std::max(to_micros(clock_.now()), last_id_ + 1);
  return last_id_;
}

Serial CryptocomVenue::Impl::serial() {
  last_nonce_ = std::max(to_micros(now()) / 1000, last_nonce_ + 1);
  return {next_id(), last_nonce_};
}

// ---- The venue ---------------------------------------------------------------------------------

CryptocomVenue::CryptocomVenue(HttpTransport& transport, Secret api_key, Secret api_secret, CryptocomSettings settings,
                               Clock& clock, Log& log)
    : impl_{std::make_unique<Impl>(transport, std::move(api_key), std::move(api_secret), std::move(settings), clock,
                                   log)} {}
CryptocomVenue::~CryptocomVenue() = default;

const VenueTraits& CryptocomVenue::traits() const { return impl_->traits(); }
std::optional<Quiet> CryptocomVenue::quiet() const { return impl_->quiet(); }
void CryptocomVenue::keep_quiet(const Quiet& quiet) { impl_->keep_quiet(quiet); }
Result<Instant> CryptocomVenue::venue_time() { return impl_->venue_time(); }
std::vector<Result<Lookup>> CryptocomVenue::find(std::span<const OrderQuery> queries) { return impl_->find(queries); }
std::vector<CancelOutcome> CryptocomVenue::cancel(std::span<const CancelRequest> requests) {
  return impl_->cancel(requests);
}

std::vector<PlaceOutcome> CryptocomVenue::place(std::span<const EntryTicket> tickets) {
  std::vector<const Order*> orders;
  for (const EntryTicket& ticket : tickets) orders.push_back(&ticket.order());
  return impl_->place(orders);
}
Result<std::map<Symbol, InstrumentRules>> CryptocomVenue::rules(const std::set<Symbol>& symbols) {
  return impl_->rules(symbols);
}
Result<std::vector<Sighting>> CryptocomVenue::own_orders(Instant since) { return impl_->own_orders(since); }
Result<std::string> CryptocomVenue::account_id() { return impl_->account_id(); }
std::string CryptocomVenue::seen_account() const { return impl_->account_id(); }

std::vector<SltpPlacer::LegOutcome> CryptocomVenue::protect(std::span<const LegRequest> requests) {
  return impl_->protect(requests);
}
std::vector<PlaceOutcome> CryptocomVenue::flatten(std::span<const Order> exits) {
  std::vector<const Order*> orders;
  for (const Order& exit : exits) orders.push_back(&exit);
  return impl_->place(orders);
}
Result<std::map<Symbol, Quote>> CryptocomVenue::quotes(const std::set<Symbol>& symbols) {
  return impl_->market(&symbols, false).quotes;
}
Result<std::map<std::string, Balance>> CryptocomVenue::balances() { return impl_->market(nullptr, true).balances; }
SltpPlacer::Market CryptocomVenue::market(const std::set<Symbol>& symbols) { return impl_->market(&symbols, true); }

}  // namespace tradeguard
