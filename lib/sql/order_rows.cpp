#include "order_rows.hpp"

#include <algorithm>

#include "cells.hpp"

namespace tradeguard {

namespace {

struct OrderColumn {
  Column column;
  SqlValue (*store)(const Order&);
  bool (*load)(const SqlValue&, Order&);
};

template <auto member>
constexpr OrderColumn text_column(std::string_view name) {
  return {{name, "TEXT"},
          [](const Order& order) { return sql(order.*member); },
          [](const SqlValue& cell, Order& order) { return read(cell, order.*member); }};
}
template <auto member>
constexpr OrderColumn whole_column(std::string_view name) {
  OrderColumn column = text_column<member>(name);
  column.column.type = "BIGINT";
  return column;
}

// Every member of Order stands here, except for its version, which is compared and set.
// `base` is a copy for the indexes: the cooldown groups by it.
const std::vector<OrderColumn>& all_columns() {
  static const std::vector<OrderColumn> columns{
      text_column<&Order::client_id>("client_id"),
      text_column<&Order::trade>("trade"),
      {{"base", "TEXT"},
       [](const Order& order) { return sql(order.symbol.base()); },
       [](const SqlValue& cell, Order&) { return std::holds_alternative<std::string>(cell); }},
      text_column<&Order::symbol>("symbol"),
      text_column<&Order::leg>("leg"),
      whole_column<&Order::attempt>("attempt"),
      text_column<&Order::signal_key>("signal_key"),
      text_column<&Order::side>("side"),
      text_column<&Order::type>("type"),
      text_column<&Order::quantity>("quantity"),
      text_column<&Order::price>("price"),
      text_column<&Order::trigger>("trigger_price"),
      text_column<&Order::state>("state"),
      whole_column<&Order::claimed_at>("claimed_at"),
      whole_column<&Order::stamp>("stamp"),
      whole_column<&Order::valid_until>("valid_until"),
      whole_column<&Order::acknowledged>("acknowledged"),
      whole_column<&Order::twin>("twin"),
      text_column<&Order::pair>("pair"),
      text_column<&Order::venue_id>("venue_id"),
      text_column<&Order::fired_id>("fired_id"),
      text_column<&Order::filled>("filled"),
      text_column<&Order::filled_value>("filled_value"),
      text_column<&Order::fee_base>("fee_base"),
      whole_column<&Order::fees_known>("fees_known"),
      whole_column<&Order::exchange_time>("exchange_time"),
      whole_column<&Order::sighted_at>("sighted_at"),
      whole_column<&Order::closed_at>("closed_at"),
      whole_column<&Order::fired_at>("fired_at"),
      whole_column<&Order::cancel_asked_at>("cancel_asked_at"),
      text_column<&Order::reason>("reason"),
      text_column<&Order::rules>("rules"),
      text_column<&Order::plan>("plan"),
      // Of an exit there is no strategy, but what it was placed for.
      {{"strategy", "TEXT"},
       [](const Order& order) { return order.leg == Leg::exit ? sql(order.because) : sql(order.strategy); },
       [](const SqlValue& cell, Order& order) {
         return order.leg == Leg::exit ? read(cell, order.because) : read(cell, order.strategy);
       }},
      whole_column<&Order::naked_since>("naked_since"),
      whole_column<&Order::naked_total>("naked_total"),
      whole_column<&Order::legs_told>("legs_told"),
      whole_column<&Order::skip_told>("skip_told"),
      whole_column<&Order::dust_told>("dust_told"),
      text_column<&Order::exit_reason>("exit_reason"),
      whole_column<&Order::exit_until>("exit_until"),
      whole_column<&Order::released>("released"),
      whole_column<&Order::settled>("settled"),
      whole_column<&Order::signal_at>("signal_at"),
      whole_column<&Order::covered_at>("covered_at"),
      text_column<&Order::exit_key>("exit_key"),
      text_column<&Order::target_none>("target_none"),
      text_column<&Order::free_base>("free_base"),
      text_column<&Order::ending>("ending"),
  };
  return columns;
}

Order blank_order() {
  static const Symbol any = *Symbol::parse("BASE_QUOTE");
  return Order{.symbol = any};
}

SqlRow row_of(const OrderWrite& write) {
  SqlRow row;
  row.reserve(all_columns().size() + 2);
  for (const OrderColumn& column : all_columns()) row.push_back(column.store(write.order));
  row.push_back(write.order.version);
  row.push_back(write.expected_version);
  return row;
}

Statement write_piece(const AccountKey& account, std::vector<SqlRow> rows) {
  static const std::vector<Column> columns = [] {
    auto all = order_columns();
    all.push_back({"version", "BIGINT"});
    all.push_back({"expected", "BIGINT"});
    return all;
  }();
  std::string names;
  std::string values;
  std::string updates;
  for (const Column& column : order_columns()) {
    names.append(column.name).append(", ");
    values.append("v.").append(column.name).append(", ");
    if (column.name != "client_id") updates.append(column.name).append(" = excluded.").append(column.name).append(", ");
  }
  Draft draft{"WITH ", {sql(account.venue), sql(account.account)}};
  const auto count = static_cast<std::int64_t>(rows.size());
  draft.table("v", columns, std::move(rows))
      << " INSERT INTO exchange_orders (venue, account, " << names
      << "version) SELECT ?1, ?2, "
      // Asked row by row: a planner without statistics joins through the whole account instead.
      << values << "CASE WHEN coalesce((SELECT o.version FROM exchange_orders o "
      << "WHERE o.client_id = v.client_id AND o.venue = ?1 AND o.account = ?2), 0) = v.expected "
      << "THEN v.version END FROM v WHERE true "
      << "ON CONFLICT (client_id, venue, account) DO UPDATE SET " << updates << "version = excluded.version";
  return std::move(draft).changing(count);
}

}  // namespace

const std::vector<Column>& order_columns() {
  static const std::vector<Column> columns = [] {
    std::vector<Column> all;
    for (const OrderColumn& column : all_columns()) all.push_back(column.column);
    return all;
  }();
  return columns;
}

std::string order_fields(std::string_view alias) {
  std::string fields;
  for (const Column& column : order_columns()) fields.append(alias).append(".").append(column.name).append(", ");
  return fields.append(alias).append(".version");
}

Result<Order> read_order(const SqlRow& row) {
  const auto unreadable_column = [&](std::string_view column) {
    return failed(Fault::data, "the row " + name_of(row).client_id + " of exchange_orders has a " +
                                   std::string{column} + " that cannot be read");
  };
  Order order = blank_order();
  const auto& columns = all_columns();
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (i >= row.size() || !columns[i].load(row[i], order)) return unreadable_column(columns[i].column.name);
  if (row.size() <= columns.size() || !read(row[columns.size()], order.version)) return unreadable_column("version");
  return order;
}

RowName name_of(const SqlRow& row) {
  RowName name;
  if (row.size() < 4) return name;
  read(row[0], name.client_id);
  read(row[1], name.trade);
  read(row[2], name.base);
  read(row[3], name.symbol);
  return name;
}

std::vector<Statement> write_orders(const AccountKey& account, std::vector<OrderWrite> writes) {
  std::sort(writes.begin(), writes.end(),
            [](const OrderWrite& a, const OrderWrite& b) { return a.order.client_id < b.order.client_id; });
  std::vector<SqlRow> rows;
  rows.reserve(writes.size());
  for (const OrderWrite& write : writes) rows.push_back(row_of(write));
  std::vector<Statement> statements;
  for (auto& piece : pieces(std::move(rows), order_columns().size() + 2))
    statements.push_back(write_piece(account, std::move(piece)));
  return statements;
}

}  // namespace tradeguard
