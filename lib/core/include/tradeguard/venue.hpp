// OrderPlacer and SltpPlacer: the two halves of a venue. Entries need a ticket, protection needs none.
// Contract test: tests/venue/venue_contract.cpp
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "tradeguard/guards.hpp"
#include "tradeguard/outcome.hpp"

namespace tradeguard {

// What it means that a currency is missing in balances().
enum class AbsentBalance {
  unknown,  // it was not read
  zero,     // the account has none: the venue leaves zeros out, and the list was read whole
};

// What the venue can do, declared by its adapter; the plan follows.
struct VenueTraits {
  bool oco = false;
  bool stop_market = false;
  bool duplicate_ids_refused = false;    // a client id resting already is refused: a stop may be re-sent
  bool answers_are_sightings = false;    // Accepted carries the venue's record
  Micros validity_window = 10s;          // how long after its stamp a request may still be executed
  Micros absence_margin = 2s;            // beyond valid_until before emptiness proves anything
  std::size_t entries_at_a_time = 1000;  // claimed and sent, then protected, before the next are claimed
  std::size_t entries_a_run = 100'000;   // more cannot be sent and protected within the venue's limits in time
  bool network = true;                   // false: nothing leaves this machine
  AbsentBalance absent_balance = AbsentBalance::unknown;
  bool rejects_later = true;  // what was taken and shown may be rejected a moment later
};

// One order to look up: by every id known, in every view.
struct OrderQuery {
  ClientOrderId client_id;
  std::string venue_id;
  std::string fired_id;
  Symbol symbol;
  Leg leg;
  bool want_fees = false;
  Instant since;      // look back at least to here
  Quantity quantity;  // what was asked for; 0: not known
};

struct CancelRequest {
  ClientOrderId client_id;
  std::string venue_id;
  Symbol symbol;
  Leg leg;
};

struct Quote {
  Price last;
  Instant at;  // venue time
};
struct Balance {
  Decimal free;
  Decimal total;  // free and locked
};

// Silence that a venue asked for: nothing is asked of it before then, whatever it is.
struct Quiet {
  Instant until;       // by this machine's clock
  std::string status;  // what it answered: "418", "429"
};

// Common to both halves. All calls are one concurrent burst, never retry, and end within the patience
// the adapter was made with. Results stand in the order of the arguments.
class Venue {
 public:
  virtual ~Venue() = default;
  virtual const VenueTraits& traits() const = 0;
  virtual Result<Instant> venue_time() = 0;
  virtual std::vector<Result<Lookup>> find(std::span<const OrderQuery> queries) = 0;
  virtual std::vector<CancelOutcome> cancel(std::span<const CancelRequest> requests) = 0;
  // The silence it asked for and that is not over; nullopt: it may be asked.
  virtual std::optional<Quiet> quiet() const { return std::nullopt; }
  // An earlier run was asked for it. What is further ahead than any venue means is not believed.
  virtual void keep_quiet(const Quiet& quiet) { static_cast<void>(quiet); }
};
inline constexpr Micros longest_quiet = std::chrono::hours{72};

class OrderPlacer : public virtual Venue {
 public:
  // Sends each ticket's order at most once. Refuses as Unsent what is past valid_until less 2 s.
  virtual std::vector<PlaceOutcome> place(std::span<const EntryTicket> tickets) = 0;
  // A symbol the venue does not trade is absent from the map.
  virtual Result<std::map<Symbol, InstrumentRules>> rules(const std::set<Symbol>& symbols) = 0;
  // Own orders (by client id prefix) the venue shows since `since`; for the scan after a new epoch.
  virtual Result<std::vector<Sighting>> own_orders(Instant since) = 0;
  // The venue's own id of the account, and empty where it has none.
  virtual Result<std::string> account_id() = 0;
  // The same, as the answers to this object showed it so far; empty: none did. Asks nothing.
  virtual std::string seen_account() const { return {}; }
};

class SltpPlacer : public virtual Venue {
 public:
  // A stop, alone or with its target as one OCO request. Both rows are claimed already.
  struct LegRequest {
    Order stop;
    std::optional<Order> target;
  };
  struct LegOutcome {
    PlaceOutcome stop;
    std::optional<PlaceOutcome> target;
  };
  virtual std::vector<LegOutcome> protect(std::span<const LegRequest> requests) = 0;
  virtual std::vector<PlaceOutcome> flatten(std::span<const Order> exits) = 0;
  // A symbol that could not be read is absent.
  virtual Result<std::map<Symbol, Quote>> quotes(const std::set<Symbol>& symbols) = 0;
  // What a missing currency means is declared in the traits. Where it means zero, no currency of a
  // market that this object was asked about is missing because it could not be read: the whole reading
  // fails then.
  virtual Result<std::map<std::string, Balance>> balances() = 0;
  // Both; a venue behind a network reads them as one burst.
  struct Market {
    Result<std::map<Symbol, Quote>> quotes;
    Result<std::map<std::string, Balance>> balances;
  };
  virtual Market market(const std::set<Symbol>& symbols) { return {quotes(symbols), balances()}; }
};

}  // namespace tradeguard
