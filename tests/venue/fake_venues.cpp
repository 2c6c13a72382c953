#include "fake_venues.hpp"

#include <type_traits>

#include "orders.hpp"
#include "tradeguard/binance_venue.hpp"
#include "tradeguard/cryptocom_venue.hpp"

namespace tradeguard::contract {

namespace {

using Server = fake::FakeVenueProcess;
using Effects = Server::Effects;

// A server on this machine that has not answered by now will not.
constexpr Micros patience = 400ms;

std::string text_of(std::string_view characters) { return std::string{characters}; }

class CryptocomDialect final : public Dialect {
 public:
  HttpsSettings https(const Server& server) const override {
    return {.base = *parse_base_url(server.cryptocom_url()), .ca_file = server.ca_file()};
  }
  Adapter adapter(HttpTransport& transport, Clock& clock, Log& log) const override {
    const CryptocomSettings settings{.patience = patience,
                                     .min_notional = money("5"),
                                     .market_min_notional = {},
                                     .highest_fee_rate = dec("0.001"),
                                     .paced = false};
    const auto venue = std::make_shared<CryptocomVenue>(transport, Secret{text_of(Server::api_key)},
                                                        Secret{text_of(Server::api_secret)}, settings, clock, log);
    return {*venue, *venue, venue};
  }
  // Its creates are asynchronous: funds and triggers show in the record.
  Effects settings() const override { return {{"late_refusals", "1"}, {"dup_check", "none"}}; }
  // Its time is that of the Date header, in whole seconds: taken for the middle of one.
  Instant start() const override { return at("2025-01-01T12:00:00.5Z"); }
  Effects refusal(Mishap mishap) const override {
    static const std::map<Mishap, Effects> all{{Mishap::throttled, {{"code", "42901"}}},
                                               {Mishap::clock_refused, {{"code", "40102"}}},
                                               {Mishap::refused_min_quantity, {{"code", "415"}}},
                                               {Mishap::refused_min_notional, {{"code", "415"}}},
                                               {Mishap::refused_tick, {{"code", "308"}}},
                                               {Mishap::refused_step, {{"code", "213"}}},
                                               {Mishap::refused_balance, {{"code", "306"}}},
                                               {Mishap::refused_margin, {{"code", "416"}}},
                                               {Mishap::refused_permission, {{"code", "40103"}}},
                                               {Mishap::refused_auth, {{"code", "40101"}}},
                                               {Mishap::refused_unsupported, {{"code", "140001"}}},
                                               {Mishap::refused_with_id, {{"code", "306"}, {"with_id", "1"}}},
                                               {Mishap::duplicate, {{"code", "204"}}},
                                               {Mishap::refused_in_200, {{"status", "200"}, {"code", "213"}}}};
    return all.at(mishap);
  }
  std::string empty_result() const override { return R"({"id":1,"code":0,"result":{}})"; }
  std::string third_coin() const override { return "CRO"; }
  std::string history_view() const override { return "private/get-order-history"; }
  std::string full_page() const override {
    std::string rows;
    for (int i = 0; i < 100; ++i) {
      rows += rows.empty() ? "" : ",";
      rows += R"({"order_id":")" + std::to_string(i + 1) +
              R"(","client_oid":"other","order_type":"MARKET","side":"BUY","status":"FILLED",)"
              R"("instrument_name":"ETH_USDT","quantity":"1","limit_price":"0",)"
              R"("cumulative_quantity":"1","cumulative_value":"3000","avg_price":"3000",)"
              R"("create_time":1735732800000,"update_time":1735732800000})";
    }
    return R"({"id":1,"code":0,"result":{"data":[)" + rows + "]}}";
  }
  std::string filled_members() const override { return "cumulative_quantity"; }
  std::string value_members() const override { return "cumulative_value,avg_price"; }
  std::string fee_members() const override { return "cumulative_fee,fee_instrument_name"; }
  std::string trades_view() const override { return "private/get-trades"; }
  std::string balances_view() const override { return "private/user-balance"; }
};

