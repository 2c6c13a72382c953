// The wire by itself: hostile texts on the way out, hostile answers on the way in.
#include "telegram_wire.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "memory_telegram.hpp"

using namespace tradeguard;
using namespace tradeguard::telegram;
using namespace tradeguard::telegram_test;

namespace {

Notice notice_with(std::vector<std::pair<std::string, std::string>> facts) {
  Notice notice{.event_id = "ORDER_REFUSED:tg1-e1-abc", .type = NoticeType::order_refused};
  notice.severity = Severity::warning;
  notice.symbol = "ETH_USDT";
  notice.side = Side::buy;
  notice.facts = std::move(facts);
  return notice;
}

Notice digest_of(std::size_t count, const Notice& notice) {
  Notice digest{.event_id = "DIGEST:first:" + std::to_string(count), .type = NoticeType::digest};
  for (std::size_t i = 0; i < count; ++i) {
    Notice one = notice;
    one.event_id = "event-" + std::to_string(i) + "-end";
    digest.facts.emplace_back("notice", plain_text(one));
  }
  return digest;
}

// What the chat shows: every message within the limits, its markup whole.
std::string shown(const Notice& notice) {
  std::string all;
  for (const Message& message : messages_of(notice)) {
    const auto text = seen(message.html);
    REQUIRE(text);
    CHECK(*text == message.plain);
    CHECK(utf16_units(*text) <= 4096);
    CHECK(message.html.size() <= 32'768);
    CHECK(text->find_first_not_of(" \n") != std::string::npos);
    // The body is JSON that its reader takes for valid UTF-8.
    const auto html = build_message({"1", {}}, message, Markup::html, the_token);
    CHECK(read_message(html.body).text == message.html);
    const auto plain = build_message({"1", {}}, message, Markup::none, the_token);
    CHECK(read_message(plain.body).text == message.plain);
    all += *text;
    all += '\n';
  }
  return all;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++count;
  return count;
}

Answer answered(const HttpResponse& response) { return read_answer(HttpResult{response}, the_token); }

}  // namespace

TEST_CASE("markup in a fact is text, not markup") {
  const auto messages = messages_of(notice_with({{"reason", "<b>bad</b> & <a href=\"tg://x\">x</a> &lt; </code>"}}));
  REQUIRE(messages.size() == 1);
  CHECK_THAT(messages[0].html, Catch::Contains("reason: <code>&lt;b&gt;bad&lt;/b&gt; &amp; &lt;a href"));
  CHECK_THAT(shown(notice_with({{"reason", "a </code> b"}})), Catch::Contains("a </code> b"));
}

TEST_CASE("a fact without a value is no line") {
  CHECK_THAT(shown(notice_with({{"reason", ""}, {"code", "7"}})),
             !Catch::Contains("reason") && Catch::Contains("code: 7"));
}

TEST_CASE("a newline in a fact makes no line of its own") {
  CHECK_THAT(shown(notice_with({{"reason", "x\nevent: forged"}, {"k\ney", "v"}})),
             !Catch::Contains("\nevent: forged") && !Catch::Contains("\ney"));
}

TEST_CASE("the title is bold and says how bad it is") {
  Notice notice = notice_with({});
  notice.severity = Severity::critical;
  CHECK_THAT(messages_of(notice)[0].html, Catch::StartsWith("<b>CRITICAL ORDER REFUSED ETH_USDT BUY</b>\n"));
}

TEST_CASE("the last line is the event id, of a long message too") {
  for (const std::size_t length : {0U, 10U, 4000U, 4090U, 5000U, 12'000U}) {
    const std::string text = shown(notice_with({{"reason", std::string(length, 'x')}}));
    CHECK_THAT(text, Catch::EndsWith("\nevent: ORDER_REFUSED:tg1-e1-abc\n"));
    CHECK(count_of(text, "x") == length);
  }
}

TEST_CASE("a value longer than a message goes on in the next, form and all") {
  const auto messages = messages_of(notice_with({{"reason", std::string(5000, 'x')}}));
  REQUIRE(messages.size() == 3);  // the title, the line that is too long, and the rest of it
  CHECK_THAT(messages[1].html, Catch::StartsWith("reason: <code>xxx") && Catch::EndsWith("xxx</code>"));
  CHECK(utf16_units(messages[1].plain) == 4096);
  CHECK_THAT(messages[2].html, Catch::StartsWith("<code>xxx"));
}

TEST_CASE("escaped characters count as one each for the reader and as bytes for the wire") {
  const std::string text = shown(notice_with({{"reason", std::string(8000, '&')}}));
  CHECK(count_of(text, "&") == 8000);
}

TEST_CASE("an emoji at the boundary is not torn") {
  const std::string emoji = "\xF0\x9F\x9A\x80";
  for (std::size_t before = 4080; before < 4100; ++before) {
    std::string value(before, 'x');
    for (int i = 0; i < 20; ++i) value += emoji;
    const std::string text = shown(notice_with({{"reason", value}}));
    CHECK(count_of(text, emoji) == 20);
  }
}

TEST_CASE("what is no UTF-8 is shown as what can be read") {
  const Notice notice = notice_with({{"reason", "a\xff\xfe\xc3(\xed\xa0\x80\xf4\x90\x80\x80 z"}, {"cut", "\xe2\x82"}});
  CHECK_THAT(shown(notice), Catch::Contains("a") && Catch::Contains(" z"));
  Notice digest{.event_id = "D", .type = NoticeType::digest};
  digest.facts = {{"notice", "TITLE\xff\nfact: \xc3(\nevent: x\xf0\x9f\x9a"},
                  {"notice", "\n\n\n"},
                  {"notice", ""},
                  {"note", "no notice\n"}};
  CHECK_THAT(shown(digest), Catch::Contains("TITLE\xEF\xBF\xBD") && Catch::Contains("DIGEST, 3 notices"));
}

TEST_CASE("a message of blanks alone is not sent, for it would be refused") {
  const std::string text = shown(notice_with({{"reason", std::string(9000, ' ')}}));
  CHECK_THAT(text, Catch::Contains("event: "));
}

TEST_CASE("a value that would fill a dozen messages is shortened and its event id is not") {
  std::vector<std::pair<std::string, std::string>> facts;
  for (int i = 0; i < 20; ++i) facts.emplace_back("reason" + std::to_string(i), std::string(5000, 'x'));
  const Notice notice = notice_with(std::move(facts));
  CHECK(messages_of(notice).size() <= 5);
  const std::string text = shown(notice);
  for (int i = 0; i < 20; ++i) CHECK_THAT(text, Catch::Contains("reason" + std::to_string(i) + ": x"));
  CHECK_THAT(text, Catch::Contains("x…\n") && Catch::Contains("event: ORDER_REFUSED:tg1-e1-abc"));
}

TEST_CASE("a digest of two hundred notices shows every event id in a few messages") {
  const bool hostile = GENERATE(false, true);
  const Notice one = notice_with({{"code", "213"}, {"reason", hostile ? std::string(3000, '<') : "no"}});
  const Notice digest = digest_of(200, one);
  const std::string text = shown(digest);
  for (int i = 0; i < 200; ++i) CHECK(count_of(text, "event: event-" + std::to_string(i) + "-end\n") == 1);
  CHECK_THAT(text, Catch::StartsWith("DIGEST, 200 notices\n") && Catch::EndsWith("event: DIGEST:first:200\n"));
  CHECK(messages_of(digest).size() <= 7);
}

TEST_CASE("a notice of a digest is not torn between two messages") {
  for (const Message& message : messages_of(digest_of(60, notice_with({{"reason", "why not"}})))) {
    CHECK(message.plain.find("WARNING") < message.plain.find("event: event-"));
    CHECK(count_of(message.html, "<b>") + count_of(message.html, "<code>") <= 100);
  }
}

TEST_CASE("chats and topics are sent as the API wants them") {
  const Message message{"<b>x</b>", "x"};
  const auto built = [&](const Address& address) {
    return read_message(build_message(address, message, Markup::html, the_token).body);
  };
  CHECK(built({"-1001234567890", {}}).chat_is_number);
  CHECK(built({"-1001234567890", {}}).chat == "-1001234567890");
  CHECK(built({"@channel", {}}).chat == "@channel");
  CHECK(built({"99999999999999999999", {}}).chat == "99999999999999999999");
  CHECK(built({"1", 4711}).topic == 4711);
  CHECK(built({"1", INT64_MAX}).topic == INT64_MAX);
  CHECK_FALSE(built({"1", 1}).topic);
  CHECK(built({"1", {}}).previews_off);
  CHECK(built({"1", {}}).parse_mode == "HTML");

  const HttpRequest request = build_message({"1", {}}, message, Markup::none, the_token);
  CHECK(request.method == "POST");
  CHECK(request.target == "/bot" + std::string{the_token} + "/sendMessage");
  CHECK(request.limit == "telegram.chat");
  CHECK(read_message(request.body).parse_mode.empty());
}

TEST_CASE("what cannot be a token is seen before it is sent") {
  CHECK(is_token(the_token));
  for (const char* wrong : {"", "1:a/../x", "1:a\r\nHost: evil", "1:a b", "1:a?x=", "1:\xc3\xa4"})
    CHECK_FALSE(is_token(wrong));
}

TEST_CASE("delivered is HTTP 200 and ok in Telegram's own words") {
  CHECK(std::holds_alternative<Delivered>(answered(answer(200, R"({"ok":true,"result":{}})"))));
  const std::vector<std::string> not_so{
      "",
      "OK",
      "<html>ok</html>",
      R"({"ok":true)",
      R"({"ok":"true"})",
      "null",
      "[true]",
      R"({"result":{"ok":true}})",
      R"({"ok":1})",
      R"({"ok":false})",
      "\xff\xfe",
      {"{\"ok\":true}\0x", 13},
  };
  for (const std::string& body : not_so) CHECK(std::holds_alternative<TryLater>(answered(answer(200, body))));
  for (const int status : {0, 201, 204, 301, 302, 400, 502})
    CHECK(std::holds_alternative<TryLater>(answered(answer(status, R"({"ok":true})"))));
}

TEST_CASE("only words about the message itself are a refusal for good") {
  const std::string words =
      GENERATE("Bad Request: message is too long", "Bad Request: MESSAGE_TOO_LONG", "Bad Request: text is too long",
               "Bad Request: message text is empty", "Bad Request: text must be non-empty",
               "Bad Request: strings must be encoded in UTF-8");
  const Answer refused = answered(refusal(400, words));
  REQUIRE(std::holds_alternative<Undeliverable>(refused));
  CHECK(std::get<Undeliverable>(refused).why == "Telegram answered 400: " + words);
}

TEST_CASE("a refusal of the token, the chat or the bot's rights waits until somebody mends it") {
  const auto [code, words] = GENERATE(table<int, const char*>({
      {400, "Bad Request: chat not found"},
      {400, "Bad Request: chat_id is empty"},
      {400, "Bad Request: PEER_ID_INVALID"},
      {400, "Bad Request: not enough rights to send text messages to the chat"},
      {400, "Bad Request: need administrator rights in the channel chat"},
      {400, "Bad Request: have no write access to the chat"},
      {400, "Bad Request: something Telegram says since last week"},
      {401, "Unauthorized"},
      {401, "Unauthorized: invalid token specified"},
      {403, "Forbidden: bot was blocked by the user"},
      {403, "Forbidden: bot was kicked from the supergroup chat"},
      {403, "Forbidden: user is deactivated"},
      {404, "Not Found"},
      {409, "Conflict: terminated by other request"},
      {421, "Misdirected Request"},
  }));
  const Answer refused = answered(refusal(code, words));
  REQUIRE(std::holds_alternative<TryLater>(refused));
  const auto& later = std::get<TryLater>(refused);
  CHECK(later.refused);
  CHECK_FALSE(later.may_have_arrived);
  CHECK(later.after > 0s);
  CHECK(later.why == "Telegram answered " + std::to_string(code) + ": " + words);
}

TEST_CASE("a gateway's answer is not Telegram's: the notice is tried later") {
  const int status = GENERATE(400, 401, 403, 404, 409, 413, 421, 500, 502, 503, 504);
  for (const char* body : {"", "<html><h1>Forbidden</h1></html>", R"({"ok":fal)", R"({"error":"no"})"}) {
    const Answer later = answered(answer(status, body));
    REQUIRE(std::holds_alternative<TryLater>(later));
    // A wrong address answers like that for ever, a server at fault for a while.
    CHECK(std::get<TryLater>(later).refused == (status < 500));
  }
}

TEST_CASE("trouble at Telegram is tried later, and nobody has to look") {
  const int code = GENERATE(408, 500, 502, 504);
  const Answer later = answered(refusal(code, "Internal Server Error"));
  REQUIRE(std::holds_alternative<TryLater>(later));
  CHECK(std::get<TryLater>(later).after > 0s);
  CHECK_FALSE(std::get<TryLater>(later).refused);
}

TEST_CASE("a slow mode or a flood is a wait of the chat, also where only words say so") {
  const auto [code, words, after] = GENERATE(table<int, const char*, Micros>({
      {400, "Bad Request: SLOWMODE_WAIT_10", 10s},
      {403, "Forbidden: SLOWMODE_WAIT_42", 42s},
      {420, "FLOOD_WAIT_31", 31s},
      {420, "Flood", 30s},
      {429, "Too Many Requests: retry after 5", 5s},
      {429, "Too Many Requests", 30s},
      {400, "Bad Request: SLOWMODE_WAIT_99999999999999999999", 30s},
  }));
  const Answer wait = answered(refusal(code, words));
  INFO(words);
  if (std::string_view{words}.ends_with("999")) {
    CHECK(std::holds_alternative<TryLater>(wait));
    return;
  }
  REQUIRE(std::holds_alternative<AskedToWait>(wait));
  CHECK(std::get<AskedToWait>(wait).after == after);
}

TEST_CASE("a wait is taken from wherever it stands, and only as far as it can be believed") {
  const auto [parameters, head, after] = GENERATE(table<const char*, const char*, Micros>({
      {R"({"retry_after":7})", "", 7s},
      {R"({"retry_after":"7"})", "", 7s},
      {R"({"retry_after":7})", "9", 7s},
      {"", "9", 9s},
      {"{}", "9", 9s},
      {"[]", "9", 9s},
      {R"({"retry_after":null})", "9", 9s},
      {R"({"retry_after":[7]})", "9", 9s},
      {R"({"retry_after":7.5})", "9", 9s},
      {R"({"retry_after":"soon"})", "", 30s},
      {"", "Wed, 21 Oct 2026 07:28:00 GMT", 30s},
      {"", "", 30s},
      {R"({"retry_after":0})", "", 1s},
      {R"({"retry_after":-5})", "", 1s},
      {R"({"retry_after":86400})", "", 3600s},
      {R"({"retry_after":9223372036854775807})", "", 3600s},
      {R"({"retry_after":18446744073709551615})", "", 3600s},
  }));
  HttpResponse throttled = refusal(429, "Too Many Requests: retry after", parameters);
  if (*head != '\0') throttled.headers = {{"retry-after", head}};
  const Answer wait = answered(throttled);
  INFO(parameters << " and header " << head);
  REQUIRE(std::holds_alternative<AskedToWait>(wait));
  CHECK(std::get<AskedToWait>(wait).after == after);
}

TEST_CASE("a group that became a supergroup has a new id of 64 bits") {
  const auto moved = [](const char* id) {
    return answered(refusal(400, "Bad Request: group chat was upgraded to a supergroup chat",
                            std::string{R"({"migrate_to_chat_id":)"} + id + "}"));
  };
  REQUIRE(std::holds_alternative<MovedTo>(moved("-1009223372036")));
  CHECK(std::get<MovedTo>(moved("-1009223372036")).chat_id == "-1009223372036");
  CHECK(std::get<MovedTo>(moved("\"-1009223372036\"")).chat_id == "-1009223372036");
  CHECK(std::get<MovedTo>(moved("-9223372036854775808")).chat_id == "-9223372036854775808");
  for (const char* no_id : {"0", "null", "{}", "1.5", "\"x\"", "18446744073709551615", "true"})
    CHECK(std::holds_alternative<TryLater>(moved(no_id)));
}

TEST_CASE("refusals with a remedy are known by their words") {
  CHECK(std::holds_alternative<MarkupRefused>(
      answered(refusal(400, "Bad Request: can't parse entities: Unsupported start tag"))));
  CHECK(std::holds_alternative<MarkupRefused>(answered(refusal(400, "Bad Request: ENTITY_BOUNDS_INVALID"))));
  for (const char* words :
       {"Bad Request: message thread not found", "BAD REQUEST: MESSAGE THREAD NOT FOUND", "Bad Request: TOPIC_CLOSED",
        "Bad Request: TOPIC_DELETED", "Bad Request: the message thread was closed",
        "Bad Request: invalid message thread identifier specified", "Bad Request: the chat is not a forum"})
    CHECK(std::holds_alternative<ThreadGone>(answered(refusal(400, words))));
  CHECK(
      std::holds_alternative<ThreadGone>(answered(refusal(403, "Forbidden: not enough rights to write in the topic"))));
}

TEST_CASE("no answer is tried later, and says whether the message may have arrived") {
  const auto why = [](bool sent) {
    const Answer later = read_answer(tl::unexpected<HttpFailure>{{sent, "the connection was reset"}}, the_token);
    REQUIRE(std::holds_alternative<TryLater>(later));
    CHECK(std::get<TryLater>(later).after > 0s);
    CHECK(std::get<TryLater>(later).may_have_arrived == sent);
    return std::get<TryLater>(later).why;
  };
  CHECK(why(false) == "Telegram did not answer: the connection was reset");
  CHECK_THAT(why(true), Catch::EndsWith("(it may have arrived)"));
}

TEST_CASE("the token stands in no error, whoever repeats it, and foreign words are few") {
  const std::string token = the_token;
  const std::string secret = token.substr(token.find(':') + 1);
  std::string escaped;  // as a JSON writer may write it
  for (const char c : token) {
    constexpr const char* digits = "0123456789abcdef";
    escaped += std::string{"\\u00"} + digits[c >> 4] + digits[c & 15];
  }
  const std::string long_text(190, 'x');
  for (const std::string& echo : {"no such path /bot" + token + "/sendMessage", "/bot110201543%3A" + secret, escaped,
                                  token + token, long_text + token}) {
    const Answer refused = answered(refusal(404, echo));
    REQUIRE(std::holds_alternative<TryLater>(refused));
    const std::string why = std::get<TryLater>(refused).why;
    CHECK_THAT(why, !Catch::Contains(secret) && !Catch::Contains("AAHdqT") && Catch::Contains("*"));
  }
  const Answer failed_answer = read_answer(tl::unexpected<HttpFailure>{{true, "GET /bot" + token}}, the_token);
  CHECK_THAT(std::get<TryLater>(failed_answer).why, !Catch::Contains(secret));

  const Answer wordy = answered(refusal(403, std::string(100'000, 'y')));
  CHECK(std::get<TryLater>(wordy).why.size() < 300);
  const Answer lines = answered(refusal(403, R"(a\nb\u0000c)"));
  CHECK(std::get<TryLater>(lines).why == "Telegram answered 403: a b c");
}

TEST_CASE("an answer nested a million deep is not understood and breaks nothing") {
  const std::string deep = R"({"ok":true,"result":)" + std::string(1'000'000, '[');
  CHECK(std::holds_alternative<TryLater>(answered(answer(200, deep))));
  const std::string closed = deep + std::string(1'000'000, ']') + "}";
  CHECK(std::holds_alternative<Delivered>(answered(answer(200, closed))));
}
