#include "tradeguard/denial.hpp"

#include <algorithm>
#include <array>

namespace tradeguard {

namespace {

// In the order of the enumerators. clang-format is off: a row reads as a row.
// clang-format off
constexpr DenialRow table[] = {
    {Denial::cooldown, "cooldown", Decides::for_good, Detail::beside,
     "the base currency is cooling down", "when the cooldown ends"},
    {Denial::halted, "halted", Decides::for_good, Detail::beside,
     "an operator ran `halt`", "after `resume`"},
    {Denial::protection_failing, "protection_failing", Decides::nothing, Detail::of_others,
     "a CRITICAL about protection is active, or three trades were flattened today", "when every held quantity has a stop again; after three flattened trades, with `resume`"},
    {Denial::frozen, "frozen", Decides::nothing, Detail::of_others,
     "the base currency has an order in doubt, a drift, an orphan, a twin or an impossible answer", "when the doubt is settled, the balance is back, or with `resume SYMBOL`"},
    {Denial::before_epoch, "before_epoch", Decides::for_good, Detail::beside,
     "the signal is older than the store's new epoch", "for newer signals"},
    {Denial::stale, "stale", Decides::for_good, Detail::beside,
     "older than `signals.max_age`; logged as `SIGNAL_REJECTED`", "never"},
    {Denial::superseded, "superseded", Decides::for_good, Detail::beside,
     "a newer SELL, `flatten` or stop-out of the symbol overtook the BUY", "never"},
    {Denial::sell_entry, "sell_entry", Decides::for_good, Detail::beside,
     "a linked bot claimed a SELL with rules or a plan: an entry is a BUY", "never"},
    {Denial::strands, "strands", Decides::for_good, Detail::in_reason,
     "fees and steps would keep more than `limits.max_stranded_percent` of it from ever being sold", ""},
    {Denial::future, "future", Decides::nothing, Detail::beside,
     "more than 5 s ahead; logged as `SIGNAL_WAITS`, from 60 s on as `SIGNAL_REJECTED`", "when it is due, if it is given again"},
    {Denial::changed, "changed", Decides::nothing, Detail::beside,
     "another run changed the trade of this SELL meanwhile; logged as `EXIT_DEFERRED`", "in the next run"},
    {Denial::max_order_notional, "max_order_notional", Decides::for_good, Detail::beside,
     "larger than the cap", ""},
    {Denial::max_open_positions, "max_open_positions", Decides::for_good, Detail::beside,
     "the maximum number of trades is open", "when one closes"},
    {Denial::max_entries_per_day, "max_entries_per_day", Decides::for_good, Detail::beside,
     "the maximum number of entries was made this UTC day", "at midnight UTC"},
    {Denial::blocked, "blocked", Decides::nothing, Detail::beside,
     "prices and rules were not fetched because a guard was blocking the signal; by the time of the claim it no longer was", "in the next run"},
    {Denial::balance, "balance", Decides::for_good, Detail::beside,
     "the free quote balance is below notional × 1.01", ""},
    {Denial::slippage, "slippage", Decides::for_good, Detail::beside,
     "the market is off the signal's price by more than `limits.max_slippage_percent`", ""},
    {Denial::no_rules, "no_rules", Decides::nothing, Detail::beside,
     "the exchange does not trade the symbol", ""},
    {Denial::no_price, "no_price", Decides::nothing, Detail::beside,
     "neither the signal nor the exchange gives a price", ""},
    {Denial::no_size, "no_size", Decides::for_good, Detail::in_reason,
     "neither the signal nor the configuration gives an amount", ""},
    {Denial::not_tradable, "not_tradable", Decides::for_good, Detail::in_reason,
     "the exchange reports the market as closed", ""},
    {Denial::below_min_quantity, "below_min_quantity", Decides::for_good, Detail::in_reason,
     "smaller than the exchange accepts", ""},
    {Denial::above_max_quantity, "above_max_quantity", Decides::for_good, Detail::in_reason,
     "larger than the exchange accepts", ""},
    {Denial::below_min_notional, "below_min_notional", Decides::for_good, Detail::in_reason,
     "worth less than the exchange accepts", ""},
    {Denial::above_max_notional, "above_max_notional", Decides::for_good, Detail::in_reason,
     "worth more than the exchange accepts", ""},
    {Denial::no_protection, "no_protection", Decides::for_good, Detail::in_reason,
     "the plan gives no stop below, or no target above, this price", ""},
    {Denial::stop_outside_band, "stop_outside_band", Decides::for_good, Detail::in_reason,
     "the exchange accepts no sell order as far below the market as this stop", "with a smaller `stop_loss_percent`"},
    {Denial::stop_below_min_notional, "stop_below_min_notional", Decides::for_good, Detail::in_reason,
     "after fees the stop would be too small for the exchange: the position could not be protected", ""},
    {Denial::open_order_limit, "open_order_limit", Decides::nothing, Detail::beside,
     "no room for another stop in this market", "when one ends"},
    {Denial::rules_unreadable, "rules_unreadable", Decides::nothing, Detail::beside,
     "the exchange did not answer when asked for its rules", "in the next run"},
    {Denial::prices_unreadable, "prices_unreadable", Decides::nothing, Detail::beside,
     "the exchange did not answer when asked for prices", "in the next run"},
    {Denial::balances_unreadable, "balances_unreadable", Decides::nothing, Detail::beside,
     "the exchange did not answer when asked for balances, or not about this currency", "in the next run"},
    {Denial::epoch_unread, "epoch_unread", Decides::nothing, Detail::beside,
     "the account could not be compared with the store's epoch", "in the next run"},
    {Denial::clock_unreadable, "clock_unreadable", Decides::nothing, Detail::beside,
     "the exchange's time is unknown", "in the next run"},
    {Denial::clock_offset, "clock_offset", Decides::nothing, Detail::beside,
     "the exchange's time differs by more than `clock.max_offset`", "when the clock is right"},
    {Denial::unverified, "unverified", Decides::nothing, Detail::beside,
     "an open trade could not be looked up in this run", "in the next run"},
    {Denial::unreadable, "unreadable", Decides::nothing, Detail::beside,
     "the trade of this SELL cannot be read; logged as `EXIT_DEFERRED`", "when the row is mended"},
    {Denial::throttled, "throttled", Decides::nothing, Detail::beside,
     "the exchange asked for fewer requests", "in the next run"},
    {Denial::deadline, "deadline", Decides::nothing, Detail::beside,
     "less than 20 s of `run.deadline` are left", "in the next run"},
    {Denial::stopping, "stopping", Decides::nothing, Detail::beside,
     "the process was asked to stop", "in the next run"},
};
// clang-format on

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < std::size(table); ++i)
    if (static_cast<std::size_t>(table[i].denial) != i) return false;
  return true;
}
static_assert(is_in_order() && std::size(table) == static_cast<std::size_t>(Denial::stopping) + 1,
              "each reason has its row");

