#include "replay.hpp"

#include <algorithm>

#include "json.hpp"
#include "tradeguard/memory_signals.hpp"
#include "tradeguard/printing_notifier.hpp"

namespace tradeguard::cli {

namespace {

using std::chrono::minutes;

constexpr int longest_replay = 366 * 24 * 60;  // cycles

Instant end_of(const ReplayDay& day);
void count_cycle(const RunReport& report, ReplayResult& result);
void count_denial(std::string_view line, ReplayResult& result);
Result<void> count_trades(const ReplayDay& day, OrderJournal& journal, ReplayResult& result);
void count_spells(const TradeRecord& trade, Instant end, ReplayResult& result);
void count_trade(const std::vector<Order>& orders, ReplayResult& result);
Result<void> sum_up(const ReplayDay& day, PaperBook& book, ReplayResult& result);

template <class Each>
void each_bar(const ReplayDay& day, Each each) {
  for (const auto& [symbol, bars] : day.prices.all())
    for (const PriceBar& bar : bars) each(symbol, bar);
}

}  // namespace

Result<ReplayResult> replay(const ReplayDay& day, const Configuration& configuration, ReplayStage stage,
                            const ReplayProgress& progress) {
  const bool no_bars = std::ranges::all_of(day.prices.all(), [](const auto& of) { return of.second.empty(); });
  if (no_bars) return failed(Fault::configuration, "the prices hold no bars");
  ReplayResult result;
  result.first = beginning_of(day);
  result.last = end_of(day);
  const auto all = std::chrono::duration_cast<minutes>(result.last - result.first).count() + 1;
  if (all < 1) return failed(Fault::configuration, "the replay ends before it begins");
  if (all > longest_replay)
    return failed(Fault::configuration,
                  "signals and prices span " + std::to_string(all) + " minutes; a year is the most");

  Log log{[&](Level level, Instant at, std::string_view line) {
            count_denial(line, result);
            if (stage.log) stage.log(level, at, line);
          },
          stage.clock, configuration.settings.debug_trading};
  const auto exchange = open_memory_paper(configuration.settings, stage.clock, log, day.prices);
  PrintingNotifier notifier{[](std::string_view) { return true; }};  // nobody waits for these messages
  MemorySignals source;
  CyclePorts ports{*stage.store.account, *exchange->venue, *exchange->venue, notifier, source, stage.clock, log,
                   stage.stop_asked,     nullptr};

  std::vector<Signal> signals = day.signals;
  std::ranges::stable_sort(signals, {}, &Signal::time);
  auto next = signals.begin();
  for (Instant minute = result.first; minute <= result.last; minute += 1min) {
    // A cycle that had to wait may have used up its minute, as it may under cron.
    if (stage.clock.now() < minute) stage.clock.advance(minute - stage.clock.now());
    for (; next != signals.end() && next->time <= minute; ++next) source.give(*next);
    CycleSettings settings = cycle_settings(configuration, "replay", "replay", stage.clock.now());
    const RunReport report = monitor_cycle(ports, settings);
    count_cycle(report, result);
    const bool ended_well = report.verdict == RunVerdict::ok || report.verdict == RunVerdict::some_rejected ||
                            report.verdict == RunVerdict::critical_stands;
    if (!ended_well) return failed(Fault::data, "cycle " + std::to_string(result.cycles) + " failed: " + report.error);
    if (progress) progress(result.cycles, static_cast<int>(all));
    if (stage.stop_asked != nullptr && *stage.stop_asked)
      return failed(Fault::unreachable, "stopped after " + std::to_string(result.cycles) + " cycles");
  }
  if (auto counted = count_trades(day, stage.store.account->journal(), result); !counted) return relayed(counted);
  if (auto summed = sum_up(day, *exchange->book, result); !summed) return relayed(summed);
  return result;
}

Instant beginning_of(const ReplayDay& day) {
  if (day.from) return std::chrono::floor<minutes>(*day.from);
  std::optional<Instant> first;
  each_bar(day, [&](const Symbol&, const PriceBar& bar) { first = std::min(first.value_or(bar.begins), bar.begins); });
  for (const Signal& signal : day.signals) first = std::min(first.value_or(signal.time), signal.time);
  return std::chrono::floor<std::chrono::days>(first.value_or(Instant{}));
}

namespace {

Instant end_of(const ReplayDay& day) {
  if (day.until) return std::chrono::floor<minutes>(*day.until);
  Instant last{};
  each_bar(day, [&](const Symbol&, const PriceBar& bar) { last = std::max(last, bar.begins); });
  for (const Signal& signal : day.signals) last = std::max(last, signal.time);
  return std::chrono::floor<std::chrono::days>(last) + 24h - 1min;
}

void count_cycle(const RunReport& report, ReplayResult& result) {
  result.cycles += 1;
  result.entries += report.entries;
  result.refused += report.refused;
  result.rejected += report.rejected;
  result.blocked_cooldown += report.blocked_cooldown;
  result.blocked_idempotency += report.blocked_idempotency;
  result.critical_cycles += report.critical_standing > 0 ? 1 : 0;
  result.critical_at_end = report.critical_standing > 0;
  result.open = report.open_trades;
}

// The reasons of denials are in the log and nowhere else.
void count_denial(std::string_view line, ReplayResult& result) {
  if (!line.starts_with("ENTRY_DENIED ")) return;
  const auto parsed = parse_line(line);
  if (!parsed) return;
  for (const auto& [key, value] : parsed->fields)
    if (key == "reason") result.denied[value] += 1;
}

Result<void> count_trades(const ReplayDay& day, OrderJournal& journal, ReplayResult& result) {
  std::set<SignalKey> counted;
  for (const Signal& signal : day.signals) {
    (signal.side == Side::buy ? result.buys : result.sells) += 1;
    if (signal.side != Side::buy || !counted.insert(signal_key(signal)).second) continue;
    const auto orders = journal.orders_of(signal_key(signal));
    if (!orders) return relayed(orders);
    count_trade(*orders, result);
    if (orders->empty()) continue;
    const auto trade = journal.trade(orders->front().trade);
    if (!trade) return relayed(trade);
    if (*trade) count_spells(**trade, result.last, result);
  }
  return {};
}

void count_spells(const TradeRecord& trade, Instant end, ReplayResult& result) {
  const Micros naked = trade.naked_total + (trade.naked_since ? end - *trade.naked_since : Micros{0});
  result.longest_unprotected = std::max(result.longest_unprotected, naked);
}

// A trade is left by the order that sold most of it; of a stop and an exit after it the stop
// counts.
void count_trade(const std::vector<Order>& orders, ReplayResult& result) {
  const Order* left_by = nullptr;
  for (const Order& order : orders)
    if (order.leg != Leg::entry && order.filled.is_positive() && (left_by == nullptr || order.filled > left_by->filled))
      left_by = &order;
  if (left_by == nullptr) return;
  const std::string why = left_by->leg == Leg::exit ? left_by->because.str() : std::string{text(left_by->leg)};
  result.exits[why.empty() ? "exit" : why] += 1;
}

Result<void> sum_up(const ReplayDay& day, PaperBook& book, ReplayResult& result) {
  const auto fills = book.fills(Instant{});
  if (!fills) return relayed(fills);
  std::map<Symbol, Quantity> held;
  for (const PaperFill& fill : *fills) {
    Decimal& sum = result.result[fill.symbol.quote()];
    const bool bought = fill.side == Side::buy;
    sum += bought ? -fill.value.value : fill.value.value;
    sum -= fill.fee_quote.value;
    held[fill.symbol] += bought ? fill.quantity - fill.fee_base : -fill.quantity;
    if (fill.fee_quote.is_positive()) result.fees[fill.symbol.quote()] += fill.fee_quote.value;
    if (fill.fee_base.is_positive()) result.fees[fill.symbol.base()] += fill.fee_base.value;
  }
  // What is still held is worth what the last bar says.
  for (const auto& [symbol, quantity] : held) {
    const auto bars = day.prices.all().find(symbol);
    if (quantity.is_zero() || bars == day.prices.all().end() || bars->second.empty()) continue;
    result.result[symbol.quote()] += cost(bars->second.back().close, quantity, Rounding::half_even).value;
  }
  return {};
}

// ---- Telling -----------------------------------------------------------------------------------

std::string listed(const std::map<std::string, int>& counts) {
  std::string out;
  for (const auto& [name, count] : counts) out += (out.empty() ? "" : ", ") + name + " " + std::to_string(count);
  return out;
}
std::string listed(const std::map<std::string, Decimal>& amounts) {
  std::string out;
  for (const auto& [currency, amount] : amounts)
    out += (out.empty() ? "" : ", ") + amount.to_multiple(*Decimal::parse("0.00000001"), Rounding::half_even).text() +
           " " + currency;
  return out.empty() ? "0" : out;
}
int total(const std::map<std::string, int>& counts) {
  int sum = 0;
  for (const auto& [name, count] : counts) sum += count;
  return sum;
}

}  // namespace

std::string table_of(const ReplayResult& r) {
  const auto row = [](std::string name, const std::string& value, const std::string& detail = "") {
    name.resize(13, ' ');
    std::string shown = value;
    if (!detail.empty()) shown.resize(std::max<std::size_t>(shown.size() + 1, 8), ' ');
    return name + shown + detail + "\n";
  };
  std::string out = row("replayed", std::to_string(r.cycles) + " cycles, " + iso_seconds(r.first) + " to " +
                                        iso_seconds(r.last) + " UTC");
  out += row("signals", std::to_string(r.buys + r.sells),
             std::to_string(r.buys) + " BUY, " + std::to_string(r.sells) + " SELL");
  out += row("entries", std::to_string(r.entries));
  out +=
      row("blocked", std::to_string(r.blocked_cooldown + r.blocked_idempotency),
          "cooldown " + std::to_string(r.blocked_cooldown) + ", idempotency " + std::to_string(r.blocked_idempotency));
  out += row("denied", std::to_string(total(r.denied)), listed(r.denied));
  out += row("refused", std::to_string(r.refused));
  out += row("rejected", std::to_string(r.rejected));
  out += row("exits", std::to_string(total(r.exits)), listed(r.exits));
  out += row("open", std::to_string(r.open));
  out += row("unprotected", duration_text(r.longest_unprotected), "the longest of any trade");
  out += row("critical", std::to_string(r.critical_cycles), "cycles at whose end a CRITICAL stood");
  out += row("fees", listed(r.fees));
  out += row("result", listed(r.result), "after fees, open trades at the last price");
  return out;
}

std::string json_of(const ReplayResult& r) {
  Json json;
  json.field("cycles", r.cycles).field("first", iso_micros(r.first)).field("last", iso_micros(r.last));
  json.field("signals", r.buys + r.sells).field("buys", r.buys).field("sells", r.sells);
  json.field("entries", r.entries).field("refused", r.refused).field("rejected", r.rejected);
  json.field("blocked_cooldown", r.blocked_cooldown).field("blocked_idempotency", r.blocked_idempotency);
  json.object("denied");
  for (const auto& [reason, count] : r.denied) json.field(reason, count);
  json.end_object().object("exits");
  for (const auto& [why, count] : r.exits) json.field(why, count);
  json.end_object();
  json.field("open", r.open);
  json.field("longest_unprotected_ms", r.longest_unprotected.count() / 1000);
  json.field("critical_cycles", r.critical_cycles);
  json.object("fees");
  for (const auto& [currency, amount] : r.fees) json.field(currency, amount.text());
  json.end_object().object("result");
  for (const auto& [currency, amount] : r.result) json.field(currency, amount.text());
  json.end_object();
  return json.text();
}

}  // namespace tradeguard::cli
