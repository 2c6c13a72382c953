// Crypto.com's answers: every reader takes every answer, and none of them throws.
#include "cryptocom_wire.hpp"
#include "exchange_answer.hpp"

using namespace tradeguard;
using namespace tradeguard::fuzz;
using namespace tradeguard::cryptocom;

namespace {

template <class Rows>
void check_page(const Rows& page) {
  require(page.rows.size() <= page.size, "no row is made up");
  require(!page.whole || page.rows.size() == page.size, "whole is all of them");
  check_foreign(page.why);
  for (const Oddity& oddity : page.oddities) check_foreign(oddity.text);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes{data, size};
  const HttpResult answer = fuzz::answer_of(bytes);
  for (const Act act : {Act::create, Act::create_advanced})
    check_outcome(answer, read_order_answer(act, 7, "tg1-e1-abc", answer).outcome);
  check_outcome(answer, read_pair_answer(7, answer).outcome);
  static_cast<void>(read_cancel_answer(answer));
  check_page(read_orders(answer));
  check_page(read_order(answer));
  check_page(read_trades(answer));
  for (const auto& [symbol, instrument] : read_instruments(answer).rows)
    require(instrument.tick.value.is_positive() && instrument.step.value.is_positive(), "tick and step are positive");
  const auto symbol = Symbol::parse("ETH_USDT");
  for (const auto& asked : {symbol, std::optional<Symbol>{}})
    for (const auto& [name, price] : read_tickers(answer, asked).rows)
      require(price.value.is_positive(), "prices are positive");
  for (const auto& [base, limits] : read_risk_parameters(answer).rows)
    require(!limits.least.is_negative() && !limits.most.is_negative(), "a limit is not negative");
  static_cast<void>(read_balances(answer));
  if (answer)
    if (const auto hush = hush_in(*answer))
      require(hush->length >= Micros{0} && hush->length <= longest_quiet, "a silence ends");
  require(bounded(bytes.rest()).size() <= 200, "foreign text is bounded");
  return 0;
}
