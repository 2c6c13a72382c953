// The notifier against a Telegram in memory: what it sends again, what it remembers, when it gives
// up.
#include <catch2/catch.hpp>
#include <stdexcept>

#include "memory_telegram.hpp"
#include "tradeguard/telegram_notifier.hpp"

using namespace tradeguard;
using namespace tradeguard::telegram_test;

namespace {

struct Chat {
  ManualClock clock{Instant{std::chrono::sys_days{std::chrono::year{2025} / 1 / 1} + 12h}};
  MemoryTelegram telegram{clock};
  TelegramNotifier notifier;

  explicit Chat(TelegramSettings settings = {"-100123", {}}, std::string token = the_token)
      : notifier{telegram, Secret{std::move(token)}, std::move(settings), clock} {}
  Delivery tell(const Notice& notice, Micros budget = 10s) { return notifier.deliver(notice, budget); }
};

Notice a_fill(std::size_t long_value = 0) {
  Notice notice{.event_id = "ORDER_FILLED:tg1-e1-abc", .type = NoticeType::order_filled};
  notice.symbol = "ETH_USDT";
  notice.side = Side::buy;
  notice.facts = {{"filled", "0.0149"}};
  if (long_value > 0) notice.facts.emplace_back("reason", std::string(long_value, 'x'));
  return notice;
}

bool delivered(const Delivery& delivery) { return std::holds_alternative<Delivered>(delivery); }
bool undeliverable(const Delivery& delivery) { return std::holds_alternative<Undeliverable>(delivery); }
bool later(const Delivery& delivery) { return std::holds_alternative<TryLater>(delivery); }

const HttpResponse markup_refused = refusal(400, "Bad Request: can't parse entities: x");
const HttpResponse thread_gone = refusal(400, "Bad Request: message thread not found");
const HttpResponse moved = refusal(400, "Bad Request: group chat was upgraded", R"({"migrate_to_chat_id":-100999})");

}  // namespace

TEST_CASE("a notice is one message to the chat, at the chat's pace") {
  Chat chat;
  REQUIRE(delivered(chat.tell(a_fill())));
  REQUIRE(chat.telegram.received.size() == 1);
  CHECK(chat.telegram.received[0].chat == "-100123");
  CHECK(chat.telegram.received[0].text ==
        "<b>ORDER FILLED ETH_USDT BUY</b>\nfilled: <code>0.0149</code>\n"
        "event: <code>ORDER_FILLED:tg1-e1-abc</code>");
  REQUIRE(telegram_limits().size() == 1);
  CHECK(telegram_limits()[0].name == chat.telegram.requests[0].limit);
  CHECK(telegram_limits()[0].weight == 1);
  CHECK(telegram_limits()[0].window == 1s);
  CHECK_FALSE(chat.notifier.immediate());
}

TEST_CASE("a message whose markup is refused is sent again as plain text, once") {
  Chat chat;
  chat.telegram.next(markup_refused);
  REQUIRE(delivered(chat.tell(a_fill())));
  REQUIRE(chat.telegram.received.size() == 2);
  CHECK(chat.telegram.received[1].parse_mode.empty());
  CHECK(chat.telegram.received[1].text == seen(chat.telegram.received[0].text));

  chat.telegram.next(markup_refused);
  chat.telegram.next(markup_refused);
  CHECK(undeliverable(chat.tell(a_fill())));
  CHECK(chat.telegram.received.size() == 4);
}

TEST_CASE("a group that moved is followed, remembered and shown") {
  Chat chat;
  CHECK_FALSE(chat.notifier.migrated_to());
  chat.telegram.next(moved);
  REQUIRE(delivered(chat.tell(a_fill())));
  REQUIRE(delivered(chat.tell(a_fill())));
  REQUIRE(chat.telegram.received.size() == 3);
  CHECK(chat.telegram.received[0].chat == "-100123");
  CHECK(chat.telegram.received[1].chat == "-100999");
  CHECK(chat.telegram.received[2].chat == "-100999");
  CHECK(chat.notifier.migrated_to() == "-100999");
}

TEST_CASE("a group that moves in circles is left for later") {
  Chat chat;
  chat.telegram.next(moved);
  chat.telegram.next(moved);
  CHECK(later(chat.tell(a_fill())));
  CHECK(chat.telegram.received.size() == 2);
}

TEST_CASE("a topic that is gone loses the topic and not the message") {
  Chat chat{{"-100123", 77}};
  chat.telegram.next(thread_gone);
  REQUIRE(delivered(chat.tell(a_fill())));
  REQUIRE(delivered(chat.tell(a_fill())));
  REQUIRE(chat.telegram.received.size() == 3);
  CHECK(chat.telegram.received[0].topic == 77);
  CHECK_FALSE(chat.telegram.received[1].topic);
  CHECK_FALSE(chat.telegram.received[2].topic);
}

TEST_CASE("a topic that is closed, deleted or of another chat loses the topic and not the message") {
  const char* words =
      GENERATE("Bad Request: TOPIC_CLOSED", "Bad Request: TOPIC_DELETED", "Bad Request: the message thread was closed",
               "Bad Request: invalid message thread identifier specified", "Bad Request: chat is not a forum");
  Chat chat{{"-100123", 77}};
  chat.telegram.next(refusal(400, words));
  REQUIRE(delivered(chat.tell(a_fill())));
  REQUIRE(chat.telegram.received.size() == 2);
  CHECK(chat.telegram.received[0].topic == 77);
  CHECK_FALSE(chat.telegram.received[1].topic);
  REQUIRE(chat.notifier.topic_refused());
  CHECK_THAT(*chat.notifier.topic_refused(), Catch::Contains(words));
}

