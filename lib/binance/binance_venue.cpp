#include "tradeguard/binance_venue.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "binance_wire.hpp"
#include "tradeguard/silence.hpp"

namespace tradeguard {

using namespace binance;

namespace {

constexpr Micros send_margin = 2s;  // before valid_until: the way to the venue takes time
constexpr Micros validity = 5s;     // the venue's own default for recvWindow
// The venue gives a request to its engine within its window and waits 10 s for the engine's word.
constexpr Micros absence_margin = 15s;
// Of fifty orders in ten seconds an entry needs one and its pair two: sixteen of them can be
// protected at once.
constexpr std::size_t entries_when_paced = 16;
constexpr std::size_t names_in_a_request = 100;
constexpr int most_bursts_of_a_lookup = 6;
constexpr Micros longest_window = 24h - 1ms;
constexpr Micros longest_look_back = 24h * 7;

// ---- The way to the venue ----------------------------------------------------------------------

// Sends bursts, hears what every answer says of the way itself (silence asked for, a clock that is
// off), and writes down what was not understood.
class Channel {
 public:
  Channel(HttpTransport& transport, Signer signer, Micros patience, bool paced, Clock& clock, Log& log)
      : transport_{transport},
        signer_{std::move(signer)},
        patience_{patience},
        paced_{paced},
        clock_{clock},
        log_{log},
        silence_{clock} {}

  const Signer& signer() const { return signer_; }

  // Why nothing can be asked; nullopt: it can.
  std::optional<Error> mute() const {
    if (signer_.broken()) return signer_.broken();
    return silence_.why();
  }
  std::optional<Quiet> quiet() const { return silence_.quiet(); }
  void keep_quiet(const Quiet& quiet) { silence_.keep(quiet); }
  bool no_orders_now() const { return clock_.monotonic() < orders_quiet_until_; }

  std::vector<HttpResult> exchange(const std::vector<HttpRequest>& requests) {
    if (requests.empty()) return {};
    if (const auto why = silence_.why())
      return std::vector<HttpResult>(requests.size(), tl::unexpected{HttpFailure{false, why->what}});
    auto results =
        paced_ ? transport_.exchange(requests, patience_) : transport_.exchange(without_limits(requests), patience_);
    for (std::size_t i = 0; i < results.size(); ++i)
      if (results[i]) hide(requests[i], *results[i]);
    return results;
  }

  template <class T>
  T hear(const HttpRequest& request, Read<T> read) {
    const Ruling& ruling = read.ruling;
    if (ruling.quiet > Micros{0}) {
      const Micros until = clock_.monotonic() + ruling.quiet;
      orders_quiet_until_ = std::max(orders_quiet_until_, until);
      if (!ruling.quiet_orders_only) silence_.asked(ruling.quiet, std::to_string(ruling.status));
    }
    if (ruling.not_served) silence_.not_served(ruling.code + ": " + ruling.message);
    if (ruling.fate == Fate::clock) offset_.reset();
    if (!read.puzzle.empty())
      log_.write(Line{Level::warn, "VENUE_ANSWER"}
                     .add("path", request.target.substr(0, request.target.find('?')))
                     .add("http", ruling.status)
                     .add("code", ruling.code.empty() ? "-" : ruling.code)
                     .add("text", read.puzzle));
    return std::move(read.it);
  }

  Result<Instant> measure_time() {
    const std::vector requests{build_time()};
    const auto results = exchange(requests);
    const auto offset = hear(requests.front(), read_time(results.front()));
    if (!offset) return tl::unexpected<Error>{offset.error()};
    offset_ = *offset;
    return now();
  }
  Result<Instant> venue_now() {
    if (offset_) return now();
    auto measured = measure_time();
    told_ = false;
    return measured;
  }
  // Measured now, or for a reading of a moment ago that nobody was told of yet.
  Result<Instant> tell_time() {
    const bool news = offset_ && !told_;
    told_ = true;
    return news ? Result<Instant>{now()} : measure_time();
  }
  // For what cannot wait for a clock: the venue judges the stamp anyway.
  Instant venue_now_or_ours() {
    const auto known = venue_now();
    return known ? *known : now();
  }
  Instant now() const { return clock_.now() + offset_.value_or(Micros{0}); }

