// A bot in any language behind the guards: claim, run its order code once, and settle.
#include <algorithm>

#include "child.hpp"
#include "commands.hpp"
#include "json.hpp"
#include "setup.hpp"
#include "tradeguard/desk.hpp"
#include "tradeguard/foreign_json.hpp"
#include "wiring.hpp"

namespace tradeguard::cli {

namespace {

struct Counter {
  std::unique_ptr<Setup> setup;
  std::unique_ptr<Desk> desk;
  const Settings& settings() const { return setup->settings(); }
};

// A desk of the account; the exit code when there is none.
tl::expected<Counter, int> open_counter(const CommandLine& line, const Pairs& environment);
tl::expected<Wish, int> read_wish(const CommandLine& line);
int exit_code_of(const NotClaimed& no);
int say_not_claimed(const CommandLine& line, Counter& counter, const NotClaimed& no);
// What became of the order by what COMMAND did and said.
PlaceOutcome outcome_of(const ChildEnd& end, const exchange::ForeignJson& result);
int exit_code_of(const PlaceOutcome& outcome);
std::optional<Fill> fill_in(const exchange::ForeignJson& result);
std::string word_of(const PlaceOutcome& outcome);
tl::expected<Trade, int> find_trade(const CommandLine& line, Counter& counter);

template <class Amount>
tl::expected<std::optional<Amount>, std::string> amount_option(const CommandLine& line, const std::string& name) {
  const std::string* given = line.option(name);
  if (given == nullptr) return std::optional<Amount>{};
  const auto amount = Amount::parse(*given);
  if (!amount || amount->is_negative()) return tl::unexpected{"--" + name + " is an amount, like 0.25"};
  return amount;
}

}  // namespace

int claim_command(const CommandLine& line, const Pairs& environment) {
  auto wish = read_wish(line);
  if (!wish) return wish.error();
  auto counter = open_counter(line, environment);
  if (!counter) return counter.error();
  const ClaimAnswer answer = counter->desk->claim(*wish);
  if (const auto* no = std::get_if<NotClaimed>(&answer)) return say_not_claimed(line, *counter, *no);
  const Ticket& ticket = std::get<Ticket>(answer);
  if (line.json) {
    print(Json{}
              .field("outcome", "claimed")
              .field("id", ticket.id)
              .field("client_id", ticket.wire_id)
              .field("symbol", ticket.symbol.text())
              .time("send_before", ticket.valid_until)
              .text());
  } else {
    print(ticket.id + " " + ticket.wire_id + "\n");
  }
  return exit_code_of_output(exit_ok);
}

int guard_command(const CommandLine& line, const Pairs& environment) {
  auto wish = read_wish(line);
  if (!wish) return wish.error();
  const std::string* given = line.option("timeout");
  const auto timeout = parse_duration(given == nullptr ? "60s" : *given);
  if (!timeout || *timeout <= Micros{0}) return say_usage("guard", "--timeout is a duration, like 60s");
  auto counter = open_counter(line, environment);
  if (!counter) return counter.error();
  const ClaimAnswer answer = counter->desk->claim(*wish);
  if (const auto* no = std::get_if<NotClaimed>(&answer)) return say_not_claimed(line, *counter, *no);
  const Ticket ticket = std::get<Ticket>(answer);
  // The order may take long; no session of the store stays open for it.
  counter->desk.reset();

  Pairs for_command = environment;
  for (const auto& [name, value] : {std::pair<std::string, std::string>{"GUARD_ID", ticket.id},
                                    {"GUARD_CLIENT_ID", ticket.wire_id},
                                    {"GUARD_SYMBOL", ticket.symbol.text()},
                                    {"GUARD_SIDE", std::string{text(ticket.side)}},
                                    {"GUARD_QUANTITY", ticket.quantity.text()},
                                    {"GUARD_SEND_BEFORE", iso_micros(ticket.valid_until)}})
    for_command.emplace_back(name, value);
  const auto end = run_child(line.arguments, for_command, *timeout);
  const exchange::ForeignJson result{end ? end->result : ""};
  const PlaceOutcome outcome =
      end ? outcome_of(*end, result) : PlaceOutcome{Unsent{Unsent::Why::not_connected, end.error().what}};

  auto again = open_counter(line, environment);
  const std::string unsettled =
      ticket.id + " stays in doubt: say what became of it with `tradeguard settle " + ticket.id + " --as ...`";
  if (!again) {
    std::fprintf(stderr, "tradeguard guard: %s\n", unsettled.c_str());
    return exit_in_doubt;
  }
  auto settled = again->desk->settle(ticket.id, outcome);
  if (settled && std::holds_alternative<Accepted>(outcome)) {
    const bool said = result.root().holds("filled") || result.root().holds("value");
    if (const auto fill = fill_in(result))
      settled = again->desk->filled(ticket.id, *fill);
    else if (said)
      std::fprintf(stderr,
                   "tradeguard guard: filled and value on descriptor 3 are amounts, and go together; the order "
                   "counts as placed, and nothing is known to be filled\n");
  }
  if (!settled) {
    static_cast<void>(say_failure(settled.error()));
    std::fprintf(stderr, "tradeguard guard: %s\n", unsettled.c_str());
    return exit_in_doubt;
  }
  if (std::holds_alternative<InDoubt>(outcome)) std::fprintf(stderr, "tradeguard guard: %s\n", unsettled.c_str());
  if (line.json)
    print(Json{}.field("outcome", word_of(outcome)).field("id", ticket.id).field("client_id", ticket.wire_id).text());
  else
    print(describe(outcome) + ", " + ticket.id + "\n");
  return exit_code_of_output(exit_code_of(outcome));
}

int settle_command(const CommandLine& line, const Pairs& environment) {
  const std::string& as = *line.option("as");
  const auto quantity = amount_option<Quantity>(line, "quantity");
  if (!quantity) return say_usage("settle", quantity.error());
  const auto value = amount_option<Money>(line, "value");
  if (!value) return say_usage("settle", value.error());
  const std::string order = line.has("order") ? *line.option("order") : "";
  if (as != "accepted" && as != "refused" && as != "unsent" && as != "closed")
    return say_usage("settle", "--as is accepted, refused, unsent or closed");
  if (quantity->has_value() != value->has_value()) return say_usage("settle", "--quantity and --value go together");
  if (as == "closed" && *quantity && order.empty())
    return say_usage("settle", "--order has to name the selling order, so that a repeat is counted once");
  ClosedBy by = ClosedBy::signal;
  if (const std::string* word = line.option("by")) {
    if (*word == "stop")
      by = ClosedBy::stop;
    else if (*word == "target")
      by = ClosedBy::target;
    else if (*word != "signal")
      return say_usage("settle", "--by is stop, target or signal");
  }
  auto counter = open_counter(line, environment);
  if (!counter) return counter.error();
  const auto trade = find_trade(line, *counter);
  if (!trade) return trade.error();
  const ClientOrderId id = trade->id();
  const Order& entry = trade->entry();
  if ((as == "refused" || as == "unsent") && (entry.acknowledged || entry.filled.is_positive()))
    return say_usage("settle", "the exchange took " + id + (entry.venue_id.empty() ? "" : " as " + entry.venue_id) +
                                   ", so it counts as accepted; nothing was changed. Say --as closed when its position "
                                   "is over");

  Result<void> done;
  if (as == "refused") done = counter->desk->settle(id, Refused{"operator", "said by the operator"});
  if (as == "unsent") done = counter->desk->settle(id, Unsent{Unsent::Why::shutting_down, "said by the operator"});
  if (as == "accepted") {
    done = counter->desk->settle(id, Accepted{order, std::nullopt});
    if (done && *quantity)
      done = counter->desk->filled(id, {.filled = **quantity, .value = **value, .final = true, .venue_id = order});
  }
  if (as == "closed")
    done = counter->desk->closed(id, {.by = by,
                                      .order = order,
                                      .quantity = quantity->value_or(Quantity{}),
                                      .value = value->value_or(Money{}),
                                      .all = !*quantity});
  if (!done && done.error().fault == Fault::data) return say_usage("settle", done.error().what);
  if (!done) return say_failure(done.error());
  if (line.json)
    print(Json{}.field("id", id).field("as", as).text());
  else
    print(id + " counts as " + as + "\n");
  return exit_code_of_output(exit_ok);
}

namespace {

tl::expected<Counter, int> open_counter(const CommandLine& line, const Pairs& environment) {
  auto setup = set_up(line, environment);
  if (!setup) return relayed(setup);
  Counter counter{std::move(*setup), nullptr};
  // There is no paper for orders that somebody else sends.
  if (counter.settings().dry_run)
    return tl::unexpected{say_failure({Fault::configuration,
                                       "DRY_RUN=1 is set, and a bot's own orders are real: nothing "
                                       "was claimed and COMMAND was not run; unset DRY_RUN"})};
  const Configuration& configuration = counter.setup->configuration;
  Desk::Settings settings;
  settings.policy = cycle_settings(configuration, "guard", "", counter.setup->clock.now()).policy;
  settings.sharing = Desk::Sharing::shared;
  settings.patience = 10s;
  settings.quotes.clear();
  for (const auto& [symbol, market] : configuration.settings.markets) settings.quotes.push_back(symbol.quote());
  for (const char* quote : {"USDT", "USDC", "FDUSD", "USD", "EUR", "BTC"}) settings.quotes.emplace_back(quote);
  settings.log = counter.setup->log.get();
  if (const std::string* form = line.option("client-id")) {
    const auto named = parse_client_id_form(*form);
    if (!named)
      return tl::unexpected{say_usage(line.command, "--client-id is tg36, alnum32, hex32, uuid, digits18 or int45")};
    settings.policy.client_id_form = *named;
  }
  auto desk = Desk::open(opener_of(counter.settings()), account_of(counter.settings()), settings, counter.setup->clock);
  if (!desk) return tl::unexpected{say_failure(desk.error())};
  counter.desk = std::move(*desk);
  // A cycle would find these orders and have no rules to protect them by.
  const auto open = counter.desk->open_trades();
  if (!open) return tl::unexpected{say_failure(open.error())};
  if (std::any_of(open->begin(), open->end(), [](const Trade& trade) { return trade.record.plan.has_value(); })) {
    const AccountKey account = account_of(counter.settings());
    return tl::unexpected{say_failure(
        {Fault::configuration, account.venue + "/" + account.account +
                                   " has open trades of `tradeguard run`: an account is either for run or for guard. "
                                   "Nothing was done; name another one with --account"})};
  }
  return counter;
}

tl::expected<Wish, int> read_wish(const CommandLine& line) {
  const auto wrong = [&](const std::string& what) { return tl::unexpected{say_usage(line.command, what)}; };
  Wish wish;
  wish.symbol = *line.option("symbol");
  const auto side = parse_side(*line.option("side"));
  if (!side) return wrong("--side is BUY or SELL");
  wish.side = *side;
  const std::string* time = line.option("time");
  const std::string* id = line.option("id");
  if (time == nullptr && id == nullptr)
    return wrong("--time or --id says which signal this is: the moment at which it was given, or a name of its own");
  const auto at = time == nullptr ? std::nullopt : parse_iso(*time);
  if (time != nullptr && !at) return wrong("--time is UTC, like 2025-01-01T12:00:00Z");
  SystemClock clock;
  wish.said = at.value_or(clock.now());
  if (id != nullptr) wish.id = *id;
  const auto quantity = amount_option<Quantity>(line, "quantity");
  if (!quantity) return wrong(quantity.error());
  const auto notional = amount_option<Money>(line, "notional");
  if (!notional) return wrong(notional.error());
  const auto price = amount_option<Price>(line, "price");
  if (!price) return wrong(price.error());
  if (!*quantity && !*notional) return wrong("--quantity or --notional says how much");
  wish.quantity = quantity->value_or(Quantity{});
  wish.notional = *notional;
  wish.price = *price;
  if (const std::string* strategy = line.option("strategy")) wish.strategy = *strategy;
  wish.protected_elsewhere = line.has("protected-elsewhere");
  if (const std::string* again = line.option("again")) wish.again = *again;
  return wish;
}

int exit_code_of(const NotClaimed& no) {
  switch (no.why) {
    case NotClaimed::Why::duplicate:
      return exit_duplicate;
    case NotClaimed::Why::denied:
      return exit_denied;
    case NotClaimed::Why::cooling:
      return exit_cooling;
    case NotClaimed::Why::wrong:
      return exit_usage;
    case NotClaimed::Why::busy:
    case NotClaimed::Why::unreachable:
      return exit_unreachable;
    case NotClaimed::Why::held_elsewhere:
      return exit_locked;
    case NotClaimed::Why::forked:
      return exit_internal;
  }
  return exit_internal;
}

int say_not_claimed(const CommandLine& line, Counter& counter, const NotClaimed& no) {
  int code = exit_code_of(no);
  std::string outcome{text(no.why)};
  std::string words = no.text;
  if (no.why == NotClaimed::Why::duplicate && no.order) {
    const auto open = counter.desk->open_trades();
    const auto known =
        open ? std::find_if(open->begin(), open->end(), [&](const Trade& trade) { return trade.id() == *no.order; })
             : std::vector<Trade>::const_iterator{};
    if (open && known != open->end() && known->entry().in_doubt() && !known->entry().acknowledged) {
      code = exit_in_doubt;
      outcome = "in_doubt";
      words += "; nobody said what became of it: `tradeguard settle " + *no.order + " --as ...`";
    }
  }
  if (line.json) {
    Json json;
    json.field("outcome", outcome).field("reason", no.denial.str()).field("text", words);
    json.maybe("id", no.order).maybe_time("until", no.until);
    json.maybe("again", no.again.empty() ? std::nullopt : std::optional{no.again});
    print(json.text());
  } else {
    print("not sent: " + words + (no.again.empty() ? "" : "; try again with --again " + no.again) + "\n");
  }
  return exit_code_of_output(code);
}

PlaceOutcome outcome_of(const ChildEnd& end, const exchange::ForeignJson& result) {
  const std::string said = "COMMAND " + end.text();
  const std::string order{result.root()["order_id"].text()};
  const std::string_view outcome = result.root()["outcome"].text();
  // Something of it may still be sending.
  const bool may_go_on = end.how == ChildEnd::How::left_something_running;
  if (outcome == "accepted") return Accepted{order, std::nullopt};
  if (outcome == "refused" && !may_go_on)
    return Refused{std::string{result.root()["code"].text()}, std::string{result.root()["message"].text()}};
  std::string word = end.result;
  word.erase(std::remove_if(word.begin(), word.end(), [](char c) { return c == '\n' || c == ' '; }), word.end());
  const bool ended = end.how == ChildEnd::How::exited;
  if (ended && (outcome == "unsent" || word == "unsent")) return Unsent{Unsent::Why::not_connected, said};
  // Words that nobody can read may have meant anything.
  if (!outcome.empty() || !ended) return InDoubt{said};
  if (!word.empty()) return InDoubt{said + ", and what it wrote on descriptor 3 cannot be read"};
  if (end.code == 0) return Accepted{"", std::nullopt};
  if (end.code == exit_rejected) return Refused{"65", said};
  return InDoubt{said};
}

std::optional<Fill> fill_in(const exchange::ForeignJson& result) {
  const auto filled = result.root()["filled"].amount<Quantity>();
  const auto value = result.root()["value"].amount<Money>();
  if (!filled || !value) return std::nullopt;
  Fill fill{.filled = *filled, .value = *value};
  fill.fee_base = result.root()["fee_base"].amount<Quantity>();
  fill.final = result.root()["final"].flag().value_or(false);
  fill.venue_id = std::string{result.root()["order_id"].text()};
  return fill;
}

std::string word_of(const PlaceOutcome& outcome) {
  return std::visit(overloaded{
                        [](const Accepted&) { return std::string{"accepted"}; },
                        [](const Refused&) { return std::string{"refused"}; },
                        [](const Unsent&) { return std::string{"unsent"}; },
                        [](const InDoubt&) { return std::string{"in_doubt"}; },
                    },
                    outcome);
}

int exit_code_of(const PlaceOutcome& outcome) {
  return std::visit(overloaded{
                        [](const Accepted&) { return exit_ok; },
                        [](const Refused&) { return exit_rejected; },
                        [](const Unsent&) { return exit_locked; },
                        [](const InDoubt&) { return exit_in_doubt; },
                    },
                    outcome);
}

tl::expected<Trade, int> find_trade(const CommandLine& line, Counter& counter) {
  const std::string& named = line.arguments.front();
  auto open = counter.desk->open_trades();
  if (!open) return tl::unexpected{say_failure(open.error())};
  for (Trade& trade : *open) {
    const Order& entry = trade.entry();
    if (trade.id() == named || entry.signal_key == named || (!entry.wire_id.empty() && entry.wire_id == named))
      return trade;
  }
  return tl::unexpected{
      say_usage("settle", "there is no open trade " + named + "; `tradeguard status` lists what is open")};
}

}  // namespace

}  // namespace tradeguard::cli
