// What a cycle costs, run and protection included, with the real cycle, the real stores and a paper
// venue whose book is in memory: the exchange is the outside world, and not what is measured.
//
//   cycle_costs counts FOLDER               round trips and commits with 1, 20 and 100 signals
//   cycle_costs signals FOLDER              what 1, 100, 1,000 and 5,000 signals cost, each
//   cycle_costs history FOLDER ROWS RUNS    a store with 1,000 old rows against one with ROWS
//
// FOLDER is for SQLite's files. PostgreSQL is that of scripts/with-postgres.
#include <ctime>

#include <chrono>
#include <exception>
#include <iostream>
#include <map>
#include <set>

#include "explaining_session.hpp"
#include "figures.hpp"
#include "history.hpp"
#include "stores.hpp"
#include "tradeguard/memory_notifier.hpp"
#include "tradeguard/memory_signals.hpp"
#include "tradeguard/monitor_cycle.hpp"
#include "tradeguard/paper_sql_book.hpp"
#include "tradeguard/paper_venue.hpp"
#include "tradeguard/postgres_session.hpp"
#include "tradeguard/sql_store.hpp"

namespace tradeguard::bench {
namespace {

const AccountKey the_account{"paper", "main"};
constexpr double most_round_trips = 15;
constexpr double most_apart = 2;
constexpr double most_ratio = 1.2;
constexpr double most_growth = 1.3;    // of what one signal costs, where there are more of them
constexpr double most_naked_ms = 250;  // each of 500 entries

// ---- One cycle ---------------------------------------------------------------------------------

// Who looks over the journal's shoulder. The run lock speaks to the session itself.
using Watch = std::function<std::unique_ptr<SqlSession>(SqlSession&)>;

// What becomes of the signals: all of them are entered, were claimed in an earlier run, or are an hour
// old.
enum class Fate { entered, known, stale };

struct Wish {
  int signals = 0;
  Fate fate = Fate::entered;
  bool count_commits = false;
  bool book_in_store = false;
  Watch watch = nullptr;
};
struct Cost {
  double wall_ms = 0;
  double cpu_ms = 0;  // our own and the server's
  double round_trips = 0;
  double book_round_trips = 0;
  double commits = 0;
  double naked_ms = 0;  // the longest of the run
};

std::vector<Signal> new_signals(int count, Micros age);
void claim_before(SqlSession& session, const std::vector<Signal>& signals);
void forget(SqlSession& session, const std::vector<Signal>& signals);
double own_cpu_ms();

// The costs of one cycle. What it left in the store is taken away again, uncounted, so that the
// next cycle finds what this one found.
Cost live_through(Store& store, const Wish& wish) {
  Store::Opened opened = store.open();
  SqlSession& session = *opened.session;
  const std::unique_ptr<SqlSession> watching = wish.watch ? wish.watch(session) : std::unique_ptr<SqlSession>{};
  SqlSession& used = watching ? *watching : session;
  if (wish.count_commits) store.make_countable(session);

  Pen pen{the_account, std::nullopt};
  SqlJournal journal{used, pen};
  SqlIdempotencyGuard guard{used, pen};
  SystemClock clock;
  Log log{[](Level, Instant, std::string_view) {}, clock};
  MemoryNotifier notifier;
  const std::vector<Signal> signals = new_signals(wish.signals, wish.fate == Fate::stale ? Micros{1h} : Micros{0});
  if (wish.fate == Fate::known) claim_before(session, signals);
  MemorySignals source{{signals, {}}};

  MemoryPaperBook in_memory;
  const SqlSession* book_session = nullptr;
  std::int64_t book_trips_before = 0;
  SqlPaperBook in_store{[&]() -> Result<std::unique_ptr<SqlSession>> {
                          auto own = store.open();
                          book_session = own.session.get();
                          book_trips_before = own.session->round_trips() - own.round_trips;
                          return std::move(own.session);
                        },
                        the_account};
  PaperBook* book = wish.book_in_store ? static_cast<PaperBook*>(&in_store) : &in_memory;
  PaperSettings paper;
  paper.quote_balance = Decimal{1'000'000};
  PaperVenue venue{clock, *book, std::move(paper)};

  CycleSettings settings;
  settings.run_id = "1_1";
  settings.pid = "1";
  settings.host = "bench";
  settings.version = "bench";
  settings.mode = "paper";
  settings.config_hash = "bench";
  settings.check_slippage = false;
  settings.policy.max_open_positions = 0;
  // A run removes what is old for 20 ms at its end, as long as there is something: that is no cost of the history.
  settings.prune_keep = 24h * 36500;
  Account account{pen, *opened.lock, journal, guard};
  CyclePorts ports{account, venue, venue, notifier, source, clock, log, nullptr, nullptr};

  Cost cost;
  const std::int64_t trips_before = session.round_trips();
  const std::int64_t commits_before = wish.count_commits ? store.commits() : 0;
  const std::int64_t server_before = opened.server_cpu();
  const double own_before = own_cpu_ms();
  const Micros begun = clock.monotonic();
  const RunReport report = monitor_cycle(ports, settings);
  cost.wall_ms = static_cast<double>((clock.monotonic() - begun).count()) / 1000;
  cost.cpu_ms = own_cpu_ms() - own_before + static_cast<double>(opened.server_cpu() - server_before) / 1'000'000;
  if (wish.count_commits) cost.commits = static_cast<double>(store.commits() - commits_before);
  cost.round_trips = static_cast<double>(session.round_trips() - trips_before + opened.round_trips);
  if (book_session != nullptr)
    cost.book_round_trips = static_cast<double>(book_session->round_trips() - book_trips_before);

  for (const Micros spell : report.unprotected)
    cost.naked_ms = std::max(cost.naked_ms, static_cast<double>(spell.count()) / 1000);

  const int entered = wish.fate == Fate::entered ? wish.signals : 0;
  const int blocked = wish.fate == Fate::known ? wish.signals : 0;
  const bool went_well = report.verdict == RunVerdict::ok || wish.fate == Fate::stale;
  if (!went_well || report.entries != entered || report.protected_trades != entered ||
      report.blocked_idempotency != blocked)
    throw std::runtime_error{"a cycle with " + std::to_string(wish.signals) + " signals entered " +
                             std::to_string(report.entries) + " and protected " +
                             std::to_string(report.protected_trades) + ": " + report.error};
  forget(session, signals);
  return cost;
}

// One base each, none of them seen before.
std::vector<Signal> new_signals(int count, Micros age) {
  static int batch = 0;
  ++batch;
  SystemClock clock;
  std::vector<Signal> signals;
  for (int i = 0; i < count; ++i) {
    Signal signal{
        .symbol = *Symbol::parse("C" + std::to_string(i) + "_USDT"), .side = Side::buy, .time = clock.now() - age};
    signal.id = "bench-" + std::to_string(batch) + "-" + std::to_string(i);
    signal.notional = Money{Decimal{50}};
    signal.price = Price{Decimal{100}};
    signal.line = i + 1;
    signals.push_back(std::move(signal));
  }
  return signals;
}

// As the claims of an earlier run whose trades were pruned: the key is all there is.
void claim_before(SqlSession& session, const std::vector<Signal>& signals) {
  if (signals.empty()) return;
  std::string rows;
  for (const Signal& signal : signals)
    rows += (rows.empty() ? "(" : ", (") + std::string{"'paper', 'main', '"} + signal_key(signal) + "', '" +
            signal_digest(signal) + "', 'gone', " + std::to_string(to_micros(signal.time - 1h)) + ", 0, 1)";
  must_run(session,
           "INSERT INTO signal_claims (venue, account, signal_key, digest, client_id, claimed_at, "
           "released, attempts) VALUES " +
               rows);
}

void forget(SqlSession& session, const std::vector<Signal>& signals) {
  if (signals.empty()) return;
  std::string keys;
  for (const Signal& signal : signals) keys += (keys.empty() ? "'" : ", '") + signal_key(signal) + "'";
  const std::string begun = std::to_string(to_micros(signals.front().time - 1s));
  must_run(session,
           "DELETE FROM exchange_orders WHERE trade IN (SELECT trade FROM trades "
           "WHERE venue = 'paper' AND account = 'main' AND settled = 0)");
  must_run(session, "DELETE FROM trades WHERE venue = 'paper' AND account = 'main' AND settled = 0");
  must_run(session, "DELETE FROM signal_claims WHERE signal_key IN (" + keys + ")");
  must_run(session, "DELETE FROM decisions WHERE signal_key IN (" + keys + ")");
  must_run(session, "DELETE FROM notices WHERE state <> 'waiting' AND created_at >= " + begun);
  for (const char* table : {"paper_orders", "paper_balances", "paper_markets", "paper_fills", "paper_accounts"})
    must_run(session, "DELETE FROM " + std::string{table});
}

double own_cpu_ms() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1000 + static_cast<double>(used.tv_nsec) / 1'000'000;
}

// ---- Round trips and commits -------------------------------------------------------------------

// "BEGIN; UPDATE accounts; INSERT signal_claims; COMMIT": what a round trip says, in its words.
std::string in_short(std::span<const Statement> statements) {
  static const std::set<std::string> tables{"accounts",  "exchange_orders", "trades", "signal_claims",
                                            "decisions", "alarms",          "notices"};
  std::string line;
  for (const Statement& statement : statements) {
    std::string verb = statement.sql.substr(0, statement.sql.find_first_of(" ("));
    if (verb == "WITH") {
      verb = "SELECT";
      for (const char* writes : {"INSERT", "UPDATE"})
        if (statement.sql.find(") " + std::string{writes} + " ") != std::string::npos) verb = writes;
    }
    std::string table;
    for (std::size_t at = 0; at < statement.sql.size() && table.empty();) {
      const std::size_t end = std::min(statement.sql.find_first_of(" (,", at), statement.sql.size());
      const std::string word = statement.sql.substr(at, end - at);
      if (tables.contains(word)) table = " " + word;
      at = end + 1;
    }
    line += (line.empty() ? "" : "; ") + verb + table;
  }
  return line;
}

class WritingDown final : public SqlSession {
 public:
  WritingDown(SqlSession& session, std::vector<std::string>& lines)
      : session_{session}, lines_{lines}, before_{session.round_trips()} {}

