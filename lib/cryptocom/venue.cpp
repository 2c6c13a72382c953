#include "tradeguard/cryptocom_venue.hpp"

#include <algorithm>
#include <array>

#include "search.hpp"
#include "tradeguard/sender.hpp"

namespace tradeguard {

using namespace cryptocom;

namespace {

constexpr int open_orders_in_a_market = 200;
constexpr int most_bursts = 12;  // of one search; pages and fired triggers end long before
constexpr std::size_t asked_one_by_one = 3;

Book book_of(Leg leg) { return leg == Leg::stop || leg == Leg::target ? Book::advanced : Book::regular; }

std::optional<PlaceOutcome> as_outcome(const std::optional<Unsent>& held) {
  return held ? std::optional<PlaceOutcome>{*held} : std::nullopt;
}

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
  std::optional<Quiet> quiet() const { return sender_.quiet(); }
  void keep_quiet(const Quiet& quiet) { sender_.keep_quiet(quiet); }

 private:
  void search(Search& search);
  Result<std::map<std::string, Balance>> whole(Result<Balances> read) const;
  void meet(const Symbol& symbol) {
    met_.insert(symbol.base());
    met_.insert(symbol.quote());
  }
  std::int64_t next_id();
  Serial serial();

  const Secret api_key_;
  const Secret api_secret_;
  const Signer signer_{api_key_, api_secret_};
  CryptocomSettings settings_;
  Clock& clock_;
  Sender sender_;
  VenueTraits traits_;
  std::int64_t last_id_ = 0;
  std::int64_t last_nonce_ = 0;
  std::optional<Micros> trades_read_;  // on the monotonic clock
  std::string account_id_;
  std::map<ClientOrderId, std::string> resting_;  // what a fired trigger became, seen open
  std::set<std::string> met_;                     // currencies of the markets asked about
};

CryptocomVenue::Impl::Impl(HttpTransport& transport, Secret api_key, Secret api_secret, CryptocomSettings settings,
                           Clock& clock, Log& log)
    : api_key_{std::move(api_key)},
      api_secret_{std::move(api_secret)},
      settings_{std::move(settings)},
      clock_{clock},
      sender_{transport,
              {.patience = settings_.patience,
               .paced = settings_.paced,
               .time_from_dates = true,
               .api_key = api_key_.reveal(),
               .signature_mark = R"("sig":")"},
              clock,
              log} {
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
  std::vector<std::int64_t> ids;  // of the requests sent, in their order
  std::size_t answered = 0;
  return send_each(
      sender_, orders, [&](const Order* order) { return as_outcome(sender_.held_back(*order)); },
      [&](const Order* order) {
        ids.push_back(next_id());
        return book_of(order->leg) == Book::advanced ? build_stop(*order, ids.back(), signer_)
                                                     : build_order(*order, ids.back(), signer_);
      },
      [&](const Order* order, const HttpRequest& request, const HttpResult& result) {
        return sender_.hear(request, read_order_made(book_of(order->leg), ids[answered++], order->client_id, result));
      });
}

std::vector<SltpPlacer::LegOutcome> CryptocomVenue::Impl::protect(std::span<const LegRequest> requests) {
  std::vector<std::int64_t> ids;
  std::size_t answered = 0;
  const auto held = [&](const LegRequest& legs) -> std::optional<LegOutcome> {
    auto why = sender_.held_back(legs.stop);
    if (!why && legs.target) why = sender_.held_back(*legs.target);
    if (!why) return std::nullopt;
    return LegOutcome{*why, legs.target ? std::optional<PlaceOutcome>{*why} : std::nullopt};
  };
  const auto build = [&](const LegRequest& legs) {
    ids.push_back(next_id());
    return legs.target ? build_pair(legs.stop, *legs.target, ids.back(), signer_)
                       : build_stop(legs.stop, ids.back(), signer_);
  };
  const auto hear = [&](const LegRequest& legs, const HttpRequest& request, const HttpResult& result) {
    const std::int64_t id = ids[answered++];
    const PlaceOutcome outcome =
        sender_.hear(request, legs.target ? read_pair_made(id, result)
                                          : read_order_made(Book::advanced, id, legs.stop.client_id, result));
    return LegOutcome{outcome, legs.target ? std::optional{outcome} : std::nullopt};
  };
  return send_each(sender_, requests, held, build, hear);
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
  if (const auto why = sender_.mute())
    return std::vector<CancelOutcome>(requests.size(), Unsent{Unsent::Why::throttled, why->what});
  std::vector<HttpRequest> sending;
  std::vector<std::size_t> sent;  // for which of the requests
  const auto send = [&](std::size_t i, Book book, const OrderName& name) {
    sending.push_back(build_cancel(book, name, serial(), signer_));
    sent.push_back(i);
  };
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const CancelRequest& request = requests[i];
    send(i, book_of(request.leg), {request.venue_id, request.client_id});
    if (const auto fired = resting_.find(request.client_id); fired != resting_.end())
      send(i, Book::regular, {fired->second, {}});
  }
  const auto answers = sender_.exchange(sending);
  std::vector<std::optional<CancelOutcome>> said(requests.size());
  for (std::size_t n = 0; n < sent.size(); ++n) {
    auto& of_order = said[sent[n]];
    const CancelOutcome outcome = sender_.hear(sending[n], read_cancelled(answers[n]));
    of_order = of_order ? joined(*of_order, outcome) : outcome;
  }
  std::vector<CancelOutcome> outcomes;
  for (const auto& outcome : said) outcomes.push_back(outcome.value_or(InDoubt{"no answer"}));
  return outcomes;
}

// ---- Looking -----------------------------------------------------------------------------------

