// One run's working memory: the book, what was learned of each trade and order in it, and what still has to be said.
#pragma once

#include <exception>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "tradeguard/monitor_cycle.hpp"
#include "tradeguard/order_state.hpp"

namespace tradeguard {

// What happens to one trade in one pass: rows and notices that are written together, and the tale of
// it, told in order after the commit that makes it true.
struct Item {
  ClientOrderId trade;  // empty: of no trade
  Change change;
  std::vector<std::variant<Line, Notice>> tale;

  void say(Line line) { tale.emplace_back(std::move(line)); }
  void tell(Notice notice) {
    change.notices.push_back(notice);
    tale.emplace_back(std::move(notice));
  }
  // The trade's record as this item will leave it, to be changed; whoever asks for it writes it.
  TradeRecord& record(const TradeRecord& as_it_stands);
  bool empty() const {
    return change.append.empty() && change.advance.empty() && change.trades.empty() && change.notices.empty() &&
           change.alarms.empty();
  }
};

// What this run learned of one trade and did with it.
struct TradeNotes {
  bool own = false;               // entered by this run
  bool unread = false;            // the venue could not be asked about one of its orders, in this round
  bool ask_again = false;         // nor in the round before
  bool probed = false;            // its unrecorded legs were asked for
  bool dropped = false;           // something of it could not be handled; nothing more is tried in this run
  bool hands_off = false;         // another run worked on it since this one lost its store
  bool covered_noted = false;     // its sighted stop is on record
  int refused_legs = 0;           // attempts that came to nothing
  bool without_target = false;    // the pair was refused: the stop goes alone
  bool exit_failed = false;       // its exit came to nothing
  bool said_unprotected = false;  // once a run, however many barriers it passes
  bool said_unverified = false;   // likewise
  std::set<Leg> told_failed;      // legs of these kinds
};

// What this run learned of one order and did with it.
struct OrderNotes {
  bool here = false;                    // a leg that this run sent
  bool again = false;                   // a stop in doubt that a complete look-up does not show: to be sent again
  bool twice = false;                   // it was
  int unseen = 0;                       // acknowledged: looks in a row that did not show it
  bool end_unknown = false;             // it ended, and the venue does not say with how much
  int cancels = 0;                      // sent by this run
  std::optional<Instant> market_below;  // an unfired stop: since when the market was seen at or below it
};

// Orders as the venue showed them in this run.
struct Seen {
  SightedOpen open;                    // as planned
  std::set<ClientOrderId> mismatched;  // open, and not as planned
  std::set<ClientOrderId> overtaken;   // stops the market stayed below for longer than a venue needs to fire
};

// What was read of prices, balances and rules.
struct Readings {
  // nullopt: not known in this pass.
  std::optional<std::map<std::string, Balance>> balances;
  std::optional<std::map<Symbol, Quote>> quotes;
  bool surroundings = false;                    // of what earlier runs left open, once a run at least
  std::set<std::string> drifted;                // bases
  std::map<std::string, Decimal> looked_again;  // bases that seemed to drift: the balance before the second look
  std::set<Symbol> rules_asked;                 // anew in this run, for legs
};

// How the venue has answered so far.
struct VenueStanding {
  bool failed = false;                   // some question got no answer at all
  bool misconfigured = false;            // and no later run gets one: the key, the address, the country
  bool one_by_one = false;               // a port threw: bursts of one request only
  std::optional<std::string> throttled;  // after one such answer no entry is sent in this run
  int legs_throttled = 0;                // answers of that kind to stops, targets and exits
  std::optional<Micros> clock_offset;    // venue less host
  bool clock_asked = false;

  void hear(const Error& error) {
    failed = true;
    misconfigured = misconfigured || error.fault == Fault::configuration;
  }
};

// What has to be told, and how the notifier has answered.
struct Outbox {
  bool has_more = false;                     // written by this run and not told yet
  std::vector<Notice> untold;                // CRITICALs that do not go through the store
  std::vector<DeliveryRecord> delivered;     // not recorded yet
  std::set<ClientOrderId> waiting_trades;    // an earlier notice of theirs is still undelivered
  std::optional<std::string> undeliverable;  // a notice that nobody will get, and why
  std::optional<std::string> way_refused;    // why nothing is taken at present
  bool something_arrived = false;            // a notice, for certain
  std::set<std::string> long_refused;        // event ids that were refused in run after run
};

class Run {
 public:
  Run(CyclePorts& p, const CycleSettings& s);

  CyclePorts& ports;
  const CycleSettings& settings;
  RunReport report;
  std::optional<RunLease> lease;
  const AccountKey& account() const { return ports.account.key(); }
  OrderJournal& journal() const { return ports.account.journal(); }
  IdempotencyGuard& guard() const { return ports.account.guard(); }

  // ---- time: read once a pass and passed down ----
  void begin_pass();
  void begin_pass_keeping_reads();
  Instant now;
  Instant venue_now() const { return now + venue.clock_offset.value_or(Micros{0}); }
  // This machine's clock, unless the venue's proves it wrong: for what is stored for good and judged later.
  Instant sound_now() const;
  Micros elapsed() const { return ports.clock.monotonic() - started_; }
  bool past(Micros limit) const { return elapsed() >= limit; }
  bool stop_asked() const { return ports.stop_asked != nullptr && *ports.stop_asked; }
  // A run asked to stop looks a little longer for fills to protect, and not until its deadline.
  bool may_wait_for_entries() const;
  void measure_clock();  // once, when the venue is first needed