 private:
  static std::vector<HttpRequest> without_limits(std::vector<HttpRequest> requests) {
    for (auto& request : requests) request.limit.clear();
    return requests;
  }
  // A page of an error may show the request it is about; what is read here may be logged and told.
  void hide(const HttpRequest& request, HttpResponse& response) const {
    constexpr std::string_view mark = "&signature=";
    constexpr std::string_view hidden = "***";
    constexpr std::size_t shortest_secret = 16;  // a shorter text may be a word of the answer itself
    const auto signature = request.target.find(mark);
    if (signature == std::string::npos) return;
    for (const auto secret : {signer_.api_key(), std::string_view{request.target}.substr(signature + mark.size())}) {
      if (secret.size() < shortest_secret) continue;
      for (auto at = response.body.find(secret); at != std::string::npos;
           at = response.body.find(secret, at + hidden.size()))
        response.body.replace(at, secret.size(), hidden);
    }
  }

  HttpTransport& transport_;
  Signer signer_;
  Micros patience_;
  bool paced_;
  Clock& clock_;
  Log& log_;
  // The venue's clock less ours: measured once, and again when the venue says that it is off.
  std::optional<Micros> offset_;
  bool told_ = true;  // whether the measured time was handed out
  Silence silence_;
  Micros orders_quiet_until_{0};
};

// Requests of one burst, each with what its answer is for; hearing one may ask for more, in the
// next burst.
class Errands {
 public:
  using Hear = std::function<void(const HttpRequest&, const HttpResult&)>;
  void ask(HttpRequest request, Hear hear) {
    requests_.push_back(std::move(request));
    hears_.push_back(std::move(hear));
  }
  // False: there was still something to ask.
  bool run(Channel& channel, int bursts) {
    for (; bursts > 0 && !requests_.empty(); --bursts) {
      const auto requests = std::exchange(requests_, {});
      const auto hears = std::exchange(hears_, {});
      const auto results = channel.exchange(requests);
      for (std::size_t i = 0; i < requests.size(); ++i) hears[i](requests[i], results[i]);
    }
    return requests_.empty();
  }

 private:
  std::vector<HttpRequest> requests_;
  std::vector<Hear> hears_;
};

// In an answer about one symbol the name can mean only that: elsewhere AB_C and A_BC are spelled
// alike.
Spellings called(const Symbol& symbol) { return {{spelling(symbol), symbol}}; }

// What one symbol's history is made of. A full page may hide the rest, so its window is halved
// until it is not full: which end of a full page is missing need not be known for that.
class History {
 public:
  using Take = std::function<void(Result<OrderPage>)>;  // an error: that part was not read
  History(Channel& channel, Errands& errands, Instant read_began)
      : channel_{channel}, errands_{errands}, read_began_{read_began} {}

  void ask(const Symbol& symbol, Instant asked_since, const Take& take) {
    const Instant since = std::min(asked_since, read_began_ - 1min);  // never nothing at all
    // Over a long time the newest thousand are asked for at once: either they are all, or it cannot
    // be read.
    if (read_began_ - since > longest_look_back) return ask_page(symbol, std::nullopt, take);
    const Instant end = read_began_ + 1min;  // its clock is known to milliseconds, and never to the last of them
    for (Instant from = since; from <= end; from += longest_window + 1ms)
      ask_page(symbol, Window{from, std::min(from + longest_window, end)}, take);
  }

 private:
  void ask_page(const Symbol& symbol, const std::optional<Window>& window, const Take& take) {
    errands_.ask(build_all_orders(channel_.signer(), symbol, window, channel_.now()),
                 [this, symbol, window, take](const HttpRequest& request, const HttpResult& result) {
                   auto page = channel_.hear(request, read_orders(result, called(symbol), read_began_));
                   const bool full = page && page->shown >= page_size;
                   const bool divisible = window && window->to - window->from >= 2ms;
                   if (full && !divisible) page->legible = false;
                   if (full && divisible) {
                     const Instant middle =
                         std::chrono::floor<std::chrono::milliseconds>(window->from + (window->to - window->from) / 2);
                     ask_page(symbol, Window{window->from, middle}, take);
                     ask_page(symbol, Window{middle + 1ms, window->to}, take);
                   }
                   take(std::move(page));
                 });
  }