class BinanceDialect final : public Dialect {
 public:
  HttpsSettings https(const Server& server) const override {
    // Requests name their limits, paced or not.
    return {.base = *parse_base_url(server.url()), .ca_file = server.ca_file(), .limits = binance_limits()};
  }
  Adapter adapter(HttpTransport& transport, Clock& clock, Log& log) const override {
    const BinanceSettings settings{
        .patience = patience, .markets = {eth()}, .highest_fee_rate = dec("0.001"), .paced = false};
    const auto venue = std::make_shared<BinanceVenue>(transport, Secret{text_of(Server::api_key)},
                                                      Secret{text_of(Server::api_secret)}, settings, clock, log);
    return {*venue, *venue, venue};
  }
  // The exchange says EXPIRED of the leg that the other one ended; the contract says cancelled.
  Effects settings() const override { return {{"sibling_shown", "CANCELED"}}; }
  Instant start() const override { return at("2025-01-01T12:00:00Z"); }
  Effects refusal(Mishap mishap) const override {
    const auto code = [](const char* number, const char* message) {
      return Effects{{"code", number}, {"message", message}};
    };
    static const std::map<Mishap, Effects> all{
        {Mishap::throttled, code("-1003", "Too much request weight used.")},
        {Mishap::clock_refused, code("-1021", "Timestamp outside of the recvWindow.")},
        {Mishap::refused_min_quantity, code("-1013", "Filter failure: LOT_SIZE")},
        {Mishap::refused_step, code("-1013", "Filter failure: LOT_SIZE")},
        {Mishap::refused_min_notional, code("-1013", "Filter failure: NOTIONAL")},
        {Mishap::refused_tick, code("-1013", "Filter failure: PRICE_FILTER")},
        {Mishap::refused_balance, code("-2010", "Account has insufficient balance for requested action.")},
        {Mishap::refused_margin, code("-2010", "This symbol is not permitted for this account.")},
        {Mishap::refused_permission, code("-2015", "Invalid API-key, IP, or permissions for action.")},
        {Mishap::refused_auth, code("-1022", "Signature for this request is not valid.")},
        {Mishap::refused_unsupported, code("-1116", "Invalid orderType.")},
        {Mishap::duplicate, code("-2010", "Duplicate order sent.")},
        {Mishap::refused_in_200, {{"status", "200"}, {"code", "-1013"}, {"message", "Filter failure: LOT_SIZE"}}},
        // It has no such answer; nearest is one that says that nobody knows.
        {Mishap::refused_with_id, {{"code", "-1006"}, {"executed", "1"}, {"reject_async", "REJECTED"}}}};
    return all.at(mishap);
  }
  std::string empty_result() const override { return "{}"; }
  std::string third_coin() const override { return "BNB"; }
  std::string history_view() const override { return "GET /api/v3/allOrders"; }
  std::string full_page() const override {
    std::string rows;
    for (int i = 0; i < 1000; ++i) {
      rows += rows.empty() ? "" : ",";
      rows += R"({"symbol":"ETHUSDT","orderId":)" + std::to_string(i + 1) +
              R"(,"orderListId":-1,"clientOrderId":"other","price":"0","origQty":"1",)"
              R"("executedQty":"1","cummulativeQuoteQty":"3000","status":"FILLED",)"
              R"("timeInForce":"GTC","type":"MARKET","side":"BUY","stopPrice":"0",)"
              R"("time":1735732800000,"updateTime":1735732800000,"isWorking":true})";
    }
    return "[" + rows + "]";
  }
  std::string filled_members() const override { return "executedQty"; }
  std::string value_members() const override { return "cummulativeQuoteQty"; }
  std::string fee_members() const override { return "none"; }
  std::string trades_view() const override { return "GET /api/v3/myTrades"; }
  std::string balances_view() const override { return "GET /api/v3/account"; }
};

// What stays with the exchange, whoever asks.
Effects fate_of(Mishap mishap, const Dialect& dialect) {
  const std::map<Mishap, Effects> all{
      {Mishap::rejected_later, {{"reject_async", "INSUFFICIENT_ACC_BALANCE"}}},
      {Mishap::part_then_cancelled, {{"fill", "0.5"}, {"end", "cancelled"}, {"end_after_reads", "1"}}},
      {Mishap::cancelled_with_zero, {{"no_fill", "1"}, {"end", "cancelled"}}},
      {Mishap::stored_as_limit, {{"stored_type", "LIMIT"}}},
      {Mishap::fee_in_base, {{"fee", "ETH"}}},
      {Mishap::fee_in_other, {{"fee", dialect.third_coin()}}},
      {Mishap::dropped, {{"drop", "before"}}},
      {Mishap::accepted_dropped, {{"drop", "after"}}},
      {Mishap::accepted_500, {{"status", "500"}, {"body", "html"}, {"executed", "1"}}},
      {Mishap::accepted_timeout, {{"hang", "after"}}},
      {Mishap::accepted_empty, {{"status", "200"}, {"body", dialect.empty_result()}, {"executed", "1"}}},
      {Mishap::cancel_ignored, {{"ignore", "1"}}},
      {Mishap::cancel_lost, {{"drop", "after"}}},
      {Mishap::cancel_dropped, {{"drop", "before"}}},
      {Mishap::filled_before_cancel, {{"fill_first", "1"}}},
      {Mishap::cancel_unsent, dialect.refusal(Mishap::throttled)}};
  const auto found = all.find(mishap);
  return found == all.end() ? dialect.refusal(mishap) : found->second;
}

}  // namespace

