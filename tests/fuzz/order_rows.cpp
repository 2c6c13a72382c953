// Rows of orders: an order, or a complaint that names the row. Cells are of any kind and content.
#include "order_rows.hpp"

#include <array>

#include "fuzz.hpp"

using namespace tradeguard;
using namespace tradeguard::fuzz;

namespace {

// What the store writes itself, so that an input need not guess words.
constexpr std::array<std::string_view, 24> words{
    "",       "tg1-e1-abc", "ETH_USDT", "ETH",    "entry",   "stop",   "target",      "exit",
    "BUY",    "SELL",       "market",   "limit",  "claimed", "placed", "closed",      "refused",
    "lapsed", "0",          "0.0149",   "3350.5", "-1",      "1e-18",  "stop_market", "stop_limit"};

// One byte says what a cell is; a text of its own goes up to the next newline.
SqlValue cell_of(Bytes& bytes) {
  const std::uint8_t kind = bytes.byte();
  if (kind < words.size()) return std::string{words[kind]};
  if (kind < 64) return std::int64_t{kind % 2};
  if (kind < 96) return bytes.number();
  if (kind < 128) return std::monostate{};
  return std::string{bytes.line()};
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes{data, size};
  SqlRow row;
  const std::size_t columns = order_columns().size() + 1;  // and the version
  const std::size_t missing = bytes.byte() % 8;            // a store of another version
  while (row.size() + (missing == 7 ? 1 : 0) < columns) row.push_back(cell_of(bytes));
  static_cast<void>(name_of(row));
  const auto order = read_order(row);
  if (!order) {
    require(!order.error().what.empty(), "an unreadable row has a complaint");
    return 0;
  }
  require(missing != 7, "a row that is too short is no order");
  const auto statements = write_orders({"paper", "main"}, {{*order, order->version}});
  require(!statements.empty(), "an order that was read can be written");
  return 0;
}