  Channel& channel_;
  Errands& errands_;
  Instant read_began_;
};

// Of two readings of one order that of the longer life wins: fills are never taken back, the dead
// do not rise.
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

// ---- Looking orders up -------------------------------------------------------------------------

// One find. What is acknowledged is asked for by the venue's id: one burst. What is not is looked
// for in every view there is, all in the first burst; what the views show by id only is asked for
// in the second.
class Search {
 public:
  Search(Channel& channel, std::span<const OrderQuery> queries, Instant read_began)
      : channel_{channel}, read_began_{read_began}, history_{channel, errands_, read_began} {
    for (const auto& query : queries) quests_.push_back(Quest{query});
  }

  std::vector<Result<Lookup>> lookups() {
    for (auto& quest : quests_) begin(quest);
    if (!errands_.run(channel_, most_bursts_of_a_lookup))
      for (auto& quest : quests_) quest.cut = true;
    std::vector<Result<Lookup>> lookups;
    for (auto& quest : quests_) lookups.push_back(end(quest));
    return lookups;
  }

 private:
  struct Quest {
    explicit Quest(const OrderQuery& q) : query{q} {}
    const OrderQuery& query;
    std::map<std::string, Sighting> found;  // by the venue's id
    std::set<std::string> asked;            // venue ids asked for one by one
    std::map<std::string, Fees> fees;       // by the venue's id
    std::set<std::string> fees_asked;
    std::optional<Error> unread;
    bool cut = false;         // something was left out
    bool every_view = false;  // asked in every view
    bool waits_for_open = false;
  };
  struct View {
    bool open_asked = false;
    std::optional<Instant> history_from;
    std::optional<Error> unread;
    bool cut = false;
  };

  void begin(Quest& quest) {
    const OrderQuery& query = quest.query;
    if (query.venue_id.empty()) return look_everywhere(quest);
    if (query.want_fees) ask_fees(quest, query.venue_id);
    // Several legs of one market: one list of what is open there costs less than asking for each.
    if (is_protection(query) && protections(query.symbol) > 1) {
      quest.waits_for_open = true;
      ask_open(query.symbol);
    } else {
      ask_by_venue_id(quest, query.venue_id);
    }
  }

  static bool is_protection(const OrderQuery& query) { return query.leg == Leg::stop || query.leg == Leg::target; }
  std::ptrdiff_t protections(const Symbol& symbol) const {
    return std::count_if(quests_.begin(), quests_.end(), [&](const Quest& quest) {
      return quest.query.symbol == symbol && is_protection(quest.query) && !quest.query.venue_id.empty();
    });
  }

  void look_everywhere(Quest& quest) {
    if (std::exchange(quest.every_view, true)) return;
    const OrderQuery& query = quest.query;
    errands_.ask(
        build_order_by_client_id(channel_.signer(), query.symbol, query.client_id, channel_.now()),
        [this, &quest](const HttpRequest& request, const HttpResult& result) { hear_order(quest, request, result); });
    ask_open(query.symbol);
    View& view = views_[query.symbol];
    if (!view.history_from || query.since < *view.history_from) {
      view.history_from = query.since;
      history_.ask(query.symbol, query.since,
                   [this, symbol = query.symbol](Result<OrderPage> page) { hear_page(symbol, std::move(page)); });
    }
    // The legs of a pair stand in it under the stop's name.
    if (query.leg == Leg::stop) ask_pair(quest);
  }

  void ask_by_venue_id(Quest& quest, const std::string& venue_id) {
    if (!quest.asked.insert(venue_id).second) return;
    errands_.ask(
        build_order_by_venue_id(channel_.signer(), quest.query.symbol, venue_id, channel_.now()),
        [this, &quest](const HttpRequest& request, const HttpResult& result) { hear_order(quest, request, result); });
  }

  void hear_order(Quest& quest, const HttpRequest& request, const HttpResult& result) {
    auto read = read_order(result, quest.query.symbol, read_began_);
    const bool archived = read.ruling.fate == Fate::archived;
    auto answer = channel_.hear(request, std::move(read));
    if (!answer) {
      quest.unread = answer.error();
    } else if (*answer) {
      if ((*answer)->client_id == quest.query.client_id)
        take(quest, std::move(**answer));
      else
        quest.unread = Error{Fault::unreachable, "another order was shown under this one's id"};
    } else if (archived && !quest.query.venue_id.empty()) {
      take(quest, archived_order(quest.query));
    } else {
      look_everywhere(quest);  // a record may be late in one place and there in another
    }
  }