  Result<std::vector<SqlRows>> run(std::span<const Statement> statements) override {
    if (session_.round_trips() > before_)
      lines_.push_back("(the run lock; " + std::to_string(session_.round_trips() - before_) + ")");
    auto done = session_.run(statements);
    before_ = session_.round_trips();
    lines_.push_back(in_short(statements));
    return done;
  }
  SqlDialect dialect() const override { return session_.dialect(); }
  std::optional<std::string> server_now() const override { return session_.server_now(); }
  Result<std::string> epoch() override { return session_.epoch(); }
  std::int64_t round_trips() const override { return session_.round_trips(); }

 private:
  SqlSession& session_;
  std::vector<std::string>& lines_;
  std::int64_t before_;
};

void count(Store& store) {
  const bool server = store.name() == "PostgreSQL";
  std::printf("\n%s\n", store.name().c_str());
  const Cost first = live_through(store, {.signals = 1, .count_commits = true});
  print_head("5 cycles after a first one");
  std::vector<double> commits;
  for (const int signals : {0, 1, 20, 100}) {
    std::vector<double> all_commits;
    std::vector<double> trips;
    for (int run = 0; run < 5; ++run) {
      const Cost cost = live_through(store, {.signals = signals, .count_commits = true});
      all_commits.push_back(cost.commits);
      trips.push_back(cost.round_trips);
    }
    const std::string name = std::to_string(signals) + (signals == 1 ? " signal" : " signals");
    if (signals > 0) commits.push_back(median(all_commits));
    print_figure(name + ", commits", all_commits, "", 0);
    if (!server) continue;
    const bool limited = signals == 100;
    print_figure(name + ", round trips, connecting included", trips, "", 0,
                 limited ? std::optional{Limit{most_round_trips, "15"}} : std::nullopt);
  }
  const auto [least, most] = std::minmax_element(commits.begin(), commits.end());
  std::printf("  1, 20 and 100 signals are %.0f commits apart: limit 2  %s\n", *most - *least,
              judged(*most - *least, most_apart));
  std::printf("  the very first cycle of a store, 1 signal: %.0f commits", first.commits);
  if (server) std::printf(", %.0f round trips", first.round_trips);
  std::printf("\n");

  std::vector<std::string> lines;
  live_through(store, {.signals = 100,
                       .watch = [&](SqlSession& session) { return std::make_unique<WritingDown>(session, lines); }});
  std::printf("  what the run says to the database with 100 signals, a line each time:\n");
  if (server) std::printf("    (connecting: who answers, schema, epoch; 1)\n");
  for (const std::string& line : lines) std::printf("    %s\n", line.c_str());
  std::printf("    (the run lock is let go%s)\n", server ? "; 1" : "");
  if (server) {
    const Cost cost = live_through(store, {.signals = 100, .book_in_store = true});
    std::printf(
        "  the paper exchange, where its book is in the same store, in a session of its "
        "own: %.0f round trips with 100 signals\n",
        cost.book_round_trips);
  }
}

int counts(const std::string& folder) {
  std::printf(
      "Commits: SQLite's are the commit frames of its log, PostgreSQL's the transaction numbers "
      "given out;\nboth are counted by the database, run lock included. Round trips: "
      "SqlSession::round_trips().\n");
  count(*sqlite_store(folder, "counts"));
  count(*postgres_store());
  return 0;
}

// ---- With many signals -------------------------------------------------------------------------

const char* word(Fate fate) {
  switch (fate) {
    case Fate::entered:
      return "entered";
    case Fate::known:
      return "known";
    case Fate::stale:
      return "stale";
  }
  return "";
}

// What one more signal costs, from a run without to one with `count`.
double each(double with, double without, int count) { return (with - without) / count; }

void cost_of_signals(Store& store, Fate fate) {
  constexpr int runs = 3;
  std::map<int, double> cpu;
  for (const int signals : {0, 1, 100, 1'000, 5'000}) {
    std::vector<double> all;
    for (int run = 0; run < runs; ++run) all.push_back(live_through(store, {.signals = signals, .fate = fate}).cpu_ms);
    cpu[signals] = median(all);
    if (signals == 0) continue;
    std::printf("  %5d %-8s  CPU %10.2f ms, %8.4f ms each\n", signals, word(fate), cpu[signals],
                each(cpu[signals], cpu[0], signals));
  }
  for (const auto& [few, many] : {std::pair{100, 1'000}, std::pair{1'000, 5'000}}) {
    const double growth = each(cpu[many], cpu[0], many) / each(cpu[few], cpu[0], few);
    std::printf("  one of %d costs %.2f times one of %d: limit 1.3  %s\n", many, growth, few,
                judged(growth, most_growth));
  }
  std::fflush(stdout);
}

int signals(const std::string& folder) {
  std::printf(
      "The median of 3 runs; CPU is our own and that of the server's process. Stale are an hour old, "
      "known were\nclaimed before.\n");
  for (const bool sqlite : {true, false}) {
    const auto store = sqlite ? sqlite_store(folder, "signals") : postgres_store();
    std::printf("\n%s\n", store->name().c_str());
    live_through(*store, {.signals = 100});
    for (const Fate fate : {Fate::entered, Fate::known, Fate::stale}) cost_of_signals(*store, fate);
    std::vector<double> naked;
    for (int run = 0; run < 5; ++run) naked.push_back(live_through(*store, {.signals = 500}).naked_ms);
    print_head("500 entries");
    print_figure("longest without a stop", naked, "ms", 0,
                 sqlite ? std::optional{Limit{most_naked_ms, "250"}} : std::nullopt);
  }
  return 0;
}

// ---- With a long history -----------------------------------------------------------------------

struct Series {
  std::vector<double> wall;
  std::vector<double> cpu;
  void add(const Cost& cost) {
    wall.push_back(cost.wall_ms);
    cpu.push_back(cost.cpu_ms);
  }
};

void compare(Store& small, Store& large, const std::string& rows, int signals, int runs) {
  Series few;
  Series many;
  for (int run = 0; run < runs + 2; ++run) {
    const Cost a = live_through(small, {.signals = signals});
    const Cost b = live_through(large, {.signals = signals});
    if (run < 2) continue;  // the caches are warm after two
    few.add(a);
    many.add(b);
  }
  const std::string what = signals == 0 ? "idle" : std::to_string(signals) + " signals";
  print_figure(what + ", CPU, 1000 rows", few.cpu, "ms", 2);
  print_figure(what + ", CPU, " + rows + " rows", many.cpu, "ms", 2);
  print_figure(what + ", wall, 1000 rows", few.wall, "ms", 2);
  print_figure(what + ", wall, " + rows + " rows", many.wall, "ms", 2);
  const auto ratio = [](const std::vector<double>& a, const std::vector<double>& b) { return median(b) / median(a); };
  const double cpu = ratio(few.cpu, many.cpu);
  const double wall = ratio(few.wall, many.wall);
  std::printf("  %s: CPU %.2f times %s, wall %.2f times %s (limit 1.2)\n", what.c_str(), cpu, judged(cpu, most_ratio),
              wall, judged(wall, most_ratio));
}

// Without the batch's own values, which are its length.
std::string without_values(std::string sql) {
  const std::size_t from = sql.find("VALUES (");
  if (from != std::string::npos) {
    std::size_t to = sql.find(") ", sql.rfind("), (") == std::string::npos ? from : sql.rfind("), ("));
    if (to == std::string::npos) to = sql.size() - 1;
    sql.replace(from, to + 1 - from, "VALUES ...");
  }
  for (const char* list : {"SELECT o.client_id, ", "(venue, account, client_id, "}) {
    const std::size_t at = sql.find(list);
    const std::size_t end = at == std::string::npos ? at : std::min(sql.find(" FROM ", at), sql.find(" VALUES", at));
    if (end != std::string::npos && end > at + 40) sql.replace(at + 20, end - at - 20, "...");
  }
  constexpr std::size_t width = 240;
  return sql.size() > width ? sql.substr(0, width) + "..." : sql;
}

// The lines of a plan that say how rows are found.
bool finds_rows(const std::string& line) {
  for (const char* words : {"Scan", "Index Cond", "SCAN", "SEARCH"})
    if (line.find(words) != std::string::npos) return true;
  return false;
}

void show_plans(Store& store) {
  std::vector<stores::ExplainingSession::Plan> plans;
  class Keeping final : public SqlSession {
   public:
    Keeping(SqlSession& session, std::vector<stores::ExplainingSession::Plan>& plans)
        : explaining_{session}, plans_{plans} {}
    ~Keeping() override { plans_ = explaining_.take_plans(); }
    Result<std::vector<SqlRows>> run(std::span<const Statement> statements) override {
      return explaining_.run(statements);
    }
    SqlDialect dialect() const override { return explaining_.dialect(); }
    std::optional<std::string> server_now() const override { return explaining_.server_now(); }
    Result<std::string> epoch() override { return explaining_.epoch(); }
    std::int64_t round_trips() const override { return explaining_.round_trips(); }

   private:
    stores::ExplainingSession explaining_;
    std::vector<stores::ExplainingSession::Plan>& plans_;
  };
  live_through(
      store, {.signals = 20, .watch = [&](SqlSession& session) { return std::make_unique<Keeping>(session, plans); }});
  std::printf("\n  %s: how a cycle with 20 signals finds its rows in the long history\n", store.name().c_str());
  std::set<std::string> seen;
  for (const auto& plan : plans) {
    if (!seen.insert(without_values(plan.sql)).second) continue;
    std::printf("    %s\n", without_values(plan.sql).c_str());
    for (const std::string& line : plan.lines)
      if (finds_rows(line)) std::printf("        | %s\n", without_values(line).c_str());
  }
  const auto scans = stores::full_scans(plans);
  for (const std::string& scan : scans) std::printf("  WALKS THROUGH: %s\n", scan.c_str());
  std::printf("  %zu of %zu statements walk through a table: limit 0  %s\n", scans.size(), plans.size(),
              judged(static_cast<double>(scans.size()), 0));
}

void make_history(Store& store, long rows) {
  const auto begun = std::chrono::steady_clock::now();
  write_history(*store.open().session, rows);
  store.let_settle();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("  (%ld rows written in %.0f s)\n", rows, took.count());
  std::fflush(stdout);
}

int history(const std::string& folder, long rows, int runs) {
  std::printf(
      "In exchange_orders; half of them are entries, each with its claimed key, a decision and a "
      "delivered notice.\nBoth stores take turns, %d times after 2 that are not counted. CPU is "
      "our own and that of the server's\nprocess behind the session; connecting is not in it. "
      "PostgreSQL is analysed, as autovacuum does it, SQLite is not.\n",
      runs);
  const std::string many = std::to_string(rows);
  for (const bool sqlite : {true, false}) {
    const auto small = sqlite ? sqlite_store(folder, "small") : postgres_store();
    const auto large = sqlite ? sqlite_store(folder, "large") : postgres_store();
    std::printf("\n%s\n", small->name().c_str());
    make_history(*small, 1000);
    make_history(*large, rows);
    print_head("");
    for (const int signals : {0, 20}) compare(*small, *large, many, signals, runs);
    show_plans(*large);
    std::fflush(stdout);
  }
  return 0;
}

// A history in a store that `tradeguard init` has made, for runs of the real program.
int fill(const std::string& url, const std::string& venue, long rows) {
  const auto session = must(PostgresSession::open(url, {}));
  write_history(*session, rows, venue);
  return 0;
}

int measured(const std::vector<std::string>& words) {
  if (words.size() == 2 && words[0] == "counts") return counts(words[1]);
  if (words.size() == 2 && words[0] == "signals") return signals(words[1]);
  if (words.size() == 4 && words[0] == "history") return history(words[1], std::stol(words[2]), std::stoi(words[3]));
  if (words.size() == 4 && words[0] == "fill") return fill(words[1], words[2], std::stol(words[3]));
  std::cerr << "cycle_costs counts FOLDER | signals FOLDER | history FOLDER ROWS RUNS | fill URL VENUE ROWS\n";
  return 64;
}

}  // namespace
}  // namespace tradeguard::bench

int main(int argc, char** argv) try {
  return tradeguard::bench::measured({argv + 1, argv + argc});
} catch (const std::exception& error) {
  std::cerr << "cycle_costs: " << error.what() << "\n";
  return 1;
}
