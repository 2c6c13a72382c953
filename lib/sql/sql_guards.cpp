#include <algorithm>
#include <iterator>

#include "cells.hpp"
#include "history.hpp"
#include "rows.hpp"
#include "signal_keys.hpp"
#include "tradeguard/entry_bars.hpp"
#include "tradeguard/order_state.hpp"
#include "tradeguard/sql_store.hpp"
#include "transactions.hpp"

namespace tradeguard {

namespace {

constexpr std::int64_t day_in_micros = 86'400'000'000;

// What a claim asks inside its transaction, and the places where the answers stand.
struct Questions {
  // One each, in this order; behind them those of which there may be several.
  enum Place : std::size_t { doubts, alarms, positions, entered_today, absent_today };
  std::vector<Statement> statements;
  std::size_t history = 0;  // the first of them
  std::size_t words = 0;
  std::size_t keys = 0;
};
Questions questions_of_claim(const SqlSession& session, const AccountKey& account,
                             std::span<const EntryRequest> entries, Instant now);
Result<AdmissionFacts> facts_from(const OpenTransaction& opened, const Questions& questions);
std::vector<Statement> record_of(std::span<const EntryRequest> entries, const std::vector<Verdict>& verdicts,
                                 const AccountKey& account, Instant now);
// The conditions of exchange_orders_absent and exchange_orders_forced, word by word.
std::string proven_absent(const std::string& o);
std::string forced_exit(const std::string& o);

}  // namespace

Result<std::vector<Judged>> SqlIdempotencyGuard::claim(std::span<const EntryRequest> entries, const EntryPolicy& policy,
                                                       Instant now) {
  std::vector<Judged> judged;
  if (entries.empty()) return judged;
  judged.reserve(entries.size());

  const Questions questions = questions_of_claim(session_, pen_.account, entries, now);
  auto opened = OpenTransaction::begin(session_, pen_, now, questions.statements);
  if (!opened && opened.error().fault == Fault::fenced) {
    for (std::size_t i = 0; i < entries.size(); ++i) judged.push_back({Fenced{}, Passed{}, false});
    return judged;
  }
  if (!opened) return relayed(opened, "claiming entries");

  auto facts = facts_from(*opened, questions);
  if (!facts) return relayed(facts, "claiming entries");
  const Instant ruling = opened->account.now;
  auto verdicts = judge(entries, policy, std::move(*facts), pen_.account, ruling);
  // A claim is only a claim once this has returned.
  auto closed = opened->close(record_of(entries, verdicts, pen_.account, ruling));
  if (!closed) return relayed(closed, "claiming entries");

  for (Verdict& verdict : verdicts)
    judged.push_back(std::visit(overloaded{
                                    [&](Admitted& admitted) {
                                      admitted.order.version = 1;
                                      admitted.trade.version = 1;
                                      return Judged{mint(std::move(admitted.order), std::move(admitted.trade)),
                                                    verdict.cooldown, verdict.key_was_known};
                                    },
                                    [&](Duplicate& duplicate) {
                                      return Judged{std::move(duplicate), verdict.cooldown, verdict.key_was_known};
                                    },
                                    [&](Denied& denied) {
                                      denied.clock_of_store = session_.server_now().has_value();
                                      return Judged{std::move(denied), verdict.cooldown, verdict.key_was_known};
                                    },
                                },
                                verdict.outcome));
  return judged;
}

Result<void> SqlIdempotencyGuard::settle(const ClientOrderId& id, const PlaceOutcome& outcome, Instant now) {
  const Statement ask{"SELECT " + order_fields("o") + ", " + trade_fields("t") +
                          " FROM exchange_orders o JOIN trades t "
                          "ON t.trade = o.trade AND t.venue = o.venue AND t.account = o.account "
                          "WHERE o.venue = ?1 AND o.account = ?2 AND o.client_id = ?3",
                      {sql(pen_.account.venue), sql(pen_.account.account), sql(id)}};
  auto opened = OpenTransaction::begin(session_, pen_, now, {ask});
  if (!opened) return relayed(opened, "settling an entry");
  if (opened->read[0].rows.empty()) return failed(Fault::data, "no claim with the id " + id);
  auto row = read_order(opened->read[0].rows[0]);
  if (!row) return relayed(row, "settling an entry");
  auto trade = read_trade(opened->read[0].rows[0], order_width());
  if (!trade) return relayed(trade, "settling an entry");
  auto settled = settle_entry(*row, *trade, outcome, opened->account.now);
  if (!settled) return relayed(settled);
  std::vector<OrderWrite> writes;
  std::vector<TradeWrite> trade_writes;
  // Both or neither: whoever read the trade before has not seen what became of its entry.
  if (settled->order != *row || settled->trade != *trade) {
    settled->order.version += 1;
    settled->trade.version += 1;
    writes.push_back({std::move(settled->order), row->version});
    trade_writes.push_back({std::move(settled->trade), trade->version});
  }
  auto statements = write_orders(pen_.account, writes);
  for (auto& statement : write_trades(pen_.account, std::move(trade_writes)))
    statements.push_back(std::move(statement));
  for (auto& statement : free_or_bind_keys(pen_.account, writes)) statements.push_back(std::move(statement));
  auto closed = opened->close(std::move(statements));
  if (!closed) return relayed(closed, "settling an entry");
  return {};
}

std::vector<Statement> ask_history(const AccountKey& account, const std::set<std::string>& bases) {
  std::vector<SqlRow> rows;
  rows.reserve(bases.size());
  for (const auto& base : bases) rows.push_back({sql(base)});
  std::vector<Statement> statements;
  for (auto& piece : pieces(std::move(rows), 1)) {
    Draft draft{"WITH ", {sql(account.venue), sql(account.account)}};
    draft.table("v", {{"base", "TEXT"}}, std::move(piece))
        << " SELECT v.base, "
           "(SELECT max(o.cools_from) FROM exchange_orders o WHERE o.venue = ?1 AND o.account = ?2 "
           "AND o.base = v.base AND o.cools_from IS NOT NULL AND o.side = 'BUY'), "
           "(SELECT max(o.stamp) FROM exchange_orders o WHERE o.venue = ?1 AND o.account = ?2 "
           "AND o.base = v.base AND o.side = 'BUY' AND " +
               proven_absent("o") +
               "), "
               "(SELECT m.remembered_at FROM entry_memory m "
               "WHERE m.venue = ?1 AND m.account = ?2 AND m.base = v.base), "
               "(SELECT max(o.stopped_at) FROM exchange_orders o WHERE o.venue = ?1 AND o.account = ?2 "
               "AND o.base = v.base AND o.stopped_at IS NOT NULL), "
               "(SELECT max(coalesce(o.closed_at, o.sighted_at, o.stamp)) FROM exchange_orders o "
               "WHERE o.venue = ?1 AND o.account = ?2 AND o.base = v.base AND " +
               forced_exit("o") + ") FROM v";
    statements.push_back(std::move(draft).done());
  }
  return statements;
}

ReadHistory read_history(const std::vector<SqlRows>& results, std::size_t first, std::size_t count) {
  ReadHistory read;
  for (std::size_t i = first; i < first + count; ++i)
    for (const SqlRow& cells : results[i].rows) {
      std::string base;
      BaseHistory history;
      std::optional<Instant> absent;
      std::optional<Instant> remembered;
      std::optional<Instant> forced;
      RowReader row{cells, "exchange_orders"};
      row >> base >> history.entry >> absent >> remembered >> history.stop_out >> forced;
      if (!row.readable()) read.unreadable.emplace(base, row.complaint());
      // An absent moment is earlier than every other one.
      history.entry = std::max({history.entry, absent, remembered});
      history.stop_out = std::max(history.stop_out, forced);
      read.latest.emplace(std::move(base), history);
    }
  return read;
}

Result<std::map<std::string, BaseHistory>> SqlEntryHistory::latest(const std::set<std::string>& bases) {
  if (bases.empty()) return std::map<std::string, BaseHistory>{};
  auto asked = session_.run(ask_history(pen_.account, bases));
  if (!asked) return relayed(asked, "reading the entry history");
  ReadHistory history = read_history(*asked, 0, asked->size());
  if (!history.unreadable.empty()) {
    const auto& [base, complaint] = *history.unreadable.begin();
    return unreadable(complaint + " for " + base);
  }
  return std::move(history.latest);
}

Result<void> SqlEntryHistory::remember(const Symbol& entry, Instant at) {
  Statement keep{
      "INSERT INTO entry_memory (venue, account, base, symbol, remembered_at) "
      "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (base, venue, account) DO UPDATE SET "
      "symbol = excluded.symbol, remembered_at = excluded.remembered_at "
      "WHERE excluded.remembered_at > entry_memory.remembered_at",
      {sql(pen_.account.venue), sql(pen_.account.account), sql(entry.base()), sql(entry), sql(at)}};
  auto done = write_together(session_, pen_, {std::move(keep)});
  if (!done) return relayed(done, "remembering an entry");
  return {};
}

namespace {

Questions questions_of_claim(const SqlSession& session, const AccountKey& account,
                             std::span<const EntryRequest> entries, Instant now) {
  std::set<std::string> bases;
  std::set<SignalKey> keys;
  std::set<Symbol> symbols;
  for (const EntryRequest& entry : entries) {
    bases.insert(entry.signal.symbol.base());
    symbols.insert(entry.signal.symbol);
    keys.insert(entry.order.signal_key);
  }
  const std::vector<SqlValue> account_only{sql(account.venue), sql(account.account)};
  const std::string clock = now_expression(session, now);

  Questions questions;
  auto& ask = questions.statements;
  // Every base that something stands in the way of, and why; the first reason of a base is told.
  ask.push_back(
      {"SELECT o.base, o.symbol, o.trade FROM trades t JOIN exchange_orders o "
       "ON o.venue = t.venue AND o.account = t.account AND o.trade = t.trade "
       "WHERE t.venue = ?1 AND t.account = ?2 AND t.settled = 0 "
       "AND ((o.leg = 'entry' AND o.side = 'BUY') OR o.leg = 'exit') "
       // As freezes_its_base() judges it.
       "AND o.state = 'claimed' AND NOT (o.leg = 'entry' AND o.acknowledged = 1 AND t.plan IS NULL)",
       account_only});
  ask.push_back(
      {"SELECT kind, freezes, breaks, symbol, subject FROM alarms "
       "WHERE venue = ?1 AND account = ?2 AND cleared_at IS NULL ORDER BY kind, subject",
       account_only});
  ask.push_back(
      {"SELECT count(DISTINCT o.trade) FROM trades t JOIN exchange_orders o "
       "ON o.venue = t.venue AND o.account = t.account AND o.trade = t.trade "
       "WHERE t.venue = ?1 AND t.account = ?2 AND t.settled = 0 AND o.leg = 'entry' AND o.side = 'BUY' "
       "AND o.state NOT IN ('refused', 'lapsed')",
       account_only});
  // A subquery is asked once, and its answer can be looked up in an index. The server's clock
  // itself is another one at every row, so that every row would have to be looked at.
  const std::string day = std::to_string(day_in_micros);
  const std::string midnight = "(SELECT c - c % " + day + " FROM (SELECT " + clock + " AS c) AS v)";
  ask.push_back(
      {"SELECT count(*) FROM exchange_orders WHERE venue = ?1 AND account = ?2 "
       "AND cools_from IS NOT NULL AND side = 'BUY' AND stamp >= " +
           midnight + " AND stamp < " + midnight + " + " + day,
       account_only});
  // Beside them the few that were proven absent: they may have left, so they count.
  ask.push_back(
      {"SELECT count(*) FROM exchange_orders o WHERE o.venue = ?1 AND o.account = ?2 "
       "AND o.side = 'BUY' AND " +
           proven_absent("o") + " AND o.stamp >= " + midnight + " AND o.stamp < " + midnight + " + " + day,
       account_only});
  questions.history = ask.size();
  for (auto& statement : ask_history(account, bases)) ask.push_back(std::move(statement));
  questions.words = ask.size();
  std::vector<SqlRow> wanted;
  for (const Symbol& symbol : symbols) wanted.push_back({sql(symbol), sql(symbol.base())});
  for (auto& piece : pieces(std::move(wanted), 2)) {
    Draft words{"WITH ", account_only};
    words.table("v", {{"symbol", "TEXT"}, {"base", "TEXT"}}, std::move(piece))
        << " SELECT w.symbol, w.who, w.said FROM v JOIN exit_words w ON w.symbol = v.symbol "
           "WHERE w.venue = ?1 AND w.account = ?2 "
           "UNION ALL SELECT w.symbol, w.who, w.said FROM exit_words w "
           "WHERE w.venue = ?1 AND w.account = ?2 AND w.symbol = '*' "
           "UNION ALL SELECT v.symbol, 'stop', (SELECT max(o.stopped_at) FROM exchange_orders o "
           "WHERE o.venue = ?1 AND o.account = ?2 AND o.base = v.base AND o.symbol = v.symbol "
           "AND o.stopped_at IS NOT NULL) FROM v "
           "UNION ALL SELECT v.symbol, 'stop', (SELECT max(coalesce(o.closed_at, o.sighted_at, "
           "o.stamp)) FROM exchange_orders o WHERE o.venue = ?1 AND o.account = ?2 "
           "AND o.base = v.base AND o.symbol = v.symbol AND " +
               forced_exit("o") + ") FROM v";
    ask.push_back(std::move(words).done());
  }
  questions.keys = ask.size();
  for (auto& statement : find_keys(account, keys)) ask.push_back(std::move(statement));
  return questions;
}

Result<AdmissionFacts> facts_from(const OpenTransaction& opened, const Questions& questions) {
  AdmissionFacts facts;
  facts.halted = opened.account.halted;
  facts.breaker = opened.account.breaker;
  facts.entries_after = opened.account.entries_after;

  ReadHistory history = read_history(opened.read, questions.history, questions.words - questions.history);
  facts.history = std::move(history.latest);
  for (const auto& [base, complaint] : history.unreadable) facts.frozen.emplace(base, complaint);
  // What stands in the way and cannot be read stands in everybody's way.
  const auto cannot_be_read = [&](const std::string& complaint) {
    if (!facts.breaker) facts.breaker = complaint;
  };

  for (const SqlRow& row : opened.read[Questions::doubts].rows) {
    std::string base;
    std::string symbol;
    std::string trade;
    if (!read(row[0], base)) {
      cannot_be_read("exchange_orders: an entry in doubt has no base that can be read");
      continue;
    }
    if (!read(row[1], symbol) || !read(row[2], trade)) symbol = trade = "";  // only for the words
    count_doubt(facts, base, symbol, trade);
  }
  for (const SqlRow& cells : opened.read[Questions::alarms].rows) {
    std::string kind;
    std::string freezes;
    bool breaks = false;
    std::string symbol;
    std::string subject;
    RowReader row{cells, "alarms"};
    row >> kind >> freezes >> breaks >> symbol >> subject;
    if (!row.readable()) cannot_be_read(row.complaint());
    count_alarm(facts, kind, symbol, subject, freezes, breaks);
  }
  int absent_today = 0;
  const auto counted = [&](Questions::Place place) -> const SqlValue& { return opened.read[place].rows.at(0).at(0); };
  if (!read(counted(Questions::positions), facts.open_positions) ||
      !read(counted(Questions::entered_today), facts.entries_today) ||
      !read(counted(Questions::absent_today), absent_today))
    return unreadable("exchange_orders cannot be counted");
  facts.entries_today += absent_today;

  for (std::size_t i = questions.words; i < questions.keys; ++i)
    for (const SqlRow& cells : opened.read[i].rows) {
      std::string symbol;
      std::string who;
      std::optional<Instant> said;
      RowReader row{cells, "exit_words"};
      row >> symbol >> who >> said;
      if (!row.readable()) cannot_be_read(row.complaint());
      if (!said) continue;
      if (who != "stop") {
        facts.exit_words.push_back({symbol, who, *said});
      } else if (const auto parsed = Symbol::parse(symbol)) {
        auto& newest = facts.stop_outs.try_emplace(*parsed, *said).first->second;
        newest = std::max(newest, *said);
      }
    }

  for (auto& [key, claimed] : read_keys(opened.read, questions.keys, opened.read.size() - questions.keys)) {
    if (claimed.released) {
      facts.freed[key] = claimed.attempts;
      continue;
    }
    facts.known[key] = {claimed.order, claimed.existing_order_id, claimed.claimed_at, false, claimed.decided};
    facts.known_digests[key] = claimed.digest;
  }
  return facts;
}

// The rows that make the verdicts true: keys, entries, decisions.
std::vector<Statement> record_of(std::span<const EntryRequest> entries, const std::vector<Verdict>& verdicts,
                                 const AccountKey& account, Instant now) {
  std::vector<OrderWrite> orders;
  std::vector<TradeWrite> trades;
  std::vector<KeyWrite> keys;
  DecisionBook decisions;
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    const Verdict& verdict = verdicts[i];
    const SignalKey& key = entries[i].order.signal_key;
    const auto* cooling = std::get_if<Cooling>(&verdict.cooldown);
    const auto* duplicate = std::get_if<Duplicate>(&verdict.outcome);
    const auto* denied = std::get_if<Denied>(&verdict.outcome);
    decisions.add(key, "cooldown", cooling ? "blocked" : "passed", cooling ? cooling->because : "");
    decisions.add(key, "idempotency", verdict.key_was_known ? "blocked" : "passed",
                  duplicate ? duplicate->existing_order_id : "");
    if (denied && !(denied->reason == Denial::cooldown)) decisions.add(key, "policy", "denied", recorded(*denied));
    if (denied && is_final(denied->reason))
      keys.push_back({key, signal_digest(entries[i].signal), "", 0, decided_word(denied->reason)});
    if (const auto* admitted = std::get_if<Admitted>(&verdict.outcome)) {
      const Order& order = admitted->order;
      keys.push_back({key, signal_digest(entries[i].signal), order.client_id, order.attempt, ""});
      orders.push_back({order, 0});
      orders.back().row.version = 1;
      trades.push_back({admitted->trade, 0});
      trades.back().row.version = 1;
    }
  }
  std::vector<Statement> statements = claim_keys(account, std::move(keys), now);
  for (auto& statement : write_orders(account, std::move(orders))) statements.push_back(std::move(statement));
  for (auto& statement : write_trades(account, std::move(trades))) statements.push_back(std::move(statement));
  for (auto& statement : decisions.statements(account, now)) statements.push_back(std::move(statement));
  return statements;
}

std::string proven_absent(const std::string& o) {
  return o + ".leg = 'entry' AND " + o + ".state = 'lapsed' AND NOT (" + o + ".acknowledged = 0 AND " + o +
         ".ending = " + quoted(text(Ending::unsent)) + ")";
}

std::string forced_exit(const std::string& o) {
  return o + ".leg = 'exit' AND " + o + ".filled <> '0' AND " + o + ".because IN " + among(forced_words());
}

}  // namespace
}  // namespace tradeguard
