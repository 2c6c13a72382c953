// The operator's way out: halt, resume, release, resolve, flatten, prune. Each takes the run lock,
// is written with the notice that tells of it, and is told before it returns.
#include <unistd.h>

#include <algorithm>

#include "commands.hpp"
#include "entries_view.hpp"
#include "json.hpp"
#include "log_sink.hpp"
#include "market_word.hpp"
#include "one_cycle.hpp"
#include "process.hpp"
#include "setup.hpp"
#include "tradeguard/memory_signals.hpp"
#include "tradeguard/order_state.hpp"
#include "wiring.hpp"

namespace tradeguard::cli {

namespace {

// What a command begins with, the store, and the lock once it is taken.
struct Office {
  std::unique_ptr<Setup> setup;
  std::unique_ptr<Store> store;
  std::unique_ptr<Notifier> notifier;  // null: there is none, and the next run tells
  std::string no_notifier_because;
  std::optional<RunLease> lease;
  Instant now;
  std::string reason;  // what was given with --reason

  OrderJournal& journal() const { return store->account->journal(); }
};
using Opened = tl::expected<std::unique_ptr<Office>, int>;

enum class Need { lock, nothing };
Opened open_office(const CommandLine& line, const Pairs& environment, Need need = Need::lock);
// Without a store nobody knows which markets there are: a word that is none by itself is wrong usage.
int code_without_office(const CommandLine& line, int code);
Result<bool> take_lock(Office& office, Micros patience);
Result<void> write(Office& office, Change change);
Notice notice_of(const Office& office, NoticeType type, std::string_view action);
// Why the notices that are due were not delivered now; empty: they were, or there are none.
std::string tell(Office& office);
// Writes the change with its notice, tells it, logs it and says it; the exit code. `in_force` is what
// was stored before, and holds whether this succeeds or not.
int carry_out(Office& office, Change change, Notice notice, const std::string& said, const std::string& in_force = "");
int say_nothing_stored(const Error& error);
// As it has to be typed to concern the same account.
std::string command_in_words(const Office& office, const std::string& command);
std::string trades_text(std::size_t count);
// A write failed. Of a connection that broke nobody knows whether it was before the commit.
int say_not_written(const Error& error);

// Every market this account has to do with at present: configured, or with an open trade.
std::set<Symbol> known_markets(const Office& office, const OpenBook& book);
// Whether this account has ever traded it.
Result<bool> was_traded(const Office& office, const Symbol& symbol);
int withdraw(Office& office, const OpenBook& book, const std::optional<MarketWord>& market);

std::string still(const EntryBar& bar);
// By what a claim will find once this is written.
std::string after_resume(const Settings& settings, OpenBook book, const Change& change,
                         const std::optional<MarketWord>& market);
const Trade* find_trade(const OpenBook& book, const std::string& id);
std::vector<AlarmEdge> cleared(const OpenBook& book, const std::set<std::string>& subjects, Instant now);
tl::expected<Applied, std::string> resolved(const Order& order, const std::optional<TradeRecord>& trade,
                                            const CommandLine& line, Instant now);
void note_on_trade(Change& change, const Applied& applied, const TradeRecord& trade, Instant now);

}  // namespace

int halt_command(const CommandLine& line, const Pairs& environment) {
  auto opened = open_office(line, environment, Need::nothing);
  if (!opened) return opened.error();
  Office& office = **opened;
  // Without the lock it is written unfenced: a halt must not wait for the run it is meant to stop,
  // and every claim reads it in its own transaction.
  if (auto halted = office.journal().set_halt(office.reason, office.now); !halted)
    return say_not_written(halted.error());
  office.setup->log->write(Line{Event::halted}.add("reason", office.reason));
  const std::string said =
      "halted: no further entry until " + command_in_words(office, "resume") + "; protection goes on";
  return carry_out(office, {}, notice_of(office, NoticeType::halted, "halt"), said, said);
}

int resume_command(const CommandLine& line, const Pairs& environment) {
  auto opened = open_office(line, environment);
  if (!opened) return code_without_office(line, opened.error());
  Office& office = **opened;
  const auto book = office.journal().open_book(office.now);
  if (!book) return say_failure(book.error());
  std::optional<MarketWord> market;
  if (!line.arguments.empty()) {
    const std::set<Symbol> known = known_markets(office, *book);
    std::set<std::string> frozen;
    for (const Alarm& alarm : book->alarms)
      if (!alarm.freezes.empty()) frozen.insert(alarm.freezes);
    const auto named = read_market_word(line.arguments.front(), known, frozen);
    if (!named) return say_usage("resume", named.error());
    market = *named;
    const bool has_base =
        frozen.contains(market->base) || known.empty() ||
        std::ranges::any_of(known, [&](const Symbol& symbol) { return symbol.base() == market->base; });
    const auto traded = has_base || !market->symbol ? Result<bool>{true} : was_traded(office, *market->symbol);
    if (!traded) return say_failure(traded.error());
    if (!*traded)
      return say_usage("resume",
                       "this account has never traded " + market->text() + ", so nothing of it can be frozen");
  }

  Change change;
  Notice notice = notice_of(office, NoticeType::resumed, "resume");
  std::string said;
  std::string in_force;
  if (market) {
    for (const Alarm& alarm : book->alarms) {
      if (alarm.freezes != market->base) continue;
      change.alarms.push_back({AlarmEdge::What::clear, alarm});
      change.alarms.back().alarm.cleared_at = office.now;
      notice.facts.emplace_back("was frozen by", std::string{kind_of(alarm)});
    }
    notice.symbol = market->text();
    if (change.alarms.empty()) {
      const auto bars = bars_of(office.setup->settings(), *book);
      const EntryBar* bar = first_bar(bars, market->base);
      said = "nothing was frozen in " + market->base;
      if (bar != nullptr) said += " that `resume " + market->text() + "` ends; " + still(*bar);
      print(line.json ? Json{}.field("done", false).field("said", said).text() : said + "\n");
      return exit_ok;
    }
  } else {
    if (book->account.halted) notice.facts.emplace_back("was halted", *book->account.halted);
    if (book->account.breaker) notice.facts.emplace_back("breaker", *book->account.breaker);
    if (auto ended = office.journal().set_halt(std::nullopt, office.now); !ended) return say_not_written(ended.error());
    if (auto reset = office.journal().set_breaker(std::nullopt, office.now); !reset) {
      print("the halt is ended, and the breaker is not reset: say " + command_in_words(office, "resume") + " again\n");
      return say_failure(reset.error());
    }
    for (const Alarm& alarm : book->alarms) {
      if (alarm.kind != NoticeType::breaker) continue;
      change.alarms.push_back({AlarmEdge::What::clear, alarm});
      change.alarms.back().alarm.cleared_at = office.now;
    }
  }
  said = after_resume(office.setup->settings(), *book, change, market);
  if (!market) in_force = said;
  office.setup->log->write(Line{Event::resumed}.add("symbol", market ? market->text() : "-"));
  return carry_out(office, std::move(change), std::move(notice), said, in_force);
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
                     "there is no open trade " + id + "; " + command_in_words(office, "status") + " lists them");