const DenialRow* row_of(const Word<Denial>& reason) {
  return reason.known() ? &table[static_cast<std::size_t>(*reason.known())] : nullptr;
}

std::string with_detail(const Denied& denied) { return denied.reason.str() + ": " + denied.detail; }

bool shows(const Denied& denied, Detail detail) {
  const DenialRow* row = row_of(denied.reason);
  return row != nullptr && row->detail == detail && !denied.detail.empty();
}

}  // namespace

std::span<const DenialRow> denials() { return table; }

std::string_view text(Denial denial) { return table[static_cast<std::size_t>(denial)].word; }

std::optional<Denial> parse_word(std::string_view word, Denial) {
  const auto* row = std::ranges::find(table, word, &DenialRow::word);
  return row == std::end(table) ? std::nullopt : std::optional{row->denial};
}

bool is_final(const Word<Denial>& reason) {
  const DenialRow* row = row_of(reason);
  return row == nullptr || row->decides == Decides::for_good;
}

std::string decided_word(const Word<Denial>& reason) { return reason.str().substr(0, reason.str().find(':')); }

bool is_of_others(const Denied& denied) { return shows(denied, Detail::of_others); }

std::string spoken(const Denied& denied) {
  return shows(denied, Detail::in_reason) ? with_detail(denied) : denied.reason.str();
}

std::string recorded(const Denied& denied) { return is_of_others(denied) ? with_detail(denied) : spoken(denied); }

}  // namespace tradeguard
