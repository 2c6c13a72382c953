// JSON that an exchange wrote: numbers stay the characters they came as, and what is not there is asked like what is.
#include <tradeguard/foreign_json.hpp>

#include <catch2/catch.hpp>

using namespace tradeguard;
using namespace tradeguard::exchange;

TEST_CASE("a number keeps digits that no double has, and a text may be one") {
  const ForeignJson json{R"({"id":9223372036854775807,"amount":0.123456789012345678,"text":"1.50","far":1e3})"};
  REQUIRE(json.whole());
  CHECK(json.root()["id"].text() == "9223372036854775807");
  CHECK(json.root()["id"].whole_number() == 9223372036854775807);
  CHECK(json.root()["amount"].decimal()->text() == "0.123456789012345678");
  CHECK(json.root()["text"].amount<Quantity>() == Quantity::parse("1.5"));
  CHECK_FALSE(json.root()["far"].whole_number());
}

TEST_CASE("what is missing, doubled or of another kind is absent, however deep it is asked for") {
  const ForeignJson json{R"({"a":{"b":[1,2]},"twice":1,"twice":2,"null":null,"no":{},"text":"x"})"};
  const Node root = json.root();
  CHECK(root["a"]["b"].elements().size() == 2);
  CHECK_FALSE(root["twice"]);
  CHECK(root.holds("twice"));
  CHECK_FALSE(root.holds("thrice"));
  CHECK(root["null"].is_null());
  CHECK_FALSE(root["null"].scalar());
  CHECK_FALSE(root["missing"]["of"]["course"]);
  CHECK_FALSE(root["text"]["b"]);
  CHECK(root["text"].elements().empty());
  CHECK_FALSE(root["no"].decimal());
  CHECK(Node{}.text().empty());
  CHECK(Node{}.size() == 0);
}

TEST_CASE("amounts are not negative, prices are more than zero, and flags are said as words too") {
  const ForeignJson json{R"({"minus":"-1","zero":"0.00","two":2,"yes":true,"no":"false","maybe":"perhaps"})"};
  const Node root = json.root();
  CHECK_FALSE(root["minus"].amount<Money>());
  CHECK(root["minus"].decimal() == -Decimal{1});
  CHECK(root["zero"].amount<Money>() == Money{});
  CHECK_FALSE(root["zero"].price());
  CHECK(root["two"].price() == Price{Decimal{2}});
  CHECK(root["yes"].flag() == true);
  CHECK(root["no"].flag() == false);
  CHECK_FALSE(root["maybe"].flag());
}

TEST_CASE("what is not one whole document is nothing at all") {
  for (const std::string& body :
       {std::string{}, std::string{"{"}, std::string{"{}}"}, std::string{"{\"a\":\"\xff\"}"}, std::string{"{}\0{}", 5},
        std::string{"<html>"}, std::string(17U << 20, ' ') + "{}"}) {
    const ForeignJson json{body};
    CHECK_FALSE(json.whole());
    CHECK_FALSE(json.root());
  }
  // A million brackets cost heap and not stack.
  CHECK_FALSE(ForeignJson{std::string(1'000'000, '[')}.whole());
  CHECK(ForeignJson{std::string(100'000, '[') + std::string(100'000, ']')}.whole());
}