  Change change;
  const Order& entry = trade->entry();
  TradeRecord& record = change.trades.emplace_back(trade->record);
  record.released = true;
  // Over for us: nothing of it is asked, sold or counted any more.
  record.settled = true;
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
                   "trade " + id + " is yours now" + (resting.empty() ? "" : "; still at the venue: " + resting));
}

int resolve_command(const CommandLine& line, const Pairs& environment) {
  auto opened = open_office(line, environment);
  if (!opened) return opened.error();
  Office& office = **opened;
  const std::string& id = line.arguments.front();
  const auto order = office.journal().order(id);
  if (!order) return say_failure(order.error());
  if (!*order)
    return say_usage("resolve", "there is no order " + id + "; " + command_in_words(office, "status") + " lists them");
  const auto book = office.journal().open_book(office.now);
  if (!book) return say_failure(book.error());
  const auto trade = office.journal().trade((*order)->trade);
  if (!trade) return say_failure(trade.error());
  auto applied = resolved(**order, *trade, line, office.now);
  if (!applied) return say_usage("resolve", applied.error());

  Change change;
  change.advance.push_back(applied->order);
  if (*trade) note_on_trade(change, *applied, **trade, office.now);
  change.alarms = cleared(*book, {id}, office.now);
  Notice notice = notice_of(office, NoticeType::operator_action, "resolve");
  notice.trade = (*order)->trade;
  notice.symbol = (*order)->symbol.text();
  notice.order_id = (*order)->venue_id.empty() ? id : (*order)->venue_id;
  notice.facts.emplace_back("as", *line.option("as"));
  notice.facts.emplace_back("filled", applied->order.filled.text());
  return carry_out(office, std::move(change), std::move(notice),
                   id + " counts as " + *line.option("as") + ", filled " + applied->order.filled.text() +
                       "; the next run acts on it");
}

