// The witness: sees every call that changes the store or the exchange, and knows what was promised.
//
// It keeps its own picture of the tables, from what was committed and not from what was answered; of every
// notice, whether it was told; of every claim, whether it was allowed.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "exchange.hpp"
#include "tradeguard/journal.hpp"
#include "tradeguard/monitor_cycle.hpp"

namespace tradeguard::sim {

struct Ended;
class World;

class Witness {
 public:
  Witness(World& world, const SimExchange& exchange) : world_{world}, exchange_{exchange} {}

  // What the ports report while a run goes on.
  void claimed(const EntryRequest& request, const EntryTicket& ticket, const EntryPolicy& policy, bool trade_unread);
  void sent(const Order& order, const PlaceOutcome& outcome);
  void written(std::span<const Change> items, const std::vector<Written>& answers);
  void wished(const std::vector<ExitVerdict>& verdicts);
  void delivered(const Notice& notice);
  void undeliverable(const Notice& notice);
  void halted(bool yes) { halted_ = yes; }
  void epoch_changed(Instant at) { epoch_changed_ = at; }
  void released(const ClientOrderId& trade) { released_.insert(trade); }
  // Whoever said it needs no message.
  void resolved(const ClientOrderId& order) { resolved_.insert(order); }
  void twin_made() { ++twins_; }

  std::string after_run(const Ended& ended);  // empty: all is well
  std::string at_the_end();
  bool nothing_waits() const;
  const std::map<ClientOrderId, Order>& rows() const { return rows_; }
  // What stands of a trade beside its orders; nullptr: nothing was ever written.
  const TradeRecord* record(const ClientOrderId& trade) const;
  bool settled(const ClientOrderId& trade) const;
  const std::set<std::pair<NoticeType, std::string>>& alarms() const { return alarms_; }
  int open_trades() const;
  // A row of it cannot be read, and that is told: then nothing is done for the trade.
  bool unreadable(const ClientOrderId& trade) const;

 private:
  struct Told {
    std::int64_t sequence;
    ClientOrderId trade;
    Severity severity;
    NoticeType type;
    bool told = false;
    std::vector<std::pair<std::string, std::string>> facts;
  };
  // What was right when an entry was claimed; judged only if the exchange got to see it.
  struct Claim {
    Instant at;
    Signal signal;
    EntryPolicy policy;
    Price market;
    Price market_before;  // a moment ago
    std::string wrong;    // not allowed, whatever becomes of it
  };
  void note(std::string broken);
  void put(Order order, std::int64_t version);
  void put(TradeRecord trade);
  void tell(Told& told, const std::string& event);
  std::string naked_in_silence(const Ended& ended) const;
  std::string lines_of(const Ended& ended) const;
  std::string entries_of() const;
  std::string rows_against_truth() const;
  std::string told_against_truth() const;
  Quantity still_bare(const Order& entry, Instant since) const;

  World& world_;
  const SimExchange& exchange_;
  std::map<ClientOrderId, Order> rows_;
  std::map<ClientOrderId, TradeRecord> records_;
  std::map<std::string, Told> notices_;                  // by event id
  std::vector<std::string> waiting_;                     // event ids, in order of writing
  std::set<std::pair<NoticeType, std::string>> alarms_;  // standing
  std::set<std::pair<NoticeType, std::string>> breaks_;
  std::map<std::pair<NoticeType, std::string>, std::string> freezes_;  // the base that takes no entries
  std::map<ClientOrderId, Claim> claims_;
  std::map<ClientOrderId, int> sends_;
  std::map<ClientOrderId, Order> refused_;  // entries the exchange said no to
  std::set<ClientOrderId> released_;
  std::set<ClientOrderId> resolved_;
  std::optional<Instant> epoch_changed_;
  std::int64_t sequence_ = 0;
  std::string broken_;
  int twins_ = 0;
  bool halted_ = false;
};

}  // namespace tradeguard::sim
