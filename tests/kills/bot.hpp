// A bot on a real store that trades at the fake exchange over TLS, and what the exchange itself has
// to say about it, whatever the bot said.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fake_venue_client.hpp"
#include "program.hpp"
#include "scratch_database.hpp"
#include "tracer.hpp"

namespace tradeguard::kills {

using cli::test::Environment;
using cli::test::Place;
using cli::test::Ran;
using cli::test::Scratch;
using cli::test::Started;

// "cryptocom" or "binance", and "sqlite" or "postgres".
struct Kind {
  std::string venue;
  std::string store;
  std::string text() const { return store + " and " + venue; }
};

class Bot {
 public:
  // A store that knows its exchange: initialised, and one quiet run behind it. Other ports than
  // those of exchange and server stand for something in between.
  struct Ports {
    int venue = 0;
    int store = 0;
  };
  Bot(fake::FakeVenueProcess& venue, Kind kind) : Bot{venue, std::move(kind), Ports{}} {}
  Bot(fake::FakeVenueProcess& venue, Kind kind, Ports ports);

  // Everything as it was when the bot was made: the exchange, and a store of its own.
  void begin_anew();

  Ran cycle(const std::string& signals, const std::vector<std::string>& more = {}) const;
  // PostgreSQL sees a moment later than the kernel that a holder of the lock is dead.
  void wait_until_unlocked() const;
  Started start(const std::string& signals, const std::vector<std::string>& more = {}) const;
  struct Followed {
    Traced traced;
    Ran ran;
  };
  Followed follow(const std::string& signals, const At& at = {}, const std::vector<std::string>& more = {}) const;
  // `command --config bot.ini`, for what is no run.
  std::vector<std::string> command_line(const std::string& signals, const std::vector<std::string>& more = {}) const;

  // The one cell that a statement asks for; "" for none.
  std::string sql(const std::string& statement) const;
  // All cells of a column: listed("client_id", "exchange_orders WHERE …").
  std::vector<std::string> listed(const std::string& column, const std::string& rest) const;
  const Kind& kind() const { return kind_; }
  const std::string& account() const { return account_; }
  const std::string& store_url() const { return store_url_; }
  std::string database_name() const { return database_->name(); }
  // The store is there from now on.
  void move_to(const std::string& url);
  const Place& place() const { return place_; }
  const Scratch& folder() const { return place_.folder(); }
  fake::FakeVenueProcess& venue() const { return venue_; }
  const Environment& environment() const { return environment_; }

 private:
  fake::FakeVenueProcess& venue_;
  Kind kind_;
  std::unique_ptr<support::ScratchDatabase> database_;
  std::string store_url_;  // past whatever stands in between
  std::string moved_to_;
  std::string account_ = "main";
  Environment environment_;
  Place place_;
  int accounts_ = 0;
  mutable int streams_ = 0;
};

// A signal for each, new enough for a store that was made this second.
std::string buy_signals(const std::vector<std::string>& symbols);

// The exchange's own account of one market.
struct Position {
  int entries = 0;  // orders that bought, or tried to
  Decimal received;
  Decimal sold;
  Decimal covered;  // by stops that rest
  Decimal held() const { return received - sold; }
  bool naked() const;  // by more than the exchange takes as a stop
};
Position position(const Bot& bot, const std::string& symbol);

// Fails the test where a promise is broken. `code` is the exit code of the run that ended just now,
// or minus its signal.
void check_never_twice(const Bot& bot, const std::vector<std::string>& symbols);
void check_truthful(const Bot& bot, const std::vector<std::string>& symbols, const Ran& ran);
// Nothing in doubt, nothing naked, nothing untold, and each order of the exchange has its row or
// its ORPHAN.
void check_at_rest(const Bot& bot, const std::vector<std::string>& symbols);

// What comes after trouble: the same signals at once, as cron would bring them; and again when the
// exchange would not take an order any more that was claimed and perhaps sent.
void run_until_quiet(const Bot& bot, const std::vector<std::string>& symbols, const std::string& signals);

}  // namespace tradeguard::kills