  // No longer shown, by the venue's rule for what ended unfilled ninety days ago.
  Sighting archived_order(const OrderQuery& query) const {
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
            .at = read_began_,
            .reason = "archived"};
  }

  void ask_open(const Symbol& symbol) {
    if (std::exchange(views_[symbol].open_asked, true)) return;
    errands_.ask(build_open_orders(channel_.signer(), &symbol, channel_.now()),
                 [this, symbol](const HttpRequest& request, const HttpResult& result) {
                   auto page = channel_.hear(request, read_orders(result, called(symbol), read_began_));
                   const bool read = page.has_value();
                   hear_page(symbol, std::move(page));
                   for (auto& quest : quests_)
                     if (quest.query.symbol == symbol && std::exchange(quest.waits_for_open, false) &&
                         !quest.found.contains(quest.query.venue_id)) {
                       if (read)
                         ask_by_venue_id(quest, quest.query.venue_id);
                       else
                         quest.unread = views_[symbol].unread;
                     }
                 });
  }

  void hear_page(const Symbol& symbol, Result<OrderPage> page) {
    View& view = views_[symbol];
    if (!page) {
      view.unread = page.error();
      return;
    }
    if (!page->legible) view.cut = true;
    for (const auto& order : page->orders)
      for (auto& quest : quests_)
        if (quest.query.symbol == symbol && quest.query.client_id == order.client_id) take(quest, order);
  }

  void ask_pair(Quest& quest) {
    errands_.ask(build_pair_read(channel_.signer(), list_client_id(quest.query.client_id), channel_.now()),
                 [this, &quest](const HttpRequest& request, const HttpResult& result) {
                   const auto legs = channel_.hear(request, read_pair(result));
                   if (!legs) {
                     quest.unread = legs.error();
                     return;
                   }
                   for (auto& other : quests_) {
                     const auto leg = legs->find(other.query.client_id);
                     if (leg != legs->end() && !other.found.contains(leg->second)) ask_by_venue_id(other, leg->second);
                   }
                 });
  }

  void take(Quest& quest, Sighting sighting) {
    const bool filled = sighting.filled && sighting.filled->is_positive();
    const bool nothing_said = !sighting.filled && sighting.status != VenueStatus::unknown;
    if (nothing_said || (filled && (quest.query.want_fees || !sighting.filled_value)))
      ask_fees(quest, sighting.venue_id);
    keep_further(quest.found, std::move(sighting));
  }

  void ask_fees(Quest& quest, const std::string& venue_id) {
    if (!quest.fees_asked.insert(venue_id).second) return;
    errands_.ask(build_trades(channel_.signer(), quest.query.symbol, venue_id, channel_.now()),
                 [this, &quest, venue_id](const HttpRequest& request, const HttpResult& result) {
                   // Fees that were not read are not known, and are asked for again in the next
                   // look.
                   const auto fees = channel_.hear(request, read_trades(result, quest.query.symbol));
                   if (fees) quest.fees.insert_or_assign(venue_id, *fees);
                 });
  }

  Result<Lookup> end(Quest& quest) {
    const View& view = views_[quest.query.symbol];
    if (quest.every_view && !quest.unread) quest.unread = view.unread;
    if (quest.found.empty() && quest.unread) return tl::unexpected<Error>{*quest.unread};
    Lookup lookup{{}, quest.every_view && !quest.unread && !quest.cut && !view.cut, read_began_};
    for (auto& [id, sighting] : quest.found) {
      const auto fees = quest.fees.find(id);
      if (fees != quest.fees.end())
        complete(sighting, fees->second, sighting.quantity.is_positive() ? sighting.quantity : quest.query.quantity);
      lookup.found.push_back(std::move(sighting));
    }
    return lookup;
  }

