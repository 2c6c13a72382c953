// PaperBook: what the paper exchange remembers of one account. Here in memory, in
// paper_sql_book.hpp in tables.
// Contract test: tests/venue/venue_contract.cpp
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "tradeguard/order.hpp"

namespace tradeguard {

enum class FeeIn { base, quote, other };  // what a buy pays its fee in; sells pay in quote, or in other
std::string_view text(FeeIn fee_in);
std::optional<FeeIn> parse_fee_in(std::string_view word);

// What a script has in store for an order that was accepted.
enum class Fate {
  none,
  rejected,        // once it is looked at
  cancelled,       // with nothing filled
  part_cancelled,  // after its first part
  inert,           // rests and never deals
};
std::string_view text(Fate fate);
std::optional<Fate> parse_fate(std::string_view word);

// The exchange's record of an order.
struct PaperOrder {
  Symbol symbol;
  std::int64_t number = 0;        // the venue's id
  std::int64_t list = 0;          // the number of the OCO pair's stop; 0: alone
  std::int64_t fired_number = 0;  // what a fired trigger became, where that is a new order
  ClientOrderId client_id = {};
  Side side = Side::buy;
  OrderType type = OrderType::market;
  Quantity quantity = {};
  std::optional<Price> price = {};  // limit
  std::optional<Price> trigger = {};
  Price market_price = {};  // what a market order, or a fired stop, is filled at
  FeeIn fee_in = FeeIn::base;
  VenueStatus status = VenueStatus::open;
  bool fired = false;
  Quantity filled = {};
  Money filled_value = {};
  Quantity fee_base = {};
  Money fee_quote = {};
  Quantity given_up = {};  // dealt by the other leg of the pair
  Fate fate = Fate::none;
  int parts = 1;  // in how many fills the rest is executed
  Instant next_part_at = {};
  std::optional<Instant> pending_until = {};  // taken but not looked at: asynchronous venues
  Instant created_at = {};
  Instant changed_at = {};
  std::string reason = {};

  // What may still be dealt: less than `quantity - filled` when the pair's other leg dealt a part.
  Quantity left() const { return quantity - filled - given_up; }
  bool open() const { return status == VenueStatus::open; }
  bool looked_at() const { return !pending_until; }
  friend bool operator==(const PaperOrder&, const PaperOrder&) = default;
};

struct PaperFill {
  std::int64_t number;  // of the order
  Symbol symbol;
  Side side;
  Price price;
  Quantity quantity;
  Money value;
  Quantity fee_base;
  Money fee_quote;
  Instant at;
  friend bool operator==(const PaperFill&, const PaperFill&) = default;
};

// What is known of a market's price.
struct PaperMarket {
  std::optional<Price> last;  // the last trade
  Instant judged_until;       // open orders were judged by every bar that ended until then
  friend bool operator==(const PaperMarket&, const PaperMarket&) = default;
};

struct PaperState {
  std::int64_t version = 0;  // grows with every change; 0: never read
  std::int64_t next_number = 100001;
  std::map<std::int64_t, PaperOrder> orders;  // all open ones, and closed ones somebody asked for
  std::set<std::int64_t> open;
  // The same, by market and by the currency they lock: what one order asks for is bounded by its own
  // market, however many rest.
  std::map<Symbol, std::set<std::int64_t>> open_in;
  std::map<std::string, std::set<std::int64_t>> locking;
  std::unordered_multimap<ClientOrderId, std::int64_t> by_client_id;
  std::map<std::string, Decimal> balances;  // free and locked; what is locked follows from `open`
  std::map<Symbol, PaperMarket> markets;

  PaperOrder& put(PaperOrder order);    // new, or in place of its older version
  void place(const PaperOrder& order);  // among the open ones or out of them, as its status says
};

// What a visit to the exchange changed.
struct PaperChanges {
  std::set<std::int64_t> orders;
  std::set<std::string> balances;
  std::set<Symbol> markets;
  std::vector<PaperFill> fills;
  bool any() const { return !orders.empty() || !balances.empty() || !markets.empty() || !fills.empty(); }
};

// Closed orders a visit will look at; open ones are always there.
struct PaperWanted {
  std::vector<ClientOrderId> client_ids = {};
  std::vector<std::int64_t> numbers = {};
  std::optional<Instant> created_since = {};
};

// One visit is open .. close, and two visits to one book exclude each other, over processes too.
class PaperBook {
 public:
  virtual ~PaperBook() = default;
  // Locks the book and brings state() up to date. An error: not locked, nothing read.
  virtual Result<void> open(const PaperWanted& wanted) = 0;
  // Only between open and close.
  virtual PaperState& state() = 0;
  // Writes the changes made in state(), durable before it returns, and unlocks. An error: whether
  // they were written is not known; the next visit reads again.
  virtual Result<void> close(const PaperChanges& changes) = 0;
  // Ends a visit that a broken invariant broke off: unlocks and writes nothing.
  virtual void abandon() noexcept = 0;
  // Every fill since then, oldest first; for people and sums, outside a visit.
  virtual Result<std::vector<PaperFill>> fills(Instant since) = 0;
};

// Lives as long as the process; several venues may share it one after the other.
class MemoryPaperBook final : public PaperBook {
 public:
  Result<void> open(const PaperWanted& wanted) override;
  PaperState& state() override { return state_; }
  Result<void> close(const PaperChanges& changes) override;
  void abandon() noexcept override {}
  Result<std::vector<PaperFill>> fills(Instant since) override;

 private:
  PaperState state_;
  std::vector<PaperFill> fills_;
};

}  // namespace tradeguard
