// One run's working memory: what was read, what is held, what still has to be said.
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

class Run {
 public:
  Run(CyclePorts& p, const CycleSettings& s);

  // ---- time: read once a pass and passed down ----
  void begin_pass();
  void begin_pass_keeping_reads();
  Instant now;
  Instant venue_now() const { return now + clock_offset.value_or(Micros{0}); }
  // This machine's clock, unless the venue's proves it wrong: for what is stored for good and judged later.
  Instant sound_now() const;
  Micros elapsed() const { return ports.clock.monotonic() - started; }
  bool past(Micros limit) const { return elapsed() >= limit; }
  bool stop_asked() const { return ports.stop_asked != nullptr && *ports.stop_asked; }
  // A run asked to stop looks a little longer for fills to protect, and not until its deadline.
  bool may_wait_for_entries() const;
  std::optional<Micros> stop_seen;  // since when this run knows that it is to stop
  void measure_clock();             // once, when the venue is first needed
  std::optional<Micros> clock_offset;
  bool clock_asked = false;

  // ---- the book ----
  OpenBook book;
  // Trades enter the book through put(); they may leave it by anybody's hand.
  Trade* trade(const ClientOrderId& id);
  void put(const Order& order);         // into the trade it belongs to
  void put(const TradeRecord& record);  // of a trade that is known, or opens one
  const Order* order(const ClientOrderId& id);
  // Of a settled trade too, as long as it has an open question.
  const TradeRecord* record(const ClientOrderId& trade);

  // ---- what was read in this run ----
  SightedOpen sighted;
  std::set<ClientOrderId> mismatched;
  std::map<ClientOrderId, int> unseen;  // acknowledged orders: looks in a row that did not show them
  std::set<ClientOrderId> end_unknown;  // orders that ended, and the venue does not say with how much
  std::set<ClientOrderId> unread;       // trades with an order the venue could not be asked about
  std::optional<std::map<std::string, Balance>> balances;
  std::optional<std::map<Symbol, Quote>> quotes;
  // nullopt: not known. What is missing in a list that was read is zero where the venue says so.
  std::optional<Balance> balance_of(const std::string& currency) const;
  std::set<std::string> drifted;  // bases
  std::map<std::string, Decimal>
      looked_again;                // bases that seemed to drift: the balance before their orders were read once more
  bool surroundings_read = false;  // of what earlier runs left open, once a run at least

  std::set<ClientOrderId> ask_again;              // trades unread in the round before
  int failed_reads = 0;                           // rounds in which some trade stayed unread
  bool everything_asked = false;                  // the first reconcile of the run is done
  std::set<ClientOrderId> probed;                 // trades whose unrecorded legs were asked for
  std::set<ClientOrderId> send_again;             // stops in doubt that a complete look-up does not show
  std::map<ClientOrderId, Instant> market_below;  // unfired stops: since when the market was seen at or below them
  std::set<ClientOrderId> overtaken;              // of those, what stayed so for longer than a venue needs to fire
  std::set<Symbol> rules_asked;                   // anew in this run, for legs
  std::set<ClientOrderId> hands_off;              // trades another run worked on since this one lost its store
  std::set<ClientOrderId> covered_noted;          // trades whose sighted stop was recorded in this run
  std::set<ClientOrderId> sent_twice;             // of those, what was sent again in this run
  // Until then the other copy of such a stop may still come to rest, even when one of them is over.
  bool copy_may_come(const Order& order) const;

  // ---- what happened in this run ----
  std::set<ClientOrderId> own;                // trades entered by this run
  std::set<ClientOrderId> placed_here;        // legs sent by this run
  std::map<ClientOrderId, int> refused_legs;  // by trade: attempts of this run that came to nothing
  std::set<ClientOrderId> without_target;     // trades whose pair was refused: the stop goes alone
  std::map<ClientOrderId, int> cancels_sent;  // by leg
  std::set<ClientOrderId> exit_failed;        // trades whose exit came to nothing in this run
  std::set<ClientOrderId> dropped;            // trades whose item could not be handled in this run
  std::set<ClientOrderId> said_unprotected;
  std::set<ClientOrderId> said_unverified;
  bool said_account = false;           // that the venue answers for another account
  std::set<std::string> told_failed;   // trade and kind of leg
  int unverified = 0;                  // trades the venue could not be asked about
  std::vector<std::string> criticals;  // said without the store; they stand all the same
  bool sent_entries = false;
  bool exits_wished = false;
  bool venue_failed = false;         // some question to the venue got no answer at all
  bool venue_misconfigured = false;  // and no later run gets one: the key, the address, the country
  void venue_error(const Error& error) {
    venue_failed = true;
    venue_misconfigured = venue_misconfigured || error.fault == Fault::configuration;
  }
  bool one_by_one = false;               // a port threw: bursts of one request only
  bool store_lost = false;               // finish own fills from memory, claim nothing else
  bool fenced = false;                   // another run holds the account: stop at once
  Word<Denial> no_entries;               // a reason found in this run that denies every entry
  std::optional<std::string> throttled;  // after one such answer no entry is sent in this run
  int legs_throttled = 0;                // answers of that kind to stops, targets and exits
  std::optional<RunLease> lease;

