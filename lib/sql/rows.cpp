#include "rows.hpp"

#include <algorithm>

#include "cells.hpp"

namespace tradeguard {

namespace {

// What a whole number is stored as; everything else is text.
template <class Member>
constexpr std::string_view type_of(const Member&) {
  return std::is_integral_v<Member> || std::is_same_v<Member, Instant> || std::is_same_v<Member, Micros> ? "BIGINT"
                                                                                                         : "TEXT";
}
template <class Member>
constexpr std::string_view type_of(const std::optional<Member>&) {
  return std::is_same_v<Member, Instant> || std::is_same_v<Member, Micros> ? "BIGINT" : "TEXT";
}

// A column has its member's name, but for two: `trigger` is a word of SQL, and a trade is called so in every table.
constexpr std::string_view name_of(std::string_view member) {
  if (member == "trigger") return "trigger_price";
  if (member == "id") return "trade";
  return member;
}

constexpr std::string_view version_column = "version";

struct Table {
  std::string_view name;
  std::string_view key;  // the column that names a row, beside venue and account
  std::vector<Column> columns;

  std::size_t place_of(std::string_view column) const {
    const auto found = std::find_if(columns.begin(), columns.end(), [&](const Column& c) { return c.name == column; });
    return static_cast<std::size_t>(found - columns.begin());
  }
};

// A copy of the symbol's base, for the indexes: the cooldown groups by it.
constexpr Column base_column{"base", "TEXT"};

template <class Row>
Table make_table(std::string_view name, std::string_view key, const Row& any, std::vector<Column> first) {
  Table table{name, key, std::move(first)};
  each_member(any, [&](std::string_view member, const auto& value) {
    if (member != version_column) table.columns.push_back({name_of(member), type_of(value)});
  });
  return table;
}

const Symbol& any_symbol() {
  static const Symbol any = *Symbol::parse("BASE_QUOTE");
  return any;
}

const Table& orders_table() {
  static const Table table = make_table("exchange_orders", "client_id", Order{.symbol = any_symbol()}, {base_column});
  return table;
}
const Table& trades_table() {
  static const Table table = make_table("trades", "trade", TradeRecord{.symbol = any_symbol()}, {});
  return table;
}

template <class Row>
SqlRow cells_of(const Table& table, const Write<Row>& write, SqlRow first) {
  SqlRow cells = std::move(first);
  cells.reserve(table.columns.size() + 2);
  each_member(write.row, [&](std::string_view member, const auto& value) {
    if (member != version_column) cells.push_back(sql(value));
  });
  cells.push_back(sql(write.row.version));
  cells.push_back(sql(write.expected_version));
  return cells;
}

// Empty: all of it was read.
template <class Row>
std::string_view read_cells(const SqlRow& cells, std::size_t at, Row& row) {
  std::string_view unreadable;
  const auto take = [&](std::string_view member, auto& value) {
    if (unreadable.empty() && (at >= cells.size() || !read(cells[at], value))) unreadable = name_of(member);
    ++at;
  };
  each_member(row, take);  // the version comes last among the members, as it does among the cells
  return unreadable;
}

std::string fields(const Table& table, std::string_view alias) {
  std::string all;
  for (const Column& column : table.columns) all.append(alias).append(".").append(column.name).append(", ");
  return all.append(alias).append(".").append(version_column);
}

std::string text_at(const SqlRow& row, std::size_t place) {
  std::string text;
  if (place < row.size()) read(row[place], text);
  return text;
}

Statement write_piece(const AccountKey& account, const Table& table, std::vector<SqlRow> rows) {
  std::vector<Column> columns = table.columns;
  columns.push_back({version_column, "BIGINT"});
  columns.push_back({"expected", "BIGINT"});
  std::string names;
  std::string values;
  std::string updates;
  for (const Column& column : table.columns) {
    names.append(column.name).append(", ");
    values.append("v.").append(column.name).append(", ");
    if (column.name != table.key) updates.append(column.name).append(" = excluded.").append(column.name).append(", ");
  }
  Draft draft{"WITH ", {sql(account.venue), sql(account.account)}};
  const auto count = static_cast<std::int64_t>(rows.size());
  draft.table("v", columns, std::move(rows))
      << " INSERT INTO " << table.name << " (venue, account, " << names
      << "version) SELECT ?1, ?2, "
      // Asked row by row: a planner without statistics joins through the whole account instead.
      << values << "CASE WHEN coalesce((SELECT o.version FROM " << table.name << " o WHERE o." << table.key << " = v."
      << table.key << " AND o.venue = ?1 AND o.account = ?2), 0) = v.expected "
      << "THEN v.version END FROM v WHERE true "
      << "ON CONFLICT (" << table.key << ", venue, account) DO UPDATE SET " << updates << "version = excluded.version";
  return std::move(draft).changing(count);
}

std::vector<Statement> write_rows(const AccountKey& account, const Table& table, std::vector<SqlRow> rows) {
  std::vector<Statement> statements;
  for (auto& piece : pieces(std::move(rows), table.columns.size() + 2))
    statements.push_back(write_piece(account, table, std::move(piece)));
  return statements;
}

template <class Row, class Key>
void sort_by(std::vector<Write<Row>>& writes, Key key) {
  std::sort(writes.begin(), writes.end(),
            [&](const Write<Row>& a, const Write<Row>& b) { return a.row.*key < b.row.*key; });
}

}  // namespace

const std::vector<Column>& order_columns() { return orders_table().columns; }
const std::vector<Column>& trade_columns() { return trades_table().columns; }
std::string order_fields(std::string_view alias) { return fields(orders_table(), alias); }
std::string trade_fields(std::string_view alias) { return fields(trades_table(), alias); }
std::size_t order_width() { return order_columns().size() + 1; }
std::size_t trade_width() { return trade_columns().size() + 1; }

Result<Order> read_order(const SqlRow& row, std::size_t at) {
  Order order{.symbol = any_symbol()};
  // The base is the symbol's; that somebody spoilt it shows in what is asked by it.
  std::string base;
  std::string_view unreadable = at < row.size() && read(row[at], base) ? std::string_view{} : base_column.name;
  if (unreadable.empty()) unreadable = read_cells(row, at + 1, order);
  if (unreadable.empty()) return order;
  return failed(Fault::data, "the row " + text_at(row, at + orders_table().place_of("client_id")) +
                                 " of exchange_orders has a " + std::string{unreadable} + " that cannot be read");
}

Result<TradeRecord> read_trade(const SqlRow& row, std::size_t at) {
  TradeRecord trade{.symbol = any_symbol()};
  const std::string_view unreadable = read_cells(row, at, trade);
  if (unreadable.empty()) return trade;
  return failed(Fault::data, "the row " + text_at(row, at + trades_table().place_of("trade")) + " of trades has a " +
                                 std::string{unreadable} + " that cannot be read");
}

RowName name_of_order(const SqlRow& row) {
  const Table& table = orders_table();
  return {text_at(row, table.place_of("client_id")), text_at(row, table.place_of("trade")),
          text_at(row, table.place_of("base")), text_at(row, table.place_of("symbol"))};
}

RowName name_of_trade(const SqlRow& row) {
  const Table& table = trades_table();
  RowName name{"", text_at(row, table.place_of("trade")), "", text_at(row, table.place_of("symbol"))};
  if (const auto symbol = Symbol::parse(name.symbol)) name.base = symbol->base();
  return name;
}

std::vector<Statement> write_orders(const AccountKey& account, std::vector<OrderWrite> writes) {
  sort_by(writes, &Order::client_id);
  std::vector<SqlRow> rows;
  rows.reserve(writes.size());
  for (const OrderWrite& write : writes)
    rows.push_back(cells_of(orders_table(), write, {sql(write.row.symbol.base())}));
  return write_rows(account, orders_table(), std::move(rows));
}

std::vector<Statement> write_trades(const AccountKey& account, std::vector<TradeWrite> writes) {
  sort_by(writes, &TradeRecord::id);
  std::vector<SqlRow> rows;
  rows.reserve(writes.size());
  for (const TradeWrite& write : writes) rows.push_back(cells_of(trades_table(), write, {}));
  return write_rows(account, trades_table(), std::move(rows));
}

}  // namespace tradeguard
