// The table of outcomes: what each answer of the exchange means, for a creation, a cancellation and
// a reading.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "answers.hpp"

using namespace tradeguard;
using namespace tradeguard::binance;
using namespace tradeguard::binance_test;

namespace {

struct Said {
  int status;
  int code = 0;  // 0: the body is not the venue's
  std::string message = "Some words.";
};

std::vector<Said> everything_documented() {
  std::vector<Said> all;
  for (const int status : {200, 204, 302, 400, 401, 403, 404, 408, 409, 410, 418, 429, 451, 500, 502, 503, 504})
    all.push_back({status, 0, ""});
  for (const int code : {-1000, -1001, -1002, -1003, -1006, -1007, -1008, -1010, -1013, -1014, -1015, -1016, -1020,
                         -1021, -1022, -1100, -1101, -1102, -1103, -1104, -1105, -1106, -1108, -1111, -1112, -1114,
                         -1115, -1116, -1117, -1118, -1119, -1120, -1121, -1122, -1125, -1127, -1128, -1130, -1134,
                         -1135, -1139, -1145, -1151, -1158, -1160, -1165, -1166, -1168, -1182, -1194, -1196, -1197,
                         -1198, -1199, -2010, -2011, -2013, -2014, -2015, -2016, -2018, -2021, -2022, -2026, -2039})
    all.push_back({400, code});
  for (const char* message :
       {"Duplicate order sent.", "Market is closed.", "Account has insufficient balance for requested action.",
        "Order would trigger immediately.", "The relationship of the prices for the orders is not correct.",
        "Order would immediately match and take.", "Stop loss orders are not supported for this symbol.",
        "This action is disabled on this account.", "Unknown order sent."}) {
    all.push_back({400, -2010, message});
    all.push_back({400, -1010, message});
  }
  for (const char* message : {"Unknown order sent.", "Order was not canceled due to cancel restrictions.",
                              "This account may not place or cancel orders."})
    all.push_back({400, -2011, message});
  all.push_back({400, -1013, "Filter failure: NOTIONAL"});
  // Codes under statuses that are not theirs: the worse of the two counts.
  all.push_back({200, -1121, "Invalid symbol."});
  all.push_back({200, -2010, "Duplicate order sent."});
  all.push_back({401, -2015, "Invalid API-key, IP, or permissions for action."});
  all.push_back({403, -1121, "Invalid symbol."});
  all.push_back({408, -1007, "Timeout."});
  all.push_back({418, -1003, "Way too much request weight used. IP banned until 1735732800000."});
  all.push_back({400, -1003, "Way too much request weight used. IP banned until 1735732800000."});
  all.push_back({429, -1003, "Too much request weight used."});
  all.push_back({429, -1015, "Too many new orders."});
  all.push_back({500, -1121, "Invalid symbol."});
  all.push_back({503, -1003, "Too many requests queued."});
  all.push_back({503, -1008, "Server is currently overloaded."});
  // And what nobody has documented yet.
  for (const int code : {-1, -999, -1099, -1200, -2009, -2999, -4116, -9000}) all.push_back({400, code});
  return all;
}

std::string line_of(const Said& said) {
  const std::string body =
      said.code == 0 ? (said.message.empty() ? "<html>" + std::to_string(said.status) + "</html>" : said.message)
                     : R"({"code":)" + std::to_string(said.code) + R"(,"msg":")" + said.message + R"("})";
  std::string line = std::to_string(said.status) + " " + (said.code == 0 ? "-" : std::to_string(said.code));
  bool understood = true;
  Ruling last;
  for (const Call call : {Call::create, Call::cancel, Call::read}) {
    last = ruling(call, answered(said.status, body));
    understood = understood && last.understood;
    line.append(" ").append(text(call)).append("=").append(text(last.fate));
  }
  if (!understood) line += " told";
  if (last.hush.length > Micros{0})
    line += (last.hush.orders_only ? " no_orders=" : " quiet=") + duration_text(last.hush.length);
  return said.code == 0 ? line : line + "  " + said.message;
}

}  // namespace

// TRADEGUARD_TEST_WRITE_GOLDEN=1 writes the file anew, for a reader to look at before it is kept.
TEST_CASE("each documented code and status has its outcome for each kind of call") {
  std::string table;
  for (const auto& said : everything_documented()) table += line_of(said) + "\n";
  const std::string path = std::string{BINANCE_GOLDEN} + "/outcomes.golden";
  if (std::getenv("TRADEGUARD_TEST_WRITE_GOLDEN") != nullptr) std::ofstream{path} << table;
  std::ifstream file{path};
  std::stringstream kept;
  kept << file.rdbuf();
  CHECK(table == kept.str());
}