std::vector<Result<Lookup>> CryptocomVenue::Impl::find(std::span<const OrderQuery> queries) {
  if (queries.empty()) return {};
  for (const OrderQuery& query : queries) meet(query.symbol);
  // Trades are one request a second: for the sake of fees alone nobody waits for their turn.
  const bool fees_now = !settings_.paced || !trades_read_ || clock_.monotonic() - *trades_read_ >= 1s;
  Search searching{queries, sender_.now(), fees_now};
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
  Search searching = Search::of_own(since, sender_.now());
  search(searching);
  return searching.own();
}

void CryptocomVenue::Impl::search(Search& searching) {
  sender_.conduct(searching, most_bursts, [&](const Ask& ask) {
    if (ask.view == Ask::View::trades) trades_read_ = clock_.monotonic();
    return build(ask, serial(), signer_);
  });
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
  const Instant read_at = sender_.now();
  const bool other_quotes =
      std::any_of(symbols.begin(), symbols.end(), [](const Symbol& symbol) { return !is_dollar(symbol.quote()); });
  std::vector<HttpRequest> requests{build_market_rules(), build_risk_parameters()};
  if (other_quotes) requests.push_back(build_prices());
  const auto answers = sender_.exchange(requests);
  const auto table = sender_.hear(requests[0], read_market_rules(answers[0]));
  // Without them the configured minimum is all there is, and the venue refuses what is too small.
  const auto limits = sender_.hear(requests[1], read_risk_parameters(answers[1]));
  // Each answer is heard before one of them ends the reading: any may ask for silence.
  auto prices =
      other_quotes ? sender_.hear(requests[2], read_prices(answers[2], std::nullopt)) : Result<Prices>{Prices{}};
  if (!table) return failed(table.error().fault, "public/get-instruments: " + table.error().what);
  if (!prices) return failed(prices.error().fault, "public/get-tickers: " + prices.error().what);

  std::map<Symbol, InstrumentRules> rules;
  for (const Symbol& symbol : symbols) {
    meet(symbol);
    const auto row = table->find(symbol);
    if (row == table->end()) continue;
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
    const bool published = limits && limits->contains(symbol.base());
    const OrderLimits limit = published ? limits->at(symbol.base()) : OrderLimits{};
    if (const auto quote = worth(symbol.quote(), *prices)) {
      market.min_notional = is_dollar(symbol.quote())
                                ? std::max(settings_.min_notional, least_in(symbol.quote(), *quote, limit.least))
                                : least_in(symbol.quote(), *quote, std::max(settings_.min_notional, limit.least));
      market.max_notional = most_in(symbol.quote(), *quote, limit);
    }
    // What somebody wrote for this market is in its quote currency, and may only ask for more.
    if (const auto own = settings_.market_min_notional.find(symbol); own != settings_.market_min_notional.end())
      market.min_notional = published ? std::max(own->second, market.min_notional) : own->second;
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
    requests.push_back(build_prices());
  } else if (symbols != nullptr) {
    for (const Symbol& symbol : *symbols) {
      asked.emplace_back(symbol);
      requests.push_back(build_price(symbol));
    }
  }
  if (with_balances) requests.push_back(build_account(serial(), signer_));
  const auto answers = sender_.exchange(requests);
  const Instant at = sender_.now();

  Market market;
  std::map<Symbol, Quote> quotes;
  bool any = asked.empty();
  Error why{Fault::unreachable, ""};
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const auto prices = sender_.hear(requests[i], read_prices(answers[i], asked[i]));
    any = any || prices.has_value();
    if (!prices) why = prices.error();
    if (prices)
      for (const auto& [symbol, last] : *prices)
        if (symbols->contains(symbol)) quotes.insert_or_assign(symbol, Quote{last, at});
  }
  if (any)
    market.quotes = std::move(quotes);
  else
    market.quotes = failed(why.fault, "public/get-tickers: " + why.what);
  if (with_balances) market.balances = whole(sender_.hear(requests.back(), read_balances(answers.back())));
  return market;
}

// The list leaves out what the account has none of, so that one that is there and cannot be read may not look as
// if it were left out.
Result<std::map<std::string, Balance>> CryptocomVenue::Impl::whole(Result<Balances> read) const {
  if (!read) return failed(read.error().fault, "private/user-balance: " + read.error().what);
  for (const std::string& currency : read->unread)
    if (met_.contains(currency))
      return failed(Fault::unreachable, "private/user-balance: the row of " + currency + " cannot be read");
  return std::move(read->known);
}

// There is no call for the time: every answer says it, to the second, in its Date header.
Result<Instant> CryptocomVenue::Impl::venue_time() {
  if (const auto why = sender_.mute()) return tl::unexpected<Error>{*why};
  if (!sender_.knows_time()) {
    std::vector requests{build_price(*Symbol::parse("BTC_USDT"))};
    const auto answers = sender_.exchange(requests);
    sender_.note(requests.front(), read_prices(answers.front(), std::nullopt));
    if (!sender_.knows_time() && !answers.front()) return failed(Fault::unreachable, answers.front().error().what);
    if (!sender_.knows_time()) return failed(Fault::unreachable, "the venue's answer has no Date");
  }
  return sender_.now();
}

// ---- Serials -----------------------------------------------------------------------------------

// Grows over runs too: an id and its nonce are never sent twice.
std::int64_t CryptocomVenue::Impl::next_id() {
  last_id_ = std::max(to_micros(clock_.now()), last_id_ + 1);
  return last_id_;
}

Serial CryptocomVenue::Impl::serial() {
  last_nonce_ = std::max(to_micros(sender_.now()) / 1000, last_nonce_ + 1);
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
