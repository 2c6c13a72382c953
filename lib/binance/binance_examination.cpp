#include "tradeguard/binance_examination.hpp"

#include <algorithm>
#include <utility>

#include "binance_permissions_wire.hpp"
#include "binance_wire.hpp"

namespace tradeguard {

using namespace binance;

namespace {

constexpr Decimal below_the_market{-20};  // per cent
constexpr Micros good_for = 5s;

Order trial_stop(const InstrumentRules& rules, Price last, Instant stamp);
HttpRequest as_a_test(HttpRequest creation);
Finding finding_of_key(const HttpResult& result);
Finding finding_of_withdrawal(const HttpResult& result);
Finding finding_of_stop(const Order& stop, const HttpResult& result);

}  // namespace

struct BinanceExamination::Desk {
  BinanceVenue& venue;
  HttpTransport& transport;
  Signer signer;
  Micros patience;
};

BinanceExamination::BinanceExamination(BinanceVenue& venue, HttpTransport& transport,
                                       Secret api_key, Secret api_secret, Micros patience)
    : desk_{new Desk{venue, transport, Signer{std::move(api_key), std::move(api_secret)},
                     patience}} {}
BinanceExamination::~BinanceExamination() = default;

std::vector<Finding> BinanceExamination::examine(const std::set<Symbol>& markets,
                                                 bool /*place_far_order*/) {
  std::vector<Finding> findings;
  if (const auto& broken = desk_->signer.broken())
    return {{"key", Judgement::problem, broken->what,
             "give the HMAC secret, or the whole PEM of an Ed25519 private key"}};
  const auto now = desk_->venue.venue_time();
  if (!now) return {};  // said already: it could not be reached

  std::vector<HttpRequest> requests{build_account(desk_->signer, *now)};
  std::vector<Order> stops;
  const auto rules = desk_->venue.rules(markets);
  const auto quotes = desk_->venue.quotes(markets);
  if (rules && quotes)
    for (const auto& [symbol, rule] : *rules)
      if (const auto quote = quotes->find(symbol); quote != quotes->end()) {
        stops.push_back(trial_stop(rule, quote->second.last, *now));
        requests.push_back(as_a_test(build_order(desk_->signer, stops.back())));
      }
  // So few that no limit has to be kept, and whoever trades unpaced has none.
  for (auto& request : requests) request.limit.clear();
  const auto results = desk_->transport.exchange(requests, desk_->patience);
  findings.push_back(finding_of_key(results.front()));
  findings.push_back(finding_of_withdrawal(results.front()));
  for (std::size_t i = 0; i < stops.size(); ++i)
    findings.push_back(finding_of_stop(stops[i], results[i + 1]));
  return findings;
}

namespace {

// The least that can be sold there, so that no filter is in the way of the answer.
Order trial_stop(const InstrumentRules& rules, Price last, Instant stamp) {
  Order stop{.symbol = rules.symbol};
  stop.client_id = "doctor-" + std::to_string(to_micros(stamp));
  stop.trade = stop.client_id;
  stop.leg = Leg::stop;
  stop.side = Side::sell;
  stop.type = rules.stop_market ? OrderType::stop_market : OrderType::stop_limit;
  const Price trigger = to_tick(moved_by_percent(last, below_the_market), rules.tick, Rounding::up);
  stop.trigger = trigger;
  if (stop.type == OrderType::stop_limit)
    stop.price = stop_limit_price(trigger, ProtectionPlan{}, rules);
  const Price least = stop.price.value_or(trigger);
  const Decimal worth = Decimal::divide(rules.min_notional.value, least.value, Rounding::up)
                            .to_multiple(rules.step.value, Rounding::up);
  stop.quantity = Quantity{std::max({worth, rules.min_quantity.value, rules.step.value})};
  stop.stamp = stamp;
  stop.valid_until = stamp + good_for;
  return stop;
}

// The signature covers the query only, so that the same request may be asked of the test call.
HttpRequest as_a_test(HttpRequest creation) {
  constexpr std::string_view path = "/api/v3/order";
  creation.target.insert(path.size(), "/test");
  return creation;
}

std::string said(const Ruling& ruling) {
  return ruling.code.empty() ? ruling.message : ruling.code + " " + ruling.message;
}

Fault fault_of(const Ruling& ruling) {
  return ruling.fate == Fate::refused ? Fault::configuration : Fault::unreachable;
}

Finding finding_of_key(const HttpResult& result) {
  const Ruling judged = ruling(Call::read, result);
  if (judged.fate != Fate::good)
    return {"key", Judgement::problem, said(judged),
            "look at the key at the exchange: is it there, may it be used from this address, does "
            "the secret belong to it?",
            fault_of(judged)};
  const Permissions may = read_permissions(result->body);
  if (may.trade == false)
    return {"key", Judgement::problem, "the exchange takes it, and the account cannot trade",
            "enable spot trading for the account and for this key"};
  return {"key", Judgement::ok, "the exchange takes it", ""};
}

Finding finding_of_withdrawal(const HttpResult& result) {
  const auto withdraw = result ? read_permissions(result->body).withdraw : std::optional<bool>{};
  if (withdraw == false) return {"withdrawal", Judgement::ok, "the account cannot withdraw", ""};
  return {"withdrawal", Judgement::warning,
          withdraw ? "the account can withdraw, and the exchange does not tell here whether this "
                     "key can"
                   : "the exchange did not tell whether the account can withdraw",
          "take the permission to withdraw from this key, and bind it to this machine's address"};
}

Finding finding_of_stop(const Order& stop, const HttpResult& result) {
  const std::string what = "stops " + stop.symbol.text();
  const std::string kind{text(stop.type)};
  const Ruling judged = ruling(Call::read, result);
  if (judged.fate == Fate::good)
    return {what, Judgement::ok, kind + " is taken, tried without placing it", ""};
  return {what, Judgement::problem, kind + " of " + stop.quantity.text() + ": " + said(judged),
          "do not trade this market: what is bought here cannot be protected", fault_of(judged)};
}

}  // namespace
}  // namespace tradeguard
