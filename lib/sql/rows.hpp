// An order as a row of exchange_orders, a trade's record as a row of trades, and back. The columns are the members,
// so that there is none without a column; its type follows from the member's.
// Private to this room.
#pragma once

#include <string>
#include <vector>

#include "draft.hpp"
#include "tradeguard/trade.hpp"

namespace tradeguard {

// The columns without venue, account and version, in the order they are written and read.
const std::vector<Column>& order_columns();
const std::vector<Column>& trade_columns();

// "o.client_id, o.trade, ..., o.version": what read_order expects.
std::string order_fields(std::string_view alias);
std::string trade_fields(std::string_view alias);
// Of a row that begins `at` so many cells. Fault::data names the row and the column that cannot be read.
Result<Order> read_order(const SqlRow& row, std::size_t at = 0);
Result<TradeRecord> read_trade(const SqlRow& row, std::size_t at = 0);
// How many cells each takes.
std::size_t order_width();
std::size_t trade_width();

// What names a row whatever else is wrong with it.
struct RowName {
  std::string client_id;  // of a trade's row: empty
  std::string trade;
  std::string base;
  std::string symbol;
};
RowName name_of_order(const SqlRow& row);
RowName name_of_trade(const SqlRow& row);

// One row to write: as it will stand, with its new version, over what has to stand there now.
template <class Row>
struct Write {
  Row row;
  std::int64_t expected_version;  // 0: no such row
};
using OrderWrite = Write<Order>;
using TradeWrite = Write<TradeRecord>;
// Few statements for appends and advances alike. One violates a NOT NULL and thereby fails if any row is not the one
// that is expected, so all of it is written or nothing. Sorted by key: two writers that lock rows in different
// orders would wait for each other.
std::vector<Statement> write_orders(const AccountKey& account, std::vector<OrderWrite> writes);
std::vector<Statement> write_trades(const AccountKey& account, std::vector<TradeWrite> writes);

}  // namespace tradeguard
