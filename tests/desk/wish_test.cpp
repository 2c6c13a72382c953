// What a bot has, and what the desk takes it for.
#include <cmath>
#include <limits>

#include "story.hpp"
#include "tradeguard/desk.hpp"

namespace tradeguard {
namespace {

using contract::price;
using contract::quantity;
using contract::value_of;

const std::vector<std::string> quotes{"USDT", "USD", "FDUSD", "BTC"};

TEST_CASE("a symbol is read as exchanges spell it") {
  for (const char* spelled : {"BTCUSDT", "btcusdt", "BTC-USDT", "btc/usdt", "BTC_USDT"})
    CHECK(value_of(symbol_of(spelled, quotes)).text() == "BTC_USDT");
  CHECK(value_of(symbol_of("BTCFDUSD", quotes)).text() == "BTC_FDUSD");
  CHECK(value_of(symbol_of("ETHBTC", quotes)).text() == "ETH_BTC");
  CHECK(value_of(symbol_of("1INCHUSDT", quotes)).text() == "1INCH_USDT");
  // A sign between the parts is the last word, whatever the quotes are.
  CHECK(value_of(symbol_of("SOL-XYZ", quotes)).text() == "SOL_XYZ");
}

TEST_CASE("what is no symbol is an error that names the quotes") {
  for (const char* spelled : {"", "USDT", "BTC", "BTCXYZ", "BTC--USDT", "BTC-USDT-PERP", "BTC USDT", "-USDT", "BTC-"}) {
    INFO(spelled);
    const auto read = symbol_of(spelled, quotes);
    REQUIRE(!read);
    CHECK(read.error().fault == Fault::data);
  }
  CHECK(symbol_of("BTCXYZ", quotes).error().what.find("USDT, USD, FDUSD, BTC") != std::string::npos);
}

TEST_CASE("a double becomes a multiple of the step by one door only, and is rounded half to even") {
  CHECK(value_of(nearest(0.1 + 0.2, quantity("0.01"))) == quantity("0.3"));
  CHECK(value_of(nearest(0.125, quantity("0.01"))) == quantity("0.12"));
  CHECK(value_of(nearest(0.375, quantity("0.25"))) == quantity("0.5"));
  CHECK(value_of(nearest(67123.45, price("0.1"))) == price("67123.4"));
  CHECK(value_of(nearest(1e-12, quantity("0.00000001"))) == quantity("0"));
  CHECK(!nearest(std::nan(""), quantity("0.01")));
  CHECK(!nearest(std::numeric_limits<double>::infinity(), quantity("0.01")));
  CHECK(!nearest(1e300, quantity("0.01")));
  CHECK(!nearest(1.0, quantity("0")));
}

TEST_CASE("a wire id is of the venue's alphabet, and the same for the same order") {
  const ClientOrderId id = client_order_id({"paper", "main"}, "BTC_USDT:BUY:2025-01-01T12:00:00", Leg::entry, 1);
  const ClientOrderId other = client_order_id({"paper", "main"}, "BTC_USDT:BUY:2025-01-01T12:01:00", Leg::entry, 1);
  const auto made_of = [](const std::string& text, std::string_view alphabet) {
    return text.find_first_not_of(alphabet) == std::string::npos;
  };
  CHECK(wire_id(id, ClientIdForm::tg36) == id);
  for (const ClientIdForm form :
       {ClientIdForm::alnum32, ClientIdForm::hex32, ClientIdForm::uuid, ClientIdForm::digits18, ClientIdForm::int45}) {
    INFO(text(form));
    CHECK(parse_client_id_form(text(form)) == form);
    CHECK(wire_id(id, form) != wire_id(other, form));
  }
  CHECK(wire_id(id, ClientIdForm::alnum32).size() <= 32);
  CHECK(made_of(wire_id(id, ClientIdForm::alnum32), "0123456789abcdefghijklmnopqrstuvwxyz"));
  CHECK(wire_id(id, ClientIdForm::hex32).size() == 32);
  CHECK(made_of(wire_id(id, ClientIdForm::hex32), "0123456789abcdef"));
  const std::string uuid = wire_id(id, ClientIdForm::uuid);
  REQUIRE(uuid.size() == 36);
  CHECK(uuid[14] == '8');
  CHECK(std::string{"89ab"}.find(uuid[19]) != std::string::npos);
  for (const std::size_t dash : {8U, 13U, 18U, 23U}) CHECK(uuid[dash] == '-');
  CHECK(wire_id(id, ClientIdForm::digits18).size() <= 18);
  CHECK(std::stoll(wire_id(id, ClientIdForm::digits18)) > 0);
  CHECK(std::stoll(wire_id(id, ClientIdForm::int45)) > 0);
  CHECK(std::stoll(wire_id(id, ClientIdForm::int45)) < (1LL << 45));
  // Exchanges have orders under it, so it never changes. Computed apart: FNV-1a of 128 bits.
  const ClientOrderId fixed = "tg1-e1-0000000000000000000000000x";
  CHECK(wire_id(fixed, ClientIdForm::alnum32) == "tg3qrxsvxpg23t7vrcpv22fd6ctf");
  CHECK(wire_id(fixed, ClientIdForm::hex32) == "77c773beda021e8fbc32db109ed3334f");
  CHECK(wire_id(fixed, ClientIdForm::uuid) == "77c773be-da02-8e8f-bc32-db109ed3334f");
  CHECK(wire_id(fixed, ClientIdForm::digits18) == "299736983873831364");
  CHECK(wire_id(fixed, ClientIdForm::int45) == "12367445230749");
}

}  // namespace
}  // namespace tradeguard
