// The operator's way out: halt, resume, release, resolve, flatten, prune. Each takes the run lock,
// is written with the notice that tells of it, and is told before it returns.
#include <algorithm>

#include "commands.hpp"
#include "desk.hpp"
#include "json.hpp"
#include "one_cycle.hpp"
#include "process.hpp"
#include "tradeguard/memory_signals.hpp"
#include "tradeguard/order_state.hpp"
#include "wiring.hpp"

namespace tradeguard::cli {

namespace {

// A desk with the store behind it, and the lock once it is taken.
struct Office {
  std::unique_ptr<Desk> desk;
  std::unique_ptr<Store> store;
  std::unique_ptr<Notifier> notifier;  // null: there is none, and the next run tells
  std::optional<RunLease> lease;
  Instant now;
  std::string reason;  // what was given with --reason

  OrderJournal& journal() const { return *store->journal; }
};
using Opened = tl::expected<std::unique_ptr<Office>, int>;

enum class Need { lock, nothing };
Opened open_office(const CommandLine& line, const Pairs& environment, Need need = Need::lock);
Result<bool> take_lock(Office& office, Micros patience);
Result<void> write(Office& office, Change change);
Notice notice_of(const Office& office, NoticeType type, std::string_view action);
void tell(Office& office);
// Writes the change with its notice, tells it, logs it and says it; the exit code.
int carry_out(Office& office, Change change, Notice notice, const std::string& said);

const Trade* find_trade(const OpenBook& book, const std::string& id);
std::vector<AlarmEdge> cleared(const OpenBook& book, const std::set<std::string>& subjects,
                               Instant now);
tl::expected<Applied, std::string> resolved(const Order& order, const CommandLine& line,
                                            Instant now);

}  // namespace

int halt_command(const CommandLine& line, const Pairs& environment) {
  auto opened = open_office(line, environment, Need::nothing);
  if (!opened) return opened.error();
  Office& office = **opened;
  // Without the lock it is written unfenced: a halt must not wait for the run it is meant to stop,
  // and every claim reads it in its own transaction.
  if (auto halted = office.journal().set_halt(office.reason, office.now); !halted)
    return say_failure(halted.error());
  office.desk->log->write(Line{Level::warn, "HALTED"}.add("reason", office.reason));
  return carry_out(
      office, {}, notice_of(office, NoticeType::halted, "halt"),
      std::string{"halted: no further entry until `tradeguard resume`; protection goes on"} +
          (office.lease ? "" : "\na run is going; it, or the next one, tells it"));
}

int resume_command(const CommandLine& line, const Pairs& environment) {
  std::optional<Symbol> symbol;
  if (!line.arguments.empty()) {
    symbol = Symbol::parse(line.arguments.front());
    if (!symbol)
      return say_usage("resume",
                       "'" + line.arguments.front() + "' is no symbol, expected BASE_QUOTE");
  }
  auto opened = open_office(line, environment);
  if (!opened) return opened.error();
  Office& office = **opened;
  const auto book = office.journal().open_book(office.now);
  if (!book) return say_failure(book.error());

  Change change;
  Notice notice = notice_of(office, NoticeType::resumed, "resume");
  std::string said;
  if (symbol) {
    for (const Alarm& alarm : book->alarms) {
      if (alarm.freezes != symbol->base()) continue;
      change.alarms.push_back({AlarmEdge::What::clear, alarm});
      change.alarms.back().alarm.cleared_at = office.now;
      notice.facts.emplace_back("was frozen by", std::string{text(alarm.kind)});
    }
    notice.symbol = symbol->text();
    said = change.alarms.empty() ? "nothing was frozen in " + symbol->base()
                                 : "entries in " + symbol->base() + " are taken again";
    if (change.alarms.empty()) {
      print(line.json ? Json{}.field("done", false).field("said", said).text() : said + "\n");
      return exit_ok;
    }
  } else {
    if (book->account.halted) notice.facts.emplace_back("was halted", *book->account.halted);
    if (book->account.breaker) notice.facts.emplace_back("breaker", *book->account.breaker);
    if (auto ended = office.journal().set_halt(std::nullopt, office.now); !ended)
      return say_failure(ended.error());
    if (auto reset = office.journal().set_breaker(std::nullopt, office.now); !reset)
      return say_failure(reset.error());
    for (const Alarm& alarm : book->alarms) {
      if (alarm.kind != NoticeType::breaker) continue;
      change.alarms.push_back({AlarmEdge::What::clear, alarm});
      change.alarms.back().alarm.cleared_at = office.now;
    }
    said = "entries are taken again";
  }
  office.desk->log->write(
      Line{Level::info, "RESUMED"}.add("symbol", symbol ? symbol->text() : "-"));
  return carry_out(office, std::move(change), std::move(notice), said);
}

int release_command(const CommandLine& line, const Pairs& environment) {
  auto opened = open_office(line, environment);
  if (!opened) return opened.error();
  Office& office = **opened;
  const auto book = office.journal().open_book(office.now);
  if (!book) return say_failure(book.error());
  const std::string& id = line.arguments.front();
  const Trade* trade = find_trade(*book, id);
  if (trade == nullptr)
    return say_usage("release",
                     "there is no open trade " + id + "; `tradeguard status` lists them");

  Change change;
  Order entry = trade->entry();
  entry.released = true;
  // Over for us: nothing of it is asked, sold or counted any more.
  entry.settled = true;
  change.advance.push_back(entry);
  std::set<std::string> subjects{trade->id()};
  Notice notice = notice_of(office, NoticeType::operator_action, "release");
  notice.trade = trade->id();
  notice.symbol = entry.symbol.text();
  notice.order_id = entry.venue_id.empty() ? entry.client_id : entry.venue_id;
  std::string resting;
  for (const auto* rows : {&trade->entries, &trade->legs})
    for (const Order& order : *rows) {
      subjects.insert(order.client_id);
      if (!order.live()) continue;
      resting += (resting.empty() ? "" : ", ") + std::string{text(order.leg)} + " " +
                 (order.venue_id.empty() ? order.client_id : order.venue_id);
    }
  if (!resting.empty()) notice.facts.emplace_back("still at the venue", resting);
  change.alarms = cleared(*book, subjects, office.now);
  return carry_out(office, std::move(change), std::move(notice),
                   "trade " + id + " is yours now" +
                       (resting.empty() ? "" : "; still at the venue: " + resting));
}

int resolve_command(const CommandLine& line, const Pairs& environment) {
  auto opened = open_office(line, environment);
  if (!opened) return opened.error();
  Office& office = **opened;
  const std::string& id = line.arguments.front();
  const auto order = office.journal().order(id);
  if (!order) return say_failure(order.error());
  if (!*order)
    return say_usage("resolve", "there is no order " + id + "; `tradeguard status` lists them");
  const auto book = office.journal().open_book(office.now);
  if (!book) return say_failure(book.error());
  auto applied = resolved(**order, line, office.now);
  if (!applied) return say_usage("resolve", applied.error());

  Change change;
  change.advance.push_back(applied->order);
  change.alarms = cleared(*book, {id}, office.now);
  Notice notice = notice_of(office, NoticeType::operator_action, "resolve");
  notice.trade = (*order)->trade;
  notice.symbol = (*order)->symbol.text();
  notice.order_id = (*order)->venue_id.empty() ? id : (*order)->venue_id;
  notice.facts.emplace_back("as", *line.option("as"));
  notice.facts.emplace_back("filled", applied->order.filled.text());
  return carry_out(office, std::move(change), std::move(notice),
                   id + " counts as " + *line.option("as") + ", filled " +
                       applied->order.filled.text() + "; the next run acts on it");
}

int flatten_command(const CommandLine& line, const Pairs& environment) {
  std::optional<Symbol> symbol;
  if (line.arguments.empty() != line.has("all"))
    return say_usage("flatten", "name a symbol, or say --all, not both");
  if (!line.arguments.empty()) {
    symbol = Symbol::parse(line.arguments.front());
    if (!symbol)
      return say_usage("flatten",
                       "'" + line.arguments.front() + "' is no symbol, expected BASE_QUOTE");
  }
  auto opened = open_office(line, environment);
  if (!opened) return opened.error();
  Office& office = **opened;
  const auto book = office.journal().open_book(office.now);
  if (!book) return say_failure(book.error());

  // A sale that came to nothing is tried again by every run of the day.
  constexpr Micros wished_for = 24h;
  Change change;
  for (const Trade& trade : book->trades) {
    if (trade.entry().settled || trade.entry().released) continue;
    if (symbol && trade.entry().symbol != *symbol) continue;
    Order entry = trade.entry();
    entry.exit_reason = "operator";
    entry.exit_until = office.now + wished_for;
    change.advance.push_back(std::move(entry));
  }
  const std::string what = symbol ? symbol->text() : "all symbols";
  if (change.advance.empty()) {
    const std::string said = "no trade is open in " + what;
    print(line.json ? Json{}.field("done", false).field("said", said).text() : said + "\n");
    return exit_ok;
  }
  Notice notice = notice_of(office, NoticeType::operator_action, "flatten");
  notice.symbol = symbol ? symbol->text() : "";
  notice.facts.emplace_back("trades", std::to_string(change.advance.size()));
  const std::string said =
      std::to_string(change.advance.size()) + " open trades of " + what + " are to be sold";
  if (const int code = carry_out(office, std::move(change), std::move(notice), said);
      code != exit_ok)
    return code;

  // The wish is on record: whichever run comes next sells, this one or one that was faster.
  office.lease.reset();
  const std::unique_ptr<Desk> desk = std::move(office.desk);
  opened->reset();
  MemorySignals none;
  return one_cycle(*desk, none, catch_stop_signals(), desk->json ? stderr : stdout);
}

int prune_command(const CommandLine& line, const Pairs& environment) {
  const std::string* given = line.option("keep");
  const auto keep = parse_duration(given == nullptr ? "2160h" : *given);
  if (!keep || *keep < 24h)
    return say_usage("prune", "--keep is a duration of at least 24h, like 2160h");
  auto opened = open_office(line, environment);
  if (!opened) return opened.error();
  Office& office = **opened;
  const auto removed = office.journal().prune(office.now - *keep, office.now);
  if (!removed) return say_failure(removed.error());
  const auto rows = static_cast<std::int64_t>(*removed);
  office.desk->log->write(
      Line{Level::info, "PRUNED"}.add("rows", rows).add("keep", duration_text(*keep)));
  print(line.json ? Json{}.field("done", true).field("rows", rows).text()
                  : std::to_string(rows) + " rows removed\n");
  return exit_ok;
}

namespace {

// ---- Lock, store, words ------------------------------------------------------------------------

Opened open_office(const CommandLine& line, const Pairs& environment, Need need) {
  const std::string* given = line.option("wait");
  const auto patience = parse_duration(given == nullptr ? "3s" : *given);
  if (!patience) return tl::unexpected{say_usage(line.command, "--wait is a duration, like 3s")};
  auto desk = set_up(line, environment);
  if (!desk) return tl::unexpected{desk.error()};
  auto office = std::make_unique<Office>();
  office->desk = std::move(*desk);
  const Settings& settings = office->desk->settings();
  auto store = open_store(settings, account_of(settings));
  if (!store) return tl::unexpected{say_failure(store.error())};
  office->store = std::move(*store);
  auto notifier = make_notifier(settings, environment, office->desk->clock, *office->desk->log,
                                line.json ? stderr : stdout);
  if (notifier) office->notifier = std::move(*notifier);
  if (const std::string* reason = line.option("reason")) office->reason = *reason;
  // Who can do without the lock can do without its being in order, too.
  const auto taken = take_lock(*office, *patience);
  if (!taken && need == Need::lock) return tl::unexpected{say_failure(taken.error())};
  if (!office->lease && need == Need::lock)
    return tl::unexpected{say_locked("a run holds the lock; nothing was changed, try again")};
  office->now = office->desk->clock.now();
  return office;
}

// A run is over in seconds; a person does not want to be told so.
Result<bool> take_lock(Office& office, Micros patience) {
  SystemClock& clock = office.desk->clock;
  const Micros end = clock.monotonic() + patience;
  for (;;) {
    auto acquired = office.store->lock->try_acquire(office.store->pen.account);
    if (!acquired) return tl::unexpected{std::move(acquired.error()).within("taking the run lock")};
    if (auto* lease = std::get_if<RunLease>(&*acquired)) {
      office.store->pen.fence = lease->fence();
      office.lease.emplace(std::move(*lease));
      return true;
    }
    if (clock.monotonic() >= end) return false;
    clock.wait(std::min<Micros>(100ms, end - clock.monotonic()));
  }
}

Notice notice_of(const Office& office, NoticeType type, std::string_view action) {
  Notice notice{};
  notice.event_id = std::string{text(type)} + ":" + std::string{action} + ":" +
                    std::to_string(to_micros(office.now));
  notice.type = type;
  notice.severity = Severity::warning;
  notice.created_at = office.now;
  if (type == NoticeType::operator_action) notice.facts.emplace_back("action", std::string{action});
  if (!office.reason.empty()) notice.facts.emplace_back("reason", office.reason);
  notice.facts.emplace_back("host", host_name());
  return notice;
}

int carry_out(Office& office, Change change, Notice notice, const std::string& said) {
  if (notice.type == NoticeType::operator_action) {
    Line line{Level::warn, "OPERATOR_ACTION"};
    for (const auto& [key, value] : notice.facts)
      if (key == "action" || key == "reason") line.add(key, value);
    if (!notice.symbol.empty()) line.add("symbol", notice.symbol);
    if (!notice.order_id.empty()) line.add("order_id", notice.order_id);
    office.desk->log->write(line);
  }
  const std::string event_id = notice.event_id;
  change.notices.push_back(std::move(notice));
  if (auto written = write(office, std::move(change)); !written)
    return say_failure(written.error());
  tell(office);
  print(office.desk->json
            ? Json{}.field("done", true).field("said", said).field("event_id", event_id).text()
            : said + "\n");
  return exit_ok;
}

Result<void> write(Office& office, Change change) {
  const std::vector<Change> items{std::move(change)};
  const auto written = office.journal().write(items);
  if (!written) return tl::unexpected{written.error()};
  // Under the lock nobody else writes trades, so this is a broken invariant and not bad luck.
  if (written->front() != Written::yes)
    return failed(Fault::data,
                  "the trade was changed by somebody else meanwhile; nothing was written");
  return {};
}

// What is due now, the new notice among it. What cannot be told is tried again by the next run.
void tell(Office& office) {
  if (!office.lease || !office.notifier) return;
  const auto due = office.journal().due_notices(office.now, 100);
  if (!due) return;
  const Micros end = office.desk->clock.monotonic() + office.desk->settings().notify_budget;
  std::vector<DeliveryRecord> records;
  for (const Notice& notice : *due) {
    const Micros left = end - office.desk->clock.monotonic();
    if (left <= 0s) break;
    const Delivery delivery = office.notifier->deliver(notice, left);
    if (!std::holds_alternative<Delivered>(delivery)) continue;
    records.push_back({notice.event_id, DeliveryRecord::What::delivered, std::nullopt, ""});
    office.desk->log->write(Line{Level::info, "TG_SENT"}
                                .add("type", text(notice.type))
                                .add("symbol", notice.symbol.empty() ? "-" : notice.symbol)
                                .add("order_id", notice.order_id.empty() ? "-" : notice.order_id)
                                .debug("event_id", notice.event_id));
  }
  // Not recorded is told once more, which is what "at least once" means.
  static_cast<void>(office.journal().record_deliveries(records, office.now));
}

const Trade* find_trade(const OpenBook& book, const std::string& id) {
  const auto found =
      std::ranges::find_if(book.trades, [&](const Trade& trade) { return trade.id() == id; });
  return found == book.trades.end() ? nullptr : &*found;
}

std::vector<AlarmEdge> cleared(const OpenBook& book, const std::set<std::string>& subjects,
                               Instant now) {
  std::vector<AlarmEdge> edges;
  for (const Alarm& alarm : book.alarms) {
    if (!subjects.contains(alarm.subject)) continue;
    edges.push_back({AlarmEdge::What::clear, alarm});
    edges.back().alarm.cleared_at = now;
  }
  return edges;
}

// ---- resolve -----------------------------------------------------------------------------------

// The operator's word goes through the same table as the venue's.
tl::expected<Applied, std::string> resolved(const Order& order, const CommandLine& line,
                                            Instant now) {
  const std::string& as = *line.option("as");
  const auto refuse = [](std::string why) { return tl::unexpected<std::string>{std::move(why)}; };
  const std::string reason = "operator: " + *line.option("reason");
  if (as == "absent") {
    if (line.has("filled") || line.has("price"))
      return refuse("what is absent has neither --filled nor --price");
    if (order.state == OrderState::placed || order.state == OrderState::closed)
      return refuse(
          "the venue has shown this order, so it is not absent; say --as closed --filled Q");
    Applied applied = apply_absent(order, now);
    applied.order.reason = reason;
    return applied;
  }
  if (as != "closed") return refuse("--as is 'absent' or 'closed', not '" + as + "'");
  const std::string* given = line.option("filled");
  const auto filled = given == nullptr ? std::nullopt : Quantity::parse(*given);
  if (!filled || filled->is_negative() || *filled > order.quantity)
    return refuse("--filled is missing or no quantity from 0 to " + order.quantity.text());
  if (*filled < order.filled)
    return refuse("the venue has shown " + order.filled.text() +
                  " filled already; a fill is never taken back");
  auto price = order.price ? order.price : order.trigger;
  if (const std::string* said = line.option("price")) price = Price::parse(*said);
  if (filled->is_positive() && (!price || !price->is_positive()))
    return refuse("--price is missing: the average price of what was filled");

  Sighting sighting{
      .client_id = order.client_id,
      .venue_id = order.venue_id,
      .fired_id = order.fired_id,
      .symbol = order.symbol,
      .side = order.side,
      .type = order.type,
      .status = *filled == order.quantity ? VenueStatus::filled : VenueStatus::cancelled,
      .quantity = order.quantity,
      .filled = filled};
  if (filled->is_positive()) sighting.filled_value = cost(*price, *filled, Rounding::half_even);
  // Nobody can be asked for the fees: the most the venue may have kept is taken for kept.
  if (order.side == Side::buy)
    sighting.fee_base = order.rules
                            ? Quantity{Decimal::multiply(
                                  filled->value, order.rules->highest_fee_rate, Rounding::up)}
                            : Quantity{};
  sighting.at = order.sighted_at ? std::max(*order.sighted_at, now) : now;
  sighting.reason = reason;
  Applied applied = apply(order, sighting, now);
  if (applied.step != Step::to_closed)
    return refuse("an order that is " + std::string{text(order.state)} + " cannot be resolved");
  applied.order.reason = reason;
  if (order.leg == Leg::entry && applied.fill_grew && !applied.order.naked_since)
    applied.order.naked_since = now;
  return applied;
}

}  // namespace
}  // namespace tradeguard::cli
