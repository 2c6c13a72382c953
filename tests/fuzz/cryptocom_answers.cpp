// Crypto.com's answers: every reader takes every answer, and none of them throws.
#include "exchange_answer.hpp"
#include "wire.hpp"

using namespace tradeguard;
using namespace tradeguard::fuzz;
using namespace tradeguard::cryptocom;

namespace {

template <class T>
void check_page(const Read<Result<Page<T>>>& page) {
  for (const Oddity& oddity : page.oddities) check_foreign(oddity.text);
  if (!page.it) return check_foreign(page.it.error().what);
  require(page.it->rows.size() <= page.it->shown, "no row is made up");
  require(!page.it->whole || page.it->rows.size() == page.it->shown, "whole is all of them");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes{data, size};
  const HttpResult answer = fuzz::answer_of(bytes);
  for (const Book book : {Book::regular, Book::advanced})
    check_outcome(answer, read_order_made(book, 7, "tg1-e1-abc", answer).it);
  check_outcome(answer, read_pair_made(7, answer).it);
  static_cast<void>(read_cancelled(answer));
  check_page(read_orders(answer));
  check_page(read_order(answer));
  check_page(read_trades(answer));
  if (const auto rules = read_market_rules(answer); rules.it)
    for (const auto& [symbol, instrument] : *rules.it)
      require(instrument.tick.value.is_positive() && instrument.step.value.is_positive(), "tick and step are positive");
  const auto symbol = Symbol::parse("ETH_USDT");
  for (const auto& asked : {symbol, std::optional<Symbol>{}})
    if (const auto prices = read_prices(answer, asked); prices.it)
      for (const auto& [name, price] : *prices.it) require(price.value.is_positive(), "prices are positive");
  if (const auto limits = read_risk_parameters(answer); limits.it)
    for (const auto& [base, limit] : *limits.it)
      require(!limit.least.is_negative() && !limit.most.is_negative(), "a limit is not negative");
  static_cast<void>(read_balances(answer));
  const Hush hush = ruling(Call::read, Book::regular, answer).hush;
  require(hush.length >= Micros{0} && hush.length <= longest_quiet, "a silence ends");
  require(bounded(bytes.rest()).size() <= 200, "foreign text is bounded");
  return 0;
}
