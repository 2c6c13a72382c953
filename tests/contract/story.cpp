#include "story.hpp"

namespace tradeguard::contract {

namespace {

template <class T>
T parsed(std::string_view text) {
  const auto value = T::parse(text);
  if (!value) FAIL("the test says something unreadable: " << text);
  return *value;
}

InstrumentRules rules_of(const Symbol& symbol) {
  InstrumentRules rules{.symbol = symbol};
  rules.tick = price("0.01");
  rules.step = quantity("0.0001");
  rules.min_quantity = quantity("0.001");
  rules.max_quantity = quantity("9000");
  rules.min_notional = money("5");
  rules.highest_fee_rate = *Decimal::parse("0.001");
  rules.max_open_stops = 5;
  rules.read_at = noon - 1h;
  return rules;
}

Order leg_of(const Order& entry, Leg leg, OrderType type, int attempt) {
  Order order{.client_id = client_order_id(the_account, entry.trade, leg, attempt),
              .trade = entry.trade,
              .leg = leg,
              .attempt = attempt,
              .signal_key = "",
              .symbol = entry.symbol};
  order.side = Side::sell;
  order.type = type;
  order.quantity = entry.quantity;
  order.claimed_at = entry.claimed_at + 1s;
  order.stamp = order.claimed_at;
  order.valid_until = order.stamp + 10s;
  return order;
}

}  // namespace

Symbol symbol(std::string_view text) { return parsed<Symbol>(text); }
Quantity quantity(std::string_view text) { return parsed<Quantity>(text); }
Price price(std::string_view text) { return parsed<Price>(text); }
Money money(std::string_view text) { return parsed<Money>(text); }

// ---- signals and claims --------------------------------------------------------------------

Signal buy(std::string_view name, Instant at) {
  Signal signal{.symbol = symbol(name), .side = Side::buy, .time = at};
  signal.notional = money("50");
  signal.price = price("3350.5");
  signal.strategy = "crossover";
  return signal;
}

Signal sell(std::string_view name, Instant at) {
  Signal signal{.symbol = symbol(name), .side = Side::sell, .time = at};
  signal.strategy = "crossover";
  return signal;
}

EntryRequest request(const Signal& signal, Instant now) {
  Order order{.client_id = "", .trade = "", .signal_key = signal_key(signal), .symbol = signal.symbol};
  order.quantity = quantity("0.0149");
  order.price = signal.price;
  order.claimed_at = now;
  order.stamp = now;
  order.valid_until = now + 10s;
  return {signal, std::move(order), money("49.92"), std::nullopt, rules_of(signal.symbol), ProtectionPlan{}};
}

EntryPolicy open_policy() {
  EntryPolicy policy;
  policy.max_open_positions = 0;
  return policy;
}

std::vector<Judged> claim(Session& session, const std::vector<Signal>& signals, Instant now,
                          const EntryPolicy& policy) {
  std::vector<EntryRequest> requests;
  for (const Signal& signal : signals) requests.push_back(request(signal, now));
  auto judged = value_of(session.guard().claim(requests, policy, now));
  REQUIRE(judged.size() == signals.size());
  return judged;
}

Judged claim(Session& session, const Signal& signal, Instant now, const EntryPolicy& policy) {
  return std::move(claim(session, std::vector{signal}, now, policy).front());
}

EntryTicket admitted(Session& session, const Signal& signal, Instant now) {
  Judged judged = claim(session, signal, now);
  INFO("denied for: " << denied_for(judged));
  REQUIRE(is_ticket(judged));
  return std::get<EntryTicket>(std::move(judged.outcome));
}

void must_claim_exit(Session& session, const Signal& exit, Instant now) {
  const std::vector<ExitClaim> claims{{exit, {}, {}}};
  const auto verdicts = value_of(session.journal().claim_exits(claims, 24h, 5s, now));
  REQUIRE(std::holds_alternative<ExitClaimed>(verdicts.at(0)));
}

Order bought(Session& session, const Signal& signal, Instant now) {
  const EntryTicket ticket = admitted(session, signal, now);
  must(session.guard().settle(ticket, filled_record(ticket.order(), now), now));
  return row(session, ticket.order().client_id);
}

bool is_ticket(const Judged& judged) { return std::holds_alternative<EntryTicket>(judged.outcome); }

const Duplicate& duplicate_in(const Judged& judged) {
  INFO("denied for: " << denied_for(judged));
  REQUIRE(std::holds_alternative<Duplicate>(judged.outcome));
  return std::get<Duplicate>(judged.outcome);
}

std::string denied_for(const Judged& judged) {
  const auto* denied = std::get_if<Denied>(&judged.outcome);
  return denied ? denied->reason.str() : "";
}

Accepted filled_record(const Order& order, Instant at) {
  Sighting sighting{.client_id = order.client_id,
                    .venue_id = "venue-" + order.client_id,
                    .fired_id = "",
                    .symbol = order.symbol,
                    .side = order.side,
                    .type = order.type,
                    .status = VenueStatus::filled,
                    .quantity = order.quantity};
  sighting.filled = order.quantity;
  sighting.filled_value = money("49.92");
  sighting.fee_base = Quantity{};
  sighting.exchange_time = at;
  sighting.at = at;
  return {sighting.venue_id, sighting};
}

// ---- rows --------------------------------------------------------------------------------------

Order stop_for(const Order& entry, int attempt) {
  Order order = leg_of(entry, Leg::stop, OrderType::stop_market, attempt);
  order.trigger = price("3249.98");
  return order;
}

Order target_for(const Order& entry, int attempt) {
  Order order = leg_of(entry, Leg::target, OrderType::limit, attempt);
  order.price = price("3451.01");
  return order;
}

Order exit_for(const Order& entry, int attempt) { return leg_of(entry, Leg::exit, OrderType::market, attempt); }

Written write(Session& session, Change change) {
  const std::vector items{std::move(change)};
  const auto written = value_of(session.journal().write(items));
  REQUIRE(written.size() == 1);
  return written.front();
}

Order append(Session& session, Order order) {
  REQUIRE(write(session, {.append = {order}}) == Written::yes);
  order.version += 1;
  return order;
}

Order advance(Session& session, Order order) {
  REQUIRE(write(session, {.advance = {order}}) == Written::yes);
  order.version += 1;
  return order;
}

TradeRecord advance(Session& session, TradeRecord trade) {
  REQUIRE(write(session, {.trades = {trade}}) == Written::yes);
  trade.version += 1;
  return trade;
}

TradeRecord trade_row(Session& session, const ClientOrderId& trade) {
  const auto found = value_of(session.journal().trade(trade));
  INFO("trade " << trade);
  REQUIRE(found);
  return *found;
}

Order settled(Session& session, Order entry) {
  TradeRecord over = trade_row(session, entry.trade);
  over.settled = true;
  REQUIRE(write(session, {.advance = {entry}, .trades = {over}}) == Written::yes);
  entry.version += 1;
  return entry;
}

Order row(Session& session, const ClientOrderId& id) {
  const auto found = value_of(session.journal().order(id));
  INFO("order " << id);
  REQUIRE(found);
  return *found;
}

OpenBook book(Session& session, Instant now) { return value_of(session.journal().open_book(now)); }

// ---- notices -----------------------------------------------------------------------------------

Notice notice(std::string event_id, const ClientOrderId& trade, Severity severity) {
  Notice notice{.event_id = std::move(event_id), .type = NoticeType::order_created};
  notice.severity = severity;
  notice.trade = trade;
  notice.created_at = noon;
  return notice;
}

void tell(Session& session, std::vector<Notice> notices) {
  const Written written = write(session, {.notices = std::move(notices)});
  REQUIRE(written == Written::yes);
}

std::vector<std::string> due(Session& session, Instant now, std::size_t at_most) {
  std::vector<std::string> events;
  for (const Notice& due : value_of(session.journal().due_notices(now, at_most))) events.push_back(due.event_id);
  return events;
}

void record(Session& session, const std::string& event_id, DeliveryRecord::What what, std::optional<Instant> next_try) {
  const std::vector records{DeliveryRecord{event_id, what, next_try, ""}};
  must(session.journal().record_deliveries(records, noon));
}

// ---- the run -----------------------------------------------------------------------------------

RunLease acquired(Session& session) {
  auto outcome = value_of(session.lock().try_acquire(session.pen.account));
  REQUIRE(std::holds_alternative<RunLease>(outcome));
  auto lease = std::get<RunLease>(std::move(outcome));
  session.pen.fence = lease.fence();
  return lease;
}

bool is_locked_out(Session& session) {
  const auto outcome = value_of(session.lock().try_acquire(session.pen.account));
  return std::holds_alternative<HeldElsewhere>(outcome);
}

void must(const Result<void>& result) {
  if (!result) FAIL("the store answered: " << result.error().what);
}

}  // namespace tradeguard::contract
