// Answers as the venue writes them, and short ways to make them.
#pragma once

#include <stdexcept>
#include <string>

#include "shown.hpp"
#include "wire.hpp"

namespace tradeguard {

inline HttpResult http(int status, std::string body) {
  HttpResponse response{.status = status, .body = std::move(body)};
  return response;
}
inline HttpResult lost(bool sent) {
  return tl::unexpected<HttpFailure>{HttpFailure{sent, sent ? "the connection broke" : "refused"}};
}
inline HttpResult answered(const std::string& method, const std::string& result) {
  return http(200, R"({"id":1,"method":")" + method + R"(","code":0,"result":)" + result + "}");
}
inline HttpResult coded(int status, const std::string& code, const std::string& rest = "") {
  return http(status, R"({"id":1,"method":"private/create-order","code":)" + code + rest + "}");
}
inline HttpResult listed(const std::string& method, const std::string& rows) {
  return answered(method, R"({"data":[)" + rows + "]}");
}

// A market purchase that filled, as get-order-detail has it.
inline const std::string filled_entry = R"({
  "account_id":"52e7c00f-1324-5a6z-bfgt-de445bde21a5","order_id":"5755600460443882762",
  "client_oid":"tg1-entry","order_type":"MARKET","time_in_force":"GOOD_TILL_CANCEL","side":"BUY",
  "exec_inst":[],"quantity":"1.0","limit_price":"0","order_value":"3000","avg_price":"3000.00",
  "ref_price":"0","cumulative_quantity":"1.0","cumulative_value":"3000.00","cumulative_fee":"3.0",
  "status":"FILLED","instrument_name":"ETH_USDT","fee_instrument_name":"USDT",
  "create_time":1767225600123,"create_time_ns":"1767225600123456789","update_time":1767225600125})";
// A stop that rests, and the target bound to it, as advanced/get-open-orders has them.
inline const std::string resting_stop = R"({
  "order_id":6498090546073120101,"client_oid":"tg1-stop","order_type":"STOP_LOSS","side":"SELL",
  "list_id":6498090546073120100,"leg_id":"2","contingency_type":"OCO","exchange_order_id":"0",
  "quantity":"0.9","limit_price":"0","ref_price":"2910.00","ref_price_type":"MARK_PRICE",
  "cumulative_quantity":"0","cumulative_value":"0","cumulative_fee":"0","status":"PENDING",
  "instrument_name":"ETH_USDT","fee_instrument_name":"USDT","create_time":1767225601000})";
inline const std::string resting_target = R"({
  "order_id":"6498090546073120102","client_oid":"tg1-target","order_type":"LIMIT","side":"SELL",
  "list_id":"6498090546073120100","leg_id":"1","contingency_type":"OCO",
  "exchange_order_id":"5755600460443882790","quantity":"0.9","limit_price":"3090","ref_price":"0",
  "cumulative_quantity":"0","cumulative_value":"0","status":"ACTIVE",
  "instrument_name":"ETH_USDT","create_time":"1767225601000"})";
inline const std::string trade_in_base = R"({
  "account_id":"52e7c00f-1324-5a6z-bfgt-de445bde21a5","event_date":"2026-01-01",
  "journal_type":"TRADING","traded_quantity":"0.4","traded_price":"3000","fees":"-0.0004",
  "order_id":"5755600460443882762","trade_id":"5755600460443882763","client_oid":"tg1-entry",
  "taker_side":"TAKER","side":"BUY","instrument_name":"ETH_USDT","fee_instrument_name":"ETH",
  "create_time":1767225600124,"create_time_ns":"1767225600124000000"})";

// Another value for one member.
inline std::string with(std::string row, const std::string& name, const std::string& value) {
  const auto key = row.find("\"" + name + "\":");
  if (key == std::string::npos) throw std::invalid_argument{"no member " + name};
  const auto from = key + name.size() + 3;
  auto to = row.find_first_of(",}", from);
  if (row[from] == '"') to = row.find('"', from + 1) + 1;
  return row.replace(from, to - from, value);
}
inline std::string without(std::string row, const std::string& name) { return with(std::move(row), name, "null"); }

template <class T>
const T& get(const PlaceOutcome& outcome) {
  INFO(describe(outcome));
  REQUIRE(std::holds_alternative<T>(outcome));
  return std::get<T>(outcome);
}

}  // namespace tradeguard

namespace Catch {
template <>
struct StringMaker<tradeguard::exchange::Fate> {
  static std::string convert(tradeguard::exchange::Fate fate) { return std::string{tradeguard::exchange::text(fate)}; }
};
}  // namespace Catch
