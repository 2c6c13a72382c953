// What the fakes take for a signature is what the exchanges' own vectors say.
#include <catch2/catch.hpp>

#include "cryptocom_api.hpp"
#include "web.hpp"

namespace tradeguard::fake {
namespace {

struct Vector {
  const char* method;
  const char* id;
  const char* nonce;
  const char* params;
  const char* param_string;
  const char* signature;
};
// Key "test_api_key", secret "test_api_secret"; every sum checked with the openssl command.
const Vector vectors[] = {
    {"private/user-balance", "1", "1767225600000", R"({})", "",
     "3421148d7cd7d4434d99189d096a852a78448e758df3adafd061ba85da44d935"},
    {"private/create-order", "2", "1767225600000",
     R"({"instrument_name": "BTC_USDT", "side": "BUY", "type": "LIMIT", "price": "50000.00", "quantity": "0.001", "client_oid": "guard-0001", "time_in_force": "GOOD_TILL_CANCEL"})",
     "client_oidguard-0001instrument_nameBTC_USDTprice50000.00quantity0.001sideBUYtime_in_"
     "forceGOOD_TILL_CANCELtypeLIMIT",
     "24185d4b131bdaafe98931ebb35560f5f56c31945ee92eb5a6496e1db9e4c547"},
    {"private/create-order", "4", "1767225600000",
     R"({"instrument_name": "BTC_USDT", "side": "BUY", "type": "MARKET", "notional": "50", "client_oid": "guard-0003"})",
     "client_oidguard-0003instrument_nameBTC_USDTnotional50sideBUYtypeMARKET",
     "a4192c2c3ee513d9670c4bfc2b934739a73c39249a63432fae84510f07336159"},
    {"private/advanced/create-order", "5", "1767225600000",
     R"({"instrument_name": "BTC_USDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "0.001", "ref_price": "45000", "ref_price_type": "MARK_PRICE", "client_oid": "guard-0004"})",
     "client_oidguard-0004instrument_nameBTC_USDTquantity0.001ref_price45000ref_price_typeMARK_"
     "PRICEsideSELLtypeSTOP_LOSS",
     "0ad38c82d0341bb3eff77fd434fb22943d06f71b2fe987c94b4e2d86095fac3f"},
    {"private/create-order-list", "7", "1767225600000",
     R"({"contingency_type": "LIST", "order_list": [{"instrument_name": "CRO_USD", "side": "SELL", "type": "LIMIT", "quantity": "10", "price": "0.12", "client_oid": "l1"}, {"instrument_name": "CRO_USD", "side": "SELL", "type": "LIMIT", "quantity": "20", "price": "0.122", "client_oid": "l2"}]})",
     "contingency_typeLISTorder_listclient_oidl1instrument_nameCRO_USDprice0."
     "12quantity10sideSELLtypeLIMITclient_oidl2instrument_nameCRO_USDprice0."
     "122quantity20sideSELLtypeLIMIT",
     "d4c0a7f44286373816c4b9d80baaec7310d4636ac5fa67e8322ad71a812675d0"},
    {"private/get-trades", "8", "1767225600000",
     R"({"instrument_name": "BTC_USDT", "start_time": "1767222000000000000", "limit": 20})",
     "instrument_nameBTC_USDTlimit20start_time1767222000000000000",
     "f17a8ea614738563539cd4fdcdeb6b18e7644acf010bb1562bfce01d043d6a37"},
    {"private/get-order-detail", "10", "1767225600000", R"({"b": null, "a": true})", "atruebnull",
     "20a95895c2902c04de451b2b31c62c28cee4047135ace2c2ad4fbff25bb5e3a4"},
    {"private/get-order-detail", "9223372036854775807", "1767225600000", R"({"client_oid": "guard-0001"})",
     "client_oidguard-0001", "0c6b8009d6816e8f4f119feff636a0d779cc3129372047d81a96e052184fc7a1"},
};

TEST_CASE("Crypto.com's signatures are those of the vectors") {
  for (const auto& one : vectors) {
    INFO(one.params);
    const auto params = parse_json(one.params);
    REQUIRE(params);
    CHECK(param_string(*params) == one.param_string);
    const auto message = std::string{one.method} + one.id + "test_api_key" + one.param_string + one.nonce;
    CHECK(hmac_sha256_hex("test_api_secret", message) == one.signature);
  }
}

// The example of Binance's own documentation.
TEST_CASE("Binance's signature is that of its documentation") {
  CHECK(hmac_sha256_hex("NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
                        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
                        "&recvWindow=5000&timestamp=1499827319559") ==
        "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71");
}

TEST_CASE("an Ed25519 signature is good for its message and its key") {
  const auto pair = Ed25519Pair::fresh();
  const auto again = Ed25519Pair::from_pem(pair.private_pem());
  REQUIRE(again);
  const auto signature = again->sign_base64("symbol=ETHUSDT");
  CHECK(pair.signed_by_it("symbol=ETHUSDT", signature));
  CHECK_FALSE(pair.signed_by_it("symbol=ETHUSDC", signature));
  CHECK_FALSE(Ed25519Pair::fresh().signed_by_it("symbol=ETHUSDT", signature));
  CHECK_FALSE(pair.signed_by_it("symbol=ETHUSDT", "AAAA"));
}

}  // namespace
}  // namespace tradeguard::fake
