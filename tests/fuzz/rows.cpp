// Rows of orders and trades: what they hold, or a complaint that names the row. Cells are of any kind and content.
#include "rows.hpp"

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

namespace {

template <class Read, class Name, class WriteAgain>
void try_row(Bytes& bytes, std::size_t columns, Read read, Name name, WriteAgain write) {
  SqlRow row;
  const std::size_t missing = bytes.byte() % 8;  // a store of another version
  while (row.size() + (missing == 7 ? 1 : 0) < columns) row.push_back(cell_of(bytes));
  static_cast<void>(name(row));
  const auto found = read(row);
  if (!found) return require(!found.error().what.empty(), "an unreadable row has a complaint");
  require(missing != 7, "a row that is too short holds nothing");
  require(!write(*found).empty(), "what was read can be written");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes{data, size};
  const AccountKey account{"paper", "main"};
  if (bytes.byte() % 2 == 0)
    try_row(
        bytes, order_width(), [](const SqlRow& row) { return read_order(row); }, name_of_order,
        [&](const Order& order) {
          return write_orders(account, {{order, order.version}});
        });
  else
    try_row(
        bytes, trade_width(), [](const SqlRow& row) { return read_trade(row); }, name_of_trade,
        [&](const TradeRecord& trade) {
          return write_trades(account, {{trade, trade.version}});
        });
  return 0;
}
