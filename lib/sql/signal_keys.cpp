#include "signal_keys.hpp"

#include <algorithm>
#include <tuple>

#include "cells.hpp"

namespace tradeguard {

namespace {

std::vector<std::vector<SqlRow>> in_pieces(const std::set<std::string>& texts) {
  std::vector<SqlRow> rows;
  rows.reserve(texts.size());
  for (const auto& text : texts) rows.push_back({sql(text)});
  return pieces(std::move(rows), 1);
}

// Cell by cell, each asked for its own key: a planner without statistics joins the keys with the whole
// account instead.
Statement find_piece(const AccountKey& account, std::vector<SqlRow> keys) {
  const auto of_claim = [](std::string_view column) {
    return "(SELECT c." + std::string{column} +
           " FROM signal_claims c WHERE c.signal_key = v.signal_key AND c.venue = ?1 "
           "AND c.account = ?2), ";
  };
  // Of an exit's key the order is the newest sale of the trades it wanted to leave; there is none
  // yet before that sale is claimed.
  const auto of_sale = [](std::string_view column) {
    return "(SELECT o." + std::string{column} +
           " FROM exit_wishes w JOIN exchange_orders o "
           "ON o.venue = w.venue AND o.account = w.account AND o.trade = w.trade "
           "WHERE w.signal_key = v.signal_key AND w.venue = ?1 AND w.account = ?2 "
           "AND o.leg = 'exit' ORDER BY o.claimed_at DESC, o.client_id LIMIT 1), ";
  };
  Draft draft{"WITH ", {sql(account.venue), sql(account.account)}};
  draft.table("v", {{"signal_key", "TEXT"}}, std::move(keys))
      << " SELECT v.signal_key, " << of_claim("digest") << of_claim("claimed_at") << of_claim("released")
      << of_claim("attempts") << of_claim("client_id")
      << "(SELECT e.venue_id FROM signal_claims c JOIN exchange_orders e "
         "ON e.client_id = c.client_id AND e.venue = c.venue AND e.account = c.account "
         "WHERE c.signal_key = v.signal_key AND c.venue = ?1 AND c.account = ?2), "
      << of_sale("client_id") << of_sale("venue_id")
      << "(SELECT c.decided FROM signal_claims c WHERE c.signal_key = v.signal_key "
         "AND c.venue = ?1 AND c.account = ?2) FROM v";
  return std::move(draft).done();
}

Statement free_or_bind_piece(const AccountKey& account, std::vector<SqlRow> keys) {
  Draft draft{
      "UPDATE signal_claims SET released = 1 - released WHERE venue = ?1 AND account = ?2 "
      "AND signal_key IN (",
      {sql(account.venue), sql(account.account)}};
  draft.values({{"signal_key", "TEXT"}}, std::move(keys))
      << ") AND decided = '' AND released = CASE WHEN EXISTS (SELECT 1 FROM exchange_orders o "
         "WHERE o.venue = ?1 AND o.account = ?2 AND o.signal_key = signal_claims.signal_key "
         "AND o.signal_key <> '' AND o.leg = 'entry' AND o.twin = 0 AND NOT (o.state = 'lapsed' "
         "AND o.acknowledged = 0 AND o.ending = "
      << quoted(text(Ending::unsent)) << ")) THEN 1 ELSE 0 END";
  return std::move(draft).done();
}

}  // namespace

std::vector<Statement> find_keys(const AccountKey& account, const std::set<SignalKey>& keys) {
  std::vector<Statement> statements;
  for (auto& piece : in_pieces(keys)) statements.push_back(find_piece(account, std::move(piece)));
  return statements;
}

std::map<SignalKey, ClaimedKey> read_keys(const std::vector<SqlRows>& results, std::size_t first, std::size_t count) {
  std::map<SignalKey, ClaimedKey> keys;
  for (std::size_t i = first; i < first + count; ++i)
    for (const SqlRow& cells : results[i].rows) {
      // Where there is no row there is no time either; of one that is there it is never absent.
      if (cells.size() < 3 || std::holds_alternative<std::monostate>(cells[2])) continue;
      SignalKey key;
      ClaimedKey claimed;
      std::optional<std::string> entry_venue_id;
      std::optional<std::string> exit;
      std::optional<std::string> exit_venue_id;
      RowReader row{cells, "signal_claims"};
      row >> key >> claimed.digest >> claimed.claimed_at >> claimed.released >> claimed.attempts >> claimed.order >>
          entry_venue_id >> exit >> exit_venue_id >> claimed.decided;
      if (!row.readable()) claimed.released = false;
      std::string venue_id = entry_venue_id.value_or("");
      if (claimed.order.empty() && exit) {
        claimed.order = *exit;
        venue_id = exit_venue_id.value_or("");
      }
      claimed.existing_order_id = !venue_id.empty() ? venue_id : !claimed.order.empty() ? claimed.order : "-";
      keys.emplace(std::move(key), std::move(claimed));
    }
  return keys;
}

std::vector<Statement> claim_keys(const AccountKey& account, std::vector<KeyWrite> keys, Instant now) {
  std::sort(keys.begin(), keys.end(), [](const KeyWrite& a, const KeyWrite& b) { return a.key < b.key; });
  std::vector<SqlRow> rows;
  rows.reserve(keys.size());
  for (const KeyWrite& write : keys)
    rows.push_back({sql(account.venue), sql(account.account), sql(write.key), sql(write.digest), sql(write.client_id),
                    sql(now), sql(false), sql(write.attempts), sql(write.decided)});
  static const std::vector<Column> columns{{"venue", "TEXT"},      {"account", "TEXT"},    {"signal_key", "TEXT"},
                                           {"digest", "TEXT"},     {"client_id", "TEXT"},  {"claimed_at", "BIGINT"},
                                           {"released", "BIGINT"}, {"attempts", "BIGINT"}, {"decided", "TEXT"}};
  std::vector<Statement> statements;
  for (auto& piece : pieces(std::move(rows), columns.size())) {
    const auto count = static_cast<std::int64_t>(piece.size());
    Draft draft;
    draft << "INSERT INTO signal_claims (venue, account, signal_key, digest, client_id, claimed_at, "
             "released, attempts, decided) ";
    draft.values(columns, std::move(piece))
        << " ON CONFLICT (signal_key, venue, account) DO UPDATE SET digest = excluded.digest, "
           "client_id = excluded.client_id, claimed_at = excluded.claimed_at, released = 0, "
           "decided = excluded.decided, "
           "attempts = CASE WHEN signal_claims.released = 1 THEN excluded.attempts END";
    statements.push_back(std::move(draft).changing(count));
  }
  return statements;
}

std::vector<Statement> write_exit_words(const AccountKey& account, const std::vector<ExitWord>& words) {
  std::map<std::pair<std::string, std::string>, Instant> newest;
  for (const ExitWord& word : words) {
    auto& said = newest.try_emplace({word.symbol, word.who}, word.said).first->second;
    said = std::max(said, word.said);
  }
  std::vector<SqlRow> rows;
  for (const auto& [subject, said] : newest)
    rows.push_back({sql(account.venue), sql(account.account), sql(subject.first), sql(subject.second), sql(said)});
  static const std::vector<Column> columns{
      {"venue", "TEXT"}, {"account", "TEXT"}, {"symbol", "TEXT"}, {"who", "TEXT"}, {"said", "BIGINT"}};
  std::vector<Statement> statements;
  for (auto& piece : pieces(std::move(rows), columns.size())) {
    const auto count = static_cast<std::int64_t>(piece.size());
    Draft draft;
    draft << "INSERT INTO exit_words (venue, account, symbol, who, said) ";
    draft.values(columns, std::move(piece))
        << " ON CONFLICT (symbol, venue, account, who) DO UPDATE SET said = "
           "CASE WHEN excluded.said > exit_words.said THEN excluded.said ELSE exit_words.said END";
    statements.push_back(std::move(draft).changing(count));
  }
  return statements;
}

std::vector<Statement> free_or_bind_keys(const AccountKey& account, const std::vector<OrderWrite>& writes) {
  std::set<std::string> keys;
  for (const OrderWrite& write : writes)
    if (write.row.leg == Leg::entry && !write.row.twin && !write.row.signal_key.empty())
      keys.insert(write.row.signal_key);
  std::vector<Statement> statements;
  for (auto& piece : in_pieces(keys)) statements.push_back(free_or_bind_piece(account, std::move(piece)));
  return statements;
}

void DecisionBook::add(const SignalKey& key, std::string guard, std::string verdict, std::string detail) {
  Counted& row = rows_[{key, std::move(guard), std::move(verdict)}];
  row.detail = std::move(detail);
  row.count += 1;
}

std::vector<Statement> DecisionBook::statements(const AccountKey& account, Instant now) const {
  std::vector<SqlRow> rows;
  rows.reserve(rows_.size());
  for (const auto& [key, counted] : rows_) {
    const auto& [signal, guard, verdict] = key;
    rows.push_back({sql(account.venue), sql(account.account), sql(signal), sql(guard), sql(verdict),
                    sql(counted.detail), sql(now), sql(now), sql(counted.count)});
  }
  static const std::vector<Column> columns{{"venue", "TEXT"},      {"account", "TEXT"},   {"signal_key", "TEXT"},
                                           {"guard", "TEXT"},      {"verdict", "TEXT"},   {"detail", "TEXT"},
                                           {"first_at", "BIGINT"}, {"last_at", "BIGINT"}, {"count", "BIGINT"}};
  std::vector<Statement> statements;
  for (auto& piece : pieces(std::move(rows), columns.size())) {
    Draft draft;
    draft << "INSERT INTO decisions (venue, account, signal_key, guard, verdict, detail, first_at, "
             "last_at, count) ";
    draft.values(columns, std::move(piece))
        << " ON CONFLICT (signal_key, venue, account, guard, verdict) DO UPDATE SET "
           "detail = excluded.detail, last_at = excluded.last_at, "
           "count = decisions.count + excluded.count";
    statements.push_back(std::move(draft).done());
  }
  return statements;
}

}  // namespace tradeguard
