#include "tradeguard/paper_sql_book.hpp"

#include <algorithm>
#include <array>

#include "tradeguard/sql_cells.hpp"
#include "tradeguard/sql_schema.hpp"

namespace tradeguard {

// ---- Cells -----------------------------------------------------------------------------------

static std::optional<VenueStatus> parse_status(std::string_view word) {
  for (const auto status :
       {VenueStatus::open, VenueStatus::filled, VenueStatus::cancelled, VenueStatus::expired, VenueStatus::rejected}) {
    if (text(status) == word) return status;
  }
  return std::nullopt;
}
static bool read(const SqlValue& cell, VenueStatus& value) { return read_word(cell, value, &parse_status); }
static bool read(const SqlValue& cell, FeeIn& value) { return read_word(cell, value, &parse_fee_in); }
static bool read(const SqlValue& cell, Fate& value) { return read_word(cell, value, &parse_fate); }

namespace {

constexpr std::string_view book_version = "1";
constexpr std::array tables{"paper_meta",     "paper_accounts", "paper_orders",
                            "paper_balances", "paper_markets",  "paper_fills"};

constexpr std::string_view order_columns =
    "number, list, fired_number, client_id, symbol, side, type, quantity, price, trigger_price, "
    "market_price, fee_in, status, fired, filled, filled_value, fee_base, fee_quote, given_up, "
    "fate, "
    "parts, next_part_at, pending_until, created_at, changed_at, reason";
constexpr std::string_view fill_columns = "number, symbol, side, price, quantity, value, fee_base, fee_quote, dealt_at";

const Symbol& no_symbol() {
  static const auto symbol = Symbol::parse("NO_SYMBOL");
  return *symbol;
}

std::vector<SqlValue> cells_of(const PaperOrder& order) {
  return {sql(order.number),        sql(order.list),         sql(order.fired_number),  sql(order.client_id),
          sql(order.symbol.text()), sql(text(order.side)),   sql(text(order.type)),    sql(order.quantity),
          sql(order.price),         sql(order.trigger),      sql(order.market_price),  sql(text(order.fee_in)),
          sql(text(order.status)),  sql(order.fired),        sql(order.filled),        sql(order.filled_value),
          sql(order.fee_base),      sql(order.fee_quote),    sql(order.given_up),      sql(text(order.fate)),
          sql(order.parts),         sql(order.next_part_at), sql(order.pending_until), sql(order.created_at),
          sql(order.changed_at),    sql(order.reason)};
}

Result<PaperOrder> order_in(const SqlRow& cells) {
  RowReader row{cells, "paper_orders"};
  PaperOrder order{.symbol = no_symbol()};
  row >> order.number >> order.list >> order.fired_number >> order.client_id >> order.symbol >> order.side >>
      order.type >> order.quantity >> order.price >> order.trigger >> order.market_price >> order.fee_in >>
      order.status >> order.fired >> order.filled >> order.filled_value >> order.fee_base >> order.fee_quote >>
      order.given_up >> order.fate >> order.parts >> order.next_part_at >> order.pending_until >> order.created_at >>
      order.changed_at >> order.reason;
  if (!row.readable()) return unreadable(row.complaint());
  return order;
}

std::vector<SqlValue> cells_of(const PaperFill& fill) {
  return {sql(fill.number), sql(fill.symbol.text()), sql(text(fill.side)), sql(fill.price), sql(fill.quantity),
          sql(fill.value),  sql(fill.fee_base),      sql(fill.fee_quote),  sql(fill.at)};
}

Result<PaperFill> fill_in(const SqlRow& cells) {
  RowReader row{cells, "paper_fills"};
  PaperFill fill{.symbol = no_symbol()};
  row >> fill.number >> fill.symbol >> fill.side >> fill.price >> fill.quantity >> fill.value >> fill.fee_base >>
      fill.fee_quote >> fill.at;
  if (!row.readable()) return unreadable(row.complaint());
  return fill;
}

// ---- Statements ------------------------------------------------------------------------------

Statement list_tables(SqlDialect dialect) {
  switch (dialect) {
    case SqlDialect::sqlite:
      return {"SELECT name FROM sqlite_master WHERE type IN ('table', 'view')", {}};
    case SqlDialect::postgres:
      return {
          "SELECT CAST(c.relname AS text) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
          "ON n.oid = c.relnamespace WHERE n.nspname = 'tradeguard' "
          "AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
          {}};
  }
  return {};
}

std::vector<Statement> creation(SqlDialect dialect) {
  const bool postgres = dialect == SqlDialect::postgres;
  std::vector<Statement> statements;
  const auto add = [&](std::string sql) { statements.push_back({std::move(sql), {}}); };
  add("BEGIN");
  // Two at once: the second waits here, as SQLite's BEGIN does, and then fails on the first's
  // tables.
  if (postgres) add("SELECT pg_advisory_xact_lock(hashtextextended('tradeguard init', 0))");
  if (postgres)
    for (Statement& statement : make_or_take_schema()) statements.push_back(std::move(statement));
  for (const std::string& definition : paper_definitions()) add(in_our_schema(definition, dialect));
  add("INSERT INTO paper_meta (key, value) VALUES ('book_version', '" + std::string{book_version} + "')");
  add("COMMIT");
  return statements;
}

std::vector<SqlValue> key_of(const AccountKey& account) { return {account.venue, account.account}; }

// "(?3, ?4, ?5)" for arguments that are appended.
std::string list_of(std::vector<SqlValue>& arguments, std::vector<SqlValue> more) {
  std::string list = "(";
  for (auto& value : more) {
    arguments.push_back(std::move(value));
    if (list.size() > 1) list += ", ";
    list += "?" + std::to_string(arguments.size());
  }
  return list + ")";
}

Statement select_orders(const AccountKey& account, const std::string& condition, std::vector<SqlValue> arguments) {
  auto all = key_of(account);
  all.insert(all.end(), std::make_move_iterator(arguments.begin()), std::make_move_iterator(arguments.end()));
  return {
      "SELECT " + std::string{order_columns} + " FROM paper_orders WHERE venue = ?1 AND account = ?2 AND " + condition,
      std::move(all)};
}

// Above the argument. The upper end says nothing but that few rows are meant: of a range without
// one a planner that has no statistics yet expects a third of the table, and walks through all of
// it.
std::string after(const std::string& column, const std::string& argument) {
  return column + " > " + argument + " AND " + column + " < 9223372036854775807";
}

// One statement for many rows: (venue, account, <cells>, changed), new or in place of the old ones.
class Rows {
 public:
  Rows(const AccountKey& account, std::int64_t version, std::string head, std::string tail)
      : account_{account}, version_{version}, head_{std::move(head)}, tail_{std::move(tail)} {}

