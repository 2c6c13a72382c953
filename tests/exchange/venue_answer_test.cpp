// What a call came to, as an outcome of an order and of a cancellation.
#include <tradeguard/venue_answer.hpp>

#include <catch2/catch.hpp>

using namespace tradeguard;
using namespace tradeguard::exchange;

namespace {

Ruling ruled(Fate fate) { return {.fate = fate, .code = "7", .message = "words", .said = "7: words"}; }

constexpr Fate every_fate[] = {Fate::accepted, Fate::refused,  Fate::throttled, Fate::clock,
                               Fate::absent,   Fate::archived, Fate::in_doubt,  Fate::not_connected};

}  // namespace

TEST_CASE("only a refusal leaves no order, only what was not looked at is unsent, and all the rest is doubt") {
  for (const Fate fate : every_fate) {
    INFO(text(fate));
    const PlaceOutcome outcome = not_placed(ruled(fate));
    const bool unsent = fate == Fate::throttled || fate == Fate::clock || fate == Fate::not_connected;
    CHECK(std::holds_alternative<Refused>(outcome) == (fate == Fate::refused));
    CHECK(std::holds_alternative<Unsent>(outcome) == unsent);
    CHECK(std::holds_alternative<InDoubt>(outcome) == (fate != Fate::refused && !unsent));
  }
  CHECK(std::get<Refused>(not_placed(ruled(Fate::refused))).code == "7");
  CHECK(std::get<Refused>(not_placed(ruled(Fate::refused))).message == "words");
}

TEST_CASE("a cancellation has no refusal: what it did is looked up") {
  CHECK(std::holds_alternative<CancelAcknowledged>(cancelled(ruled(Fate::accepted))));
  CHECK(std::holds_alternative<CancelGone>(cancelled(ruled(Fate::absent))));
  CHECK(std::holds_alternative<CancelGone>(cancelled(ruled(Fate::archived))));
  CHECK(std::holds_alternative<InDoubt>(cancelled(ruled(Fate::refused))));
  CHECK(std::holds_alternative<InDoubt>(cancelled(ruled(Fate::in_doubt))));
  CHECK(std::get<Unsent>(cancelled(ruled(Fate::throttled))).why == Unsent::Why::throttled);
  CHECK(std::get<Unsent>(cancelled(ruled(Fate::clock))).why == Unsent::Why::clock);
  CHECK(std::get<Unsent>(cancelled(ruled(Fate::not_connected))).why == Unsent::Why::not_connected);
}

TEST_CASE("only what no later run gets around is a matter of configuration") {
  Ruling ruling = ruled(Fate::refused);
  CHECK(unread(ruling).fault == Fault::unreachable);
  ruling.lasting = true;
  CHECK(unread(ruling).fault == Fault::configuration);
  CHECK(unread(ruling).what == "7: words");
}

TEST_CASE("no answer is doubt if a byte may have left, and unsent if none did") {
  CHECK(unanswered({true, "the connection broke"}).fate == Fate::in_doubt);
  CHECK(unanswered({false, "connection refused"}).fate == Fate::not_connected);
  CHECK(unanswered({false, "connection refused"}).said == "connection refused");
}

TEST_CASE("of foreign text two hundred bytes are kept, whole characters, and no signature") {
  std::string umlauts;
  for (int i = 0; i < 150; ++i) umlauts += "\xc3\xa4";
  CHECK(bounded(umlauts).size() == 200);
  CHECK(bounded("x" + umlauts).size() == 199);
  CHECK(bounded("short") == "short");
  CHECK(bounded(std::string(500, 'f')) == "***");
  CHECK(bounded("before " + std::string(64, 'a') + " behind") == "before *** behind");
  // A signature at the edge is not shown in part.
  CHECK(bounded(std::string(190, '-') + std::string(64, '0')) == std::string(190, '-') + "***");
  CHECK(bounded(std::string(31, 'a')) == std::string(31, 'a'));
}