  Channel& channel_;
  Instant read_began_;
  Errands errands_;
  History history_;
  std::vector<Quest> quests_;
  std::map<Symbol, View> views_;
};

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
      : settings{std::move(s)}, channel{transport,
                                        Signer{std::move(api_key), std::move(api_secret)},
                                        settings.patience,
                                        settings.paced,
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

  // Why an order is not sent at all.
  std::optional<Unsent> held_back(const Order& order, Instant venue_now) const {
    if (const auto mute = channel.mute())
      return Unsent{channel.signer().broken() ? Unsent::Why::not_connected : Unsent::Why::throttled, mute->what};
    if (channel.no_orders_now()) return Unsent{Unsent::Why::throttled, "the exchange asked to wait with new orders"};
    if (venue_now > order.valid_until - send_margin)
      return Unsent{Unsent::Why::too_late, "too late to arrive before its time is over"};
    return std::nullopt;
  }

  std::vector<PlaceOutcome> send(const std::vector<const Order*>& orders) {
    std::vector<PlaceOutcome> outcomes;
    if (orders.empty()) return outcomes;
    const Instant at = channel.venue_now_or_ours();
    std::vector<HttpRequest> requests;
    std::vector<std::size_t> places;
    for (const Order* order : orders) {
      meet(order->symbol);
      if (const auto held = held_back(*order, at)) {
        outcomes.emplace_back(*held);
        continue;
      }
      places.push_back(outcomes.size());
      outcomes.emplace_back(InDoubt{"no answer"});
      requests.push_back(build_order(channel.signer(), *order));
    }
    const auto results = channel.exchange(requests);
    for (std::size_t i = 0; i < requests.size(); ++i)
      outcomes[places[i]] = channel.hear(requests[i], read_order_made(results[i], *orders[places[i]], at));
    return outcomes;
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
      auto some = channel.hear(requests[i], std::move(read));
      if (some)
        table.merge(*some);
      else if (unknown_name)
        one_by_one = true;
      else
        return tl::unexpected<Error>{some.error()};
    }
    if (!one_by_one || symbols.size() == 1) return {};
    std::vector<HttpRequest> singles;
    for (const auto& symbol : symbols) singles.push_back(build({spelling(symbol)}));
    const auto answers = channel.exchange(singles);
    for (std::size_t i = 0; i < singles.size(); ++i) {
      auto read = read_them(answers[i]);
      const bool unknown_name = names_refused(read.ruling);
      auto some = channel.hear(singles[i], std::move(read));
      if (some)
        table.merge(*some);
      else if (!unknown_name)
        return tl::unexpected<Error>{some.error()};
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
    if (!heard) return tl::unexpected<Error>{heard.error()};
    std::map<Symbol, Quote> quotes;
    for (const auto& symbol : symbols)
      if (const auto price = prices.find(spelling(symbol)); price != prices.end())
        quotes.emplace(symbol, Quote{price->second, at});
    return quotes;
  }

  Result<Account> account() {
    if (const auto mute = channel.mute()) return tl::unexpected<Error>{*mute};
    if (const auto now = channel.venue_now(); !now) return tl::unexpected<Error>{now.error()};
    const std::vector requests{build_account(channel.signer(), channel.now())};
    const auto results = channel.exchange(requests);
    return noted(channel.hear(requests.front(), read_account(results.front())));
  }

  std::string seen_account;  // the id in the answer read last

  Result<Account> noted(Result<Account> account) {
    if (account && !account->id.empty()) seen_account = account->id;
    return account;
  }

  // The venue leaves zeros out, and a list is read whole or not at all. A currency of ours that is
  // not in it is zero.
  Result<std::map<std::string, Balance>> with_zeros(Result<Account> account) const {
    if (!account) return tl::unexpected<Error>{account.error()};
    for (const auto& currency : currencies) account->balances.try_emplace(currency, Balance{});
    return std::move(account->balances);
  }

  BinanceSettings settings;
  VenueTraits traits;
  Channel channel;
  std::set<std::string> currencies;  // of the markets asked for in this run
  std::set<Symbol> without_pairs;    // as far as rules were read in this run
};

BinanceVenue::BinanceVenue(HttpTransport& transport, Secret api_key, Secret api_secret, BinanceSettings settings,
                           Clock& clock, Log& log)
    : impl_{std::make_unique<Impl>(transport, std::move(api_key), std::move(api_secret), std::move(settings), clock,
                                   log)} {}
BinanceVenue::~BinanceVenue() = default;

const VenueTraits& BinanceVenue::traits() const { return impl_->traits; }
std::optional<Quiet> BinanceVenue::quiet() const { return impl_->channel.quiet(); }
void BinanceVenue::keep_quiet(const Quiet& quiet) { impl_->channel.keep_quiet(quiet); }

Result<Instant> BinanceVenue::venue_time() { return impl_->channel.tell_time(); }

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
  std::vector<LegOutcome> outcomes;
  if (requests.empty()) return outcomes;
  Channel& channel = impl_->channel;
  const Instant at = channel.venue_now_or_ours();
  std::vector<HttpRequest> asked;
  std::vector<std::size_t> places;
  for (const auto& request : requests) {
    impl_->meet(request.stop.symbol);
    if (const auto held = impl_->held_back(request.stop, at)) {
      outcomes.push_back({*held, request.target ? std::optional<PlaceOutcome>{*held} : std::nullopt});
      continue;
    }
    // A market may be without pairs where the venue has them. The stop is what counts, and a target
    // beside it would sell the same coins twice.
    const bool pair = request.target && !impl_->without_pairs.contains(request.stop.symbol);
    places.push_back(outcomes.size());
    outcomes.push_back({InDoubt{"no answer"}, std::nullopt});
    if (request.target && !pair) outcomes.back().target = Refused{"oco_not_allowed", "this market has no pairs"};
    asked.push_back(pair ? build_pair(channel.signer(), request.stop, *request.target)
                         : build_order(channel.signer(), request.stop));
  }
  const auto results = channel.exchange(asked);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const LegRequest& request = requests[places[i]];
    LegOutcome& outcome = outcomes[places[i]];
    if (request.target && !outcome.target)
      outcome = channel.hear(asked[i], read_pair_made(results[i], request.stop, *request.target, at));
    else
      outcome.stop = channel.hear(asked[i], read_order_made(results[i], request.stop, at));
  }
  return outcomes;
}

