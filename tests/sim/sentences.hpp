// The user's sentences: what somebody who trades with this program takes for granted.
//
// They are judged by the exchange's own books, by the signals that were given, and by the lines and notices that
// came out, and ask none of the product's own judgement. Each belongs to a finding in the first version; what
// the finding is called is part of what is said when the sentence is broken.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "exchange.hpp"
#include "tradeguard/journal.hpp"
#include "tradeguard/monitor_cycle.hpp"

namespace tradeguard::sim {

struct Ended;
class World;

class Sentences {
 public:
  Sentences(World& world, const SimExchange& exchange) : world_{world}, exchange_{exchange} {}

  // While a run goes on. Only the live account is listened to.
  void begins(const std::vector<Signal>& signals);
  void claimed(const Signal& signal, const Order& order, const EntryPolicy& policy);
  void sent(const Order& order, const PlaceOutcome& outcome);
  void asked_to_cancel(const ClientOrderId& client_id);
  void written(std::span<const Change> items, const std::vector<Written>& answers);
  void heard(std::span<const ExitClaim> claims, const std::vector<ExitVerdict>& verdicts);

  // What the operator did, once it is on record.
  void flattened(const std::optional<Symbol>& symbol, const std::vector<ClientOrderId>& trades);
  void released(const ClientOrderId& trade) { released_.insert(trade); }
  void resumed();

  std::string after_run(const Ended& ended);  // empty: all is well
  std::string at_the_end();
  // The store is a backup's: what was bought since is known to the exchange only.
  std::string after_the_restore(const Ended& ended);

 private:
  struct Entry {
    Symbol symbol;
    SignalKey key;
    Instant said;  // by the strategy
    Instant claimed;
    Micros skew;  // of the wall clock then
    bool may_have_left = false;
    bool fixed_levels = false;
    std::vector<std::pair<std::string, std::string>> wrong;  // finding, sentence: if it leaves
  };
  struct Word {                    // that ends what was said before it
    std::optional<Symbol> symbol;  // nullopt: every one
    Instant said;
    Instant heard;
  };
  struct Standing {
    Instant last_told;
    Micros ahead;  // the clock that the next time was counted by
    int told = 1;
  };
  struct AtTheBeginning {
    std::map<ClientOrderId, Instant> stopless;
    std::map<Symbol, Price> prices;
    std::set<Symbol> open;  // a trade of it is
  };

  void broken(std::string_view finding, std::string sentence);
  bool undisturbed(const Ended& ended) const;
  void read_lines(const Ended& ended);
  void hear(const Ended& ended, const Signal& signal);
  void every_sell_ends_on_record(const Ended& ended);
  void no_stop(const Ended& ended);
  void no_stop(const Ended& ended, const ClientOrderId& trade, const Entry& entry);
  void counted_from_the_state(const Ended& ended);
  void lost_legs_are_said(const Ended& ended);
  void profit_is_taken(const Ended& ended);
  void stops_that_do_not_work(const Ended& ended);
  void gone_at_once(const Ended& ended);
  void money_left_behind(const Ended& ended);
  void coins_that_are_missing(const Ended& ended);
  void reminded(const Ended& ended);
  void breaker_after_resume(const Ended& ended);

  bool cooled_down(const std::string& base, Instant now) const;
  bool is_held(const ClientOrderId& trade) const;
  bool in_doubt(const ClientOrderId& trade) const;
  bool knows_its_stop(const ClientOrderId& trade) const;
  bool coins_are_there(const Symbol& symbol) const;
  bool wished_away(const ClientOrderId& trade, Instant before) const;
  std::vector<const SimExchange::Paper*> forced_exits() const;
  Price bought_at(const ClientOrderId& trade) const;
  Price target_of(const ClientOrderId& trade) const;
  std::string why_without(const Entry& entry) const;

  World& world_;
  const SimExchange& exchange_;
  std::map<ClientOrderId, Entry> entries_;
  std::vector<Word> words_;
  std::vector<Signal> batch_;
  std::map<SignalKey, std::pair<std::string, Instant>> decided_;
  std::map<SignalKey, Instant> first_given_;
  std::map<ClientOrderId, std::pair<std::string, int>> wishes_;  // to sell: the finding, and runs since
  std::set<SignalKey> sells_seen_;
  std::set<SignalKey> told_unsold_;
  std::map<ClientOrderId, int> stopless_runs_;
  std::map<ClientOrderId, Instant> first_look_;
  std::map<ClientOrderId, int> target_runs_;
  std::map<std::string, int> missing_runs_;
  std::map<ClientOrderId, int> asleep_runs_;
  std::set<ClientOrderId> seen_covered_;
  std::set<ClientOrderId> seen_resting_;  // stops, on record and at the exchange
  std::map<ClientOrderId, int> tried_;    // in this run
  std::map<Symbol, int> lost_told_;
  std::set<ClientOrderId> lost_judged_;
  std::set<ClientOrderId> closed_judged_;
  std::set<ClientOrderId> released_;
  std::map<std::pair<NoticeType, std::string>, Standing> standing_;
  std::optional<Instant> last_resume_;
  AtTheBeginning before_;
  std::string broken_;
};

}  // namespace tradeguard::sim
