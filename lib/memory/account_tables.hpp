// The rows of one account and the indexes that keep every question bounded by what is open.
// Private to this room; everything here runs under the store's mutex.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tradeguard/memory_store.hpp"

namespace tradeguard {

// A key that was claimed, by an entry or by the wish to exit.
struct KeyRow {
  std::string digest;
  Instant claimed_at;
  bool released = false;             // nothing was sent for it: it may be claimed again
  int attempts = 0;                  // client ids used
  ClientOrderId entry;               // the newest entry; empty: the key of an exit
  std::vector<ClientOrderId> exits;  // trades a SELL signal wants to leave
  std::string decided;               // denied for good, and by this; empty: claimed
};

class AccountTables {
 public:
  // ---- orders
  const Order* find(const ClientOrderId& id) const;
  const TradeRecord* find_trade(const ClientOrderId& id) const;
  // Inserts or replaces the row, whatever stands there, and keeps all indexes true.
  void put(Order order);
  void put(TradeRecord trade);
  std::vector<Trade> open_trades() const;            // oldest first
  std::vector<OpenQuestion> questions(Instant now);  // of settled trades
  std::vector<Order> rows_of_trade(const ClientOrderId& trade) const;
  std::vector<Order> rows_of_key(const SignalKey& key) const;
  std::vector<Trade> past_trades(const TradeQuery& query) const;  // oldest first
  std::vector<SignalKey> keys_about(const std::string& word, std::size_t at_most) const;
  const Order* newest_exit(const std::vector<ClientOrderId>& trades) const;

  // ---- what a claim wants to know
  BaseHistory history(const std::string& base) const;
  void remember(const std::string& base, Instant at);
  void hear(const ExitWord& word);  // the newest of a speaker about a symbol stays
  std::vector<ExitWord> exit_words(const std::set<Symbol>& symbols) const;
  std::optional<Instant> stop_out(const Symbol& symbol) const;
  void count_bars(AdmissionFacts& facts) const;  // orders in doubt, and alarms
  int open_positions() const;
  int entries_on(Instant at) const;  // on its UTC day
  // Trades, on its UTC day, since the breaker was reset.
  int flattened_on(Instant at) const;

  // ---- notices
  void add_notice(Notice notice);  // one whose event id is known already is skipped
  std::vector<Notice> due_notices(Instant now, std::size_t at_most) const;
  void record_delivery(const DeliveryRecord& record);
  std::size_t waiting_notices() const { return outbox_.size(); }

  // ---- the rest
  void apply_edge(const AlarmEdge& edge);
  std::vector<Alarm> standing_alarms() const;
  void record_decision(const SignalKey& key, std::string guard, std::string verdict, std::string detail, Instant now);
  std::vector<Decision> decisions(const SignalKey& key) const;
  std::size_t prune(Instant before, Instant now, std::size_t at_most);

  std::map<SignalKey, KeyRow> keys;
  std::map<Symbol, InstrumentRules> rules;
  AccountState account;
  std::optional<Fence> holder;  // fence of the lease that is held
  bool run_open = false;        // begun and not finished
  Fence run_fence = 0;          // of the run begun last

 private:
  using Day = std::chrono::sys_days;
  struct TradeRows {
    std::int64_t number;              // in order of opening
    std::vector<ClientOrderId> rows;  // in order of writing
  };
  struct Cooling {
    std::multiset<Instant> entries;
    std::multiset<Instant> stop_outs;
  };
  struct ToldNotice {
    Instant created_at;
    bool waiting;
    std::int64_t sequence;
  };

  void count(const Order& order, bool in);
  void index_trade(const ClientOrderId& id);
  void note_flattening(const Order& order);
  void free_key_of(const Order& order);
  Trade assemble(const ClientOrderId& id) const;
  bool over_for_good(const ClientOrderId& id, const TradeRows& rows, Instant before, Instant now) const;
  void erase_row(const ClientOrderId& id);

  std::unordered_map<ClientOrderId, Order> orders_;
  std::unordered_map<ClientOrderId, TradeRecord> records_;
  std::unordered_map<ClientOrderId, TradeRows> trades_;
  std::map<std::int64_t, ClientOrderId> open_;  // by number of the trade
  std::set<ClientOrderId> questions_;           // rows of settled trades not yet known dead
  std::unordered_map<SignalKey, std::vector<ClientOrderId>> by_key_;
  std::map<std::string, Cooling> cooling_;                             // by base
  std::map<std::string, std::multiset<Instant>> forced_ends_;          // by symbol
  std::map<std::pair<std::string, std::string>, Instant> exit_words_;  // by symbol and speaker
  std::map<Day, int> entries_per_day_;
  std::map<Day, std::map<ClientOrderId, Instant>> flattened_;   // trades, and when their last exit was claimed
  std::map<std::int64_t, Notice> outbox_;                       // waiting, by sequence
  std::unordered_map<std::string, ToldNotice> events_;          // every event id ever written
  std::map<std::pair<NoticeType, std::string>, Alarm> alarms_;  // standing
  std::unordered_map<SignalKey, std::vector<Decision>> decisions_;
  std::int64_t next_trade_ = 1;
  std::int64_t next_notice_ = 1;
};

class MemoryStore::State {
 public:
  std::mutex mutex;
  std::string epoch;
  std::map<AccountKey, AccountTables> accounts;

  AccountTables& of(const AccountKey& account) { return accounts[account]; }
};

// The pen's lease is not the account's any more.
inline bool is_fenced(const Pen& pen, const AccountTables& tables) {
  return pen.fence && *pen.fence != tables.account.fence;
}
inline tl::unexpected<Error> fenced_off() {
  return failed(Fault::fenced, "another run holds the account now; nothing was written");
}

// Nothing was sent for this entry, so its key may be claimed again.
bool frees_its_key(const Order& order);

}  // namespace tradeguard