// ---- Looking and cancelling --------------------------------------------------------------------

std::vector<Result<Lookup>> BinanceVenue::find(std::span<const OrderQuery> queries) {
  if (queries.empty()) return {};
  const auto failure = [&](const Error& error) {
    return std::vector<Result<Lookup>>(queries.size(), tl::unexpected<Error>{error});
  };
  if (const auto mute = impl_->channel.mute()) return failure(*mute);
  // Without the venue's time nobody can say when a reading began, and then it proves nothing.
  const auto began = impl_->channel.venue_now();
  if (!began) return failure(began.error());
  for (const auto& query : queries) impl_->meet(query.symbol);
  return Search{impl_->channel, queries, *began}.lookups();
}

std::vector<CancelOutcome> BinanceVenue::cancel(std::span<const CancelRequest> requests) {
  std::vector<CancelOutcome> outcomes;
  if (requests.empty()) return outcomes;
  Channel& channel = impl_->channel;
  if (const auto mute = channel.mute()) {
    const auto why = channel.signer().broken() ? Unsent::Why::not_connected : Unsent::Why::throttled;
    outcomes.assign(requests.size(), Unsent{why, mute->what});
    return outcomes;
  }
  const Instant stamp = channel.venue_now_or_ours();
  std::vector<HttpRequest> asked;
  for (const auto& request : requests) asked.push_back(build_cancel(channel.signer(), request, stamp));
  const auto results = channel.exchange(asked);
  for (std::size_t i = 0; i < asked.size(); ++i) outcomes.push_back(channel.hear(asked[i], read_cancelled(results[i])));
  return outcomes;
}

Result<std::vector<Sighting>> BinanceVenue::own_orders(Instant since) {
  Channel& channel = impl_->channel;
  if (const auto mute = channel.mute()) return tl::unexpected<Error>{*mute};
  const auto began = channel.venue_now();
  if (!began) return tl::unexpected<Error>{began.error()};

  std::map<Symbol, std::map<std::string, Sighting>> found;
  std::optional<Error> unread;
  const auto take = [&](Result<OrderPage> page) {
    if (!page) {
      unread = page.error();
      return;
    }
    if (!page->legible) unread = Error{Fault::unreachable, "the orders of the past could not be read completely"};
    for (auto& order : page->orders) {
      auto& of_symbol = found[order.symbol];
      keep_further(of_symbol, std::move(order));
    }
  };

  Errands errands;
  History history{channel, errands, *began};
  Spellings known;
  for (const auto& symbol : impl_->settings.markets) known.merge(called(symbol));
  errands.ask(build_open_orders(channel.signer(), nullptr, channel.now()), [&](const HttpRequest& request,
                                                                               const HttpResult& result) {
    const auto page = channel.hear(request, read_orders(result, known, *began));
    if (!page || page->foreign_names.empty()) return take(page);
    // An order of ours in a market nobody named: the venue says what its name is made
    // of, and the list is read once more. A name still unknown cannot be one of ours.
    errands.ask(
        build_market_rules(page->foreign_names), [&, result](const HttpRequest& names, const HttpResult& answer) {
          const auto markets = channel.hear(names, read_market_rules(answer, impl_->settings.highest_fee_rate, *began));
          if (!markets) {
            unread = markets.error();
            return;
          }
          known.insert(markets->names.begin(), markets->names.end());
          take(read_orders(result, known, *began).it);
        });
  });
  // The past is listed by market only: what an unnamed market's closed orders were, nobody can be
  // asked.
  for (const auto& symbol : impl_->settings.markets) history.ask(symbol, since, take);
  if (!errands.run(channel, most_bursts_of_a_lookup) && !unread)
    unread = Error{Fault::unreachable, "the orders of the past are more than can be read"};
  if (unread) return tl::unexpected<Error>{*unread};

  std::vector<Sighting> own;
  for (auto& [symbol, orders] : found)
    for (auto& [id, order] : orders)
      if (order.status == VenueStatus::open || !order.exchange_time || *order.exchange_time >= since)
        own.push_back(std::move(order));
  return own;
}