  // Writes the items in one transaction, takes the new rows into the book, tells the tales.
  // Items refused for their data are repeated one by one; the one at fault is alarmed.
  void commit(std::vector<Item> items);
  // For lines that need no transaction.
  void say(const Line& line) { ports.log.write(line); }
  // CRITICALs that cannot go through the store: to the notifier, as soon as the next round of moves is
  // done; where nothing is at stake, now.
  void tell_directly(const Notice& notice);
  std::vector<Notice> untold;
  bool may_write() const { return !store_lost && !fenced; }
  bool lease_holds();
  void store_failed(const Error& error);

  CyclePorts& ports;
  const CycleSettings& settings;
  RunReport report;

  // ---- the outbox of an immediate notifier ----
  std::vector<DeliveryRecord> delivered;
  std::set<ClientOrderId> waiting_trades;  // an earlier notice of theirs is still undelivered
  bool outbox_has_more = false;
  std::optional<std::string> undeliverable;  // a notice that nobody will get, and why
  std::optional<std::string> way_refused;    // why nothing is taken at present
  bool something_arrived = false;            // a notice, for certain
  std::set<std::string> long_refused;        // event ids that were refused in run after run
  void deliver_now(const Notice& notice);

 private:
  void write_and_take(std::span<Item> items);
  void take(Item& item);
  void find_places();
  void tell_tale(const Item& item);
  Micros started;
  // Where each trade stands in the book, and whose each row is: a look costs the same with 5,000
  // open trades as with one.
  std::unordered_map<ClientOrderId, std::size_t> places_;
  std::unordered_map<ClientOrderId, ClientOrderId> owners_;
};

// Runs `work` for one item; what it throws is alarmed as that item's and no other's.
template <class F>
void item_by_item(Run& run, const ClientOrderId& trade, std::string_view doing, F&& work);
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
      run.say(Line{Level::error, "PORT_FAILED"}.add("doing", doing).add("error", error.what()));
      return false;
    }
  };
  const bool whole = requests.size() == 1 || !run.one_by_one;
  if (whole && ask(requests)) return answers;
  if (whole) run.one_by_one = true;
  if (!whole || (kind == Burst::reading && requests.size() > 1)) {
    answers.clear();
    for (std::size_t i = 0; i < requests.size(); ++i)
      if (!ask(std::span<const Request>{requests}.subspan(i, 1))) answers.push_back(no_answer());
  }
  while (answers.size() < requests.size()) answers.push_back(no_answer());
  return answers;
}

// ---- the passes, in the order of the road ----
void reconcile(Run& run);  // every open question is asked, all at once
// One round of moves. What was answered at once needs no waiting before the next round looks on.
struct Round {
  bool again;    // another round may have something to do
  bool at_once;  // and nothing speaks for waiting first
  bool sent;     // something new left: the first look for it is at once, the next ones wait
};
Round protect(Run& run);
// The next look at the venue may answer something; entries in doubt are waited for only at the end.
bool questions_wait(const Run& run, bool wait_for_entries);
// Where the trade is naked, and nobody recorded since when.
void start_naked_clock(const Run& run, const Trade& trade, const Exposure& e, Item& item);
// Rules as the venue has them now; false: it did not answer.
bool ask_rules(Run& run, std::map<Symbol, InstrumentRules>& into, const std::set<Symbol>& symbols);
// One burst, into run.quotes and run.balances; what could not be read stays as it is, and is said.
void read_quotes_and_balances(Run& run, const std::set<Symbol>& symbols);
void raise_and_clear_alarms(Run& run);       // the barrier: covered, or an alarm is in the outbox
std::vector<Signal> read_signals(Run& run);  // by time and line; what is no signal is said
void admit_and_enter(Run& run);              // signals, guards, claims; each claim sent once
void drain_immediate(Run& run);              // older notices first, where telling costs nothing
void tell_what_waits(Run& run);              // CRITICALs of a run that lost its store
void deliver_criticals(Run& run);            // between two rounds of a run that has to wait
void deliver(Run& run);
void look_at_epoch(Run& run);    // a restored or promoted store, orphans at the venue
void look_at_account(Run& run);  // whose account the venue's answers are about

// ---- words: lines and notices from the row that was sent and filled ----
std::string order_id_of(const Order& order);
// Amounts as a message has them: with their currency.
std::string in_base(Quantity quantity, const Symbol& symbol);
std::string in_quote(Money money, const Symbol& symbol);
std::string in_quote(Price price, const Symbol& symbol);
Line line_of(Level level, std::string_view name, const Order& order);
Notice notice_of(NoticeType type, Severity severity, const Order& order, Instant now, std::string_view once = "");
// Of a signal that is read in every run: only the outbox knows whether its notice is there already.
void tell_once(Run& run, Item& item, Notice notice);
// What an entry's change from one row to the next makes known; sent or looked up makes no difference.
void tell_entry(Item& item, const Order& before, const Applied& after, Run& run);
void tell_leg(Item& item, const Order& before, const Applied& after, Run& run);
void tell_outcome(Item& item, const Order& order, const PlaceOutcome& outcome, Run& run);
// A CRITICAL that stands: raised once, told once, with its line.
bool stands(const Run& run, NoticeType kind, const std::string& subject);
void raise(Item& item, Run& run, Alarm alarm, Line line, Notice notice);
void clear(Item& item, Run& run, NoticeType kind, const std::string& subject);

}  // namespace tradeguard
