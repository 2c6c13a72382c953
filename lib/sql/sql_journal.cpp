#include <algorithm>
#include <array>
#include <iterator>
#include <tuple>
#include <unordered_map>

#include "cells.hpp"
#include "history.hpp"
#include "rows.hpp"
#include "signal_keys.hpp"
#include "tradeguard/order_state.hpp"
#include "tradeguard/sql_store.hpp"
#include "transactions.hpp"

namespace tradeguard {

namespace {

using Statements = std::vector<Statement>;

void append(Statements& to, Statements more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::vector<SqlValue> of(const AccountKey& account) { return {sql(account.venue), sql(account.account)}; }
std::vector<SqlValue> of(const AccountKey& account, const ClientOrderId& id) {
  return {sql(account.venue), sql(account.account), sql(id)};
}

// What a question about one id shows, if there is such a row.
template <class Row>
Result<std::optional<Row>> only_row(SqlSession& session, Statement ask, Result<Row> (*read)(const SqlRow&, std::size_t),
                                    const char* doing) {
  auto asked = session.run(std::array{std::move(ask)});
  if (!asked) return relayed(asked, doing);
  if ((*asked)[0].rows.empty()) return std::optional<Row>{};
  auto row = read((*asked)[0].rows[0], 0);
  if (!row) return relayed(row);
  return std::optional{std::move(*row)};
}

// The orders of each trade `o` together, its entry first.
constexpr std::string_view in_order_of_writing =
    " ORDER BY o.trade, CASE WHEN o.client_id = o.trade THEN 0 ELSE 1 END, o.claimed_at, o.stamp, o.client_id";

// ---- Reading the book --------------------------------------------------------------------------

Statement ask_account(const AccountKey& account);
Statement ask_open_trades(const AccountKey& account);
Statement ask_orders_of_open_trades(const AccountKey& account);
Statement ask_questions(const AccountKey& account, Instant now);
Statement ask_alarms(const AccountKey& account);
Statement ask_flattened(const AccountKey& account, Instant now);
Statement ask_entered(const AccountKey& account, Instant now);
Statement ask_waiting(const AccountKey& account);
Statement ask_making();
void read_account(const SqlRows& rows, OpenBook& book, Instant now);
void read_alarms(const SqlRows& rows, OpenBook& book, Instant now);
// Trades with all their rows; what cannot be read is named, and the rest is read all the same.
void gather_trades(const SqlRows& trades, const SqlRows& orders, OpenBook& book, Instant now);
void gather_questions(const SqlRows& rows, OpenBook& book, Instant now);

// ---- Writing -----------------------------------------------------------------------------------

// What a batch comes to: which items can be written, and the statements that write those.
struct Batch {
  std::vector<Written> written;
  Statements statements;
};
// The versions of rows as they stand; a row that is absent has none.
using VersionsOfOne = std::unordered_map<ClientOrderId, std::int64_t>;
struct Versions {
  VersionsOfOne orders;
  VersionsOfOne trades;
};
Versions as_given(std::span<const Change> items);
Batch plan_batch(const AccountKey& account, std::span<const Change> items, Versions standing);
Statements ask_versions(const AccountKey& account, std::span<const Change> items);
Versions read_versions(std::span<const SqlRows> results);
Statements write_notices(const AccountKey& account, const std::vector<const Notice*>& notices);
Statement write_edge(const AccountKey& account, const AlarmEdge& edge);

// ---- The rest ----------------------------------------------------------------------------------

VersionOf version_in(const VersionsOfOne& rows);
std::optional<Duplicate> known_exit(const Signal& signal, const std::map<SignalKey, ClaimedKey>& known);
Statement write_deliveries(const AccountKey& account, std::vector<SqlRow> rows);
Notice read_notice(const SqlRow& cells);
std::string stored_error(const DeliveryRecord& record);
// One kind of what may go: whether there is any, and some of it away.
struct Removal {
  Statement is_there;
  Statement remove;
};
std::vector<Removal> removals_of(const AccountKey& account, Instant before, Instant now, std::size_t at_most);

// A single UPDATE of the account's row: its own lock and its own transaction.
Result<void> update_account(SqlSession& session, const Pen& pen, std::string assignments, std::vector<SqlValue> values,
                            const char* doing);

}  // namespace

Result<OpenBook> SqlJournal::open_book(Instant now) {
  const AccountKey& account = pen_.account;
  auto epoch = session_.epoch();
  if (!epoch) return relayed(epoch, "reading the open book");
  auto read =
      read_together(session_, {ask_account(account), ask_open_trades(account), ask_orders_of_open_trades(account),
                               ask_questions(account, now), ask_alarms(account), ask_flattened(account, now),
                               ask_waiting(account), ask_entered(account, now), ask_making()});
  if (!read) return relayed(read, "reading the open book");
  enum Place : std::size_t { account_row, trades, orders, questions, alarms, sold, waiting, entered_today, making };

  OpenBook book;
  read_account((*read)[account_row], book, now);
  book.account.epoch = std::move(*epoch);
  read_alarms((*read)[alarms], book, now);
  gather_trades((*read)[trades], (*read)[orders], book, now);
  gather_questions((*read)[questions], book, now);
  for (const SqlRow& row : (*read)[sold].rows) tradeguard::read(row[0], book.flattened_today);
  for (const SqlRow& row : (*read)[entered_today].rows) tradeguard::read(row[0], book.entries_today);
  book.notices_waiting = !(*read)[waiting].rows.empty();
  for (const SqlRow& row : (*read)[making].rows) tradeguard::read(row[0], book.account.store_made_at);
  return book;
}

// In the usual case every row is as the caller read it, so the batch is written in one round trip
// that fails as a whole if one is not. Only then the rows are looked at, and what is possible is
// written.
Result<std::vector<Written>> SqlJournal::write(std::span<const Change> items) {
  if (items.empty()) return std::vector<Written>{};
  Batch hoped = plan_batch(pen_.account, items, as_given(items));
  if (std::all_of(hoped.written.begin(), hoped.written.end(),
                  [](Written written) { return written == Written::yes; })) {
    auto done = write_together(session_, pen_, std::move(hoped.statements));
    if (done) return std::move(hoped.written);
    if (done.error().fault != Fault::data) return relayed(done, "writing the journal");
  }

  auto opened = OpenTransaction::begin(session_, pen_, Instant{}, ask_versions(pen_.account, items));
  if (!opened) return relayed(opened, "writing the journal");
  Batch possible = plan_batch(pen_.account, items, read_versions(opened->read));
  auto closed = opened->close(std::move(possible.statements));
  if (!closed) return relayed(closed, "writing the journal");
  return std::move(possible.written);
}

Result<std::vector<ExitVerdict>> SqlJournal::claim_exits(std::span<const ExitClaim> claims, Micros max_age,
                                                         Micros max_future, Instant now) {
  std::vector<ExitVerdict> verdicts;
  if (claims.empty()) return verdicts;
  verdicts.reserve(claims.size());
  const AccountKey& account = pen_.account;

  std::set<SignalKey> keys;
  std::vector<Change> wishes;
  for (const ExitClaim& claim : claims) {
    keys.insert(claim_key(claim.signal));
    wishes.push_back({.append = {}, .advance = {}, .trades = claim.advance, .notices = {}, .alarms = {}, .words = {}});
  }
  Statements asks = find_keys(account, keys);
  const std::size_t key_asks = asks.size();
  append(asks, ask_versions(account, wishes));
  auto opened = OpenTransaction::begin(session_, pen_, now, std::move(asks));
  if (!opened) return relayed(opened, "claiming exits");
  std::map<SignalKey, ClaimedKey> known = read_keys(opened->read, 0, key_asks);
  const Versions standing = read_versions(std::span{opened->read}.subspan(key_asks));

  const Instant ruling = opened->account.now;
  std::vector<Change> granted;
  std::vector<KeyWrite> key_writes;
  std::vector<ExitWord> words;
  std::vector<SqlRow> wish_rows;
  DecisionBook decisions;
  std::set<ClientOrderId> written;
  for (const ExitClaim& claim : claims) {
    const SignalKey key = claim_key(claim.signal);
    verdicts.push_back(judge_exit(claim.signal, known_exit(claim.signal, known), wishes_beyond(claim, written),
                                  version_in(standing.trades), max_age, max_future, ruling));
    if (auto* denied = std::get_if<Denied>(&verdicts.back()))
      denied->clock_of_store = session_.server_now().has_value();
    const auto* duplicate = std::get_if<Duplicate>(&verdicts.back());
    decisions.add(key, "idempotency", duplicate ? "blocked" : "passed", duplicate ? duplicate->existing_order_id : "");
    if (const auto* denied = std::get_if<Denied>(&verdicts.back())) {
      decisions.add(key, "policy", "denied", denied->reason.str());
      if (is_final(denied->reason)) {
        const std::string word = decided_word(denied->reason);
        key_writes.push_back({key, signal_digest(claim.signal), "", 0, word});
        known[key] = {signal_digest(claim.signal), ruling, false, 0, "", "-", word};
      }
    }
    auto* claimed = std::get_if<ExitClaimed>(&verdicts.back());
    if (claimed == nullptr) continue;

    const std::string digest = signal_digest(claim.signal);
    const std::vector<ClientOrderId> touched = trades_of(claim);
    const std::string decided = touched.empty() ? "nothing_held" : "";
    known[key] = {digest, ruling, false, 0, "", "-", decided};
    granted.push_back(
        {.append = {}, .advance = {}, .trades = claimed->written, .notices = {}, .alarms = {}, .words = {}});
    for (TradeRecord& wish : claimed->written) {
      wish.version += 1;
      written.insert(wish.id);
    }
    key_writes.push_back({key, digest, "", 0, decided});
    words.push_back({claim.signal.symbol.text(), who_said(claim.signal), claim.signal.time});
    for (const ClientOrderId& trade : touched)
      wish_rows.push_back({sql(account.venue), sql(account.account), sql(key), sql(trade)});
  }

  std::sort(wish_rows.begin(), wish_rows.end());
  Statements statements = claim_keys(account, std::move(key_writes), ruling);
  append(statements, write_exit_words(account, words));
  static const std::vector<Column> wish_columns{
      {"venue", "TEXT"}, {"account", "TEXT"}, {"signal_key", "TEXT"}, {"trade", "TEXT"}};
  for (auto& piece : pieces(std::move(wish_rows), wish_columns.size())) {
    Draft draft;
    draft << "INSERT INTO exit_wishes (venue, account, signal_key, trade) ";
    statements.push_back(std::move(draft.values(wish_columns, std::move(piece)) << " ON CONFLICT DO NOTHING").done());
  }
  append(statements, plan_batch(account, granted, standing).statements);
  append(statements, decisions.statements(account, ruling));
  auto closed = opened->close(std::move(statements));
  if (!closed) return relayed(closed, "claiming exits");
  return verdicts;
}

Result<Outlook> SqlJournal::outlook(std::span<const Signal> signals) {
  Outlook outlook;
  if (signals.empty()) return outlook;
  std::set<SignalKey> keys;
  std::set<std::string> bases;
  std::set<std::string> symbols;
  for (const Signal& signal : signals) {
    keys.insert(claim_key(signal));
    bases.insert(signal.symbol.base());
    symbols.insert(signal.symbol.text());
  }
  Statements asks = ask_history(pen_.account, bases);
  const std::size_t first_rules = asks.size();
  std::vector<SqlRow> wanted;
  for (const std::string& symbol : symbols) wanted.push_back({sql(symbol)});
  for (auto& piece : pieces(std::move(wanted), 1)) {
    Draft draft{"WITH ", of(pen_.account)};
    draft.table("v", {{"symbol", "TEXT"}}, std::move(piece))
        << " SELECT r.rules FROM v JOIN instrument_rules r ON r.symbol = v.symbol "
           "WHERE r.venue = ?1 AND r.account = ?2";
    asks.push_back(std::move(draft).done());
  }
  const std::size_t first_key = asks.size();
  append(asks, find_keys(pen_.account, keys));
  auto read = session_.run(asks);
  if (!read) return relayed(read, "looking ahead");
  outlook.history = read_history(*read, 0, first_rules).latest;
  for (const auto& [key, claimed] : read_keys(*read, first_key, read->size() - first_key))
    if (!claimed.released) outlook.known.insert(key);
  for (std::size_t i = first_rules; i < first_key; ++i)
    for (const SqlRow& row : (*read)[i].rows) {
      std::string stored;
      // What cannot be read back was never remembered: the venue is asked again.
      if (!tradeguard::read(row[0], stored)) continue;
      if (const auto rules = parse_rules(stored)) outlook.rules.emplace(rules->symbol, *rules);
    }
  return outlook;
}

Result<void> SqlJournal::remember_rules(std::span<const InstrumentRules> rules) {
  if (rules.empty()) return {};
  std::map<std::string, SqlRow> rows;  // sorted, each once
  for (const InstrumentRules& market : rules)
    rows[market.symbol.text()] = {sql(pen_.account.venue), sql(pen_.account.account), sql(market.symbol),
                                  sql(stored_text(market))};
  std::vector<SqlRow> sorted;
  for (auto& [symbol, row] : rows) sorted.push_back(std::move(row));
  static const std::vector<Column> columns{
      {"venue", "TEXT"}, {"account", "TEXT"}, {"symbol", "TEXT"}, {"rules", "TEXT"}};
  Statements statements;
  for (auto& piece : pieces(std::move(sorted), columns.size())) {
    Draft draft;
    draft << "INSERT INTO instrument_rules (venue, account, symbol, rules) ";
    statements.push_back(std::move(draft.values(columns, std::move(piece)) << " ON CONFLICT (symbol, venue, account) "
                                                                              "DO UPDATE SET rules = excluded.rules")
                             .done());
  }
  auto done = write_together(session_, pen_, std::move(statements));
  if (!done) return relayed(done, "remembering rules");
  return {};
}

Result<std::vector<Notice>> SqlJournal::due_notices(Instant now, std::size_t at_most) {
  std::vector<SqlValue> arguments = of(pen_.account);
  arguments.push_back(sql(now));
  arguments.push_back(sql(static_cast<std::int64_t>(at_most)));
  arguments.push_back(sql(now + longest_retry));
  const Statement ask{
      "SELECT n.event_id, n.type, n.severity, n.trade, n.symbol, n.order_id, n.side, n.facts, "
      "n.created_at, n.sequence, n.attempts, n.next_try, n.error FROM notices n "
      "WHERE n.venue = ?1 AND n.account = ?2 AND n.state = 'waiting' "
      "AND (n.next_try IS NULL OR n.next_try <= ?3 OR n.next_try > ?5) "
      "AND (n.severity = 'CRITICAL' OR n.trade = '' OR NOT EXISTS (SELECT 1 FROM notices h "
      "WHERE h.venue = ?1 AND h.account = ?2 AND h.state = 'waiting' AND h.trade = n.trade "
      "AND h.sequence < n.sequence AND h.next_try > ?3 AND h.next_try <= ?5)) "
      "ORDER BY CASE WHEN n.severity = 'CRITICAL' THEN 0 ELSE 1 END, n.sequence LIMIT ?4",
      std::move(arguments)};
  auto read = session_.run(std::array{ask});
  if (!read) return relayed(read, "reading due notices");
  std::vector<Notice> notices;
  for (const SqlRow& row : (*read)[0].rows) {
    notices.push_back(read_notice(row));
  }
  return notices;
}

Result<void> SqlJournal::record_deliveries(std::span<const DeliveryRecord> records, Instant now) {
  if (records.empty()) return {};
  // The last word about a notice counts; a row can be written once in a statement.
  std::map<std::string, SqlRow> rows;
  for (const DeliveryRecord& record : records) {
    using What = DeliveryRecord::What;
    const bool over = record.what != What::try_later;
    rows[record.event_id] = {sql(record.event_id),
                             sql(record.what == What::delivered       ? "delivered"
                                 : record.what == What::undeliverable ? "undeliverable"
                                                                      : "waiting"),
                             sql(over ? std::nullopt : record.next_try), sql(over ? std::optional{now} : std::nullopt),
                             sql(stored_error(record))};
  }
  std::vector<SqlRow> sorted;
  sorted.reserve(rows.size());
  for (auto& [event_id, row] : rows) sorted.push_back(std::move(row));
  Statements statements;
  for (auto& piece : pieces(std::move(sorted), 5))
    statements.push_back(write_deliveries(pen_.account, std::move(piece)));
  auto done = write_together(session_, pen_, std::move(statements));
  if (!done) return relayed(done, "recording deliveries");
  return {};
}

// ---- The frame of a run ------------------------------------------------------------------------

Result<void> SqlJournal::begin_run(const std::string& run_id, const std::string& config_hash, Instant now) {
  return update_account(session_, pen_,
                        "previous_run_ended = run_ended, run_ended = 0, run_fence = fence, "
                        "run_id = ?3, config_hash = ?4, run_result = '', "
                        "started_at = " +
                            now_expression(session_, now),
                        {sql(run_id), sql(config_hash)}, "beginning the run");
}

Result<void> SqlJournal::finish_run(const std::string& result, Instant now) {
  return update_account(session_, pen_,
                        "run_ended = 1, run_result = ?3, "
                        "completed_at = " +
                            now_expression(session_, now),
                        {sql(result)}, "finishing the run");
}

Result<void> SqlJournal::note_stuck_told(Instant now) {
  // Said by a run that is locked out, so by nobody's fence.
  return update_account(session_, Pen{pen_.account, std::nullopt}, "stuck_told_at = " + now_expression(session_, now),
                        {}, "noting that a stuck run was told");
}

Result<void> SqlJournal::note_silences(std::optional<Instant> venue_until, const std::string& status,
                                       std::optional<Instant> notifier_until) {
  return update_account(session_, pen_, "quiet_until = ?3, quiet_status = ?4, notify_quiet_until = ?5",
                        {sql(venue_until), sql(status), sql(notifier_until)},
                        "noting the silences that were asked for");
}

Result<void> SqlJournal::accept_epoch(const std::string& venue_account_id, Instant entries_after) {
  auto epoch = session_.epoch();
  if (!epoch) return relayed(epoch, "accepting the epoch");
  return update_account(session_, pen_, "epoch = ?3, venue_account_id = ?4, entries_after = ?5",
                        {sql(*epoch), sql(venue_account_id), sql(entries_after)}, "accepting the epoch");
}

// ---- The operator ------------------------------------------------------------------------------

Result<void> SqlJournal::set_halt(const std::optional<std::string>& reason, Instant) {
  return update_account(session_, pen_, "halted = ?3", {sql(reason)}, "setting the halt");
}

Result<void> SqlJournal::set_breaker(const std::optional<std::string>& reason, Instant now) {
  if (!reason)
    return update_account(session_, pen_, "breaker = NULL, breaker_reset_at = ?3", {sql(now)}, "resetting the breaker");
  return update_account(session_, pen_, "breaker = ?3", {sql(reason)}, "setting the breaker");
}

// ---- For people --------------------------------------------------------------------------------

Result<std::vector<Decision>> SqlJournal::decisions(const SignalKey& key) {
  std::vector<SqlValue> arguments = of(pen_.account);
  arguments.push_back(sql(key));
  const std::string minute = exits_of_minute(key);
  std::string whose = "signal_key = ?3";
  if (!minute.empty()) {
    arguments.push_back(sql(minute));
    arguments.push_back(sql(static_cast<std::int64_t>(minute.size())));
    whose = "(signal_key = ?3 OR substr(signal_key, 1, CAST(?5 AS INTEGER)) = ?4)";
  }
  const Statement ask{
      "SELECT signal_key, guard, verdict, detail, first_at, last_at, count FROM decisions "
      "WHERE venue = ?1 AND account = ?2 AND " +
          whose + " ORDER BY first_at, guard, verdict",
      std::move(arguments)};
  auto read = session_.run(std::array{ask});
  if (!read) return relayed(read, "reading decisions");
  std::vector<Decision> decisions;
  for (const SqlRow& cells : (*read)[0].rows) {
    Decision decision;
    RowReader row{cells, "decisions"};
    row >> decision.key >> decision.guard >> decision.verdict >> decision.detail >> decision.first >> decision.last >>
        decision.count;
    if (!row.readable()) return unreadable(row.complaint());
    decisions.push_back(std::move(decision));
  }
  return decisions;
}

Result<std::vector<Order>> SqlJournal::orders_of(const SignalKey& key) {
  std::vector<SqlValue> arguments = of(pen_.account);
  arguments.push_back(sql(key));
  const std::string minute = exits_of_minute(key);
  std::string whose = "w.signal_key = ?3";
  if (!minute.empty()) {
    arguments.push_back(sql(minute));
    arguments.push_back(sql(static_cast<std::int64_t>(minute.size())));
    whose = "(w.signal_key = ?3 OR substr(w.signal_key, 1, CAST(?5 AS INTEGER)) = ?4)";
  }
  const Statement ask{"SELECT " + order_fields("o") +
                          " FROM exchange_orders o WHERE o.venue = ?1 AND o.account = ?2 AND o.trade IN "
                          "(SELECT k.trade FROM exchange_orders k WHERE k.venue = ?1 AND k.account = ?2 "
                          "AND k.signal_key = ?3 AND k.signal_key <> '' "
                          "UNION SELECT w.trade FROM exit_wishes w WHERE w.venue = ?1 AND w.account = ?2 "
                          "AND " +
                          whose + ")" + std::string{in_order_of_writing},
                      std::move(arguments)};
  auto read = session_.run(std::array{ask});
  if (!read) return relayed(read, "reading the orders of a signal");
  std::vector<Order> orders;
  for (const SqlRow& row : (*read)[0].rows) {
    auto order = read_order(row);
    if (!order) return relayed(order);
    orders.push_back(std::move(*order));
  }
  return orders;
}

Result<std::optional<Order>> SqlJournal::order(const ClientOrderId& id) {
  return only_row(session_,
                  {"SELECT " + order_fields("o") +
                       " FROM exchange_orders o WHERE o.venue = ?1 AND o.account = ?2 AND o.client_id = ?3",
                   of(pen_.account, id)},
                  read_order, "reading an order");
}

Result<std::optional<TradeRecord>> SqlJournal::trade(const ClientOrderId& id) {
  return only_row(
      session_,
      {"SELECT " + trade_fields("t") + " FROM trades t WHERE t.venue = ?1 AND t.account = ?2 AND t.trade = ?3",
       of(pen_.account, id)},
      read_trade, "reading a trade");
}

Result<PastTrades> SqlJournal::trades(const TradeQuery& query) {
  std::vector<SqlValue> arguments = of(pen_.account);
  arguments.push_back(sql(query.since.value_or(from_micros(0))));
  arguments.push_back(sql(query.symbol ? query.symbol->text() : ""));
  arguments.push_back(sql(static_cast<std::int64_t>(query.at_most)));
  const std::string newest =
      " FROM (SELECT venue, account, client_id, claimed_at, stamp FROM exchange_orders "
      "WHERE venue = ?1 AND account = ?2 AND leg = 'entry' AND twin = 0 AND claimed_at >= ?3 "
      "AND (symbol = ?4 OR ?4 = '') ORDER BY claimed_at DESC, stamp DESC, client_id DESC LIMIT ?5) e ";
  auto read = read_together(
      session_,
      {{"SELECT " + trade_fields("t") + newest +
            "JOIN trades t ON t.venue = e.venue AND t.account = e.account AND t.trade = e.client_id",
        arguments},
       {"SELECT " + order_fields("o") + newest +
            "JOIN exchange_orders o ON o.venue = e.venue AND o.account = e.account AND o.trade = e.client_id" +
            std::string{in_order_of_writing},
        arguments}});
  if (!read) return relayed(read, "reading past trades");
  OpenBook gathered;
  gather_trades((*read)[0], (*read)[1], gathered, Instant{});
  PastTrades past{std::move(gathered.trades), {}};
  for (const Alarm& found : gathered.unreadable)
    past.unreadable.push_back("trade " + found.order_id + ": " + found.detail);
  return past;
}

Result<std::vector<SignalKey>> SqlJournal::keys_about(const std::string& word, std::size_t at_most) {
  if (word.empty()) return std::vector<SignalKey>{};  // no id yet is nobody's name
  std::vector<SqlValue> arguments = of(pen_.account);
  const std::string prefix = word + ":";
  arguments.push_back(sql(word));
  arguments.push_back(sql(prefix));
  arguments.push_back(sql(static_cast<std::int64_t>(prefix.size())));
  arguments.push_back(sql(static_cast<std::int64_t>(at_most)));
  const Statement ask{
      "SELECT k.signal_key FROM ("
      "SELECT d.signal_key AS signal_key, d.last_at AS at FROM decisions d "
      "WHERE d.venue = ?1 AND d.account = ?2 "
      "AND (d.signal_key = ?3 OR substr(d.signal_key, 1, CAST(?5 AS INTEGER)) = ?4) "
      "UNION ALL SELECT e.signal_key AS signal_key, e.claimed_at AS at FROM exchange_orders o "
      "JOIN exchange_orders e ON e.venue = o.venue AND e.account = o.account AND e.client_id = o.trade "
      "WHERE o.venue = ?1 AND o.account = ?2 AND e.signal_key <> '' "
      "AND (o.client_id = ?3 OR (o.wire_id = ?3 AND ?3 <> '') OR o.venue_id = ?3 OR o.fired_id = ?3 OR o.symbol = ?3 "
      "OR e.signal_key = ?3)) AS k GROUP BY k.signal_key ORDER BY max(k.at) DESC, k.signal_key LIMIT ?6",
      std::move(arguments)};
  auto read = session_.run(std::array{ask});
  if (!read) return relayed(read, "looking for signals");
  std::vector<SignalKey> keys;
  for (const SqlRow& row : (*read)[0].rows) {
    SignalKey key;
    if (!tradeguard::read(row[0], key)) return unreadable("a signal has no key");
    keys.push_back(std::move(key));
  }
  return keys;
}

Result<std::size_t> SqlJournal::waiting_notices() {
  const Statement ask{"SELECT count(*) FROM notices WHERE venue = ?1 AND account = ?2 AND state = 'waiting'",
                      of(pen_.account)};
  auto read = session_.run(std::array{ask});
  if (!read) return relayed(read, "counting waiting notices");
  std::int64_t count = 0;
  if (!tradeguard::read((*read)[0].rows.at(0).at(0), count)) return unreadable("notices cannot be counted");
  return static_cast<std::size_t>(count);
}

// Most runs find nothing, and write nothing for it.
Result<std::size_t> SqlJournal::prune_piece(Instant before, Instant now, std::size_t at_most) {
  const std::vector<Removal> removals = removals_of(pen_.account, before, now, at_most);
  Statements asks;
  for (const Removal& removal : removals) asks.push_back(removal.is_there);
  auto asked = session_.run(asks);
  if (!asked) return relayed(asked, "looking for what may be pruned");
  Statements wanted;
  for (std::size_t i = 0; i < removals.size(); ++i)
    if (!(*asked)[i].rows.empty()) wanted.push_back(removals[i].remove);
  if (wanted.empty()) return std::size_t{0};
  // For so many rows PostgreSQL would rather read the whole table than look each of them up.
  if (session_.dialect() == SqlDialect::postgres)
    wanted.insert(wanted.begin(), Statement{"SET LOCAL enable_seqscan = off", {}});
  auto done = write_together(session_, pen_, std::move(wanted));
  if (!done) return relayed(done, "pruning");
  std::size_t gone = 0;
  for (const SqlRows& removed : *done) gone += static_cast<std::size_t>(removed.changed);
  return gone;
}

namespace {

// ---- Reading the book --------------------------------------------------------------------------

Statement ask_account(const AccountKey& account) {
  // Asked before the run was begun, what was begun last is the previous run.
  return {
      "SELECT cycle, fence, halted, breaker, started_at, completed_at, stuck_told_at, "
      "CASE WHEN run_fence = fence THEN previous_run_ended ELSE run_ended END, "
      "epoch, entries_after, venue_account_id, breaker_reset_at, quiet_until, quiet_status, "
      "notify_quiet_until, run_ended "
      "FROM accounts WHERE venue = ?1 AND account = ?2",
      of(account)};
}

Statement ask_making() { return {"SELECT CAST(value AS BIGINT) FROM tradeguard_meta WHERE key = 'made_at'", {}}; }

Statement ask_open_trades(const AccountKey& account) {
  return {"SELECT " + trade_fields("t") + " FROM trades t WHERE t.venue = ?1 AND t.account = ?2 AND t.settled = 0",
          of(account)};
}

Statement ask_orders_of_open_trades(const AccountKey& account) {
  return {"SELECT " + order_fields("o") +
              " FROM trades t JOIN exchange_orders o "
              "ON o.venue = t.venue AND o.account = t.account AND o.trade = t.trade "
              "WHERE t.venue = ?1 AND t.account = ?2 AND t.settled = 0" +
              std::string{in_order_of_writing},
          of(account)};
}

// Wider than is_open_question, which has the last word; never narrower. Open orders that no trade knows are among them.
Statement ask_questions(const AccountKey& account, Instant now) {
  std::vector<SqlValue> arguments = of(account);
  arguments.push_back(sql(now));
  return {"SELECT " + order_fields("o") + ", " + trade_fields("t") +
              " FROM exchange_orders o LEFT JOIN trades t "
              "ON t.venue = o.venue AND t.account = o.account AND t.trade = o.trade "
              "WHERE o.venue = ?1 AND o.account = ?2 AND o.question_until IS NOT NULL "
              "AND o.question_until > ?3 AND (t.settled = 1 OR t.trade IS NULL) "
              "ORDER BY o.claimed_at, o.stamp, o.client_id",
          std::move(arguments)};
}

Statement ask_alarms(const AccountKey& account) {
  return {
      "SELECT kind, subject, freezes, breaks, detail, symbol, order_id, raised_at, "
      "next_reminder, told FROM alarms "
      "WHERE venue = ?1 AND account = ?2 AND cleared_at IS NULL ORDER BY kind, subject",
      of(account)};
}

Statement ask_flattened(const AccountKey& account, Instant now) {
  const auto day = std::chrono::floor<std::chrono::days>(now);
  std::vector<SqlValue> arguments = of(account);
  arguments.push_back(sql(Instant{day}));
  arguments.push_back(sql(Instant{day + std::chrono::days{1}}));
  arguments.push_back(sql(now));
  // Claims and the reset are of this side's clock. A reset that lies ahead is of a clock that was wrong.
  return {
      "SELECT count(DISTINCT trade) FROM exchange_orders "
      "WHERE venue = ?1 AND account = ?2 AND leg = 'exit' AND filled <> '0' "
      "AND coalesce(closed_at, sighted_at, stamp) >= ?3 "
      "AND coalesce(closed_at, sighted_at, stamp) < ?4 "
      "AND because IN " +
          among(flattening_words()) +
          " "
          "AND claimed_at > coalesce((SELECT a.breaker_reset_at FROM accounts a "
          "WHERE a.venue = ?1 AND a.account = ?2 AND a.breaker_reset_at <= ?5), 0)",
      std::move(arguments)};
}

Statement ask_entered(const AccountKey& account, Instant now) {
  const auto day = std::chrono::floor<std::chrono::days>(now);
  std::vector<SqlValue> arguments = of(account);
  arguments.push_back(sql(Instant{day}));
  arguments.push_back(sql(Instant{day + std::chrono::days{1}}));
  // As a claim counts them: proven absent ones may have left.
  return {
      "SELECT (SELECT count(*) FROM exchange_orders WHERE venue = ?1 AND account = ?2 "
      "AND cools_from IS NOT NULL AND side = 'BUY' AND stamp >= ?3 AND stamp < ?4) + "
      "(SELECT count(*) FROM exchange_orders WHERE venue = ?1 AND account = ?2 "
      "AND leg = 'entry' AND state = 'lapsed' AND side = 'BUY' "
      "AND NOT (acknowledged = 0 AND ending = 'unsent') AND stamp >= ?3 AND stamp < ?4)",
      std::move(arguments)};
}

Statement ask_waiting(const AccountKey& account) {
  return {
      "SELECT sequence FROM notices WHERE venue = ?1 AND account = ?2 AND state = 'waiting' "
      "LIMIT 1",
      of(account)};
}

Alarm unreadable_row(std::string row, const std::string& complaint, Instant now) {
  Alarm alarm{};
  alarm.kind = NoticeType::impossible;
  alarm.subject = "row/" + std::move(row);
  alarm.breaks = true;
  alarm.detail = complaint;
  alarm.raised_at = now;
  return alarm;
}

// What cannot be read is as if nobody had written it, except that then nothing is entered.
void read_account(const SqlRows& rows, OpenBook& book, Instant now) {
  AccountState& state = book.account;
  if (rows.rows.empty()) return;  // nobody has used this account yet
  RowReader row{rows.rows[0], "accounts"};
  row >> state.cycle >> state.fence >> state.halted >> state.breaker >> state.last_started_at >>
      state.last_completed_at >> state.last_stuck_told_at >> state.previous_run_ended >> state.known_epoch >>
      state.entries_after >> state.venue_account_id >> state.breaker_reset_at >> state.quiet_until >>
      state.quiet_status >> state.notify_quiet_until >> state.last_run_ended;
  if (row.readable()) return;
  if (!state.halted) state.halted = row.complaint();
  book.unreadable.push_back(unreadable_row("accounts", row.complaint(), now));
}

// A kind that this version does not know stays the word it is; the alarm stands, freezes and is
// reminded of like any other.
void read_alarms(const SqlRows& rows, OpenBook& book, Instant now) {
  for (const SqlRow& cells : rows.rows) {
    Alarm alarm{};
    std::string kind;
    RowReader row{cells, "alarms"};
    row >> kind >> alarm.subject >> alarm.freezes >> alarm.breaks >> alarm.detail >> alarm.symbol >> alarm.order_id >>
        alarm.raised_at >> alarm.next_reminder >> alarm.told;
    const auto known = parse_notice_type(kind);
    alarm.kind = known.value_or(NoticeType::unknown);
    if (!known) alarm.unknown_kind = kind;
    if (row.readable()) {
      book.alarms.push_back(std::move(alarm));
      continue;
    }
    Alarm unreadable = unreadable_row("alarms/" + kind + "/" + alarm.subject, row.complaint(), now);
    unreadable.freezes = alarm.freezes;
    unreadable.symbol = alarm.symbol;
    unreadable.order_id = alarm.order_id;
    book.unreadable.push_back(std::move(unreadable));
  }
}

Alarm unreadable_order(const SqlRow& row, const std::string& complaint, Instant now) {
  const RowName name = name_of_order(row);
  Alarm alarm = unreadable_row(name.client_id, complaint, now);
  alarm.freezes = name.base;
  alarm.symbol = name.symbol;
  alarm.order_id = name.trade;
  return alarm;
}

Alarm unreadable_trade(const RowName& name, const std::string& complaint, Instant now) {
  Alarm alarm = unreadable_row("trades/" + name.trade, complaint, now);
  alarm.freezes = name.base;
  alarm.symbol = name.symbol;
  alarm.order_id = name.trade;
  return alarm;
}

std::string without_trade(const ClientOrderId& trade) { return "its trade " + trade + " has no row in trades"; }

void gather_trades(const SqlRows& trades, const SqlRows& orders, OpenBook& book, Instant now) {
  std::map<ClientOrderId, Trade> gathered;
  std::set<std::string> left_out;
  for (const SqlRow& row : trades.rows) {
    auto record = read_trade(row);
    if (record) {
      const ClientOrderId id = record->id;
      gathered.emplace(id, Trade{std::move(*record), {}, {}});
      continue;
    }
    const RowName name = name_of_trade(row);
    left_out.insert(name.trade);
    book.unreadable.push_back(unreadable_trade(name, record.error().what, now));
  }
  for (const SqlRow& row : orders.rows) {
    auto order = read_order(row);
    if (!order) {
      left_out.insert(name_of_order(row).trade);
      book.unreadable.push_back(unreadable_order(row, order.error().what, now));
      continue;
    }
    const auto trade = gathered.find(order->trade);
    if (trade == gathered.end()) {
      if (left_out.insert(order->trade).second)
        book.unreadable.push_back(unreadable_order(row, without_trade(order->trade), now));
      continue;
    }
    (order->leg == Leg::entry ? trade->second.entries : trade->second.legs).push_back(std::move(*order));
  }
  for (auto& [id, trade] : gathered) {
    if (left_out.contains(id)) continue;
    // Its orders come with its entry first, so that one which does not stand there was removed.
    if (trade.entries.empty() || trade.entry().client_id != id)
      book.unreadable.push_back(unreadable_trade({"", id, trade.symbol().base(), trade.symbol().text()},
                                                 "the trade " + id + " has no entry in exchange_orders", now));
    else
      book.trades.push_back(std::move(trade));
  }
  std::sort(book.trades.begin(), book.trades.end(), [](const Trade& a, const Trade& b) {
    const auto opened = [](const Trade& trade) {
      return std::tie(trade.entry().claimed_at, trade.entry().stamp, trade.id());
    };
    return opened(a) < opened(b);
  });
}

void gather_questions(const SqlRows& rows, OpenBook& book, Instant now) {
  for (const SqlRow& row : rows.rows) {
    auto order = read_order(row);
    auto trade = read_trade(row, order_width());
    const bool has_trade = row.size() > order_width() && !std::holds_alternative<std::monostate>(row[order_width()]);
    if (!has_trade)
      book.unreadable.push_back(unreadable_order(row, without_trade(name_of_order(row).trade), now));
    else if (!order || !trade)
      book.unreadable.push_back(unreadable_order(row, (order ? trade.error() : order.error()).what, now));
    else if (is_open_question(*order, now))
      book.questions.push_back({std::move(*order), std::move(*trade)});
  }
}

// ---- Writing -----------------------------------------------------------------------------------

// As the caller says that they stand: claims not there, the others at the version they were read
// at.
Versions as_given(std::span<const Change> items) {
  Versions versions;
  for (const Change& item : items) {
    for (const Order& order : item.advance)
      if (order.version > 0) versions.orders.try_emplace(order.client_id, order.version);  // 0: not there
    for (const TradeRecord& trade : item.trades)
      if (trade.version > 0) versions.trades.try_emplace(trade.id, trade.version);
  }
  for (const Change& item : items) {
    for (const Order& order : item.append) versions.orders.erase(order.client_id);
    for (const TradeRecord& trade : item.trades)
      if (trade.version == 0) versions.trades.erase(trade.id);
  }
  return versions;
}

// Items see what earlier ones have written.
VersionOf version_in(const VersionsOfOne& rows) {
  return [&rows](const ClientOrderId& id) {
    const auto row = rows.find(id);
    return row == rows.end() ? std::nullopt : std::optional{row->second};
  };
}

Written judge_change(const Change& item, const Versions& standing) {
  return judge_change(item, version_in(standing.orders), version_in(standing.trades));
}

// What a batch wants with one table. A row that is written twice goes straight to where the last one wants it.
template <class Row>
class Writes {
 public:
  void take(const ClientOrderId& id, const Row& row, std::int64_t expected, VersionsOfOne& standing) {
    const auto [write, first] = writes_.try_emplace(id, Write<Row>{row, expected});
    if (!first) write->second.row = row;
    write->second.row.version = row.version + 1;
    standing[id] = row.version + 1;
  }
  std::vector<Write<Row>> all() && {
    std::vector<Write<Row>> rows;
    rows.reserve(writes_.size());
    for (auto& [id, write] : writes_) rows.push_back(std::move(write));
    return rows;
  }

