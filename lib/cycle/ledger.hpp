// The account as one run holds it: its lease, its open book, and how trades and orders on record are changed.
#pragma once

#include <exception>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "messenger.hpp"
#include "run_clock.hpp"
#include "tradeguard/journal.hpp"
#include "tradeguard/log.hpp"
#include "tradeguard/order_state.hpp"
#include "tradeguard/store.hpp"

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

class Ledger {
 public:
  Ledger(Account& account, Log& l, const RunClock& clock, Messenger& messenger, std::string run_id)
      : log{l}, account_{account}, clock_{clock}, messenger_{messenger}, run_id_{std::move(run_id)} {}

  Log& log;
  // For lines that need no transaction.
  void say(const Line& line) const { log.write(line); }

  // ---- the account and its lease ----
  Account& account() const { return account_; }
  OrderJournal& journal() const { return account_.journal(); }
  IdempotencyGuard& guard() const { return account_.guard(); }
  std::optional<RunLease> lease;
  bool lease_holds();
  bool fenced = false;      // another run holds the account: stop at once
  bool store_lost = false;  // finish own fills from memory, claim nothing else
  std::string store_error;  // by which it was lost
  bool may_write() const { return !store_lost && !fenced; }
  void store_failed(const Error& error);

  // ---- the book ----
  OpenBook book;
  // Trades enter the book through put(); they may leave it by anybody's hand.
  Trade* trade(const ClientOrderId& id);
  void put(const Order& order);         // into the trade it belongs to
  void put(const TradeRecord& record);  // of a trade that is known, or opens one
  const Order* order(const ClientOrderId& id);
  // Of a settled trade too, as long as it has an open question.
  const TradeRecord* record(const ClientOrderId& trade);

  // ---- what was learned of its trades ----
  TradeNotes& notes(const ClientOrderId& trade) { return notes_[trade]; }
  const TradeNotes& notes(const ClientOrderId& trade) const;
  const std::map<ClientOrderId, TradeNotes>& all_notes() const { return notes_; }
  bool any_unread() const;
  void forget_what_was_unread();  // a new round asks anew, those first that had no answer
  bool entries_sent = false;      // from then on something is at stake

  // ---- writing and telling ----
  // Writes the items in one transaction, takes the new rows into the book, tells the tales.
  // Items refused for their data are repeated one by one; the one at fault is alarmed.
  void commit(std::vector<Item> items);
  bool notices_written = false;        // by this run, and not told yet
  std::vector<std::string> criticals;  // said without the store; they stand all the same
  // CRITICALs that cannot go through the store: to the notifier, as soon as the next round of moves is
  // done; where nothing is at stake, now.
  void tell_directly(const Notice& notice);
  void tell_what_waits();

 private:
  void write_and_take(std::span<Item> items);
  void take(Item& item);
  void find_places();
  void tell_tale(const Item& item);

  Account& account_;
  const RunClock& clock_;
  Messenger& messenger_;
  std::string run_id_;
  // Where each trade stands in the book, and whose each row is: a look costs the same with 5,000
  // open trades as with one.
  std::unordered_map<ClientOrderId, std::size_t> places_;
  std::unordered_map<ClientOrderId, ClientOrderId> owners_;
  std::map<ClientOrderId, TradeNotes> notes_;
};

// Runs `work` for one item; what it throws is alarmed as that item's and no other's.
void drop_item(Ledger& ledger, const ClientOrderId& trade, std::string_view doing, const std::exception& error);
template <class F>
void item_by_item(Ledger& ledger, const ClientOrderId& trade, std::string_view doing, F&& work) {
  try {
    work();
  } catch (const std::exception& error) {
    drop_item(ledger, trade, doing, error);
  }
}

}  // namespace tradeguard
