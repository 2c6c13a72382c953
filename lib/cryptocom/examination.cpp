#include "tradeguard/cryptocom_examination.hpp"

#include "tradeguard/trial_stop.hpp"

namespace tradeguard {

namespace {

constexpr int looks = 12;  // a quarter of a second apart

}  // namespace

std::vector<Finding> CryptocomExamination::examine(const std::map<Symbol, ProtectionPlan>& markets,
                                                   bool place_far_order) {
  std::vector<Finding> findings{{"withdrawal", Judgement::warning,
                                 "the exchange does not tell whether this key can withdraw",
                                 "see to it at the exchange that it cannot, and bind it to this machine's address"}};
  if (place_far_order)
    findings.push_back(try_a_stop(markets));
  else
    findings.push_back({"stops", Judgement::warning, "not tried: this exchange tells only by taking one",
                        "doctor --place-far-order places the smallest stop, as far below the market "
                        "as configured, and cancels it"});
  return findings;
}

Finding CryptocomExamination::try_a_stop(const std::map<Symbol, ProtectionPlan>& markets) {
  std::set<Symbol> symbols;
  for (const auto& [symbol, plan] : markets) symbols.insert(symbol);
  const auto now = venue_.venue_time();
  const auto rules = venue_.rules(symbols);
  const auto market = venue_.market(symbols);
  for (const Error* error :
       {now ? nullptr : &now.error(), rules ? nullptr : &rules.error(),
        market.quotes ? nullptr : &market.quotes.error(), market.balances ? nullptr : &market.balances.error()})
    if (error != nullptr) return {"stops", Judgement::problem, "not tried: " + error->what, "try again", error->fault};
  std::string needed;
  for (const auto& [symbol, rule] : *rules) {
    const auto quote = market.quotes->find(symbol);
    if (quote == market.quotes->end()) continue;
    const auto levels = levels_for(markets.at(symbol), quote->second.last, rule);
    if (!levels) continue;
    // Where a trade entered now would have it: only a fall that deep within these seconds fires it.
    const Order stop =
        exchange::trial_stop(rule, markets.at(symbol), levels->stop, *now, venue_.traits().validity_window);
    const auto coins = market.balances->find(symbol.base());
    if (coins != market.balances->end() && coins->second.free >= stop.quantity.value) return place_and_cancel(stop);
    needed += (needed.empty() ? "" : " or ") + stop.quantity.text() + " " + symbol.base();
  }
  return {"stops", Judgement::warning,
          "not tried: " + (needed.empty() ? std::string{"no market is configured that is traded"}
                                          : "the account has no free " + needed),
          "a stop needs coins it could sell; put that much into the account, or start with a small "
          "entry"};
}

Finding CryptocomExamination::place_and_cancel(const Order& stop) {
  const std::string what = "stops " + stop.symbol.text();
  const std::string by_hand = "look for order " + stop.client_id + " at the exchange and cancel it";
  const SltpPlacer::LegRequest request{stop, std::nullopt};
  const auto outcome = venue_.protect({&request, 1}).front().stop;
  const auto* accepted = std::get_if<Accepted>(&outcome);
  // The exchange publishes no least order, so that ours is a configured guess.
  if (const auto* refused = std::get_if<Refused>(&outcome); refused && refused->code == "415")
    return {what, Judgement::problem, "a stop of " + stop.quantity.text() + " is less than the exchange takes",
            "raise min_notional, of this market or under [venue]: the least order worth more is one "
            "that can be protected"};
  if (std::holds_alternative<Refused>(outcome))
    return {what, Judgement::problem, "a stop at " + stop.trigger->text() + ", as configured, was " + describe(outcome),
            "try a smaller stop_loss_percent; where that is refused too, do not trade this market: "
            "what is bought here cannot be protected"};
  if (std::holds_alternative<Unsent>(outcome))
    return {what, Judgement::problem, "not tried: " + describe(outcome), "try again", Fault::unreachable};
  const std::string id = accepted == nullptr ? "" : accepted->venue_id;
  const auto resting = sight(stop, id, true);
  if (!resting)
    return {what, Judgement::problem, "a stop was sent and is not to be seen: " + describe(outcome), by_hand,
            Fault::unreachable};
  if (resting->status != VenueStatus::open)
    return {what, Judgement::problem,
            "a stop was taken and then " + std::string{text(resting->status)} +
                (resting->reason.empty() ? "" : ": " + resting->reason),
            "do not trade this market: what is bought here cannot be protected"};
  const CancelRequest cancel{stop.client_id, resting->venue_id, stop.symbol, Leg::stop};
  venue_.cancel({&cancel, 1});
  const auto gone = sight(stop, resting->venue_id, false);
  if (!gone || gone->status == VenueStatus::open)
    return {what, Judgement::problem, "a stop was placed, and is not read back cancelled", by_hand, Fault::unreachable};
  return {what, Judgement::ok,
          "one of " + stop.quantity.text() + " at " + stop.trigger->text() +
              " was placed, read back, cancelled, and read back gone",
          ""};
}

// Until it is seen, and for `open` false: until it is seen closed. What was seen last, else.
std::optional<Sighting> CryptocomExamination::sight(const Order& stop, const std::string& venue_id, bool open) {
  std::optional<Sighting> last;
  const OrderQuery query{stop.client_id, venue_id, {}, stop.symbol, Leg::stop, false, stop.stamp - 60s};
  for (int i = 0; i < looks; ++i) {
    if (i > 0) clock_.wait(250ms);
    const auto lookup = venue_.find({&query, 1}).front();
    if (!lookup || lookup->found.empty()) continue;
    last = lookup->found.front();
    const bool is_open = last->status == VenueStatus::open;
    if (open ? last->status != VenueStatus::unknown : !is_open) break;
  }
  return last;
}

}  // namespace tradeguard
