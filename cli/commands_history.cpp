// Commands that look back: trades and what they brought, and why a signal became what it did.
#include <algorithm>
#include <charconv>
#include <map>

#include "commands.hpp"
#include "json.hpp"
#include "order_view.hpp"
#include "setup.hpp"
#include "tradeguard/trade_result.hpp"
#include "wiring.hpp"

namespace tradeguard::cli {

namespace {

tl::expected<TradeQuery, std::string> query_of(const CommandLine& line, Instant now);
std::string trades_text(const PastTrades& past);
std::string trades_json(const PastTrades& past, const AccountKey& account);

// One signal and everything that is on record about it.
struct Story {
  SignalKey key;
  std::vector<Decision> decisions;
  std::vector<Order> orders;
};
Result<Story> story_of(OrderJournal& journal, const SignalKey& key);
std::string name_in(const std::string& word);
bool could_be_a_key(const std::string& word);
std::string why_text(const Story& story);
std::string why_json(const Story& story, const std::vector<SignalKey>& all);

constexpr std::size_t stories_at_most = 20;

}  // namespace

int trades_command(const CommandLine& line, const Pairs& environment) {
  auto setup = set_up(line, environment);
  if (!setup) return setup.error();
  const auto query = query_of(line, (*setup)->clock.now());
  if (!query) return say_usage("trades", query.error());
  const AccountKey account = account_of((*setup)->settings());
  auto store = open_store((*setup)->settings(), account);
  if (!store) return say_failure(store.error());
  if (auto known = named_is_known((*setup)->settings(), **store); !known) return say_failure(known.error());
  const auto past = (*store)->account->journal().trades(*query);
  if (!past) return say_failure(past.error());
  print(line.json ? trades_json(*past, account) : trades_text(*past));
  return past->unreadable.empty() ? exit_ok : exit_internal;
}

int why_command(const CommandLine& line, const Pairs& environment) {
  auto setup = set_up(line, environment);
  if (!setup) return setup.error();
  auto store = open_store((*setup)->settings(), account_of((*setup)->settings()));
  if (!store) return say_failure(store.error());
  if (auto known = named_is_known((*setup)->settings(), **store); !known) return say_failure(known.error());
  OrderJournal& journal = (*store)->account->journal();
  const std::string word = name_in(line.arguments.front());
  const auto found = journal.keys_about(word, stories_at_most);
  if (!found) return say_failure(found.error());
  std::vector<SignalKey> keys = *found;
  if (keys.empty()) keys.push_back(word);
  std::string out;
  for (const SignalKey& key : keys) {
    const auto story = story_of(journal, key);
    if (!story) return say_failure(story.error());
    if (line.json) {
      print(why_json(*story, keys));
      return exit_ok;
    }
    out += why_text(*story);
  }
  if (keys.size() == stories_at_most)
    out += "the newest " + std::to_string(stories_at_most) + "; name a signal to see an older one\n";
  print(out);
  return exit_ok;
}

namespace {

// ---- trades ------------------------------------------------------------------------------------

tl::expected<TradeQuery, std::string> query_of(const CommandLine& line, Instant now) {
  TradeQuery query;
  if (!line.arguments.empty()) {
    query.symbol = Symbol::parse(line.arguments.front());
    if (!query.symbol) return tl::unexpected{"'" + line.arguments.front() + "' is not a symbol, expected BASE_QUOTE"};
  }
  if (const std::string* given = line.option("last")) {
    const auto [end, fault] = std::from_chars(given->data(), given->data() + given->size(), query.at_most);
    if (fault != std::errc{} || end != given->data() + given->size() || query.at_most < 1 || query.at_most > 100'000)
      return tl::unexpected<std::string>{"--last is a whole number from 1 to 100000"};
  }
  if (const std::string* given = line.option("since")) {
    if (const auto span = parse_duration(*given))
      query.since = now - *span;
    else
      query.since = parse_iso(*given);
    if (!query.since)
      return tl::unexpected<std::string>{"--since is a time like 2025-01-01T00:00:00Z, or a duration like 24h"};
    if (!line.has("last")) query.at_most = 100'000;
  }
  return query;
}

bool is_open(const Trade& trade) { return !trade.record.settled; }

std::string state_text(const Trade& trade) {
  if (trade.record.released) return "released";
  if (is_open(trade)) return "open";
  return std::any_of(trade.entries.begin(), trade.entries.end(),
                     [](const Order& row) { return row.filled.is_positive(); })
             ? "closed"
             : std::string{text(trade.entry().state)};
}

std::string with_sign(const Money& money) { return (money.is_negative() ? "" : "+") + money.text(); }

Quantity filled_of(const std::vector<Order>& rows) {
  Quantity filled;
  for (const Order& row : rows) filled += row.filled;
  return filled;
}

std::string averaged(const Money& value, const Quantity& filled) {
  return filled.is_positive() && value.is_positive() ? " at " + average_price(value, filled).text() : "";
}

std::string result_text(const TradeResult& result, const std::string& currency) {
  if (!result.values_known) return "not known: the exchange never said what a fill was worth";
  if (!result.fees_known) return with_sign(result.before_fees()) + " " + currency + " before fees";
  return with_sign(result.after_fees()) + " " + currency + " after fees";
}

std::string trade_text(const Trade& trade) {
  const Order& entry = trade.entry();
  const TradeResult result = result_of(trade);
  const std::string currency = entry.symbol.quote();
  const Quantity bought = filled_of(trade.entries);
  const Quantity sold = filled_of(trade.legs);
  std::string out = iso_seconds(entry.claimed_at) + " UTC  " + entry.symbol.text() + "  " + state_text(trade);
  if (bought.is_positive())
    out +=
        ", bought " + bought.text() + averaged(result.bought, bought) + " for " + result.bought.text() + " " + currency;
  else if (!entry.reason.empty())
    out += ", nothing bought: " + escape_value(entry.reason);
  if (sold.is_positive())
    out += ", sold " + sold.text() + averaged(result.sold, sold) + " for " + result.sold.text() + " " + currency +
           " (" + way_out(trade) + ")";
  if (bought.is_positive() && !is_open(trade) && !trade.record.released)
    out += ", result " + result_text(result, currency);
  return out + "\n  order " + id_at_venue(entry) + ", trade " + trade.id() + ", signal " + entry.signal_key + "\n";
}

// What is closed, in each currency; open trades have no result yet.
struct Sum {
  int trades = 0;
  Money before;
  Money after;
  bool fees_known = true;
};
std::map<std::string, Sum> sums_of(const PastTrades& past) {
  std::map<std::string, Sum> sums;
  for (const Trade& trade : past.trades) {
    if (is_open(trade) || trade.record.released || !filled_of(trade.entries).is_positive()) continue;
    const TradeResult result = result_of(trade);
    if (!result.values_known) continue;
    Sum& sum = sums[trade.entry().symbol.quote()];
    sum.trades += 1;
    sum.before += result.before_fees();
    sum.after += result.after_fees();
    sum.fees_known = sum.fees_known && result.fees_known;
  }
  return sums;
}

std::string trades_text(const PastTrades& past) {
  std::string out;
  for (const Trade& trade : past.trades) out += trade_text(trade);
  if (past.trades.empty()) out += "no trade\n";
  for (const auto& [currency, sum] : sums_of(past))
    out += std::to_string(sum.trades) + " closed in " + currency + ": " +
           (sum.fees_known ? with_sign(sum.after) + " " + currency + " after fees"
                           : with_sign(sum.before) + " " + currency + " before fees") +
           "\n";
  if (!sums_of(past).empty())
    out +=
        "Fees of sales, and those not taken from the coins bought, are reckoned at the highest rate of the "
        "market.\n";
  for (const std::string& complaint : past.unreadable) out += "unreadable: " + escape_value(complaint) + "\n";
  return out;
}

std::string trades_json(const PastTrades& past, const AccountKey& account) {
  Json json;
  json.field("venue", account.venue).field("account", account.account).array("trades");
  for (const Trade& trade : past.trades) {
    const Order& entry = trade.entry();
    const TradeResult result = result_of(trade);
    const bool closed =
        !is_open(trade) && !trade.record.released && result.values_known && filled_of(trade.entries).is_positive();
    json.object()
        .field("trade", trade.id())
        .field("symbol", entry.symbol.text())
        .field("signal_key", entry.signal_key)
        .field("order_id", id_at_venue(entry))
        .field("state", state_text(trade))
        .time("claimed_at", entry.claimed_at);
    json.field("currency", entry.symbol.quote())
        .field("quantity_bought", filled_of(trade.entries).text())
        .field("quantity_sold", filled_of(trade.legs).text())
        .field("bought", result.bought.text())
        .field("sold", result.sold.text())
        .field("way_out", way_out(trade));
    json.maybe("fees", result.fees_known ? std::optional{result.fees.text()} : std::nullopt)
        .maybe("result_before_fees", closed ? std::optional{result.before_fees().text()} : std::nullopt)
        .maybe("result", closed && result.fees_known ? std::optional{result.after_fees().text()} : std::nullopt);
    json.array("orders");
    for (const auto* rows : {&trade.entries, &trade.legs})
      for (const Order& order : *rows) {
        json.object();
        write_order(json, order);
        json.end_object();
      }
    json.end_array().end_object();
  }
  json.end_array().array("sums");
  for (const auto& [currency, sum] : sums_of(past)) {
    json.object().field("currency", currency).field("trades", sum.trades);
    json.field("result_before_fees", sum.before.text())
        .maybe("result", sum.fees_known ? std::optional{sum.after.text()} : std::nullopt);
    json.end_object();
  }
  json.end_array().array("unreadable");
  for (const std::string& complaint : past.unreadable) json.object().field("what", complaint).end_object();
  json.end_array();
  return json.text();
}

// ---- why ---------------------------------------------------------------------------------------

// What a message shows is taken as it stands: of an event's id the order it is about.
std::string name_in(const std::string& word) {
  const auto at = word.find(client_id_prefix);
  if (at == std::string::npos || at == 0) return word;
  const auto end = word.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-", at);
  return word.substr(at, end == std::string::npos ? end : end - at);
}

bool could_be_a_key(const std::string& word) {
  const auto colon = word.find(':');
  return colon != std::string::npos && Symbol::parse(word.substr(0, colon)).has_value();
}

Result<Story> story_of(OrderJournal& journal, const SignalKey& key) {
  auto decisions = journal.decisions(key);
  if (!decisions) return relayed(decisions);
  auto orders = journal.orders_of(key);
  if (!orders) return relayed(orders);
  return Story{key, std::move(*decisions), std::move(*orders)};
}

std::string why_text(const Story& story) {
  std::string out = escape_value(story.key) + "\n";
  if (story.decisions.empty() && story.orders.empty())
    return out + (could_be_a_key(story.key)
                      ? "  no run has seen this signal in this account\n"
                      : "  nothing on record in this account has that name: no signal, no order, no symbol\n");
  for (const Decision& decision : story.decisions) {
    out += "  " + iso_seconds(decision.first) + "  " + decision.guard + "_" + decision.verdict;
    if (!decision.detail.empty()) out += "  " + escape_value(decision.detail);
    if (decision.count > 1) out += "  " + std::to_string(decision.count) + " times, last " + iso_seconds(decision.last);
    out += "\n";
  }
  for (const Order& order : story.orders) {
    out += "  " + iso_seconds(order.claimed_at) + "  " + std::string{text(order.leg)} + " " +
           std::string{text(order.side)} + " " + order.quantity.text() + " " + order.symbol.text();
    if (order.trigger) out += " trigger " + order.trigger->text();
    if (order.price) out += " price " + order.price->text();
    out += ": " + std::string{text(order.state)} + ", filled " + order.filled.text() + ", order " + id_at_venue(order);
    if (!order.reason.empty()) out += ", " + escape_value(order.reason);
    out += "\n";
  }
  return out;
}

std::string why_json(const Story& story, const std::vector<SignalKey>& all) {
  Json json;
  json.field("signal_key", story.key).field("known", !story.decisions.empty() || !story.orders.empty());
  json.array("decisions");
  for (const Decision& decision : story.decisions)
    json.object()
        .field("guard", decision.guard)
        .field("verdict", decision.verdict)
        .field("detail", decision.detail)
        .time("first", decision.first)
        .time("last", decision.last)
        .field("count", decision.count)
        .end_object();
  json.end_array().array("orders");
  for (const Order& order : story.orders) {
    json.object();
    write_order(json, order);
    json.end_object();
  }
  // Of a name that stands for several signals the newest is told, and the others are named.
  json.end_array().array("signals");
  for (const SignalKey& key : all) json.object().field("signal_key", key).end_object();
  json.end_array();
  return json.text();
}

}  // namespace
}  // namespace tradeguard::cli