// ---- The market --------------------------------------------------------------------------------

Result<std::map<Symbol, InstrumentRules>> BinanceVenue::rules(const std::set<Symbol>& symbols) {
  std::map<Symbol, InstrumentRules> table;
  if (symbols.empty()) return table;
  Channel& channel = impl_->channel;
  if (const auto mute = channel.mute()) return tl::unexpected<Error>{*mute};
  const Instant at = channel.venue_now_or_ours();
  const auto requests = impl_->ask_names(symbols, build_market_rules);
  const auto results = channel.exchange(requests);
  const auto heard = impl_->hear_names(
      symbols, build_market_rules, requests, results,
      [&](const HttpResult& result) {
        auto read = read_market_rules(result, impl_->settings.highest_fee_rate, at);
        Read<Result<std::map<Symbol, InstrumentRules>>> rules{{}, std::move(read.ruling), std::move(read.puzzle)};
        if (!read.it) {
          rules.it = tl::unexpected<Error>{read.it.error()};
          return rules;
        }
        impl_->without_pairs.merge(read.it->without_pairs);
        rules.it = std::move(read.it->rules);
        return rules;
      },
      table);
  if (!heard) return tl::unexpected<Error>{heard.error()};
  // AB_C and A_BC are spelled alike there, and it knows one of them.
  std::erase_if(table, [&](const auto& one) { return !symbols.contains(one.first); });
  return table;
}

Result<std::map<Symbol, Quote>> BinanceVenue::quotes(const std::set<Symbol>& symbols) {
  if (symbols.empty()) return std::map<Symbol, Quote>{};
  Channel& channel = impl_->channel;
  if (const auto mute = channel.mute()) return tl::unexpected<Error>{*mute};
  const Instant at = channel.venue_now_or_ours();
  const auto requests = impl_->ask_names(symbols, build_prices);
  const auto results = channel.exchange(requests);
  return impl_->hear_quotes(symbols, requests, results, at);
}

Result<std::map<std::string, Balance>> BinanceVenue::balances() { return impl_->with_zeros(impl_->account()); }

SltpPlacer::Market BinanceVenue::market(const std::set<Symbol>& symbols) {
  Channel& channel = impl_->channel;
  if (const auto mute = channel.mute()) return {tl::unexpected<Error>{*mute}, tl::unexpected<Error>{*mute}};
  const Instant at = channel.venue_now_or_ours();
  auto requests = impl_->ask_names(symbols, build_prices);
  const std::size_t prices = requests.size();
  requests.push_back(build_account(channel.signer(), at));
  const auto results = channel.exchange(requests);
  auto balances = impl_->with_zeros(impl_->noted(channel.hear(requests.back(), read_account(results.back()))));
  auto quotes = impl_->hear_quotes(symbols, std::span{requests}.first(prices), std::span{results}.first(prices), at);
  return {std::move(quotes), std::move(balances)};
}

Result<std::string> BinanceVenue::account_id() {
  auto account = impl_->account();
  if (!account) return tl::unexpected<Error>{account.error()};
  return std::move(account->id);
}
std::string BinanceVenue::seen_account() const { return impl_->seen_account; }

}  // namespace tradeguard
