// Words that steer, and words that a newer version wrote.
#include "tradeguard/word.hpp"

#include <catch2/catch.hpp>

#include "tradeguard/order.hpp"

using namespace tradeguard;

TEST_CASE("a word of the table is its enumerator, however it came") {
  CHECK(Word<ExitReason>::of("breached") == ExitReason::breached);
  CHECK(Word<ExitReason>::of("breached") == Word<ExitReason>{ExitReason::breached});
  CHECK(Word<ExitReason>{ExitReason::operator_}.str() == "operator");
}

TEST_CASE("a word that this version does not know stays as it was written, and steers nothing") {
  const auto newer = Word<ExitReason>::of("expired");
  CHECK_FALSE(newer.known());
  CHECK(newer.str() == "expired");
  CHECK_FALSE(newer.empty());
  CHECK_FALSE(is_forced(newer));
  CHECK_FALSE(is_flattening(newer));
  for (const ExitReason reason : {ExitReason::signal, ExitReason::operator_, ExitReason::target, ExitReason::remainder,
                                  ExitReason::breached, ExitReason::unprotected})
    CHECK_FALSE(newer == reason);
}

TEST_CASE("no word is nobody's word") {
  CHECK(Word<Ending>{}.empty());
  CHECK_FALSE(Word<Ending>{} == Ending::ended);
  CHECK_FALSE(Word<Ending>::of("").known());
}

TEST_CASE("each enumerator is found by its word") {
  for (const Ending ending : {Ending::unsent, Ending::absent, Ending::refused, Ending::rejected, Ending::ended})
    CHECK(Word<Ending>::of(std::string{text(ending)}) == ending);
  for (const std::string_view word : forced_words()) CHECK(is_forced(Word<ExitReason>::of(std::string{word})));
  CHECK(forced_words() == std::vector<std::string_view>{"unprotected", "breached", "operator"});
  CHECK(flattening_words() == std::vector<std::string_view>{"unprotected", "breached"});
}
