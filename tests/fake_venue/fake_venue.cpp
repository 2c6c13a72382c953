#include "fake_venue.hpp"

#include <algorithm>
#include <chrono>

namespace tradeguard::fake {

namespace {

constexpr std::size_t most_events = 20'000;

// The contract's market, and others for stories that need more than one.
std::vector<std::pair<Market, Decimal>> first_markets() {
  const auto dec = [](const char* text) { return *Decimal::parse(text); };
  const auto market = [&](const std::string& base, const std::string& quote, const char* tick, const char* step,
                          const char* least) {
    Market made;
    made.symbol = base + "_" + quote;
    made.base = base;
    made.quote = quote;
    made.tick = dec(tick);
    made.step = dec(step);
    made.min_quantity = dec(least);
    made.max_quantity = Decimal{1000};
    made.min_notional = Decimal{5};
    made.maker_fee = made.taker_fee = dec("0.001");
    return made;
  };
  std::vector<std::pair<Market, Decimal>> all{{market("ETH", "USDT", "0.01", "0.0001", "0.001"), Decimal{3000}},
                                              {market("ETH", "USD", "0.01", "0.0001", "0.001"), Decimal{3000}},
                                              {market("BTC", "USDT", "0.01", "0.00001", "0.00001"), Decimal{50'000}},
                                              {market("SOL", "USDT", "0.01", "0.001", "0.001"), Decimal{100}},
                                              {market("CRO", "USDT", "0.00001", "1", "1"), dec("0.1")}};
  all.back().first.max_quantity = Decimal{10'000'000};
  return all;
}

Reply error(int status, const std::string& why) {
  Reply reply;
  reply.status = status;
  reply.body = JsonText{}.open('{').with("error", why).close('}').str();
  return reply;
}

std::string status_word(Status status) {
  switch (status) {
    case Status::pending:
      return "pending";
    case Status::open:
      return "open";
    case Status::filled:
      return "filled";
    case Status::cancelled:
      return "cancelled";
    case Status::rejected:
      return "rejected";
    case Status::expired:
      return "expired";
  }
  return "";
}

std::string kind_word(Kind kind) {
  switch (kind) {
    case Kind::market:
      return "market";
    case Kind::limit:
      return "limit";
    case Kind::limit_maker:
      return "limit_maker";
    case Kind::stop:
      return "stop";
    case Kind::stop_limit:
      return "stop_limit";
    case Kind::take_profit:
      return "take_profit";
    case Kind::take_profit_limit:
      return "take_profit_limit";
  }
  return "";
}

std::string micros(Instant at) { return std::to_string(to_micros(at)); }

bool is_stop(const Order& order) {
  return order.side == Side::sell && (order.kind == Kind::stop || order.kind == Kind::stop_limit);
}

}  // namespace

FakeVenue::FakeVenue(Ed25519Pair key, Server server)
    : server_{std::move(server)}, binance_api_{binance_, ground_, std::move(key)} {
  reset();
}

Instant FakeVenue::now() const {
  const auto clock = std::chrono::floor<Micros>(std::chrono::system_clock::now());
  return fixed_.value_or(clock) + offset_;
}

Front* FakeVenue::front_for(const Request& request) {
  if (request.path.starts_with("/exchange/v1/")) return &cryptocom_api_;
  if (request.path.starts_with("/api/v3/")) return &binance_api_;
  if (request.path.starts_with("/bot")) return &telegram_api_;
  return nullptr;
}

// ---- Requests ----------------------------------------------------------------------------------

void FakeVenue::answer(const Request& request, const std::function<void(const Reply&)>& done) {
  Front* const front = front_for(request);
  if (!front) return done(error(404, "no such path"));
  const auto endpoint = front->endpoint(request);
  const auto clients = front->clients(request);
  ++stats_.requests[endpoint];
  ++stats_.in_flight;
  stats_.max_in_flight = std::max(stats_.max_in_flight, stats_.in_flight);
  const auto fault = faults_.next(endpoint, clients);
  const auto began = now();

  const auto act = [this, front, request, fault, endpoint, clients, began, done] {
    auto reply = carry_out(*front, request, fault ? &*fault : nullptr);
    const bool telegram = front == &telegram_api_;
    const auto latency = settings_.number(telegram ? "telegram_latency_ms" : "latency_ms");
    reply.delay += std::chrono::milliseconds{latency};
    if (timeline_.size() < most_events) {
      std::string ids;
      for (const auto& id : clients) ids += (ids.empty() ? "" : ",") + (telegram ? "" : id);
      timeline_.push_back({began, now() - began + reply.delay, endpoint, ids, reply.status});
    }
    const auto finish = [this, reply, done] {
      --stats_.in_flight;
      done(reply);
    };
    reply.delay > Micros{0} ? server_.later(reply.delay, finish) : finish();
  };
  const auto before = fault ? fault->number("wait_before") : 0;
  before > 0 ? server_.later(std::chrono::milliseconds{before}, act) : act();
}

Reply FakeVenue::carry_out(Front& front, const Request& request, const Fault* fault) {
  const auto at = now();
  cryptocom_.advance(at);
  binance_.advance(at);
  if (!fault) return front.answer(request, nullptr, at);

  Reply lost;
  lost.delay = std::chrono::milliseconds{fault->number("delay")};
  const auto drop = fault->text("drop");
  const auto hang = fault->text("hang");
  if (!drop.empty() || !hang.empty()) {
    if (drop == "after" || hang == "after") front.answer(request, fault, at);
    lost.status = 0;
    lost.ending = drop.empty() ? Reply::Ending::hang : Reply::Ending::drop;
    return lost;
  }
  const bool errs = fault->has("code");
  const bool replaced = !errs && (fault->has("status") || fault->has("body") || fault->has("huge"));
  const bool executed = !replaced || fault->has("executed");
  auto reply = executed ? front.answer(request, fault, at) : Reply{};
  if (replaced) {
    reply = instead(*fault, std::move(reply));
    ++stats_.codes["HTTP " + std::to_string(reply.status)];
  }
  if (errs && fault->has("status")) reply.status = static_cast<int>(fault->number("status"));
  reply.delay = lost.delay;
  if (fault->has("truncate")) reply.cut_after = static_cast<std::size_t>(fault->number("truncate"));
  return reply;
}

// Another answer than the one there would have been.
Reply FakeVenue::instead(const Fault& fault, Reply usual) {
  usual.status = fault.has("status") ? static_cast<int>(fault.number("status")) : 200;
  const auto body = fault.text("body");
  if (fault.has("huge")) {
    usual.body = "{\"code\":0,\"padding\":\"";
    usual.body.resize(static_cast<std::size_t>(std::max<std::int64_t>(fault.number("huge"), 64)), 'x');
    usual.body.replace(usual.body.size() - 2, 2, "\"}");
  } else if (body == "html") {
    usual.type = "text/html";
    usual.body = "<html><body><h1>" + std::to_string(usual.status) + "</h1></body></html>\n";
  } else if (body == "empty") {
    usual.body.clear();
  } else if (body == "json" || body.empty()) {
    usual.body = R"({"code":-1,"message":"out of order"})";
  } else {
    usual.body = body;
  }
  if (fault.has("retry_after")) usual.headers.emplace_back("Retry-After", fault.text("retry_after"));
  return usual;
}

// ---- Controls ----------------------------------------------------------------------------------

Reply FakeVenue::control(const Request& request) {
  const auto query = parse_query(request.query);
  // What is due by the clock has happened before anybody looks.
  cryptocom_.advance(now());
  binance_.advance(now());
  if (request.method == "POST") return change(request.path, query);
  Reply reply;
  if (request.path == "/stats") {
    reply.body = stats_json();
  } else if (request.path == "/orders") {
    reply.body = orders_json(query);
  } else if (request.path == "/balances") {
    reply.body = balances_json(query);
  } else if (request.path == "/messages") {
    reply.body = messages_json();
  } else if (request.path == "/timeline") {
    reply.body = timeline_json();
  } else if (request.path == "/conserved") {
    const auto first = cryptocom_.unbalanced();
    const auto second = binance_.unbalanced();
    JsonText text;
    text.open('{').with_raw("conserved", first || second ? "false" : "true");
    reply.body = text.with("why", first.value_or(second.value_or(""))).close('}').str();
  } else {
    return error(404, "no such page");
  }
  return reply;
}

Reply FakeVenue::change(const std::string& path, const Pairs& query) {
  const auto text = [&](const char* name) { return value_of(query, name).value_or(""); };
  std::string why;
  if (path == "/reset") {
    reset();
  } else if (path == "/settings") {
    for (const auto& [name, value] : query) {
      if (name == "reset") {
        settings_.reset();
      } else if (!settings_.set(name, value)) {
        return error(400, "no setting " + name);
      }
    }
    for (Exchange* exchange : {&cryptocom_, &binance_}) {
      const bool queues = exchange == &cryptocom_;
      exchange->look_after = std::chrono::milliseconds{queues ? settings_.number("look_after_ms") : 0};
      exchange->fill_after = std::chrono::milliseconds{settings_.number("fill_after_ms")};
      exchange->visible_after = std::chrono::milliseconds{settings_.number("visible_after_ms")};
    }
  } else if (path == "/clock") {
    if (const auto at = text("at"); at == "real")
      fixed_.reset();
    else if (!at.empty())
      fixed_ = from_micros(std::stoll(at));
    if (const auto offset = text("offset"); !offset.empty()) offset_ = Micros{std::stoll(offset)};
    cryptocom_.advance(now());
    binance_.advance(now());
  } else if (path == "/price") {
    const auto price = Decimal::parse(text("price"));
    for (Exchange* exchange : chosen(query)) {
      if (!price || !exchange->market(text("symbol"))) return error(400, "price or symbol");
      exchange->trade_at(text("symbol"), *price, now());
    }
  } else if (path == "/balance") {
    const auto amount = Decimal::parse(text("amount"));
    if (!amount || text("currency").empty()) return error(400, "currency or amount");
    for (Exchange* exchange : chosen(query)) exchange->set_balance(text("currency"), *amount);
  } else if (path == "/market") {
    if (!change_market(query, why)) return error(400, why);
  } else if (path == "/fault") {
    const auto fault = parse_fault(query, why);
    if (!fault) return error(400, why);
    faults_.add(*fault);
  } else if (path == "/faults/clear") {
    faults_.clear();
  } else if (path == "/order") {
    if (!change_order(query, why)) return error(400, why);
  } else if (path == "/listen") {
    server_.listen(text("on") != "0");
  } else {
    return error(404, "no such control");
  }
  Reply done;
  done.body = R"({"done":true})";
  return done;
}

void FakeVenue::reset() {
  for (Exchange* exchange : {&cryptocom_, &binance_}) {
    exchange->reset();
    exchange->set_balance("USDT", Decimal{10'000});
  }
  for (Front* front : std::initializer_list<Front*>{&cryptocom_api_, &binance_api_, &telegram_api_}) front->forget();
  for (auto [market, price] : first_markets()) {
    cryptocom_.list(market, price);
    market.fee_step = *Decimal::parse("0.00000001");
    market.bid_up = market.ask_up = Decimal{5};
    market.bid_down = market.ask_down = *Decimal::parse("0.2");
    binance_.list(market, price);
  }
  faults_.clear();
  timeline_.clear();
  const auto open = stats_.open_connections;
  const auto in_flight = stats_.in_flight;
  stats_ = Stats{};
  stats_.open_connections = open;
  stats_.in_flight = in_flight;
}

std::vector<Exchange*> FakeVenue::chosen(const Pairs& query) {
  const auto name = value_of(query, "exchange").value_or("");
  if (name == "cryptocom") return {&cryptocom_};
  if (name == "binance") return {&binance_};
  return {&cryptocom_, &binance_};
}

bool FakeVenue::change_order(const Pairs& query, std::string& why) {
  auto asked = query;
  std::erase_if(asked, [](const auto& pair) {
    return pair.first == "fill_now" || pair.first == "end_now" || pair.first == "exchange";
  });
  asked.emplace_back("on", "*");
  const auto fault = parse_fault(asked, why);
  if (!fault) return false;
  const auto part = value_of(query, "fill_now");
  const auto end = value_of(query, "end_now");
  bool any = false;
  for (Exchange* exchange : chosen(query)) {
    for (Order* order : exchange->by_client_id(fault->client)) {
      any = true;
      if (!fault->effects.empty()) order->fate = fate_of(*fault);
      if (part) exchange->execute_part(order->id, *Decimal::parse(*part), now());
      if (end) exchange->cancel(order->id, now());
      if (end == "expired") order->status = Status::expired;
      if (end == "rejected") order->status = Status::rejected;
    }
  }
  why = "no order of client id " + fault->client;
  return any;
}

bool FakeVenue::change_market(const Pairs& query, std::string& why) {
  const auto symbol = value_of(query, "symbol").value_or("");
  const auto bar = symbol.find('_');
  why = "symbol";
  if (bar == std::string::npos) return false;
  for (Exchange* exchange : chosen(query)) {
    Market changed = first_markets()[0].first;
    Decimal price{1};
    if (const auto* known = exchange->market(symbol)) {
      changed = *known;
      price = exchange->price(symbol);
    }
    changed.symbol = symbol;
    changed.base = symbol.substr(0, bar);
    changed.quote = symbol.substr(bar + 1);
    for (const auto& [name, value] : query) {
      const auto amount = Decimal::parse(value);
      why = name + "=" + value;
      if (name == "symbol" || name == "exchange") continue;
      if (!amount) return false;
      if (name == "price")
        price = *amount;
      else if (name == "tick")
        changed.tick = *amount;
      else if (name == "step")
        changed.step = *amount;
      else if (name == "min_quantity")
        changed.min_quantity = *amount;
      else if (name == "max_quantity")
        changed.max_quantity = *amount;
      else if (name == "min_notional")
        changed.min_notional = *amount;
      else if (name == "max_notional")
        changed.max_notional = *amount;
      else if (name == "fee")
        changed.maker_fee = changed.taker_fee = *amount;
      else if (name == "open")
        changed.open = !amount->is_zero();
      else if (name == "stop_market")
        changed.stop_market = !amount->is_zero();
      else if (name == "ask_down")
        changed.ask_down = *amount;
      else if (name == "ask_up")
        changed.ask_up = *amount;
      else if (name == "bid_down")
        changed.bid_down = *amount;
      else if (name == "bid_up")
        changed.bid_up = *amount;
      else if (name == "reference")
        changed.reference = *amount;
      else if (name == "max_price")
        changed.max_price = *amount;
      else if (name == "max_stops")
        changed.max_stops = std::stoi(value);
      else if (name == "max_orders")
        changed.max_orders = std::stoi(value);
      else
        return false;
    }
    exchange->list(changed, price);
  }
  return true;
}

// ---- What there was
// ------------------------------------------------------------------------------

std::string FakeVenue::stats_json() {
  JsonText text;
  const auto counts = [&](const char* name, const std::map<std::string, std::int64_t>& all) {
    text.key(name).open('{');
    for (const auto& [key, count] : all) text.with_raw(key, std::to_string(count));
    text.close('}');
  };
  const auto count = [&](const char* name, std::int64_t value) { text.with_raw(name, std::to_string(value)); };
  text.open('{');
  counts("requests", stats_.requests);
  counts("codes", stats_.codes);
  counts("over", stats_.over);
  count("connections", stats_.connections);
  count("open_connections", stats_.open_connections);
  count("in_flight", stats_.in_flight);
  count("max_in_flight", stats_.max_in_flight);
  count("bad_signatures", stats_.bad_signatures);
  count("faults_waiting", static_cast<std::int64_t>(faults_.waiting()));

  // From the first fill of a buy to the first stop of its market that was taken afterwards and
  // lived.
  std::map<std::string, std::int64_t> ids;
  std::int64_t entries = 0;
  std::int64_t naked_now = 0;
  std::int64_t flattened = 0;
  text.key("naked_us").open('[');
  for (Exchange* exchange : {&cryptocom_, &binance_}) {
    for (const auto& order : exchange->orders()) {
      ++ids[order.client_id];
      if (order.side != Side::buy) continue;
      ++entries;
      if (order.fills.empty()) continue;
      const auto filled = order.fills.front().at;
      std::optional<Instant> covered;
      bool sold = false;
      for (const auto& other : exchange->orders()) {
        if (other.symbol != order.symbol || other.created < filled) continue;
        if (is_stop(other) && other.status != Status::rejected && !covered) covered = other.created;
        sold = sold || (other.side == Side::sell && other.kind == Kind::market && !other.fills.empty());
      }
      if (covered)
        text.raw(std::to_string((*covered - filled).count()));
      else if (sold)
        ++flattened;
      else
        ++naked_now;
    }
  }
  text.close(']');
  std::int64_t most = 0;
  for (const auto& [id, orders] : ids) most = std::max(most, orders);
  count("naked_now", naked_now);
  count("flattened", flattened);
  count("entries", entries);
  count("client_ids", static_cast<std::int64_t>(ids.size()));
  count("orders_per_client_id_max", most);
  count("messages", static_cast<std::int64_t>(telegram_api_.messages().size()));
  return text.close('}').str();
}

std::string FakeVenue::orders_json(const Pairs& query) {
  JsonText text;
  text.open('[');
  for (Exchange* exchange : chosen(query)) {
    for (const auto& order : exchange->orders()) {
      text.open('{').with("exchange", exchange == &cryptocom_ ? "cryptocom" : "binance");
      text.with("id", std::to_string(order.id)).with("fired_id", std::to_string(order.fired_id));
      text.with("list_id", std::to_string(order.list_id)).with("client_id", order.client_id);
      text.with("symbol", order.symbol).with("side", order.side == Side::buy ? "buy" : "sell");
      text.with("kind", kind_word(order.kind)).with("status", status_word(order.status));
      text.with("reason", order.reason).with_raw("fired", order.fired ? "true" : "false");
      text.with("quantity", order.quantity.text()).with("price", order.price.text());
      text.with("trigger", order.trigger.text()).with("filled", order.filled.text());
      text.with("value", order.value.text()).with_raw("created", micros(order.created));
      text.with_raw("updated", micros(order.updated)).key("fills").open('[');
      for (const auto& fill : order.fills) {
        text.open('{').with("id", std::to_string(fill.id)).with("price", fill.price.text());
        text.with("quantity", fill.quantity.text()).with("fee", fill.fee.text());
        text.with("fee_currency", fill.fee_currency).with_raw("at", micros(fill.at)).close('}');
      }
      text.close(']').close('}');
    }
  }
  return text.close(']').str();
}

std::string FakeVenue::balances_json(const Pairs& query) {
  JsonText text;
  text.open('{');
  for (Exchange* exchange : chosen(query)) {
    text.key(exchange == &cryptocom_ ? "cryptocom" : "binance").open('{');
    for (const auto& [currency, holding] : exchange->holdings()) {
      text.key(currency).open('{').with("total", holding.total.text());
      text.with("free", holding.free().text()).with("locked", holding.locked.text()).close('}');
    }
    text.close('}');
  }
  return text.close('}').str();
}

std::string FakeVenue::messages_json() const {
  JsonText text;
  text.open('[');
  for (const auto& message : telegram_api_.messages()) {
    text.open('{').with("chat", message.chat).with("text", message.text).with("raw", message.raw);
    text.with("parse_mode", message.mode).with_raw("at", micros(message.at)).close('}');
  }
  return text.close(']').str();
}

std::string FakeVenue::timeline_json() const {
  JsonText text;
  text.open('[');
  for (const auto& event : timeline_) {
    text.open('{').with_raw("at", micros(event.at));
    text.with_raw("took_us", std::to_string(event.took.count())).with("endpoint", event.endpoint);
    text.with("clients", event.clients).with_raw("status", std::to_string(event.status)).close('}');
  }
  return text.close(']').str();
}

}  // namespace tradeguard::fake
