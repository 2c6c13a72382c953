// Answers as Binance gives them, and short ways to make them. The market is the contract's:
// ETH_USDT.
#pragma once

#include <string>
#include <string_view>

#include "orders.hpp"
#include "wire.hpp"

namespace tradeguard::binance_test {

inline const Instant noon = from_micros(1'735'732'800'000'000);  // 2025-01-01T12:00:00Z

inline HttpResult answered(int status, std::string body) {
  return HttpResponse{.status = status, .body = std::move(body), .headers = {}, .sent = noon, .answered = noon};
}
inline HttpResult good(std::string body) { return answered(200, std::move(body)); }

inline Secret secret(std::string_view text) { return Secret{std::string{text}}; }
inline binance::Signer signer() {
  return binance::Signer{secret("vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"),
                         secret("NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j")};
}

inline const std::string market_answer =
    R"({"symbol":"ETHUSDT","orderId":6498090546073120100,"orderListId":-1,
 "clientOrderId":"tg1-entry","transactTime":1735732800123,"price":"0.00000000","origQty":"1.00000000",
 "executedQty":"1.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"3000.00000000",
 "status":"FILLED","timeInForce":"GTC","type":"MARKET","side":"BUY","workingTime":1735732800123,
 "fills":[{"price":"3000.00000000","qty":"0.40000000","commission":"0.00040000","commissionAsset":"ETH","tradeId":56},
          {"price":"3000.00000000","qty":"0.60000000","commission":"0.00200000","commissionAsset":"BNB","tradeId":57}],
 "selfTradePreventionMode":"NONE"})";

inline const std::string stop_answer = R"({"symbol":"ETHUSDT","orderId":29,"orderListId":-1,
 "clientOrderId":"tg1-stop","transactTime":1735732800123,"price":"0.00000000","origQty":"0.90000000",
 "executedQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"NEW","timeInForce":"GTC",
 "type":"STOP_LOSS","side":"SELL","stopPrice":"2910.00000000","workingTime":-1,"fills":[]})";

inline const std::string pair_answer = R"({"orderListId":1929,"contingencyType":"OCO",
 "listStatusType":"EXEC_STARTED","listOrderStatus":"EXECUTING","listClientOrderId":"tg1-ltop",
 "transactionTime":1735732800123,"symbol":"ETHUSDT",
 "orders":[{"symbol":"ETHUSDT","orderId":20569,"clientOrderId":"tg1-stop"},
           {"symbol":"ETHUSDT","orderId":20570,"clientOrderId":"tg1-target"}],
 "orderReports":[
  {"symbol":"ETHUSDT","orderId":20569,"orderListId":1929,"clientOrderId":"tg1-stop","transactTime":1735732800123,
   "price":"2880.90000000","origQty":"0.90000000","executedQty":"0.00000000","cummulativeQuoteQty":"0.00000000",
   "status":"NEW","timeInForce":"GTC","type":"STOP_LOSS_LIMIT","side":"SELL","stopPrice":"2910.00000000","workingTime":-1},
  {"symbol":"ETHUSDT","orderId":20570,"orderListId":1929,"clientOrderId":"tg1-target","transactTime":1735732800123,
   "price":"3090.00000000","origQty":"0.90000000","executedQty":"0.00000000","cummulativeQuoteQty":"0.00000000",
   "status":"NEW","timeInForce":"GTC","type":"LIMIT_MAKER","side":"SELL","workingTime":1735732800123}]})";

// An order as GET order, openOrders and allOrders show it.
inline std::string shown_order(
    std::string_view client_id, std::string_view venue_id, std::string_view status = "NEW",
    std::string_view filled = "0.00000000",
    std::string_view type_and_prices = R"("type":"STOP_LOSS","price":"0.00000000","stopPrice":"2910.00000000")",
    std::string_view side = "SELL", bool working = false) {
  std::string text = R"({"symbol":"ETHUSDT","orderId":)";
  text.append(venue_id).append(R"(,"orderListId":-1,"clientOrderId":")").append(client_id);
  text.append(R"(","origQty":"0.90000000","executedQty":")").append(filled);
  text.append(R"(","cummulativeQuoteQty":"0.00000000","status":")").append(status);
  text.append(R"(","timeInForce":"GTC",)").append(type_and_prices).append(R"(,"side":")").append(side);
  text.append(R"(","icebergQty":"0.00000000","time":1735732800123,"updateTime":1735732800123,"isWorking":)");
  return text.append(working ? "true" : "false").append("}");
}

