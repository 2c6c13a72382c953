#include "tradeguard/binance_venue.hpp"

#include <algorithm>

#include "search.hpp"
#include "tradeguard/sender.hpp"

namespace tradeguard {

using namespace binance;

namespace {

constexpr Micros validity = 5s;  // the venue's own default for recvWindow
// The venue gives a request to its engine within its window and waits 10 s for the engine's word.
constexpr Micros absence_margin = 15s;
// Of fifty orders in ten seconds an entry needs one and its pair two: sixteen of them can be
// protected at once.
constexpr std::size_t entries_when_paced = 16;
constexpr std::size_t names_in_a_request = 100;
constexpr int most_bursts = 6;

}  // namespace

std::vector<RateLimit> binance_limits() {
  // 6000 a minute and an address, less what order requests weigh when they fail; 50 to 100 orders
  // in ten seconds and an account, of which those that fill are given back.
  return {{std::string{weight_limit}, 5700, 60s}, {std::string{orders_limit}, 50, 10s}};
}

// ---- The inside ---------------------------------------------------------------------------------

class BinanceVenue::Impl {
 public:
  Impl(HttpTransport& transport, Secret api_key, Secret api_secret, BinanceSettings s, Clock& clock, Log& log)
      : settings{std::move(s)},
        signer{std::move(api_key), std::move(api_secret)},
        sender{transport,
               {.patience = settings.patience,
                .paced = settings.paced,
                .api_key = signer.api_key(),
                .signature_mark = "&signature="},
               clock,
               log} {
    traits.oco = true;
    traits.stop_market = true;  // where a market has none its rules say so
    traits.duplicate_ids_refused = true;
    traits.answers_are_sightings = true;
    traits.validity_window = validity;
    traits.absence_margin = absence_margin;
    if (settings.paced) traits.entries_at_a_time = traits.entries_a_run = entries_when_paced;
    traits.network = true;
    traits.absent_balance = AbsentBalance::zero;
    for (const auto& symbol : settings.markets) meet(symbol);
  }

  void meet(const Symbol& symbol) {
    currencies.insert(symbol.base());
    currencies.insert(symbol.quote());
  }

  // ---- The venue's time ----

  Result<Instant> measure_time() {
    std::vector requests{build_time()};
    const auto results = sender.exchange(requests);
    const auto offset = sender.hear(requests.front(), read_time(results.front()));
    if (!offset) return relayed(offset);
    sender.learn_time(*offset);
    return sender.now();
  }
  Result<Instant> venue_now() {
    if (sender.knows_time()) return sender.now();
    auto measured = measure_time();
    time_told = false;
    return measured;
  }
  // Measured now, or for a reading of a moment ago that nobody was told of yet.
  Result<Instant> tell_time() {
    const bool news = sender.knows_time() && !time_told;
    time_told = true;
    return news ? Result<Instant>{sender.now()} : measure_time();
  }
  // For what cannot wait for a clock: the venue judges the stamp anyway.
  Instant venue_now_or_ours() {
    const auto known = venue_now();
    return known ? *known : sender.now();
  }

  // ---- Requests ----

  // Why nothing can be asked; nullopt: it can.
  std::optional<Error> mute() const { return signer.broken() ? signer.broken() : sender.mute(); }
  std::optional<Unsent> mute_as_unsent() const {
    if (signer.broken()) return Unsent{Unsent::Why::not_connected, signer.broken()->what};
    const auto why = sender.mute();
    return why ? std::optional{Unsent{Unsent::Why::throttled, why->what}} : std::nullopt;
  }
  std::optional<Unsent> held_back(const Order& order) const {
    const auto mute = mute_as_unsent();
    return mute ? mute : sender.held_back(order);
  }