  // ---- the book ----
  OpenBook book;
  // Trades enter the book through put(); they may leave it by anybody's hand.
  Trade* trade(const ClientOrderId& id);
  void put(const Order& order);         // into the trade it belongs to
  void put(const TradeRecord& record);  // of a trade that is known, or opens one
  const Order* order(const ClientOrderId& id);
  // Of a settled trade too, as long as it has an open question.
  const TradeRecord* record(const ClientOrderId& trade);

  // ---- what was learned ----
  TradeNotes& notes(const ClientOrderId& trade) { return trade_notes_[trade]; }
  const TradeNotes& notes(const ClientOrderId& trade) const;
  const std::map<ClientOrderId, TradeNotes>& all_notes() const { return trade_notes_; }
  OrderNotes& order_notes(const ClientOrderId& order) { return order_notes_[order]; }
  const OrderNotes& order_notes(const ClientOrderId& order) const;
  Seen seen;
  Readings read;
  VenueStanding venue;
  bool any_unread() const;
  void forget_what_was_unread();  // a new round asks anew, those first that had no answer
  std::set<ClientOrderId> take_what_goes_again();
  // Until then the other copy of a stop that was sent twice may still come to rest, even when one of them is over.
  bool copy_may_come(const Order& order) const;
  // nullopt: not known. What is missing in a list that was read is zero where the venue says so.
  std::optional<Balance> balance_of(const std::string& currency) const;
  int failed_reads = 0;           // rounds in which some trade stayed unread
  bool everything_asked = false;  // the first reconcile of the run is done
  int unverified = 0;             // trades the venue could not be asked about

  // ---- what happened ----
  bool sent_entries = false;
  bool exits_wished = false;
  Word<Denial> no_entries;             // a reason found in this run that denies every entry
  std::vector<std::string> criticals;  // said without the store; they stand all the same
  bool said_account = false;           // that the venue answers for another account
  bool store_lost = false;             // finish own fills from memory, claim nothing else
  bool fenced = false;                 // another run holds the account: stop at once
  bool may_write() const { return !store_lost && !fenced; }
  bool lease_holds();
  void store_failed(const Error& error);

  // ---- writing and telling ----
  // Writes the items in one transaction, takes the new rows into the book, tells the tales.
  // Items refused for their data are repeated one by one; the one at fault is alarmed.
  void commit(std::vector<Item> items);
  // For lines that need no transaction.
  void say(const Line& line) { ports.log.write(line); }
  Outbox outbox;
  // CRITICALs that cannot go through the store: to the notifier, as soon as the next round of moves is
  // done; where nothing is at stake, now.
  void tell_directly(const Notice& notice);
  void deliver_now(const Notice& notice);

 private:
  void write_and_take(std::span<Item> items);
  void take(Item& item);
  void find_places();
  void tell_tale(const Item& item);
  Micros started_;
  std::optional<Micros> stop_seen_;  // since when this run knows that it is to stop
  // Where each trade stands in the book, and whose each row is: a look costs the same with 5,000
  // open trades as with one.
  std::unordered_map<ClientOrderId, std::size_t> places_;
  std::unordered_map<ClientOrderId, ClientOrderId> owners_;
  std::map<ClientOrderId, TradeNotes> trade_notes_;
  std::map<ClientOrderId, OrderNotes> order_notes_;
};

// Runs `work` for one item; what it throws is alarmed as that item's and no other's.
void drop_item(Run& run, const ClientOrderId& trade, std::string_view doing, const std::exception& error);
template <class F>
void item_by_item(Run& run, const ClientOrderId& trade, std::string_view doing, F&& work) {
  try {
    work();
  } catch (const std::exception& error) {
    drop_item(run, trade, doing, error);
  }
}

// One burst over a port. What it throws is the doing of one of its requests: a reading is repeated one by
// one at once; a sending is in doubt as a whole, and from then on this run sends one by one.
enum class Burst { reading, sending };
template <class Request, class Call, class NoAnswer>
auto burst(Run& run, Burst kind, std::string_view doing, const std::vector<Request>& requests, Call&& call,
           NoAnswer&& no_answer) {
  using Answers = decltype(call(std::span<const Request>{requests}));
  Answers answers;
  const auto ask = [&](std::span<const Request> some) {
    try {
      Answers got = call(some);
      std::move(got.begin(), got.end(), std::back_inserter(answers));
      return true;
    } catch (const std::exception& error) {
      run.say(Line{Event::port_failed}.add("doing", doing).add("error", error.what()));
      return false;
    }
  };
  const bool whole = requests.size() == 1 || !run.venue.one_by_one;
  if (whole && ask(requests)) return answers;
  if (whole) run.venue.one_by_one = true;
  if (!whole || (kind == Burst::reading && requests.size() > 1)) {
    answers.clear();
    for (std::size_t i = 0; i < requests.size(); ++i)
      if (!ask(std::span<const Request>{requests}.subspan(i, 1))) answers.push_back(no_answer());
  }
  while (answers.size() < requests.size()) answers.push_back(no_answer());
  return answers;
}

}  // namespace tradeguard