// Both halves, with the faults of each call told to the server in front of it and taken back behind
// it.
class WireUnderTest::Spoilt final : public OrderPlacer, public SltpPlacer {
 public:
  explicit Spoilt(WireUnderTest& house) : house_{house} {}

  const VenueTraits& traits() const override { return house_.adapter_->placer.traits(); }

  Result<Instant> venue_time() override {
    return reading(VenueVerb::venue_time, "*", [&] { return house_.adapter_->placer.venue_time(); });
  }

  std::vector<Result<Lookup>> find(std::span<const OrderQuery> queries) override {
    std::vector<std::string> hidden;
    for (const auto& query : queries) {
      const auto mishap = house_.faults_.next(VenueVerb::find, &query.symbol, query.leg);
      if (mishap) spoil_reading(*mishap, query.client_id, hidden);
    }
    auto found = house_.adapter_->placer.find(queries);
    for (const auto& id : hidden) house_.server_.change_order(id, {{"stale", "0"}});
    house_.server_.clear_faults();
    return found;
  }

  std::vector<CancelOutcome> cancel(std::span<const CancelRequest> requests) override {
    for (const auto& request : requests) {
      const auto mishap = house_.faults_.next(VenueVerb::cancel, &request.symbol, request.leg);
      if (mishap) fault("*", fate_of(*mishap, *house_.dialect_), request.client_id);
    }
    auto outcomes = house_.adapter_->placer.cancel(requests);
    house_.server_.clear_faults();
    return outcomes;
  }

  std::vector<PlaceOutcome> place(std::span<const EntryTicket> tickets) override {
    bool refuses = false;
    for (const auto& ticket : tickets) refuses = spoil(VenueVerb::place, ticket.order()) || refuses;
    return sending(refuses, [&] { return house_.adapter_->placer.place(tickets); });
  }
  std::vector<LegOutcome> protect(std::span<const LegRequest> requests) override {
    bool refuses = false;
    for (const auto& request : requests) {
      refuses = spoil(VenueVerb::protect, request.stop) || refuses;
      if (request.target) refuses = spoil(VenueVerb::protect, *request.target) || refuses;
    }
    return sending(refuses, [&] { return house_.adapter_->protector.protect(requests); });
  }
  std::vector<PlaceOutcome> flatten(std::span<const Order> exits) override {
    bool refuses = false;
    for (const auto& exit : exits) refuses = spoil(VenueVerb::flatten, exit) || refuses;
    return sending(refuses, [&] { return house_.adapter_->protector.flatten(exits); });
  }

  Result<std::map<Symbol, InstrumentRules>> rules(const std::set<Symbol>& symbols) override {
    spoil_table(VenueVerb::rules, symbols);
    auto rules = house_.adapter_->placer.rules(symbols);
    house_.server_.clear_faults();
    return rules;
  }
  Result<std::map<Symbol, Quote>> quotes(const std::set<Symbol>& symbols) override {
    spoil_table(VenueVerb::quotes, symbols);
    auto quotes = house_.adapter_->protector.quotes(symbols);
    house_.server_.clear_faults();
    return quotes;
  }
  Result<std::vector<Sighting>> own_orders(Instant since) override {
    return reading(VenueVerb::own_orders, "*", [&] { return house_.adapter_->placer.own_orders(since); });
  }
  Result<std::map<std::string, Balance>> balances() override {
    return reading(VenueVerb::balances, house_.dialect_->balances_view(),
                   [&] { return house_.adapter_->protector.balances(); });
  }
  Result<std::string> account_id() override { return house_.adapter_->placer.account_id(); }

 private:
  void fault(const std::string& endpoint, Effects effects, const std::string& client = {}, int times = 1) {
    if (!client.empty()) effects["client"] = client;
    effects["times"] = std::to_string(times);
    house_.server_.fault(endpoint, effects);
  }

  // True: the connection is what goes wrong.
  bool spoil(VenueVerb verb, const Order& order) {
    const auto mishap = house_.faults_.next(verb, &order.symbol, order.leg);
    if (!mishap) return false;
    if (mishap == Mishap::not_connected) return true;
    fault("*", fate_of(*mishap, *house_.dialect_), order.client_id);
    return false;
  }