  std::vector<PlaceOutcome> send(std::span<const Order* const> orders) {
    if (orders.empty()) return {};
    const Instant at = venue_now_or_ours();
    for (const Order* order : orders) meet(order->symbol);
    return send_each(
        sender, orders,
        [&](const Order* order) -> std::optional<PlaceOutcome> {
          const auto held = held_back(*order);
          return held ? std::optional<PlaceOutcome>{*held} : std::nullopt;
        },
        [&](const Order* order) { return build_order(signer, *order); },
        [&](const Order* order, const HttpRequest& request, const HttpResult& result) {
          return sender.hear(request, read_order_made(result, *order, at));
        });
  }

  void conduct(Search& search) {
    const bool all =
        sender.conduct(search, most_bursts, [&](const Ask& ask) { return build(ask, signer, sender.now()); });
    if (!all) search.cut_off();
  }

  // Prices and rules are asked for by name, many in a request. One name the venue does not know
  // spoils the whole answer: then each of them is asked for alone, and those it refuses are no
  // markets of its.
  using Build = HttpRequest (*)(const std::set<std::string>&);
  std::vector<HttpRequest> ask_names(const std::set<Symbol>& symbols, Build build) {
    std::vector<HttpRequest> requests;
    std::set<std::string> names;
    const auto cut = [&] {
      if (!names.empty()) requests.push_back(build(names));
      names.clear();
    };
    for (const auto& symbol : symbols) {
      meet(symbol);
      names.insert(spelling(symbol));
      if (names.size() == names_in_a_request) cut();
    }
    cut();
    return requests;
  }
  template <class Table, class ReadThem>
  Result<void> hear_names(const std::set<Symbol>& symbols, Build build, std::span<const HttpRequest> requests,
                          std::span<const HttpResult> results, ReadThem read_them, Table& table) {
    bool one_by_one = false;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      auto read = read_them(results[i]);
      const bool unknown_name = names_refused(read.ruling);
      auto some = sender.hear(requests[i], std::move(read));
      if (some)
        table.merge(*some);
      else if (unknown_name)
        one_by_one = true;
      else
        return relayed(some);
    }
    if (!one_by_one || symbols.size() == 1) return {};
    std::vector<HttpRequest> singles;
    for (const auto& symbol : symbols) singles.push_back(build({spelling(symbol)}));
    const auto answers = sender.exchange(singles);
    for (std::size_t i = 0; i < singles.size(); ++i) {
      auto read = read_them(answers[i]);
      const bool unknown_name = names_refused(read.ruling);
      auto some = sender.hear(singles[i], std::move(read));
      if (some)
        table.merge(*some);
      else if (!unknown_name)
        return relayed(some);
    }
    return {};
  }
  // "Invalid symbol", and a name it takes for no name at all.
  static bool names_refused(const Ruling& ruling) {
    return ruling.fate == Fate::refused && (ruling.code == "-1121" || ruling.code == "-1100");
  }

  Result<std::map<Symbol, Quote>> hear_quotes(const std::set<Symbol>& symbols, std::span<const HttpRequest> requests,
                                              std::span<const HttpResult> results, Instant at) {
    Prices prices;
    const auto heard = hear_names(symbols, build_prices, requests, results, read_prices, prices);
    if (!heard) return relayed(heard);
    std::map<Symbol, Quote> quotes;
    for (const auto& symbol : symbols)
      if (const auto price = prices.find(spelling(symbol)); price != prices.end())
        quotes.emplace(symbol, Quote{price->second, at});
    return quotes;
  }

  Result<Account> account() {
    if (const auto why = mute()) return tl::unexpected<Error>{*why};
    if (const auto now = venue_now(); !now) return relayed(now);
    std::vector requests{build_account(signer, sender.now())};
    const auto results = sender.exchange(requests);
    return noted(sender.hear(requests.front(), read_account(results.front())));
  }

  std::string seen_account;  // the id in the answer read last

  Result<Account> noted(Result<Account> account) {
    if (account && !account->id.empty()) seen_account = account->id;
    return account;
  }

  // The venue leaves zeros out, and a list is read whole or not at all. A currency of ours that is
  // not in it is zero.
  Result<std::map<std::string, Balance>> with_zeros(Result<Account> account) const {
    if (!account) return relayed(account);
    for (const auto& currency : currencies) account->balances.try_emplace(currency, Balance{});
    return std::move(account->balances);
  }