inline const std::string trades_answer = R"([
 {"symbol":"ETHUSDT","id":28457,"orderId":28,"orderListId":-1,"price":"3000.0","qty":"0.4","quoteQty":"1200",
  "commission":"0.0004","commissionAsset":"ETH","time":1735732800123,"isBuyer":true,"isMaker":false,"isBestMatch":true},
 {"symbol":"ETHUSDT","id":28458,"orderId":28,"orderListId":-1,"price":"3000.0","qty":"0.6","quoteQty":"1800",
  "commission":"0.002","commissionAsset":"BNB","time":1735732800123,"isBuyer":true,"isMaker":false,"isBestMatch":true}])";

inline const std::string list_answer =
    R"({"orderListId":27,"contingencyType":"OCO","listStatusType":"EXEC_STARTED",
 "listOrderStatus":"EXECUTING","listClientOrderId":"tg1-ltop","transactionTime":1735732800123,"symbol":"ETHUSDT",
 "orders":[{"symbol":"ETHUSDT","orderId":4,"clientOrderId":"tg1-stop"},
           {"symbol":"ETHUSDT","orderId":5,"clientOrderId":"tg1-target"}]})";

inline const std::string account_answer =
    R"({"makerCommission":15,"canTrade":true,"accountType":"SPOT",
 "balances":[{"asset":"ETH","free":"0.10000000","locked":"0.90000000"},
             {"asset":"USDT","free":"7000.00000000","locked":"0.00000000"}],
 "permissions":["SPOT"],"uid":354937868})";

inline std::string market_shown(std::string_view status, std::string_view types, std::string_view filters,
                                std::string_view more = R"("ocoAllowed":true,)") {
  std::string text = R"({"symbol":"ETHUSDT","status":")";
  text.append(status).append(R"(","baseAsset":"ETH","baseAssetPrecision":8,"quoteAsset":"USDT",)");
  text.append(R"("quoteAssetPrecision":8,"orderTypes":[)").append(types).append("],").append(more);
  return text.append(R"("isSpotTradingAllowed":true,"filters":[)").append(filters).append("]}");
}
inline const std::string all_types = R"("LIMIT","LIMIT_MAKER","MARKET","STOP_LOSS","STOP_LOSS_LIMIT")";
inline const std::string usual_filters = R"(
 {"filterType":"PRICE_FILTER","minPrice":"0.01000000","maxPrice":"1000000.00000000","tickSize":"0.01000000"},
 {"filterType":"LOT_SIZE","minQty":"0.00010000","maxQty":"9000.00000000","stepSize":"0.00010000"},
 {"filterType":"MARKET_LOT_SIZE","minQty":"0.00000000","maxQty":"1500.50000000","stepSize":"0.00000000"},
 {"filterType":"NOTIONAL","minNotional":"5.00000000","applyMinToMarket":true,"maxNotional":"9000000.00000000",
  "applyMaxToMarket":false,"avgPriceMins":5},
 {"filterType":"MAX_NUM_ORDERS","maxNumOrders":200},
 {"filterType":"MAX_NUM_ORDER_LISTS","maxNumOrderLists":20},
 {"filterType":"MAX_NUM_ALGO_ORDERS","maxNumAlgoOrders":5})";
inline std::string markets(const std::string& market) {
  return R"({"timezone":"UTC","serverTime":1735732800123,"rateLimits":[],"exchangeFilters":[],"symbols":[)" + market +
         "]}";
}

}  // namespace tradeguard::binance_test