int flatten_command(const CommandLine& line, const Pairs& environment) {
  if (line.arguments.empty() != line.has("all")) return say_usage("flatten", "name a symbol, or say --all, not both");
  auto opened = open_office(line, environment);
  if (!opened) return code_without_office(line, opened.error());
  Office& office = **opened;
  const auto book = office.journal().open_book(office.now);
  if (!book) return say_nothing_stored(book.error());
  std::optional<MarketWord> market;
  if (!line.arguments.empty()) {
    const std::set<Symbol> known = known_markets(office, *book);
    const auto named = read_market_word(line.arguments.front(), known);
    if (!named) return say_usage("flatten", named.error());
    market = *named;
    // A typing error must not look like a market in which everything is sold.
    if (market->symbol && !known.contains(*market->symbol)) {
      const auto traded = was_traded(office, *market->symbol);
      if (!traded) return say_nothing_stored(traded.error());
      if (!*traded)
        return say_usage(
            "flatten", "this account has never traded " + market->text() + "; `tradeguard status` lists what is open");
    }
  }
  if (line.has("withdraw")) return withdraw(office, *book, market);

  // A sale that came to nothing is tried again by every run of the day.
  constexpr Micros wished_for = 24h;
  Change change;
  for (const Trade& trade : book->trades) {
    if (trade.record.settled || trade.record.released) continue;
    if (market && !market->covers(trade.entry().symbol)) continue;
    TradeRecord& record = change.trades.emplace_back(trade.record);
    // Whoever wished it before still does when the operator's wish is withdrawn.
    if (record.exit_reason.empty() || !record.exit_until || *record.exit_until <= office.now) {
      record.exit_reason = ExitReason::operator_;
      record.exit_key.clear();
    }
    record.exit_until = std::max(record.exit_until.value_or(office.now), office.now + wished_for);
  }
  // The newest word about what it names: a BUY that spoke before it is not bought any more.
  if (!market) change.words.push_back({"*", std::string{words_of_operator}, office.now});
  if (market)
    for (const Symbol& symbol : known_markets(office, *book))
      if (market->covers(symbol)) change.words.push_back({symbol.text(), std::string{words_of_operator}, office.now});
  if (market && market->symbol)
    change.words.push_back({market->symbol->text(), std::string{words_of_operator}, office.now});
  const std::string what = market ? market->text() : "all symbols";
  if (change.trades.empty()) {
    if (auto written = write(office, std::move(change)); !written) return say_not_written(written.error());
    const std::string said = "no trade is open in " + what;
    write_whole(STDERR_FILENO, "tradeguard: BUY signals from before now are not bought any more\n");
    print(line.json ? Json{}.field("done", false).field("said", said).text() : said + "\n");
    return exit_ok;
  }
  // What would keep the cycle from selling is found before anything is stored.
  Setup& setup_now = *office.setup;
  if (auto exchange = open_exchange(setup_now.settings(), environment, setup_now.clock, *setup_now.log); !exchange)
    return say_nothing_stored(exchange.error());
  if (auto notifier = make_notifier(setup_now.settings(), environment, setup_now.clock, *setup_now.log, stderr);
      !notifier)
    return say_nothing_stored(notifier.error());

  Notice notice = notice_of(office, NoticeType::operator_action, "flatten");
  notice.symbol = market ? market->text() : "";
  notice.facts.emplace_back("trades", std::to_string(change.trades.size()));
  const std::string count = trades_text(change.trades.size());
  const std::string said = count + " of " + what + " to be sold";
  if (const int code = carry_out(office, std::move(change), std::move(notice), said); code != exit_ok) return code;

  // The wish is on record: whichever run comes next sells, this one or one that was faster.
  office.lease.reset();
  const std::unique_ptr<Setup> setup = std::move(office.setup);
  opened->reset();
  MemorySignals none;
  const int code = one_cycle(*setup, none, catch_stop_signals(), setup->json ? stderr : stdout);
  if (code != exit_ok)
    write_whole(STDERR_FILENO,
                "tradeguard: the request to sell " + count + " of " + what +
                    " is stored although this cycle did not end well: every run of the next 24 h tries to "
                    "carry it out. `tradeguard status` shows what is left; `tradeguard flatten " +
                    (market ? market->text() : "--all") + " --withdraw` cancels it\n");
  return code;
}