  template <class Call>
  std::invoke_result_t<Call> sending(bool refuses, const Call& call) {
    if (refuses) house_.server_.listen(false);
    auto outcomes = call();
    if (refuses) house_.server_.listen(true);
    house_.server_.clear_faults();
    return outcomes;
  }

  template <class Call>
  std::invoke_result_t<Call> reading(VenueVerb verb, const std::string& endpoint, const Call& call) {
    if (house_.faults_.next(verb, nullptr, std::nullopt)) fault(endpoint, {{"drop", "before"}}, "", 0);
    auto result = call();
    house_.server_.clear_faults();
    return result;
  }

  void spoil_table(VenueVerb verb, const std::set<Symbol>& symbols) {
    for (const auto& symbol : symbols) {
      const auto mishap = house_.faults_.next(verb, &symbol, std::nullopt);
      if (mishap == Mishap::left_out)
        fault("*", {{"leave_out", symbol.text()}}, "", 0);
      else if (mishap)
        fault("*", {{"status", "500"}}, "", 0);
    }
  }

  void spoil_reading(Mishap mishap, const std::string& id, std::vector<std::string>& hidden) {
    const auto& dialect = *house_.dialect_;
    if (mishap == Mishap::unknown_order) {
      house_.server_.change_order(id, {{"lag", "0"}});
      hidden.push_back(id);
    } else if (mishap == Mishap::view_truncated) {
      fault(dialect.history_view(), {{"body", dialect.full_page()}}, "", 0);
    } else if (mishap == Mishap::unknown_status) {
      fault("*", {{"unknown_status", "HALF_WAY"}}, "", 0);
    } else if (mishap == Mishap::read_fails) {
      fault("*", {{"status", "500"}}, "", 0);
    } else {
      // What a record leaves out is not learnt from its trades either, nor a fee from the record.
      fault(dialect.trades_view(), {{"status", "500"}}, "", 0);
      if (mishap == Mishap::fees_unread) fault("*", {{"omit", dialect.fee_members()}}, "", 0);
      if (mishap == Mishap::filled_without_quantity) fault("*", {{"omit", dialect.filled_members()}}, "", 0);
      if (mishap == Mishap::filled_without_price) fault("*", {{"omit", dialect.value_members()}}, "", 0);
    }
  }

  WireUnderTest& house_;
};

WireUnderTest::WireUnderTest(std::unique_ptr<Dialect> dialect)
    : dialect_{std::move(dialect)}, clock_{dialect_->start()}, log_{[](Level, Instant, std::string_view) {}, clock_} {
  if (const auto settings = dialect_->settings(); !settings.empty()) server_.post("/settings", settings);
  // The contract's market takes as many stops as there are stories.
  server_.post("/market", {{"symbol", "ETH_USDT"}, {"max_stops", "200"}});
  server_.set_balance(dialect_->third_coin(), Decimal{1000});
  tell_time();
  restart();
}

WireUnderTest::~WireUnderTest() = default;

OrderPlacer& WireUnderTest::placer() {
  tell_time();
  return *spoilt_;
}
SltpPlacer& WireUnderTest::protector() {
  tell_time();
  return *spoilt_;
}

void WireUnderTest::trade_at(Price price) {
  tell_time();
  server_.set_price("ETH_USDT", price.value);
}

void WireUnderTest::set_clock_ahead(Micros span) { server_.set_clock_offset(span); }

void WireUnderTest::tell_time() { server_.set_clock(clock_.now()); }

std::vector<Sighting> WireUnderTest::truth(const ClientOrderId& id) {
  std::vector<Sighting> found;
  for (const auto& order : server_.orders(id)) {
    found.push_back({.client_id = id, .venue_id = order.text_of("id"), .symbol = eth()});
  }
  return found;
}

void WireUnderTest::restart() {
  spoilt_.reset();
  adapter_.reset();
  transport_ = std::make_unique<HttpsTransport>(dialect_->https(server_), clock_);
  adapter_ = std::make_unique<Adapter>(dialect_->adapter(*transport_, clock_, log_));
  spoilt_ = std::make_unique<Spoilt>(*this);
}

const std::vector<VenueKind>& venues() {
  static const std::vector<VenueKind> all{
      {"cryptocom over the wire", [] { return std::make_unique<WireUnderTest>(std::make_unique<CryptocomDialect>()); }},
      {"binance over the wire", [] { return std::make_unique<WireUnderTest>(std::make_unique<BinanceDialect>()); }}};
  return all;
}

}  // namespace tradeguard::contract
