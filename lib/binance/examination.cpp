#include "tradeguard/binance_examination.hpp"

#include <algorithm>
#include <utility>

#include "tradeguard/trial_stop.hpp"
#include "wire.hpp"

namespace tradeguard {

using namespace binance;

namespace {

constexpr Micros good_for = 5s;

std::vector<Order> trial_legs(const InstrumentRules& rules, const ProtectionPlan& plan, Price last, Instant stamp);
HttpRequest as_a_test(HttpRequest creation);
Finding finding_of_key(const HttpResult& result);
Finding finding_of_withdrawal(const HttpResult& result);
Finding finding_of_leg(const Order& leg, const HttpResult& result);

}  // namespace

struct BinanceExamination::Impl {
  BinanceVenue& venue;
  HttpTransport& transport;
  Signer signer;
  Micros patience;
};

BinanceExamination::BinanceExamination(BinanceVenue& venue, HttpTransport& transport, Secret api_key, Secret api_secret,
                                       Micros patience)
    : impl_{new Impl{venue, transport, Signer{std::move(api_key), std::move(api_secret)}, patience}} {}
BinanceExamination::~BinanceExamination() = default;

std::vector<Finding> BinanceExamination::examine(const std::map<Symbol, ProtectionPlan>& markets,
                                                 bool /*place_far_order*/) {
  std::vector<Finding> findings;
  if (const auto& broken = impl_->signer.broken())
    return {
        {"key", Judgement::problem, broken->what, "give the HMAC secret, or the whole PEM of an Ed25519 private key"}};
  const auto now = impl_->venue.venue_time();
  if (!now) return {};  // said already: it could not be reached

  std::vector<HttpRequest> requests{build_account(impl_->signer, *now)};
  std::vector<Order> legs;
  std::set<Symbol> symbols;
  for (const auto& [symbol, plan] : markets) symbols.insert(symbol);
  const auto rules = impl_->venue.rules(symbols);
  const auto quotes = impl_->venue.quotes(symbols);
  if (rules && quotes)
    for (const auto& [symbol, rule] : *rules)
      if (const auto quote = quotes->find(symbol); quote != quotes->end())
        for (Order& leg : trial_legs(rule, markets.at(symbol), quote->second.last, *now)) {
          requests.push_back(as_a_test(build_order(impl_->signer, leg)));
          legs.push_back(std::move(leg));
        }
  // So few that no limit has to be kept, and whoever trades unpaced has none.
  for (auto& request : requests) request.limit.clear();
  const auto results = impl_->transport.exchange(requests, impl_->patience);
  findings.push_back(finding_of_key(results.front()));
  findings.push_back(finding_of_withdrawal(results.front()));
  for (std::size_t i = 0; i < legs.size(); ++i) findings.push_back(finding_of_leg(legs[i], results[i + 1]));
  return findings;
}

namespace {

// Stop and target as a trade that is entered now would have them, of the least that can be sold.
std::vector<Order> trial_legs(const InstrumentRules& rules, const ProtectionPlan& plan, Price last, Instant stamp) {
  const auto levels = levels_for(plan, last, rules);
  if (!levels) return {};
  const Order stop = trial_stop(rules, plan, levels->stop, stamp, good_for);
  Order target = stop;
  target.leg = Leg::target;
  target.type = OrderType::limit;
  target.trigger.reset();
  const SellBand band = sell_band(last, rules);
  target.price = std::min(levels->target, band.highest.value_or(levels->target));
  return {stop, target};
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
  if (judged.fate != Fate::accepted)
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

Finding finding_of_leg(const Order& leg, const HttpResult& result) {
  const bool stop = leg.leg == Leg::stop;
  const std::string what = (stop ? "stops " : "targets ") + leg.symbol.text();
  const std::string kind{text(leg.type)};
  const std::string at = (stop ? leg.trigger : leg.price)->text();
  const Ruling judged = ruling(Call::read, result);
  if (judged.fate == Fate::accepted)
    return {what, Judgement::ok, kind + " at " + at + " is taken, tried without placing it", ""};
  const std::string detail = kind + " of " + leg.quantity.text() + " at " + at + ": " + said(judged);
  // A filter that limits prices says nothing about a stop nearer to the market.
  const bool distance = judged.message.find("PERCENT_PRICE") != std::string::npos ||
                        judged.message.find("PRICE_FILTER") != std::string::npos;
  if (!stop)
    return {what, Judgement::warning, detail,
            "lower take_profit_percent: the exchange takes no target this far up, so the trades of this "
            "market would have a stop alone"};
  if (distance)
    return {what, Judgement::problem, detail,
            "lower stop_loss_percent: the exchange takes no stop this far below the market", fault_of(judged)};
  return {what, Judgement::problem, detail, "do not trade this market: what is bought here cannot be protected",
          fault_of(judged)};
}

}  // namespace
}  // namespace tradeguard