TEST_CASE("a group whose General topic is closed waits until it is open") {
  const std::optional<std::int64_t> topic = GENERATE(std::optional<std::int64_t>{}, 1);
  Chat chat{{"-100123", topic}};
  chat.telegram.next(refusal(400, "Bad Request: TOPIC_CLOSED"));
  const Delivery closed = chat.tell(a_fill());
  REQUIRE(later(closed));
  CHECK(std::get<TryLater>(closed).refused);
  CHECK(chat.telegram.received.size() == 1);
  CHECK(delivered(chat.tell(a_fill())));
}

TEST_CASE("after one 401 the next message is tried and arrives") {
  Chat chat;
  chat.telegram.next(refusal(401, "Unauthorized"));
  CHECK(later(chat.tell(a_fill())));
  CHECK(delivered(chat.tell(a_fill())));
}

TEST_CASE("a wait that Telegram asks for is the chat's: no message is sent before it is over") {
  Chat chat;
  chat.telegram.next(refusal(400, "Bad Request: SLOWMODE_WAIT_10"));
  const Instant began = chat.clock.now();
  REQUIRE(later(chat.tell(a_fill())));
  CHECK(chat.notifier.quiet_until() == began + 10s);
  chat.clock.advance(4s);
  const Delivery second = chat.tell(a_fill());
  REQUIRE(later(second));
  CHECK(std::get<TryLater>(second).after == 6s);
  CHECK(std::get<TryLater>(second).why == "Telegram asked to wait until 2025-01-01T12:00:10Z");
  CHECK(chat.telegram.received.size() == 1);
  chat.clock.advance(6s);
  CHECK(delivered(chat.tell(a_fill())));
}

TEST_CASE("a silence of an earlier run is kept, one that nobody can mean is not") {
  Chat chat;
  chat.notifier.keep_quiet(chat.clock.now() + 40s);
  CHECK(later(chat.tell(a_fill())));
  CHECK(chat.telegram.received.empty());
  chat.clock.advance(40s);
  CHECK(delivered(chat.tell(a_fill())));
  chat.notifier.keep_quiet(chat.clock.now() + 24h * 30);
  CHECK(delivered(chat.tell(a_fill())));
}

TEST_CASE("all remedies may be needed for one message, each once") {
  Chat chat{{"-100123", 77}};
  chat.telegram.next(moved);
  chat.telegram.next(thread_gone);
  chat.telegram.next(markup_refused);
  REQUIRE(delivered(chat.tell(a_fill())));
  REQUIRE(chat.telegram.received.size() == 4);
  CHECK(chat.telegram.received[3].chat == "-100999");
  CHECK_FALSE(chat.telegram.received[3].topic);
  CHECK(chat.telegram.received[3].parse_mode.empty());
}

TEST_CASE("a throttled notifier does not wait, it says how long") {
  Chat chat;
  chat.telegram.next(refusal(429, "Too Many Requests: retry after 3", R"({"retry_after":3})"));
  const Delivery delivery = chat.tell(a_fill());
  REQUIRE(later(delivery));
  CHECK(std::get<TryLater>(delivery).after == 3s);
  CHECK(chat.telegram.received.size() == 1);
  CHECK(chat.clock.monotonic() == 0s);
}

TEST_CASE("what failed once may have arrived and is not sent twice in one telling") {
  Chat chat;
  chat.telegram.next([] { return tl::unexpected<HttpFailure>{{true, "the connection broke"}}; });
  CHECK(later(chat.tell(a_fill())));
  CHECK(chat.telegram.received.size() == 1);
}

TEST_CASE("a long notice is delivered when its last part is") {
  Chat chat;
  REQUIRE(delivered(chat.tell(a_fill(9000))));
  const std::size_t parts = chat.telegram.received.size();
  CHECK(parts > 1);
  CHECK_THAT(chat.telegram.received.back().text, Catch::Contains("event: "));

  chat.telegram.next(answer(200, R"({"ok":true})"));
  chat.telegram.next(answer(502, "<html>"));
  CHECK(later(chat.tell(a_fill(9000))));
  CHECK(chat.telegram.received.size() == parts + 2);
}

TEST_CASE("no request begins when the budget is used up, and none is more patient than it") {
  Chat chat;
  CHECK(later(chat.tell(a_fill(), 0s)));
  CHECK(chat.telegram.received.empty());

  chat.telegram.takes = 3s;
  CHECK(later(chat.tell(a_fill(9000), 4s)));
  REQUIRE(chat.telegram.patiences.size() == 2);
  CHECK(chat.telegram.patiences[0] == 4s);
  CHECK(chat.telegram.patiences[1] == 1s);
}

TEST_CASE("a token that is none is not sent anywhere, and notices wait for a better one") {
  for (const char* token : {"1:a/../../x", ""}) {
    Chat chat{{"1", {}}, token};
    const Delivery waits = chat.tell(a_fill());
    REQUIRE(later(waits));
    CHECK(std::get<TryLater>(waits).refused);
    CHECK(chat.telegram.requests.empty());
  }
}

TEST_CASE("an answer is waited for as long as the budget lasts") {
  Chat chat;
  chat.telegram.takes = 6s;
  CHECK(delivered(chat.tell(a_fill(), 10s)));
  REQUIRE(chat.telegram.patiences.size() == 1);
  CHECK(chat.telegram.patiences[0] == 10s);
}

TEST_CASE("a transport that throws does not end the run") {
  Chat chat;
  chat.telegram.next([]() -> HttpResult { throw std::runtime_error{the_token}; });
  const Delivery delivery = chat.tell(a_fill());
  REQUIRE(later(delivery));
  CHECK_THAT(std::get<TryLater>(delivery).why, !Catch::Contains("AAHdqT"));
}
