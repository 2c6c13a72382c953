// One call of find() or own_orders(): which views are read, in which bursts, and what they prove. Pure.
// Contract test: tests/binance/search_test.cpp
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "wire.hpp"

namespace tradeguard::binance {

// One request to read a view.
struct Ask {
  enum class View { by_venue_id, by_client_id, open_orders, history, pair, trades, market_names };
  View view = View::open_orders;
  std::optional<Symbol> symbol;       // nullopt: every market
  std::string id;                     // the venue's, the client's, or the pair's; empty: a list
  std::optional<Window> window{};     // of the history; nullopt: the newest there is
  std::set<std::string> spellings{};  // of market_names
  std::size_t quest = 0;              // whose order is looked for; of a list nobody's
};
HttpRequest build(const Ask& ask, const Signer& signer, Instant timestamp);

class Search {
 public:
  // Of orders by their ids. What is acknowledged is asked for by the venue's id: one burst. What is not is
  // looked for in every view there is, all in the first burst; what the views show by id only is asked for in the
  // second.
  Search(std::span<const OrderQuery> queries, Instant began);
  // Of every own order the venue shows since then. The past is listed by market only: what an unnamed market's
  // closed orders were, nobody can be asked.
  static Search of_own(const std::set<Symbol>& markets, Instant since, Instant began);

  // The next burst; empty when there is nothing more to ask.
  std::vector<Ask> burst() { return std::exchange(asks_, {}); }
  Heard hear(const Ask& ask, const HttpResult& result);
  // There is more to ask, and it will not be asked: nothing that is missing is proven to be absent.
  void cut_off() { cut_ = true; }

  // One for each query, in their order. An error where nothing was found and a view could not be read.
  std::vector<Result<Lookup>> lookups() const;
  Result<std::vector<Sighting>> own() const;

 private:
  // What is known of one order that is looked for.
  struct Quest {
    OrderQuery query;
    std::map<std::string, Sighting> found;  // by the venue's id
    std::set<std::string> asked;            // venue ids asked for one by one
    std::map<std::string, Fees> fees;       // by the venue's id
    std::set<std::string> fees_asked;
    std::optional<Error> unread;
    bool every_view = false;  // asked in every view
    bool waits_for_open = false;
  };
  // What the lists of one market came to.
  struct Market {
    bool open_asked = false;
    std::optional<Instant> history_from;
    std::optional<Error> unread;
    bool cut = false;                       // something was left out
    std::map<std::string, Sighting> found;  // of own orders, by the venue's id
  };
  explicit Search(Instant began) : began_{began}, since_{began} {}

  void begin(std::size_t quest);
  void look_everywhere(std::size_t quest);
  void ask_by_venue_id(std::size_t quest, const std::string& venue_id);
  void ask_open(const Symbol& symbol);
  void ask_history(const Symbol& symbol, Instant since);
  void ask_fees(std::size_t quest, const std::string& venue_id);

  Heard hear_order(const Ask& ask, const HttpResult& result);
  Heard hear_open(const Ask& ask, const HttpResult& result);
  Heard hear_every_open(const HttpResult& result);
  Heard hear_names(const HttpResult& result);
  Heard hear_history(const Ask& ask, const HttpResult& result);
  Heard hear_pair(const Ask& ask, const HttpResult& result);
  Heard hear_trades(const Ask& ask, const HttpResult& result);

  void take(std::size_t quest, Sighting sighting);
  void take_page(const Symbol& symbol, Result<OrderPage> page);
  void take_own(Result<OrderPage> page);
  std::size_t resting_legs(const Symbol& symbol) const;
  Result<Lookup> lookup(const Quest& quest) const;

  Instant began_;
  Instant since_;
  std::vector<Ask> asks_;
  std::vector<Quest> quests_;
  std::map<Symbol, Market> markets_;
  bool cut_ = false;
  bool own_ = false;
  Spellings known_;  // of own orders: the markets that can be read back
  std::optional<Error> own_unread_;
  std::optional<HttpResult> every_open_;  // kept until the names in it are known
};

}  // namespace tradeguard::binance