  void add(std::vector<SqlValue> cells) {
    auto row = key_of(account_);
    row.insert(row.end(), std::make_move_iterator(cells.begin()), std::make_move_iterator(cells.end()));
    row.emplace_back(version_);
    // Far below the 32,766 arguments SQLite takes in one statement.
    if (arguments_.size() > 10'000) flush();
    values_ += (values_.empty() ? "" : ", ") + list_of(arguments_, std::move(row));
  }
  std::vector<Statement> statements() {
    flush();
    return std::move(done_);
  }

 private:
  void flush() {
    if (values_.empty()) return;
    done_.push_back({head_ + " VALUES " + values_ + tail_, std::move(arguments_)});
    values_.clear();
    arguments_.clear();
  }
  const AccountKey& account_;
  std::int64_t version_;
  std::string head_;
  std::string tail_;
  std::string values_;
  std::vector<SqlValue> arguments_;
  std::vector<Statement> done_;
};

// " ON CONFLICT (key) DO UPDATE SET a = excluded.a, ...".
std::string replacing(std::string_view key, std::string_view columns) {
  std::string sql = " ON CONFLICT (venue, account, " + std::string{key} + ") DO UPDATE SET ";
  std::string_view rest = columns;
  bool first = true;
  while (!rest.empty()) {
    const auto comma = rest.find(", ");
    const auto column = rest.substr(0, comma);
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 2);
    if (column == key) continue;
    if (!first) sql += ", ";
    sql.append(column).append(" = excluded.").append(column);
    first = false;
  }
  return sql;
}

Rows rows_for(const AccountKey& account, std::int64_t version, const std::string& table, std::string_view key,
              std::string_view columns) {
  const std::string all = std::string{columns} + ", changed";
  return {account, version, "INSERT INTO " + table + " (venue, account, " + all + ")",
          key.empty() ? "" : replacing(key, all)};
}

Result<void> check_tables(SqlSession& session, bool& missing) {
  missing = false;
  auto listed = session.run(std::array{list_tables(session.dialect())});
  if (!listed) return relayed(listed);
  std::vector<std::string> present;
  for (const auto& row : listed->front().rows) present.push_back(RowReader{row, "tables"}.take<std::string>());
  const auto has = [&](const char* table) { return std::find(present.begin(), present.end(), table) != present.end(); };
  if (!has(tables.front())) {
    for (const auto* table : tables) {
      if (has(table)) {
        return failed(Fault::configuration, std::string{"there is a table "} + table +
                                                " already that tradeguard did not make; give it a "
                                                "database of its own");
      }
    }
    missing = true;
    return {};
  }
  auto read = session.run(std::array{Statement{"SELECT value FROM paper_meta WHERE key = 'book_version'", {}}});
  if (!read) return relayed(read);
  const auto& rows = read->front().rows;
  const auto version = rows.empty() ? std::string{} : RowReader{rows.front(), "paper_meta"}.take<std::string>();
  if (version == book_version) return {};
  return failed(Fault::configuration, "the paper book has version " + version + " and this program needs " +
                                          std::string{book_version} +
                                          ": use the program that made it, or another database");
}

}  // namespace

Result<void> init_paper_book(SqlSession& session) {
  bool missing = false;
  if (auto checked = check_tables(session, missing); !checked || !missing) return checked;
  auto created = session.run(creation(session.dialect()));
  if (created) return {};
  // Another init may have been faster.
  if (auto again = check_tables(session, missing); again && !missing) return {};
  return relayed(created, "creating the paper book");
}

Result<void> SqlPaperBook::open(const PaperWanted& wanted) {
  auto begun = begin(wanted);
  if (begun) return {};
  forget();
  return relayed(begun, "opening the paper book");
}

Result<void> SqlPaperBook::connected() {
  if (session_ != nullptr) return {};
  auto session = connect_();
  if (!session) return relayed(session);
  own_session_ = std::move(*session);
  session_ = own_session_.get();
  return {};
}

Result<void> SqlPaperBook::checked() {
  if (checked_) return {};
  bool missing = false;
  if (auto checked = check_tables(*session_, missing); !checked) return checked;
  if (!missing) return {};
  return failed(Fault::configuration, "there is no paper book here yet: run `tradeguard init` to create it");
}

Result<void> SqlPaperBook::begin(const PaperWanted& wanted) {
  if (auto here = connected(); !here) return here;
  if (auto right = checked(); !right) return right;
  std::vector<Statement> statements;
  statements.push_back({"BEGIN", {}});
  if (!checked_) {
    auto row = key_of(account_);
    row.emplace_back(state_.next_number);
    statements.push_back(
        {"INSERT INTO paper_accounts (venue, account, version, next_number) "
         "VALUES (?1, ?2, 0, ?3) ON CONFLICT DO NOTHING",
         std::move(row)});
  }
  // The lock: what the statements after it read nobody else will change. SQLite's BEGIN locks.
  const bool locks = session_->dialect() == SqlDialect::postgres;
  statements.push_back({std::string{"SELECT version, next_number FROM paper_accounts "
                                    "WHERE venue = ?1 AND account = ?2"} +
                            (locks ? " FOR UPDATE" : ""),
                        key_of(account_)});
  const auto first_answer = statements.size() - 1;
  auto since = key_of(account_);
  since.emplace_back(loaded_ ? state_.version : std::int64_t{-1});
  statements.push_back(
      {"SELECT currency, total FROM paper_balances "
       "WHERE venue = ?1 AND account = ?2 AND changed > ?3",
       since});
  statements.push_back(
      {"SELECT symbol, judged_until, last_price FROM paper_markets "
       "WHERE venue = ?1 AND account = ?2 AND changed > ?3",
       since});
  if (loaded_) {
    statements.push_back(select_orders(account_, after("changed", "?3"), {state_.version}));
  } else {
    statements.push_back(select_orders(account_, "status = 'open'", {}));
  }
  for (auto& question : closed_orders(wanted)) statements.push_back(std::move(question));

  auto answers = session_->run(statements);
  if (!answers) return relayed(answers);
  answers->erase(answers->begin(), answers->begin() + static_cast<std::ptrdiff_t>(first_answer));
  if (auto taken = read(*answers); !taken) {
    abandon();
    return taken;
  }
  checked_ = loaded_ = true;
  return {};
}

// What the visit will look at beside the open orders, less what is in state_ already.
std::vector<Statement> SqlPaperBook::closed_orders(const PaperWanted& wanted) {
  std::vector<SqlValue> ids;
  for (const auto& id : wanted.client_ids) {
    if (looked_for_.insert(id).second) ids.emplace_back(id);
  }
  std::vector<SqlValue> numbers;
  for (const auto number : wanted.numbers) {
    if (state_.orders.count(number) == 0) numbers.emplace_back(number);
  }
  std::vector<Statement> questions;
  for (auto& [column, values] : {std::pair{"client_id", &ids}, std::pair{"number", &numbers}}) {
    if (values->empty()) continue;
    auto arguments = key_of(account_);
    const auto list = list_of(arguments, std::move(*values));
    questions.push_back(
        select_orders(account_, std::string{column} + " IN " + list, {arguments.begin() + 2, arguments.end()}));
  }
  if (wanted.created_since) {
    questions.push_back(select_orders(account_, after("created_at", "?3"), {to_micros(*wanted.created_since) - 1}));
  }
  return questions;
}

// Account, balances, markets, and any number of answers with orders.
Result<void> SqlPaperBook::read(const std::vector<SqlRows>& answers) {
  const auto& accounts = answers[0].rows;
  if (accounts.empty()) return unreadable("paper_accounts: the account's row is gone");
  RowReader account{accounts.front(), "paper_accounts"};
  account >> state_.version >> state_.next_number;
  if (!account.readable()) return unreadable(account.complaint());
  for (const auto& cells : answers[1].rows) {
    RowReader row{cells, "paper_balances"};
    const auto currency = row.take<std::string>();
    row >> state_.balances[currency];
    if (!row.readable()) return unreadable(row.complaint());
  }
  for (const auto& cells : answers[2].rows) {
    RowReader row{cells, "paper_markets"};
    Symbol symbol = no_symbol();
    Instant judged_until;
    std::optional<Price> last;
    row >> symbol >> judged_until >> last;
    if (!row.readable()) return unreadable(row.complaint());
    state_.markets[symbol] = {last, judged_until};
  }
  for (std::size_t i = 3; i < answers.size(); ++i) {
    for (const auto& cells : answers[i].rows) {
      auto order = order_in(cells);
      if (!order) return relayed(order);
      state_.put(std::move(*order));
    }
  }
  return {};
}

Result<void> SqlPaperBook::close(const PaperChanges& changes) {
  std::vector<Statement> statements;
  if (changes.any()) {
    const auto version = ++state_.version;
    auto row = key_of(account_);
    row.emplace_back(version);
    row.emplace_back(state_.next_number);
    statements.push_back(
        {"UPDATE paper_accounts SET version = ?3, next_number = ?4 "
         "WHERE venue = ?1 AND account = ?2",
         std::move(row)});
    auto orders = rows_for(account_, version, "paper_orders", "number", order_columns);
    for (const auto number : changes.orders) orders.add(cells_of(state_.orders.at(number)));
    auto balances = rows_for(account_, version, "paper_balances", "currency", "currency, total");
    for (const auto& currency : changes.balances) {
      balances.add({sql(currency), sql(state_.balances.at(currency))});
    }
    auto markets = rows_for(account_, version, "paper_markets", "symbol", "symbol, last_price, judged_until");
    for (const auto& symbol : changes.markets) {
      const auto& market = state_.markets.at(symbol);
      markets.add({sql(symbol.text()), sql(market.last), sql(market.judged_until)});
    }
    auto fills = rows_for(account_, version, "paper_fills", "", "place, " + std::string{fill_columns});
    std::int64_t place = 0;
    for (const auto& fill : changes.fills) {
      auto cells = cells_of(fill);
      cells.insert(cells.begin(), place++);
      fills.add(std::move(cells));
    }
    for (auto* rows : {&orders, &balances, &markets, &fills}) {
      for (auto& statement : rows->statements()) statements.push_back(std::move(statement));
    }
  }
  statements.push_back({"COMMIT", {}});
  auto written = session_->run(statements);
  if (written) return {};
  forget();
  return relayed(written, "writing the paper book");
}

void SqlPaperBook::abandon() noexcept {
  const std::array rollback{Statement{"ROLLBACK", {}}};
  // If it fails the session is gone, and its transaction with it.
  if (session_ != nullptr) static_cast<void>(session_->run(rollback));
  forget();
}

void SqlPaperBook::forget() {
  state_ = {};
  checked_ = loaded_ = false;
  looked_for_.clear();
  if (!connect_) return;
  session_ = nullptr;
  own_session_.reset();
}

Result<std::vector<PaperFill>> SqlPaperBook::fills(Instant since) {
  if (auto here = connected(); !here) return relayed(here);
  auto arguments = key_of(account_);
  arguments.emplace_back(to_micros(since));
  auto answer =
      session_->run(std::array{Statement{"SELECT " + std::string{fill_columns} +
                                             " FROM paper_fills WHERE venue = ?1 AND account = ?2 AND dealt_at >= ?3 "
                                             "ORDER BY changed, place",
                                         std::move(arguments)}});
  if (!answer) {
    return relayed(answer, "reading the paper book's fills");
  }
  std::vector<PaperFill> fills;
  for (const auto& cells : answer->front().rows) {
    auto fill = fill_in(cells);
    if (!fill) return relayed(fill);
    fills.push_back(std::move(*fill));
  }
  return fills;
}

}  // namespace tradeguard