TEST_CASE("a creation is refused only in documented words, whatever the number") {
  int refused = 0;
  for (int code = -9999; code < 0; ++code) {
    const auto body = R"({"code":)" + std::to_string(code) + R"(,"msg":"No."})";
    if (ruling(Call::create, answered(400, body)).fate == Fate::refused) ++refused;
  }
  // 1002, 1010, 1013, 1014, 1020, 1022, the hundred of 11xx, 2010, 2014, 2015, 2016.
  CHECK(refused == 110);
}

TEST_CASE("an error that shows an order is doubt, not a refusal") {
  const auto answer = answered(400, R"({"code":-2010,"msg":"No.","orderId":28})");
  CHECK(ruling(Call::create, answer).fate == Fate::in_doubt);
  CHECK_FALSE(ruling(Call::create, answer).understood);
  CHECK(ruling(Call::create, answered(400, R"({"code":-2010,"msg":"No.","orderId":-1})")).fate == Fate::refused);
}

TEST_CASE("what never left is unsent, and what may have left is in doubt") {
  const HttpResult unsent = tl::unexpected{HttpFailure{false, "connection refused"}};
  const HttpResult lost = tl::unexpected{HttpFailure{true, "the connection broke"}};
  for (const Call call : {Call::create, Call::cancel, Call::read}) {
    CHECK(ruling(call, unsent).fate == Fate::not_connected);
    CHECK(ruling(call, lost).fate == Fate::in_doubt);
    CHECK(ruling(call, lost).message == "the connection broke");
  }
}

TEST_CASE("the pause the venue asks for is kept to the second, and has an end") {
  const auto pause = [](int status, const std::string& after, const char* code) {
    auto answer = answered(status, std::string{R"({"code":)"} + code + R"(,"msg":"Too much."})");
    answer->headers.emplace_back("retry-after", after);
    return ruling(Call::read, answer);
  };
  CHECK(pause(429, "17", "-1003").hush.length == 17s);
  CHECK_FALSE(pause(429, "17", "-1003").hush.orders_only);
  CHECK(pause(429, "9", "-1015").hush.length == 9s);
  CHECK(pause(429, "9", "-1015").hush.orders_only);
  CHECK(pause(418, "3600", "-1015").hush.length == 1h);
  CHECK_FALSE(pause(418, "3600", "-1015").hush.orders_only);
  CHECK(pause(418, "99999999999", "-1003").hush.length == 72h);
  CHECK(pause(418, "soon", "-1003").hush.length == 120s);
  CHECK(pause(429, "-5", "-1003").hush.length == 1s);
}

TEST_CASE("a ban that names its end in words only lasts until then") {
  auto answer =
      answered(418, R"({"code":-1003,"msg":"Way too much request weight used; IP banned until 1735740000000."})");
  answer->headers.emplace_back("date", "Wed, 01 Jan 2025 12:00:00 GMT");
  CHECK(ruling(Call::read, answer).hush.length == 2h);
  answer->headers.back().second = "Wed, 01 Jan 2025 15:00:00 GMT";
  CHECK(ruling(Call::read, answer).hush.length == 120s);
}

TEST_CASE("the firewall's page is no refusal: nothing was sent, and it is left alone for a while") {
  const auto page = answered(403, "<html><h1>403 Forbidden</h1></html>");
  for (const Call call : {Call::create, Call::cancel, Call::read}) {
    const Ruling ruled = ruling(call, page);
    CHECK(ruled.fate == Fate::throttled);
    CHECK(ruled.hush.length == 120s);
    CHECK_FALSE(ruled.hush.orders_only);
    CHECK(ruled.hush.not_served.empty());
    CHECK(ruled.message == "the exchange's firewall did not let the request through");
  }
  auto dated = page;
  dated->headers.emplace_back("retry-after", "300");
  CHECK(ruling(Call::create, dated).hush.length == 300s);
}

TEST_CASE("a country that is not served is a matter of configuration, whatever the status and the form") {
  const auto answer = GENERATE(
      answered(451, ""), answered(451, "<html>Unavailable For Legal Reasons</html>"),
      answered(
          451,
          R"({"code":0,"msg":"Service unavailable from a restricted location according to 'b. Eligibility' in the terms."})"),
      answered(403, R"({"code":0,"msg":"Service unavailable from a restricted location."})"));
  for (const Call call : {Call::create, Call::cancel, Call::read}) {
    const Ruling ruled = ruling(call, answer);
    CHECK(ruled.fate == Fate::throttled);
    CHECK_FALSE(ruled.hush.not_served.empty());
    CHECK_THAT(ruled.message, Catch::StartsWith("not served from this country or address"));
  }
}

TEST_CASE("of what the venue says two hundred bytes are kept, cut between characters") {
  std::string long_text(199, 'x');
  long_text += "\xC3\xA9 and more";
  const auto kept = ruling(Call::create, answered(400, R"({"code":-1121,"msg":")" + long_text + R"("})"));
  CHECK(kept.message == std::string(199, 'x'));
}