  BinanceSettings settings;
  VenueTraits traits;
  const Signer signer;
  Sender sender;
  bool time_told = true;             // whether the measured time was handed out
  std::set<std::string> currencies;  // of the markets asked for in this run
  std::set<Symbol> without_pairs;    // as far as rules were read in this run
};

BinanceVenue::BinanceVenue(HttpTransport& transport, Secret api_key, Secret api_secret, BinanceSettings settings,
                           Clock& clock, Log& log)
    : impl_{std::make_unique<Impl>(transport, std::move(api_key), std::move(api_secret), std::move(settings), clock,
                                   log)} {}
BinanceVenue::~BinanceVenue() = default;

const VenueTraits& BinanceVenue::traits() const { return impl_->traits; }
std::optional<Quiet> BinanceVenue::quiet() const { return impl_->sender.quiet(); }
void BinanceVenue::keep_quiet(const Quiet& quiet) { impl_->sender.keep_quiet(quiet); }

Result<Instant> BinanceVenue::venue_time() { return impl_->tell_time(); }

// ---- Sending ---------------------------------------------------------------------------------

std::vector<PlaceOutcome> BinanceVenue::place(std::span<const EntryTicket> tickets) {
  std::vector<const Order*> orders;
  for (const auto& ticket : tickets) orders.push_back(&ticket.order());
  return impl_->send(orders);
}

std::vector<PlaceOutcome> BinanceVenue::flatten(std::span<const Order> exits) {
  std::vector<const Order*> orders;
  for (const auto& exit : exits) orders.push_back(&exit);
  return impl_->send(orders);
}

std::vector<SltpPlacer::LegOutcome> BinanceVenue::protect(std::span<const LegRequest> requests) {
  if (requests.empty()) return {};
  Impl& impl = *impl_;
  const Instant at = impl.venue_now_or_ours();
  for (const auto& legs : requests) impl.meet(legs.stop.symbol);
  // A market may be without pairs where the venue has them. The stop is what counts, and a target
  // beside it would sell the same coins twice.
  const auto as_pair = [&](const LegRequest& legs) {
    return legs.target && !impl.without_pairs.contains(legs.stop.symbol);
  };
  const auto held = [&](const LegRequest& legs) -> std::optional<LegOutcome> {
    const auto why = impl.held_back(legs.stop);
    if (!why) return std::nullopt;
    return LegOutcome{*why, legs.target ? std::optional<PlaceOutcome>{*why} : std::nullopt};
  };
  const auto build = [&](const LegRequest& legs) {
    return as_pair(legs) ? build_pair(impl.signer, legs.stop, *legs.target) : build_order(impl.signer, legs.stop);
  };
  const auto hear = [&](const LegRequest& legs, const HttpRequest& request, const HttpResult& result) {
    if (as_pair(legs)) return impl.sender.hear(request, read_pair_made(result, legs.stop, *legs.target, at));
    LegOutcome outcome{impl.sender.hear(request, read_order_made(result, legs.stop, at)), std::nullopt};
    if (legs.target) outcome.target = Refused{"oco_not_allowed", "this market has no pairs"};
    return outcome;
  };
  return send_each(impl.sender, requests, held, build, hear);
}

// ---- Looking and cancelling --------------------------------------------------------------------

std::vector<Result<Lookup>> BinanceVenue::find(std::span<const OrderQuery> queries) {
  if (queries.empty()) return {};
  const auto failure = [&](const Error& error) {
    return std::vector<Result<Lookup>>(queries.size(), tl::unexpected<Error>{error});
  };
  if (const auto mute = impl_->mute()) return failure(*mute);
  // Without the venue's time nobody can say when a reading began, and then it proves nothing.
  const auto began = impl_->venue_now();
  if (!began) return failure(began.error());
  for (const auto& query : queries) impl_->meet(query.symbol);
  Search search{queries, *began};
  impl_->conduct(search);
  return search.lookups();
}