 private:
  std::map<ClientOrderId, Write<Row>> writes_;
};

Batch plan_batch(const AccountKey& account, std::span<const Change> items, Versions standing) {
  Batch batch;
  batch.written.reserve(items.size());
  Writes<Order> order_writes;
  Writes<TradeRecord> trade_writes;
  std::vector<const Notice*> notices;
  Statements edges;
  std::vector<ExitWord> words;
  for (const Change& item : items) {
    batch.written.push_back(judge_change(item, standing));
    if (batch.written.back() != Written::yes) continue;
    for (const Order& order : item.append) order_writes.take(order.client_id, order, 0, standing.orders);
    for (const Order& order : item.advance) order_writes.take(order.client_id, order, order.version, standing.orders);
    for (const TradeRecord& trade : item.trades) trade_writes.take(trade.id, trade, trade.version, standing.trades);
    for (const Notice& notice : item.notices) notices.push_back(&notice);
    for (const AlarmEdge& edge : item.alarms) edges.push_back(write_edge(account, edge));
    words.insert(words.end(), item.words.begin(), item.words.end());
  }
  std::vector<OrderWrite> orders = std::move(order_writes).all();
  Statements keys = free_or_bind_keys(account, orders);
  batch.statements = write_orders(account, std::move(orders));
  append(batch.statements, write_trades(account, std::move(trade_writes).all()));
  append(batch.statements, std::move(keys));
  append(batch.statements, write_notices(account, notices));
  append(batch.statements, std::move(edges));
  append(batch.statements, write_exit_words(account, words));
  return batch;
}

// Each answer says of which table it is, and begins with the id.
void ask_versions_of(const AccountKey& account, const std::string& table, const std::string& key,
                     const std::set<ClientOrderId>& ids, Statements& statements) {
  std::vector<SqlRow> rows;
  rows.reserve(ids.size());
  for (const auto& id : ids) rows.push_back({sql(id)});
  for (auto& piece : pieces(std::move(rows), 1)) {
    Draft draft{"WITH ", of(account)};
    draft.table("v", {{"id", "TEXT"}}, std::move(piece))
        << " SELECT v.id, (SELECT o.version FROM " << table << " o WHERE o." << key
        << " = v.id AND o.venue = ?1 AND o.account = ?2), '" << table << "' FROM v";
    statements.push_back(std::move(draft).done());
  }
}

Statements ask_versions(const AccountKey& account, std::span<const Change> items) {
  std::set<ClientOrderId> orders;
  std::set<ClientOrderId> trades;
  for (const Change& item : items) {
    for (const auto* rows : {&item.append, &item.advance})
      for (const Order& order : *rows) orders.insert(order.client_id);
    for (const TradeRecord& trade : item.trades) trades.insert(trade.id);
  }
  Statements statements;
  ask_versions_of(account, "exchange_orders", "client_id", orders, statements);
  ask_versions_of(account, "trades", "trade", trades, statements);
  return statements;
}

// A version that is no number is nobody's: whoever wants to write that row finds it moved on.
Versions read_versions(std::span<const SqlRows> results) {
  constexpr std::int64_t of_nobody = -1;
  Versions versions;
  for (const SqlRows& rows : results)
    for (const SqlRow& cells : rows.rows) {
      ClientOrderId id;
      std::optional<std::int64_t> version;
      RowReader row{cells, "versions"};
      row >> id >> version;
      if (!row.readable()) version = of_nobody;
      std::string table;
      if (!read(cells.back(), table) || !version) continue;
      (table == "trades" ? versions.trades : versions.orders).emplace(std::move(id), *version);
    }
  return versions;
}

// Numbered in order of writing: the account's row is locked, and each transaction has touched it
// once.
Statements write_notices(const AccountKey& account, const std::vector<const Notice*>& notices) {
  std::vector<SqlRow> rows;
  rows.reserve(notices.size());
  for (const Notice* notice : notices)
    rows.push_back({static_cast<std::int64_t>(rows.size()), sql(notice->event_id), sql(notice->type),
                    sql(notice->severity), sql(notice->trade), sql(notice->symbol), sql(notice->order_id),
                    sql(notice->side), sql(stored_facts(*notice)), sql(notice->created_at)});
  static const std::vector<Column> columns{
      {"n", "BIGINT"},    {"event_id", "TEXT"}, {"type", "TEXT"}, {"severity", "TEXT"}, {"trade", "TEXT"},
      {"symbol", "TEXT"}, {"order_id", "TEXT"}, {"side", "TEXT"}, {"facts", "TEXT"},    {"created_at", "BIGINT"}};
  Statements statements;
  for (auto& piece : pieces(std::move(rows), columns.size())) {
    Draft draft{"WITH ", of(account)};
    draft.table("v", columns, std::move(piece))
        << " INSERT INTO notices (venue, account, sequence, event_id, type, severity, trade, "
           "symbol, order_id, side, facts, created_at, attempts, state, error) "
           "SELECT ?1, ?2, a.touched * 1000000 + v.n, v.event_id, v.type, v.severity, v.trade, "
           "v.symbol, v.order_id, v.side, v.facts, v.created_at, 0, 'waiting', '' "
           "FROM v JOIN accounts a ON a.venue = ?1 AND a.account = ?2 "
           "WHERE true ON CONFLICT (event_id, venue, account) DO NOTHING";
    statements.push_back(std::move(draft).done());
  }
  return statements;
}

Statement write_edge(const AccountKey& account, const AlarmEdge& edge) {
  const Alarm& alarm = edge.alarm;
  std::vector<SqlValue> arguments = of(account);
  arguments.push_back(sql(kind_of(alarm)));
  arguments.push_back(sql(alarm.subject));
  const std::string this_alarm =
      "WHERE venue = ?1 AND account = ?2 AND kind = ?3 AND subject = ?4 AND cleared_at IS NULL";
  switch (edge.what) {
    case AlarmEdge::What::raise: {
      for (auto value : {sql(alarm.freezes), sql(alarm.breaks), sql(alarm.detail), sql(alarm.symbol),
                         sql(alarm.order_id), sql(alarm.raised_at), sql(alarm.next_reminder), sql(alarm.told)})
        arguments.push_back(std::move(value));
      // Of one that stands already what it says is renewed; when it began and was told is not.
      return {
          "INSERT INTO alarms (venue, account, kind, subject, freezes, breaks, detail, symbol, "
          "order_id, raised_at, next_reminder, told) "
          "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) "
          "ON CONFLICT (subject, kind, venue, account) DO UPDATE SET "
          "freezes = excluded.freezes, breaks = excluded.breaks, detail = excluded.detail, "
          "symbol = excluded.symbol, order_id = excluded.order_id, "
          "raised_at = CASE WHEN alarms.cleared_at IS NULL THEN alarms.raised_at "
          "ELSE excluded.raised_at END, "
          "next_reminder = CASE WHEN alarms.cleared_at IS NULL THEN alarms.next_reminder "
          "ELSE excluded.next_reminder END, "
          "told = CASE WHEN alarms.cleared_at IS NULL THEN alarms.told ELSE excluded.told END, "
          "cleared_at = NULL",
          std::move(arguments)};
    }
    case AlarmEdge::What::remind:
      arguments.push_back(sql(alarm.next_reminder));
      arguments.push_back(sql(alarm.told));
      return {"UPDATE alarms SET next_reminder = ?5, told = ?6 " + this_alarm, std::move(arguments)};
    case AlarmEdge::What::clear:
      arguments.push_back(sql(alarm.cleared_at.value_or(alarm.raised_at)));
      return {"UPDATE alarms SET cleared_at = ?5 " + this_alarm, std::move(arguments)};
  }
  return {};
}

// ---- The rest ----------------------------------------------------------------------------------

std::optional<Duplicate> known_exit(const Signal& signal, const std::map<SignalKey, ClaimedKey>& known) {
  const auto row = known.find(claim_key(signal));
  if (row == known.end()) return std::nullopt;
  return Duplicate{row->second.order, row->second.existing_order_id, row->second.claimed_at,
                   row->second.digest != signal_digest(signal), row->second.decided};
}

Statement write_deliveries(const AccountKey& account, std::vector<SqlRow> rows) {
  Draft draft{"WITH ", of(account)};
  draft.table(
      "v", {{"event_id", "TEXT"}, {"state", "TEXT"}, {"next_try", "BIGINT"}, {"ended_at", "BIGINT"}, {"error", "TEXT"}},
      std::move(rows))
      << " UPDATE notices SET state = v.state, next_try = v.next_try, ended_at = v.ended_at, "
         "error = v.error, attempts = attempts + 1 FROM v "
         "WHERE notices.venue = ?1 AND notices.account = ?2 AND notices.event_id = v.event_id "
         "AND notices.state = 'waiting'";
  return std::move(draft).done();
}

// Whether an attempt may have arrived stands behind the error it came with.
constexpr std::string_view arrival_mark = " [may have arrived]";

std::string stored_error(const DeliveryRecord& record) {
  return record.error + std::string{record.may_have_arrived ? arrival_mark : ""};
}

// Whatever cannot be read of it: a notice that is told as it is harms nobody, and one that is not
// silences its account.
Notice read_notice(const SqlRow& cells) {
  Notice notice{};
  std::string type;
  std::string facts;
  std::string error;
  notice.severity = Severity::critical;
  RowReader row{cells, "notices"};
  row >> notice.event_id >> type >> notice.severity >> notice.trade >> notice.symbol >> notice.order_id >>
      notice.side >> facts >> notice.created_at >> notice.sequence >> notice.attempts >> notice.next_try >> error;
  notice.may_have_arrived = error.ends_with(arrival_mark);
  const auto known = parse_notice_type(type);
  notice.type = known.value_or(NoticeType::unknown);
  if (!known) notice.unknown_type = type.empty() ? "UNKNOWN" : type;
  notice.facts = parse_facts(facts);
  if (!row.readable()) notice.facts.emplace_back("unreadable", row.complaint());
  return notice;
}

// Each kind is found through an index of what is old enough, in the order of its age, so that a run which
// finds nothing has read next to nothing. Orders that stay for something younger of their trade are looked at
// again by every run; they are few.
std::vector<Removal> removals_of(const AccountKey& account, Instant before, Instant now, std::size_t at_most) {
  const auto removal = [&](const std::string& table, const std::string& names, const std::string& chosen,
                           const std::string& condition, const std::string& age, std::vector<SqlValue> more) {
    std::vector<SqlValue> arguments = of(account);
    arguments.push_back(sql(before));
    std::move(more.begin(), more.end(), std::back_inserter(arguments));
    const auto choose = [&](std::size_t some) {
      return "SELECT " + chosen + " FROM " + table + " o WHERE o.venue = ?1 AND o.account = ?2 AND " + condition +
             " ORDER BY " + age + " LIMIT " + std::to_string(some);
    };
    Statement is_there{choose(1), arguments};
    return Removal{
        std::move(is_there),
        {"DELETE FROM " + table + " WHERE venue = ?1 AND account = ?2 AND " + names + " IN (" + choose(at_most) + ")",
         std::move(arguments)}};
  };
  return {
      removal("exchange_orders", "client_id", "o.client_id",
              // The conditions of exchange_orders_spent, word by word. What follows is asked row by row: as
              // EXISTS it is joined with the whole account.
              "(o.leg <> 'entry' OR o.twin = 1) AND o.filled = '0' AND o.claimed_at < ?4 "
              "AND (SELECT t.settled FROM trades t WHERE t.trade = o.trade "
              "AND t.venue = ?1 AND t.account = ?2) = 1 "
              "AND (SELECT count(*) FROM exchange_orders s WHERE s.trade = o.trade AND s.venue = ?1 "
              "AND s.account = ?2 AND (s.claimed_at >= ?4 OR coalesce(s.sighted_at, 0) >= ?3 "
              "OR coalesce(s.closed_at, 0) >= ?3 OR coalesce(s.question_until, 0) > ?5)) = 0",
              "o.claimed_at", {sql(std::min(before, now - 24h)), sql(now)}),
      removal("notices", "event_id", "o.event_id", "o.state <> 'waiting' AND o.created_at < ?3", "o.created_at", {}),
      removal("decisions", "(signal_key, guard, verdict)", "o.signal_key, o.guard, o.verdict", "o.last_at < ?3",
              "o.last_at", {}),
      removal("alarms", "(subject, kind)", "o.subject, o.kind", "o.cleared_at IS NOT NULL AND o.cleared_at < ?3",
              "o.cleared_at", {}),
  };
}

Result<void> update_account(SqlSession& session, const Pen& pen, std::string assignments, std::vector<SqlValue> values,
                            const char* doing) {
  std::vector<SqlValue> arguments = of(pen.account);
  std::move(values.begin(), values.end(), std::back_inserter(arguments));
  auto done = write_together(
      session, pen,
      {{"UPDATE accounts SET " + std::move(assignments) + " WHERE venue = ?1 AND account = ?2", std::move(arguments)}});
  if (!done) return relayed(done, doing);
  return {};
}

}  // namespace
}  // namespace tradeguard
