#include "tradeguard/rules.hpp"

#include <charconv>
#include <map>
#include <stdexcept>

namespace tradeguard {
namespace {

// ---- The stored form: "key=value key=value", every key once, none unknown ---------------------

class Writer {
 public:
  // Zero is what a row without the key says.
  Writer& add_unless_zero(std::string_view key, const Decimal& value) {
    return value.is_zero() ? *this : add(key, value.text());
  }
  Writer& add(std::string_view key, std::string_view value) {
    if (!text_.empty()) text_ += ' ';
    text_.append(key).append("=").append(value);
    return *this;
  }
  Writer& add(std::string_view key, bool value) { return add(key, value ? "1" : "0"); }
  Writer& add(std::string_view key, const char* value) { return add(key, std::string_view{value}); }
  Writer& add(std::string_view key, const std::optional<Price>& value) { return add(key, value ? value->text() : "-"); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// After the first field that is missing or cannot be read, the whole is unreadable.
class Fields {
 public:
  explicit Fields(std::string_view stored) {
    while (readable_) {
      const auto end = stored.find(' ');
      const auto field = stored.substr(0, end);
      const auto equals = field.find('=');
      readable_ =
          equals != std::string_view::npos && values_.emplace(field.substr(0, equals), field.substr(equals + 1)).second;
      if (end == std::string_view::npos) break;
      stored.remove_prefix(end + 1);
    }
  }

  std::optional<std::string_view> take(std::string_view key) {
    const auto found = values_.extract(key);
    if (found.empty()) {
      readable_ = false;
      return std::nullopt;
    }
    return found.mapped();
  }
  bool has(std::string_view key) const { return values_.contains(key); }
  Decimal decimal_or_zero(std::string_view key) { return has(key) ? decimal(key) : Decimal{}; }
  Decimal decimal(std::string_view key) {
    const auto value = take(key);
    return known(value ? Decimal::parse(*value) : std::nullopt);
  }
  template <class Kind>
  Kind amount(std::string_view key) {
    return Kind{decimal(key)};
  }
  std::optional<Price> price_or_none(std::string_view key) {
    const auto value = take(key);
    if (value == "-") return std::nullopt;
    return known(value ? Price::parse(*value) : std::nullopt);
  }
  template <class Int>
  Int whole(std::string_view key) {
    const auto value = take(key).value_or("");
    Int number{};
    const auto* const end = value.data() + value.size();
    const auto [stop, fault] = std::from_chars(value.data(), end, number);
    readable_ = readable_ && fault == std::errc{} && stop == end;
    return number;
  }
  bool flag(std::string_view key) {
    const auto value = take(key);
    readable_ = readable_ && (value == "0" || value == "1");
    return value == "1";
  }
  // What stores of earlier versions do not have.
  bool flag_or(std::string_view key, bool otherwise) { return values_.contains(key) ? flag(key) : otherwise; }
  std::optional<Symbol> symbol(std::string_view key) {
    const auto value = take(key);
    return value ? Symbol::parse(*value) : std::nullopt;
  }

  // All that was there was asked for, and all that was asked for was there.
  bool read_exactly() const { return readable_ && values_.empty(); }

 private:
  template <class T>
  T known(const std::optional<T>& value) {
    readable_ = readable_ && value.has_value();
    return value.value_or(T{});
  }

  std::map<std::string_view, std::string_view> values_;
  bool readable_ = true;
};

// ---- Sums -------------------------------------------------------------------------------------

// What the venue would take: too little of it, or too little worth.
bool below_minimum(Quantity floored, Money worth, const InstrumentRules& rules) {
  return !floored.is_positive() || floored < rules.min_quantity || worth < rules.min_notional;
}

// What is left of a bought quantity after the highest fee, in whole steps.
Quantity after_highest_fee(Quantity bought, const InstrumentRules& rules) {
  const auto kept = Decimal::multiply(bought.value, 1 - rules.highest_fee_rate, Rounding::down);
  return floor_to_step(Quantity{kept}, rules.step);
}

constexpr Decimal band_margin = Decimal::from_units(5'000'000'000'000'000);  // 0.005 of the market's price

SellBand unchecked_band(Price market, const InstrumentRules& rules) {
  SellBand band;
  const auto raise = [&](Price lowest) { band.lowest = std::max(band.lowest.value_or(lowest), lowest); };
  const auto lower = [&](Price highest) { band.highest = std::min(band.highest.value_or(highest), highest); };
  const auto part = [&](const Decimal& of_market, Rounding rounding) {
    return to_tick(Price{Decimal::multiply(market.value, of_market, rounding)}, rules.tick, rounding);
  };
  if (rules.lowest_sell.is_positive()) raise(part(rules.lowest_sell + band_margin, Rounding::up));
  if (rules.highest_sell.is_positive()) lower(part(rules.highest_sell - band_margin, Rounding::down));
  if (rules.min_price.is_positive()) raise(to_tick(rules.min_price, rules.tick, Rounding::up));
  if (rules.max_price.is_positive()) lower(to_tick(rules.max_price, rules.tick, Rounding::down));
  return band;
}

// Percents come from signals; an absurd one is no level.
std::optional<Price> level(const std::optional<Price>& fixed, Price fill, Decimal percent, const InstrumentRules& rules,
                           Rounding rounding) {
  try {
    const auto wanted = fixed ? *fixed : moved_by_percent(fill, percent);
    const auto price = to_tick(wanted, rules.tick, rounding);
    return price.is_positive() ? std::optional{price} : std::nullopt;
  } catch (const std::overflow_error&) {
    return std::nullopt;
  }
}

// Which of the two levels keeps a trade from being protected.
std::string wrong_level(const ProtectionPlan& plan, Price reference, const InstrumentRules& rules) {
  const auto levels = levels_at(plan, reference, rules);
  if (!levels) return "no stop fits between zero and " + reference.text();
  if (levels->stop >= reference)
    return "the stop " + levels->stop.text() + " is not below the price " + reference.text();
  return "the target " + levels->target.text() + " is not above the price " + reference.text();
}

using Sized = tl::expected<EntrySize, Denied>;

tl::unexpected<Denied> denied(Denial reason, std::string detail) {
  return tl::unexpected{Denied{reason, std::nullopt, std::move(detail)}};
}

Sized unchecked_size(const std::optional<Money>& notional, const std::optional<Quantity>& quantity, Price reference,
                     const ProtectionPlan& plan, const InstrumentRules& rules, const Stranding& stranding) {
  if (!rules.tradable) return denied(Denial::not_tradable, rules.symbol.text());
  if (!notional && !quantity) return denied(Denial::no_size, "neither a notional nor a quantity");
  if (!reference.is_positive()) return denied(Denial::no_size, "the reference price is not positive");

  const auto asked = quantity ? *quantity : quantity_for(*notional, reference, Rounding::down);
  if (!asked.is_positive()) return denied(Denial::no_size, "nothing was asked for");
  auto bought = floor_to_step(asked, rules.step);
  if (!bought.is_positive() || bought < rules.min_quantity)
    return denied(Denial::below_min_quantity, bought.text() + " < " + rules.min_quantity.text());
  const auto strands = [&](Quantity some) {
    return stranding.most_percent.is_positive() && stranded_percent(some, rules) > stranding.most_percent;
  };
  if (strands(bought) && stranding.round_up && !strands(bought + rules.step)) bought += rules.step;
  if (strands(bought))
    return denied(Denial::strands, "fees and steps would leave " + stranded_percent(bought, rules).text() + " % of " +
                                       bought.text() + " unsold");
  if (rules.max_quantity.is_positive() && bought > rules.max_quantity)
    return denied(Denial::above_max_quantity, bought.text() + " > " + rules.max_quantity.text());
  if (const auto worth = cost(reference, bought, Rounding::down); worth < rules.min_notional)
    return denied(Denial::below_min_notional, worth.text() + " < " + rules.min_notional.text());

  const auto levels = levels_for(plan, reference, rules);
  if (!levels) return denied(Denial::no_protection, wrong_level(plan, reference, rules));
  const SellBand band = sell_band(reference, rules);
  const Price lowest = rules.stop_market ? levels->stop : stop_limit_price(levels->stop, plan, rules);
  if (!band.holds(levels->stop) || !band.holds(lowest))
    return denied(Denial::stop_outside_band, lowest.text() + " is not between " +
                                                 (band.lowest ? band.lowest->text() : "0") + " and " +
                                                 (band.highest ? band.highest->text() : "any price"));
  const auto left = after_highest_fee(bought, rules);
  if (is_dust(left, levels->stop, rules))
    return denied(Denial::stop_below_min_notional, left.text() + " at " + levels->stop.text() + " is below " +
                                                       rules.min_quantity.text() + " or " + rules.min_notional.text());
  // The target is the dearest of the orders that will have to be taken.
  const auto dearest = cost(std::max(reference, levels->target), bought, Rounding::up);
  if (rules.max_notional.is_positive() && dearest > rules.max_notional)
    return denied(Denial::above_max_notional, dearest.text() + " > " + rules.max_notional.text());
  return EntrySize{bought, cost(reference, bought, Rounding::up)};
}

}  // namespace

bool same_demands(const InstrumentRules& a, const InstrumentRules& b) {
  InstrumentRules other = b;
  other.read_at = a.read_at;
  return a == other;
}

bool is_dust(Quantity quantity, Price stop_price, const InstrumentRules& rules) {
  const auto floored = floor_to_step(quantity, rules.step);
  return below_minimum(floored, cost(stop_price, floored, Rounding::down), rules);
}

SellBand sell_band(Price market, const InstrumentRules& rules) {
  try {
    return unchecked_band(market, rules);
  } catch (const std::overflow_error&) {
    return {};  // no market's numbers: what the venue thinks of them it says itself
  }
}

std::optional<Levels> levels_at(const ProtectionPlan& plan, Price average_fill, const InstrumentRules& rules) {
  const auto stop = level(plan.stop_price, average_fill, -plan.stop_percent, rules, Rounding::up);
  if (!stop) return std::nullopt;
  const auto target = level(plan.target_price, average_fill, plan.target_percent, rules, Rounding::down);
  return Levels{*stop, target.value_or(Price{})};
}

std::optional<Levels> levels_for(const ProtectionPlan& plan, Price average_fill, const InstrumentRules& rules) {
  const auto levels = levels_at(plan, average_fill, rules);
  if (!levels || levels->stop >= average_fill || levels->target <= average_fill) return std::nullopt;
  return levels;
}

Decimal stranded_percent(Quantity bought, const InstrumentRules& rules) {
  if (!bought.is_positive()) return {};
  const auto left = bought.value - after_highest_fee(bought, rules).value;
  // The fee itself is gone and not stranded.
  const auto fee = Decimal::multiply(bought.value, rules.highest_fee_rate, Rounding::up);
  const auto stranded = std::max(Decimal{}, left - fee);
  const auto percent =
      Decimal::divide(Decimal::multiply(stranded, Decimal{100}, Rounding::up), bought.value, Rounding::up);
  return percent;
}

Price stop_limit_price(Price stop, const ProtectionPlan& plan, const InstrumentRules& rules) {
  const auto limit = to_tick(moved_by_percent(stop, -plan.stop_limit_slack_percent), rules.tick, Rounding::down);
  return std::max(limit, rules.tick);
}

tl::expected<EntrySize, Denied> size_entry(const std::optional<Money>& notional,
                                           const std::optional<Quantity>& quantity, Price reference,
                                           const ProtectionPlan& plan, const InstrumentRules& rules,
                                           const Stranding& stranding) {
  try {
    return unchecked_size(notional, quantity, reference, plan, rules, stranding);
  } catch (const std::overflow_error&) {
    return denied(Denial::no_size, "the amounts are out of range");  // amounts come from signals
  }
}

std::string stored_text(const InstrumentRules& rules) {
  return Writer{}
      .add("symbol", rules.symbol.text())
      .add("tick", rules.tick.text())
      .add("step", rules.step.text())
      .add("min_quantity", rules.min_quantity.text())
      .add("max_quantity", rules.max_quantity.text())
      .add("min_notional", rules.min_notional.text())
      .add_unless_zero("max_notional", rules.max_notional.value)
      .add("highest_fee_rate", rules.highest_fee_rate.text())
      .add("max_open_stops", std::to_string(rules.max_open_stops))
      .add("tradable", rules.tradable)
      .add("stop_market", rules.stop_market)
      .add_unless_zero("lowest_sell", rules.lowest_sell)
      .add_unless_zero("highest_sell", rules.highest_sell)
      .add_unless_zero("min_price", rules.min_price.value)
      .add_unless_zero("max_price", rules.max_price.value)
      .add("read_at", std::to_string(to_micros(rules.read_at)))
      .text();
}

std::optional<InstrumentRules> parse_rules(std::string_view stored) {
  Fields fields{stored};
  const auto symbol = fields.symbol("symbol");
  if (!symbol) return std::nullopt;
  InstrumentRules rules{
      .symbol = *symbol,
      .tick = fields.amount<Price>("tick"),
      .step = fields.amount<Quantity>("step"),
      .min_quantity = fields.amount<Quantity>("min_quantity"),
      .max_quantity = fields.amount<Quantity>("max_quantity"),
      .min_notional = fields.amount<Money>("min_notional"),
      .max_notional = Money{fields.decimal_or_zero("max_notional")},
      .highest_fee_rate = fields.decimal("highest_fee_rate"),
      .max_open_stops = fields.whole<int>("max_open_stops"),
      .tradable = fields.flag("tradable"),
      .stop_market = fields.flag_or("stop_market", true),
      .lowest_sell = fields.decimal_or_zero("lowest_sell"),
      .highest_sell = fields.decimal_or_zero("highest_sell"),
      .min_price = Price{fields.decimal_or_zero("min_price")},
      .max_price = Price{fields.decimal_or_zero("max_price")},
      .read_at = from_micros(fields.whole<std::int64_t>("read_at")),
  };
  const bool possible = rules.tick.is_positive() && rules.step.is_positive() && !rules.min_quantity.is_negative() &&
                        !rules.max_quantity.is_negative() && !rules.min_notional.is_negative() &&
                        !rules.highest_fee_rate.is_negative() && !rules.lowest_sell.is_negative() &&
                        !rules.highest_sell.is_negative() && !rules.min_price.is_negative() &&
                        !rules.max_price.is_negative();
  return fields.read_exactly() && possible ? std::optional{rules} : std::nullopt;
}

std::string stored_text(const ProtectionPlan& plan) {
  return Writer{}
      .add("stop_percent", plan.stop_percent.text())
      .add("target_percent", plan.target_percent.text())
      .add("stop_price", plan.stop_price)
      .add("target_price", plan.target_price)
      .add("stop_limit_slack_percent", plan.stop_limit_slack_percent.text())
      .add("flatten_on_breach", plan.flatten_on_breach)
      .add("flatten_unprotected", plan.flatten_unprotected)
      .add("flatten_after", std::to_string(plan.flatten_after.count()))
      .text();
}

std::optional<ProtectionPlan> parse_plan(std::string_view stored) {
  Fields fields{stored};
  ProtectionPlan plan{
      .stop_percent = fields.decimal("stop_percent"),
      .target_percent = fields.decimal("target_percent"),
      .stop_price = fields.price_or_none("stop_price"),
      .target_price = fields.price_or_none("target_price"),
      .stop_limit_slack_percent = fields.decimal("stop_limit_slack_percent"),
      .flatten_on_breach = fields.flag("flatten_on_breach"),
      .flatten_unprotected = fields.flag("flatten_unprotected"),
      .flatten_after = Micros{fields.whole<std::int64_t>("flatten_after")},
  };
  return fields.read_exactly() ? std::optional{plan} : std::nullopt;
}

}  // namespace tradeguard