std::vector<CancelOutcome> BinanceVenue::cancel(std::span<const CancelRequest> requests) {
  if (requests.empty()) return {};
  Impl& impl = *impl_;
  if (const auto mute = impl.mute_as_unsent()) return std::vector<CancelOutcome>(requests.size(), *mute);
  const Instant stamp = impl.venue_now_or_ours();
  return send_each(
      impl.sender, requests, [](const CancelRequest&) { return std::optional<CancelOutcome>{}; },
      [&](const CancelRequest& request) { return build_cancel(impl.signer, request, stamp); },
      [&](const CancelRequest&, const HttpRequest& request, const HttpResult& result) {
        return impl.sender.hear(request, read_cancelled(result));
      });
}

Result<std::vector<Sighting>> BinanceVenue::own_orders(Instant since) {
  if (const auto mute = impl_->mute()) return tl::unexpected<Error>{*mute};
  const auto began = impl_->venue_now();
  if (!began) return relayed(began);
  Search search = Search::of_own(impl_->settings.markets, since, *began);
  impl_->conduct(search);
  return search.own();
}

// ---- The market --------------------------------------------------------------------------------

Result<std::map<Symbol, InstrumentRules>> BinanceVenue::rules(const std::set<Symbol>& symbols) {
  std::map<Symbol, InstrumentRules> table;
  if (symbols.empty()) return table;
  if (const auto mute = impl_->mute()) return tl::unexpected<Error>{*mute};
  const Instant at = impl_->venue_now_or_ours();
  auto requests = impl_->ask_names(symbols, build_market_rules);
  const auto results = impl_->sender.exchange(requests);
  const auto heard = impl_->hear_names(
      symbols, build_market_rules, requests, results,
      [&](const HttpResult& result) {
        auto read = read_market_rules(result, impl_->settings.highest_fee_rate, at);
        using Rules = std::map<Symbol, InstrumentRules>;
        if (read.it) impl_->without_pairs.merge(read.it->without_pairs);
        return Read<Result<Rules>>{std::move(read), std::move(read.it).map([](MarketRules all) { return all.rules; })};
      },
      table);
  if (!heard) return relayed(heard);
  // AB_C and A_BC are spelled alike there, and it knows one of them.
  std::erase_if(table, [&](const auto& one) { return !symbols.contains(one.first); });
  return table;
}

Result<std::map<Symbol, Quote>> BinanceVenue::quotes(const std::set<Symbol>& symbols) {
  if (symbols.empty()) return std::map<Symbol, Quote>{};
  if (const auto mute = impl_->mute()) return tl::unexpected<Error>{*mute};
  const Instant at = impl_->venue_now_or_ours();
  auto requests = impl_->ask_names(symbols, build_prices);
  const auto results = impl_->sender.exchange(requests);
  return impl_->hear_quotes(symbols, requests, results, at);
}

Result<std::map<std::string, Balance>> BinanceVenue::balances() { return impl_->with_zeros(impl_->account()); }

SltpPlacer::Market BinanceVenue::market(const std::set<Symbol>& symbols) {
  if (const auto mute = impl_->mute()) return {tl::unexpected<Error>{*mute}, tl::unexpected<Error>{*mute}};
  const Instant at = impl_->venue_now_or_ours();
  auto requests = impl_->ask_names(symbols, build_prices);
  const std::size_t prices = requests.size();
  requests.push_back(build_account(impl_->signer, at));
  const auto results = impl_->sender.exchange(requests);
  auto balances = impl_->with_zeros(impl_->noted(impl_->sender.hear(requests.back(), read_account(results.back()))));
  auto quotes = impl_->hear_quotes(symbols, std::span{requests}.first(prices), std::span{results}.first(prices), at);
  return {std::move(quotes), std::move(balances)};
}

Result<std::string> BinanceVenue::account_id() {
  auto account = impl_->account();
  if (!account) return relayed(account);
  return std::move(account->id);
}
std::string BinanceVenue::seen_account() const { return impl_->seen_account; }

}  // namespace tradeguard
