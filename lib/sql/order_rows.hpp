// An order as a row of exchange_orders, and back.
// Private to this room.
#pragma once

#include <string>
#include <vector>

#include "draft.hpp"
#include "tradeguard/order.hpp"

namespace tradeguard {

// The columns of an order without venue, account and version, in the order they are written and
// read.
const std::vector<Column>& order_columns();

// "o.client_id, o.trade, ..., o.version": what read_order expects.
std::string order_fields(std::string_view alias);
// Fault::data names the row and the column that cannot be read.
Result<Order> read_order(const SqlRow& row);
// Client id, trade, base and symbol of a row whatever else is wrong with it.
struct RowName {
  std::string client_id;
  std::string trade;
  std::string base;
  std::string symbol;
};
RowName name_of(const SqlRow& row);

// One row to write: `order` as it will stand, over what has to stand there now.
struct OrderWrite {
  Order order;                    // with its new version
  std::int64_t expected_version;  // 0: no such row
};
// One statement for appends and advances alike. It violates a NOT NULL and thereby fails if any row
// is not the one that is expected, so all of it is written or nothing. Sorted by key: two writers
// that lock rows in different orders would wait for each other.
std::vector<Statement> write_orders(const AccountKey& account, std::vector<OrderWrite> writes);

}  // namespace tradeguard
