// The table of denials: what steers is the enumerator, and the sentences are for people.
#include "tradeguard/denial.hpp"

#include <catch2/catch.hpp>
#include <set>

using namespace tradeguard;

TEST_CASE("each reason of the table has a word of its own, a meaning, and is found by its word") {
  std::set<std::string_view> words;
  for (const DenialRow& row : denials()) {
    INFO(row.word);
    CHECK(words.insert(row.word).second);
    CHECK_FALSE(row.meaning.empty());
    CHECK(parse_word(row.word, Denial{}) == row.denial);
    CHECK(text(row.denial) == row.word);
    CHECK(row.word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
  }
}

TEST_CASE("an obstacle decides nothing, and everything else decides for good") {
  for (const Denial obstacle : {Denial::frozen, Denial::deadline, Denial::clock_offset, Denial::no_price,
                                Denial::open_order_limit, Denial::unverified, Denial::future, Denial::throttled})
    CHECK_FALSE(is_final(obstacle));
  for (const Denial decision : {Denial::cooldown, Denial::halted, Denial::slippage, Denial::stale, Denial::superseded,
                                Denial::balance, Denial::strands, Denial::max_open_positions})
    CHECK(is_final(decision));
  CHECK(is_final(own_reason("drawdown: 5.2 > 5")));
  CHECK(decided_word(own_reason("drawdown: 5.2 > 5")) == "drawdown");
}

TEST_CASE("numbers stand behind the word, and what others stand in the way of is recorded too") {
  CHECK(spoken({.reason = Denial::below_min_notional, .detail = "4.02 < 5"}) == "below_min_notional: 4.02 < 5");
  CHECK(recorded({.reason = Denial::below_min_notional, .detail = "4.02 < 5"}) == "below_min_notional: 4.02 < 5");
  CHECK(spoken({.reason = Denial::frozen, .detail = "DRIFT ETH_USDT"}) == "frozen");
  CHECK(recorded({.reason = Denial::frozen, .detail = "DRIFT ETH_USDT"}) == "frozen: DRIFT ETH_USDT");
  CHECK(recorded({.reason = Denial::balance, .detail = "3 USDT free"}) == "balance");
  CHECK(recorded({.reason = own_reason("drawdown"), .detail = "ours"}) == "drawdown");
}