int prune_command(const CommandLine& line, const Pairs& environment) {
  const std::string* given = line.option("keep");
  auto keep = given == nullptr ? std::nullopt : parse_duration(*given);
  if (given != nullptr && (!keep || *keep < 24h))
    return say_usage("prune", "--keep is a duration of at least 24h, like 90d");
  auto opened = open_office(line, environment);
  if (!opened) return opened.error();
  Office& office = **opened;
  if (!keep) keep = office.setup->settings().prune_keep;
  const auto removed = office.journal().prune(office.now - *keep, office.now);
  if (!removed) return say_failure(removed.error());
  const auto rows = static_cast<std::int64_t>(*removed);
  office.setup->log->write(Line{Event::pruned}.add("rows", rows).add("keep", duration_text(*keep)));
  print(line.json ? Json{}.field("done", true).field("rows", rows).text() : std::to_string(rows) + " rows removed\n");
  return exit_ok;
}

namespace {

// ---- Lock, store, words ------------------------------------------------------------------------

Opened open_office(const CommandLine& line, const Pairs& environment, Need need) {
  const std::string* given = line.option("wait");
  const auto patience = parse_duration(given == nullptr ? "3s" : *given);
  if (!patience) return tl::unexpected{say_usage(line.command, "--wait is a duration, like 3s")};
  auto setup = set_up(line, environment);
  if (!setup) return relayed(setup);
  auto office = std::make_unique<Office>();
  office->setup = std::move(*setup);
  const Settings& settings = office->setup->settings();
  if (settings.dry_run && settings.kind_of_file != VenueKind::paper)
    return tl::unexpected{say_failure(
        Error{Fault::configuration, "DRY_RUN=1 is set, so this would act on paper, and the configuration names " +
                                        std::string{text(settings.kind_of_file)} +
                                        ": nothing was done; unset DRY_RUN and try again"})};
  auto store = open_store(settings, account_of(settings));
  if (!store) return tl::unexpected{say_failure(store.error())};
  office->store = std::move(*store);
  // Taking its lock would make it: an account that is named by mistake would look halted, and the one that was meant
  // would go on. `flatten` is about the configured account alone, and says that nothing of it is open.
  if (line.command != "flatten")
    if (auto known = must_be_known(*office->store, account_of(settings)); !known)
      return tl::unexpected{say_failure(known.error())};
  auto notifier =
      make_notifier(settings, environment, office->setup->clock, *office->setup->log, line.json ? stderr : stdout);
  if (notifier)
    office->notifier = std::move(*notifier);
  else
    office->no_notifier_because = notifier.error().what;
  if (const std::string* reason = line.option("reason")) office->reason = *reason;
  // Who can do without the lock can do without its being in order, too.
  const auto taken = take_lock(*office, *patience);
  if (!taken && need == Need::lock) return tl::unexpected{say_failure(taken.error())};
  if (!office->lease && need == Need::lock) {
    const auto stranger = lock_stranger(settings, *office->store);
    return tl::unexpected{
        say_locked(stranger ? describe(*stranger) + "; nothing was changed, `tradeguard doctor` says how to end it"
                            : "a run holds the lock; nothing was changed, try again")};
  }
  office->now = office->setup->clock.now();
  return office;
}

int code_without_office(const CommandLine& line, int code) {
  if (code != exit_configuration || line.arguments.empty()) return code;
  const auto market = read_market_word(line.arguments.front(), {});
  return market ? code : say_usage(line.command, market.error());
}

// A run is over in seconds; a person does not want to be told so.
Result<bool> take_lock(Office& office, Micros patience) {
  SystemClock& clock = office.setup->clock;
  const Micros end = clock.monotonic() + patience;
  for (;;) {
    auto acquired = office.store->account->acquire();
    if (!acquired) return relayed(acquired, "taking the run lock");
    if (auto* lease = std::get_if<RunLease>(&*acquired)) {
      office.lease.emplace(std::move(*lease));
      return true;
    }
    if (clock.monotonic() >= end) return false;
    clock.wait(std::min<Micros>(100ms, end - clock.monotonic()));
  }
}

Notice notice_of(const Office& office, NoticeType type, std::string_view action) {
  Notice notice = tradeguard::notice_of(
      type, std::string{text(type)} + ":" + std::string{action} + ":" + std::to_string(to_micros(office.now)),
      office.now);
  if (type == NoticeType::operator_action) notice.facts.emplace_back("action", std::string{action});
  if (!office.reason.empty()) notice.facts.emplace_back("reason", office.reason);
  return notice;
}

int carry_out(Office& office, Change change, Notice notice, const std::string& said, const std::string& in_force) {
  if (notice.type == NoticeType::operator_action) {
    Line line{Event::operator_action};
    for (const auto& [key, value] : notice.facts)
      if (key == "action" || key == "reason") line.add(key, value);
    if (!notice.symbol.empty()) line.add("symbol", notice.symbol);
    if (!notice.order_id.empty()) line.add("order_id", notice.order_id);
    office.setup->log->write(line);
  }
  const std::string event_id = notice.event_id;
  change.notices.push_back(std::move(notice));
  if (auto written = write(office, std::move(change)); !written) {
    if (in_force.empty()) return say_not_written(written.error());
    const int code = say_failure(written.error());
    write_whole(STDERR_FILENO,
                "tradeguard: this is in effect nevertheless; only its message was not stored: " + in_force + "\n");
    return code;
  }
  const std::string untold = tell(office);
  const auto& named = office.setup->settings().named_account;
  const std::string whose = named ? named->venue + "/" + named->account : "";
  if (office.setup->json) {
    Json json;
    json.field("done", true).field("said", said).field("event_id", event_id);
    json.maybe("account", whose.empty() ? std::nullopt : std::optional{whose});
    json.maybe("not_told_because", untold.empty() ? std::nullopt : std::optional{untold});
    print(json.text());
  } else {
    print((whose.empty() ? "" : whose + ": ") + said + "\n" +
          (untold.empty() ? "" : "notification not delivered yet, the next run retries: " + untold + "\n"));
  }
  return exit_ok;
}

std::string command_in_words(const Office& office, const std::string& command) {
  const auto& named = office.setup->settings().named_account;
  return "`tradeguard " + command + (named ? " --account " + named->venue + "/" + named->account : "") + "`";
}

std::string trades_text(std::size_t count) { return std::to_string(count) + (count == 1 ? " trade" : " trades"); }

int say_nothing_stored(const Error& error) {
  const int code = say_failure(error);
  write_whole(STDERR_FILENO, "tradeguard: nothing was stored and nothing was sent\n");
  return code;
}

int say_not_written(const Error& error) {
  if (error.fault != Fault::unreachable) return say_nothing_stored(error);
  const int code = say_failure(error);
  write_whole(STDERR_FILENO,
              "tradeguard: whether it was stored is not known; `tradeguard status` says, when the store "
              "can be reached\n");
  return code;
}

std::set<Symbol> known_markets(const Office& office, const OpenBook& book) {
  std::set<Symbol> known;
  for (const auto& [symbol, market] : office.setup->settings().markets) known.insert(symbol);
  for (const Trade& trade : book.trades) known.insert(trade.entry().symbol);
  return known;
}

Result<bool> was_traded(const Office& office, const Symbol& symbol) {
  const std::vector<Signal> question{
      {.symbol = symbol, .side = Side::buy, .time = office.now, .strategy = "", .line = 0}};
  const auto outlook = office.journal().outlook(question);
  if (!outlook) return relayed(outlook);
  const auto history = outlook->history.find(symbol.base());
  return outlook->rules.contains(symbol) || (history != outlook->history.end() && history->second.entry.has_value());
}

// What has been sold stays sold; what has not is protected again by the next run.
int withdraw(Office& office, const OpenBook& book, const std::optional<MarketWord>& market) {
  Change change;
  int begun = 0;
  for (const Trade& trade : book.trades) {
    if (market && !market->covers(trade.entry().symbol)) continue;
    if (trade.record.exit_reason != ExitReason::operator_) continue;
    TradeRecord& record = change.trades.emplace_back(trade.record);
    record.exit_reason = {};
    record.exit_until.reset();
    begun += std::ranges::any_of(trade.legs, [](const Order& leg) { return leg.leg == Leg::exit; }) ? 1 : 0;
  }
  const std::string what = market ? market->text() : "all symbols";
  if (change.trades.empty()) {
    const std::string said = "there is no request to sell " + what + " to withdraw";
    print(office.setup->json ? Json{}.field("done", false).field("said", said).text() : said + "\n");
    return exit_ok;
  }
  Notice notice = notice_of(office, NoticeType::operator_action, "withdraw");
  notice.symbol = market ? market->text() : "";
  const std::string count = trades_text(change.trades.size());
  notice.facts.emplace_back("trades", std::to_string(change.trades.size()));
  return carry_out(office, std::move(change), std::move(notice),
                   count + " of " + what + " will no longer be sold; the next run restores the protection" +
                       (begun == 0 ? ""
                                   : "\na sale of " + trades_text(static_cast<std::size_t>(begun)) +
                                         " has been sent already; what it sold stays sold"));
}

Result<void> write(Office& office, Change change) {
  const std::vector<Change> items{std::move(change)};
  const auto written = office.journal().write(items);
  if (!written) return relayed(written);
  // Under the lock nobody else writes trades, so this is a broken invariant and not bad luck.
  if (written->front() != Written::yes)
    return failed(Fault::data, "the trade was changed by somebody else meanwhile; nothing was written");
  return {};
}

// What is due now, the new notice among it. What cannot be told is tried again by the next run.
std::string tell(Office& office) {
  if (!office.lease) return "a run is in progress; it, or the next one, delivers the message";
  if (!office.notifier) return office.no_notifier_because;
  const auto due = office.journal().due_notices(office.now, 100);
  if (!due) return due.error().what;
  const Micros end = office.setup->clock.monotonic() + office.setup->settings().notify_budget;
  std::vector<DeliveryRecord> records;
  std::string untold;
  for (const Notice& notice : *due) {
    const Micros left = end - office.setup->clock.monotonic();
    if (left <= 0s) {
      untold = "there was no time for all messages";
      break;
    }
    const Delivery delivery = office.notifier->deliver(notice, left);
    if (const auto* later = std::get_if<TryLater>(&delivery)) untold = later->why;
    if (const auto* never = std::get_if<Undeliverable>(&delivery)) untold = never->why;
    if (!std::holds_alternative<Delivered>(delivery)) continue;
    records.push_back({notice.event_id, DeliveryRecord::What::delivered, std::nullopt, ""});
    office.setup->log->write(Line{Event::tg_sent}
                                 .add("type", type_of(notice))
                                 .add("symbol", notice.symbol.empty() ? "-" : notice.symbol)
                                 .add("order_id", notice.order_id.empty() ? "-" : notice.order_id)
                                 .debug("event_id", notice.event_id));
  }
  // Not recorded is told once more, which is what "at least once" means.
  static_cast<void>(office.journal().record_deliveries(records, office.now));
  return untold;
}

std::string still(const EntryBar& bar) {
  std::string text = "entries are still denied: " + bar.reason.str();
  if (!bar.detail.empty()) text += ": " + escape_value(bar.detail);
  if (bar.reason == Denial::protection_failing) text += "; this ends by itself when the trade has its stop, or is over";
  if (bar.by_doubt) text += "; this ends by itself when the order is found, or with `resolve`";
  return text;
}

std::string after_resume(const Settings& settings, OpenBook book, const Change& change,
                         const std::optional<MarketWord>& market) {
  if (!market) book.account.halted = book.account.breaker = std::nullopt;
  std::erase_if(book.alarms, [&](const Alarm& alarm) {
    return std::ranges::any_of(change.alarms, [&](const AlarmEdge& edge) {
      return edge.alarm.kind == alarm.kind && edge.alarm.subject == alarm.subject;
    });
  });
  const auto bars = bars_of(settings, book);
  const auto base = market ? std::optional{market->base} : std::nullopt;
  if (const EntryBar* bar = first_bar(bars, base))
    return (market ? market->base + " is not frozen any more, and " : "halt and breaker are ended, and ") + still(*bar);
  if (market) return "entries in " + market->base + " are taken again";
  std::string said = "entries are taken again";
  for (const EntryBar& bar : bars) said += "; " + bar_text(bar);
  return said;
}

const Trade* find_trade(const OpenBook& book, const std::string& id) {
  const auto found = std::ranges::find_if(book.trades, [&](const Trade& trade) { return trade.id() == id; });
  return found == book.trades.end() ? nullptr : &*found;
}

std::vector<AlarmEdge> cleared(const OpenBook& book, const std::set<std::string>& subjects, Instant now) {
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
tl::expected<Applied, std::string> resolved(const Order& order, const std::optional<TradeRecord>& trade,
                                            const CommandLine& line, Instant now) {
  const std::string& as = *line.option("as");
  const auto refuse = [](std::string why) { return tl::unexpected<std::string>{std::move(why)}; };
  const std::string reason = "operator: " + *line.option("reason");
  if (as == "absent") {
    if (line.has("filled") || line.has("price")) return refuse("what is absent has neither --filled nor --price");
    if (order.state == OrderState::placed || order.state == OrderState::closed)
      return refuse("the venue has shown this order, so it is not absent; say --as closed --filled Q");
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
    return refuse("the venue has shown " + order.filled.text() + " filled already; a fill is never taken back");
  auto price = order.price ? order.price : order.trigger;
  if (const std::string* said = line.option("price")) price = Price::parse(*said);
  if (filled->is_positive() && (!price || !price->is_positive()))
    return refuse("--price is missing: the average price of what was filled");

  Sighting sighting{.client_id = order.client_id,
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
    sighting.fee_base = trade && trade->rules
                            ? Quantity{Decimal::multiply(filled->value, trade->rules->highest_fee_rate, Rounding::up)}
                            : Quantity{};
  sighting.at = order.sighted_at ? std::max(*order.sighted_at, now) : now;
  sighting.reason = reason;
  Applied applied = apply(order, sighting, now);
  if (applied.step != Step::to_closed)
    return refuse("an order that is " + std::string{text(order.state)} + " cannot be resolved");
  applied.order.reason = reason;
  return applied;
}

// What the order's new state means for its trade.
void note_on_trade(Change& change, const Applied& applied, const TradeRecord& trade, Instant now) {
  TradeRecord noted = trade;
  if (applied.order.leg == Leg::entry && applied.fill_grew && !noted.released && !noted.naked_since)
    noted.naked_since = now;
  if (applied.order.client_id == trade.id && applied.alive_again && trade.reopens()) noted.settled = false;
  if (noted != trade) change.trades.push_back(std::move(noted));
}

}  // namespace
}  // namespace tradeguard::cli
