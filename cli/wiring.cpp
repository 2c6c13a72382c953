#include "wiring.hpp"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "process.hpp"
#include "secrets.hpp"
#include "steps_in_words.hpp"
#include "store_files.hpp"
#include "tradeguard/file_notifier.hpp"
#include "tradeguard/https_transport.hpp"
#include "tradeguard/paper_sql_book.hpp"
#include "tradeguard/postgres_run_lock.hpp"
#include "tradeguard/postgres_session.hpp"
#include "tradeguard/printing_notifier.hpp"
#include "tradeguard/sql_account.hpp"
#include "tradeguard/sql_schema.hpp"
#include "tradeguard/sql_store.hpp"
#include "tradeguard/sqlite_run_lock.hpp"
#include "tradeguard/sqlite_session.hpp"
#include "tradeguard/telegram_examination.hpp"
#include "tradeguard/telegram_notifier.hpp"

namespace tradeguard::cli {

namespace {

constexpr std::string_view sqlite_scheme = "sqlite:";
constexpr std::uintmax_t largest_ca_file = std::uintmax_t{16} << 20;

enum class StoreState { ready, to_be_made };
// What happens while a statement takes long.
struct Interruption {
  std::function<void()> waiting = nullptr;        // called now and then
  const std::atomic<bool>* stop_asked = nullptr;  // ends it
};
Result<std::unique_ptr<Store>> open_sql_store(const Settings& settings, const AccountKey& account, StoreState state,
                                              Interruption interruption = {});
// A session, and the lock that lives in it.
struct Backend {
  std::unique_ptr<SqlSession> session;
  std::unique_ptr<RunLock> lock;
};
Result<Backend> open_backend(const Settings& settings, StoreState state, Interruption interruption = {});
PaperSettings paper_settings(const Settings& settings, Clock& clock, Log& log);
Result<Credentials> read_credentials(const Settings& settings, const Pairs& environment, Log& log);
Result<HttpsSettings> https_settings(const Settings& settings, const Pairs& environment, const Endpoint& at, Log& log);
std::string variable(const Pairs& environment, std::initializer_list<std::string_view> names);
Result<std::unique_ptr<Notifier>> make_telegram(const Settings& settings, const Pairs& environment, Clock& clock,
                                                Log& log);

// Telegram with the connection it needs.
class TelegramLine final : public Notifier {
 public:
  TelegramLine(HttpsSettings https, Secret token, TelegramSettings telegram, Clock& clock, Log& log)
      : transport_{std::move(https), clock},
        notifier_{transport_, std::move(token), std::move(telegram), clock},
        log_{log} {}
  Delivery deliver(const Notice& notice, Micros budget) noexcept override {
    const bool told = notifier_.migrated_to().has_value();
    const bool topic_told = notifier_.topic_refused().has_value();
    Delivery delivery = notifier_.deliver(notice, budget);
    if (const auto why = notifier_.topic_refused(); why && !topic_told)
      log_.write(Line{Event::tg_topic_left}.add("error", *why));
    if (const auto moved = notifier_.migrated_to(); moved && !told)
      log_.write(Line{Event::tg_chat_moved}.add("telegram.chat_id", *moved));
    return delivery;
  }
  bool immediate() const override { return false; }
  std::optional<Instant> quiet_until() const override { return notifier_.quiet_until(); }
  void keep_quiet(Instant until) override { notifier_.keep_quiet(until); }

 private:
  HttpsTransport transport_;
  TelegramNotifier notifier_;
  Log& log_;
};

// Says of each message where it comes from: who reads it may have several bots.
class SignedNotifier final : public Notifier {
 public:
  SignedNotifier(std::unique_ptr<Notifier> inner, std::string where)
      : inner_{std::move(inner)}, where_{std::move(where)} {}
  Delivery deliver(const Notice& notice, Micros budget) noexcept override {
    try {
      Notice signed_notice = notice;
      signed_notice.where = where_;
      return inner_->deliver(signed_notice, budget);
    } catch (const std::exception&) {
      return inner_->deliver(notice, budget);  // no memory for a copy: the message is worth more
    }
  }
  bool immediate() const override { return inner_->immediate(); }
  std::optional<Instant> quiet_until() const override { return inner_->quiet_until(); }
  void keep_quiet(Instant until) override { inner_->keep_quiet(until); }

 private:
  std::unique_ptr<Notifier> inner_;
  std::string where_;
};

std::string where_text(const Settings& settings);
Result<std::unique_ptr<Notifier>> make_plain_notifier(const Settings& settings, const Pairs& environment, Clock& clock,
                                                      Log& log, std::FILE* messages);

// Nobody is told, because somebody wrote that nobody is to be told.
class SilentNotifier final : public Notifier {
 public:
  Delivery deliver(const Notice&, Micros) noexcept override { return Delivered{}; }
  bool immediate() const override { return true; }
};

}  // namespace

AccountKey account_of(const Settings& settings) {
  return settings.named_account.value_or(AccountKey{std::string{text(settings.kind)}, settings.account});
}

Result<void> named_is_known(const Settings& settings, Store& store) {
  return settings.named_account ? must_be_known(store, *settings.named_account) : Result<void>{};
}

Result<void> must_be_known(Store& store, const AccountKey& account) {
  const auto known = known_accounts(*store.session);
  if (!known) return relayed(known);
  if (known->empty() || std::ranges::find(*known, account) != known->end()) return {};
  std::string names;
  for (const AccountKey& one : *known)
    names += (names.empty() ? "" : &one == &known->back() ? " and " : ", ") + one.venue + "/" + one.account;
  return failed(Fault::configuration, "the store does not know the account " + account.venue + "/" + account.account +
                                          ", and nothing was done; it has " + names +
                                          ": name the one you mean with --account VENUE/NAME");
}

bool is_postgres(const Settings& settings) { return !settings.store_url.starts_with(sqlite_scheme); }

std::string sqlite_file(const Settings& settings) { return settings.store_url.substr(sqlite_scheme.size()); }

Result<std::unique_ptr<Store>> open_store(const Settings& settings, const AccountKey& account,
                                          const std::atomic<bool>* stop_asked) {
  return open_sql_store(settings, account, StoreState::ready, {.waiting = nullptr, .stop_asked = stop_asked});
}

OpenStore opener_of(const Settings& settings) {
  // A session with the lock that lives in it, for one account.
  struct Opened final : tradeguard::Store {
    std::shared_ptr<SqlSession> session;
    std::unique_ptr<RunLock> lock;
    std::unique_ptr<Account> open(const AccountKey& account) override {
      return open_sql_account(session, std::move(lock), account);
    }
  };
  return [settings]() -> Result<std::shared_ptr<tradeguard::Store>> {
    auto backend = open_backend(settings, StoreState::ready);
    if (!backend) return relayed(backend);
    auto opened = std::make_shared<Opened>();
    opened->session = std::move(backend->session);
    opened->lock = std::move(backend->lock);
    return opened;
  };
}

std::vector<SchemaProblem> schema_problems(const Settings& settings) {
  std::unique_ptr<SqlSession> session;
  if (is_postgres(settings)) {
    PostgresOptions options;
    options.mode = PostgresOptions::Mode::looking;
    options.insecure = settings.store_insecure;
    auto opened = PostgresSession::open(settings.store_url, options);
    if (!opened) return {};
    session = std::move(*opened);
  } else {
    struct stat status {};
    // `create` would make the file.
    if (::stat(sqlite_file(settings).c_str(), &status) != 0) return {};
    auto opened = SqliteSession::open(sqlite_file(settings), {.mode = SqliteOptions::Mode::create});
    if (!opened) return {};
    session = std::move(*opened);
  }
  auto problems = examine_schema(*session, SchemaRoles::no_superuser, SchemaAge::older);
  if (!problems) return {};
  if (!problems->empty()) return std::move(*problems);
  const auto found = find_schema(*session);
  if (!found || found->what != SchemaFound::What::current) return {};
  auto all = examine_schema(*session, SchemaRoles::no_superuser, SchemaAge::current);
  return all ? std::move(*all) : std::vector<SchemaProblem>{};
}

std::optional<LockStranger> lock_stranger(const Settings& settings, Store& store) {
  auto* lock = dynamic_cast<PostgresRunLock*>(&store.account->lock());
  if (lock == nullptr) return std::nullopt;
  auto found = lock->stranger(account_of(settings));
  return found ? std::move(*found) : std::nullopt;
}

std::string describe(const LockStranger& stranger) {
  return "the run lock is held by the role " + escape_value(stranger.role) + " (application " +
         (stranger.application.empty() ? "without a name" : escape_value(stranger.application)) + ", " +
         (stranger.address.empty() ? "address not shown to this role" : "address " + escape_value(stranger.address)) +
         "), which is no tradeguard: no run can start while it holds it";
}

namespace {

// The run locks of all accounts, or whose cannot be had.
struct AllLocks {
  std::set<AccountKey> accounts;
  std::vector<RunLease> leases;
  std::optional<AccountKey> missing;
};
Result<AllLocks> lock_all_accounts(Store& store, const AccountKey& configured) {
  auto accounts = accounts_of(*store.session);
  if (!accounts) return relayed(accounts);
  AllLocks locks;
  locks.accounts = std::move(*accounts);
  locks.accounts.insert(configured);
  for (const AccountKey& account : locks.accounts) {
    auto acquired = store.account->lock().try_acquire(account);
    if (!acquired) return relayed(acquired, "taking the run lock of " + account.venue + "/" + account.account);
    if (std::holds_alternative<HeldElsewhere>(*acquired)) {
      locks.missing = account;
      return locks;
    }
    locks.leases.push_back(std::move(std::get<RunLease>(*acquired)));
  }
  return locks;
}

}  // namespace

Result<Made> make_store(const Settings& settings) {
  const AccountKey account = account_of(settings);
  StepsInWords words;
  auto store = open_sql_store(settings, account, StoreState::to_be_made, {.waiting = [&] { words.still(); }});
  if (!store) return relayed(store);
  SqlSession& session = *(*store)->session;
  const auto found = find_schema(session);
  if (!found) return relayed(found);
  InitOptions init;
  init.doing = [&](std::string_view step, std::size_t number, std::size_t of) { words.begin(step, number, of); };
  AllLocks locks;
  if (found->what == SchemaFound::What::older) {
    // Nobody can run on a store that is not there yet, but on an older one anybody may.
    auto taken = lock_all_accounts(**store, account);
    if (!taken) return relayed(taken);
    if (taken->missing) return Made{Made::What::held_elsewhere, *taken->missing};
    locks = std::move(*taken);
    init.held = locks.accounts;
  }
  if (auto made = init_schema(session, init); !made) return relayed(made, "creating the store");
  if (auto made = init_paper_book(session); !made) return relayed(made, "creating the paper exchange");
  return Made{found->what == SchemaFound::What::current ? Made::What::was_ready : Made::What::now};
}

std::unique_ptr<Store> open_memory_store(const AccountKey& account) {
  auto store = std::make_unique<Store>();
  store->memory = std::make_unique<MemoryStore>();
  store->account = store->memory->open(account);
  return store;
}

Result<std::unique_ptr<PaperExchange>> open_paper(const Settings& settings, Clock& clock, Log& log) {
  auto exchange = std::make_unique<PaperExchange>();
  PaperSettings paper = paper_settings(settings, clock, log);
  if (!settings.paper_prices.empty()) {
    auto prices = read_prices_of(settings.paper_prices, Trusted{.others = settings.besides});
    if (!prices) return relayed(prices, "reading paper.prices");
    exchange->prices = std::make_unique<BarPrices>(std::move(*prices));
    paper.prices = exchange->prices.get();
  }
  if (!settings.paper_faults.empty()) {
    const auto script = text_of_file(
        settings.paper_faults, {.pipes = Wanted::Pipes::inherited, .trusted = Trusted{.others = settings.besides}});
    if (!script)
      return failed(Fault::configuration,
                    "paper.faults: " + settings.paper_faults + " cannot be read: " + script.error().text());
    auto faults = parse_fault_script(*script, settings.paper_faults);
    if (!faults) return relayed(faults, "reading paper.faults");
    exchange->faults = std::move(*faults);
    paper.faults = &exchange->faults;
  }
  // An idle run asks nothing of the exchange, and pays for no second connection.
  exchange->book = std::make_unique<SqlPaperBook>(
      [settings]() -> Result<std::unique_ptr<SqlSession>> {
        auto backend = open_backend(settings, StoreState::ready);
        if (!backend) return relayed(backend);
        return std::move(backend->session);
      },
      account_of(settings));
  exchange->venue = std::make_unique<PaperVenue>(clock, *exchange->book, std::move(paper));
  return exchange;
}

Result<BarPrices> read_prices_of(const std::string& path, const std::optional<Trusted>& trusted) {
  constexpr std::uintmax_t some_years_of_minutes = std::uintmax_t{512} << 20;
  auto text =
      text_of_file(path, {.most_bytes = some_years_of_minutes, .pipes = Wanted::Pipes::inherited, .trusted = trusted});
  if (!text) return failed(Fault::configuration, path + ": cannot be read, or is empty: " + text.error().text());
  if (text->empty()) return failed(Fault::configuration, path + ": cannot be read, or is empty");
  std::istringstream in{std::move(*text)};
  return read_prices(in, path);
}

std::unique_ptr<PaperExchange> open_memory_paper(const Settings& settings, Clock& clock, Log& log, BarPrices prices) {
  auto exchange = std::make_unique<PaperExchange>();
  exchange->prices = std::make_unique<BarPrices>(std::move(prices));
  exchange->book = std::make_unique<MemoryPaperBook>();
  PaperSettings paper = paper_settings(settings, clock, log);
  paper.prices = exchange->prices.get();
  exchange->venue = std::make_unique<PaperVenue>(clock, *exchange->book, std::move(paper));
  return exchange;
}

Result<std::unique_ptr<Exchange>> open_exchange(const Settings& settings, const Pairs& environment, Clock& clock,
                                                Log& log, Purpose purpose) {
  auto exchange = std::make_unique<Exchange>();
  if (settings.kind == VenueKind::paper) {
    auto paper = open_paper(settings, clock, log);
    if (!paper) return relayed(paper, "opening the paper exchange");
    exchange->paper = std::move(*paper);
    exchange->placer = exchange->paper->venue.get();
    exchange->protector = exchange->paper->venue.get();
    return exchange;
  }
  if (!settings.live && purpose == Purpose::trading)
    return failed(Fault::configuration,
                  "run.live: " + std::string{text(settings.kind)} +
                      " is not traded without it, and nothing was sent; write live = true under [run] "
                      "to trade real money, or set DRY_RUN=1 to trade on paper");
  auto keys = read_credentials(settings, environment, log);
  if (!keys) return relayed(keys);
  const VenueRow& row = row_of(settings.kind);
  Endpoint at = settings.venue_at;
  if (at.base_url.empty()) at.base_url = row.base_url;
  auto https = https_settings(settings, environment, at, log);
  if (!https) return relayed(https);
  if (settings.paced) https->limits = row.limits();
  exchange->transport = std::make_unique<HttpsTransport>(std::move(*https), clock);
  exchange->venue = row.open(settings, std::move(*keys), *exchange->transport, clock, log);
  exchange->placer = exchange->venue.placer.get();
  exchange->protector = exchange->venue.protector;
  return exchange;
}

Result<std::unique_ptr<VenueExamination>> open_examination(const Settings& settings, const Pairs& environment,
                                                           Exchange& exchange, Clock& clock, Log& log) {
  const VenueRow& row = row_of(settings.kind);
  if (row.examine == nullptr) return failed(Fault::configuration, "on paper there is nothing to examine");
  auto keys = read_credentials(settings, environment, log);
  if (!keys) return relayed(keys);
  return row.examine(settings, std::move(*keys), *exchange.placer, *exchange.transport, clock);
}

NotifyKind notifier_kind(const Settings& settings) {
  // A dry run must not be mistaken for a real one by whoever reads the real one's messages.
  if (settings.dry_run) return NotifyKind::printing;
  if (settings.notify != NotifyKind::unset) return settings.notify;
  if (!settings.telegram_chat_id.empty()) return NotifyKind::telegram;
  return settings.kind == VenueKind::paper ? NotifyKind::printing : NotifyKind::unset;
}

std::vector<Finding> check_telegram(const Settings& settings, const Pairs& environment, Clock& clock, Log& log) {
  const auto failure = [](const Error& error) -> std::vector<Finding> {
    return {Finding{"telegram", Judgement::problem, error.what, "", error.fault}};
  };
  auto token = read_secret(SecretName::telegram_token, environment, SecretFiles{settings});
  if (!token) return failure(token.error());
  keep_out_of_sight(token->reveal(), log);
  auto https = https_settings(settings, environment, settings.telegram_at, log);
  if (!https) return failure(https.error());
  HttpsTransport transport{std::move(*https), clock};
  return examine_telegram(transport, *token, settings.telegram_chat_id, settings.net_patience);
}

Result<std::unique_ptr<Notifier>> make_notifier(const Settings& settings, const Pairs& environment, Clock& clock,
                                                Log& log, std::FILE* messages) {
  auto plain = make_plain_notifier(settings, environment, clock, log, messages);
  if (!plain) return plain;
  return std::make_unique<SignedNotifier>(std::move(*plain), where_text(settings));
}

namespace {

std::string where_text(const Settings& settings) {
  const AccountKey account = account_of(settings);
  const bool paper = account.venue == text(VenueKind::paper);
  const char* mode = !paper ? "live" : settings.dry_run ? "paper (DRY_RUN=1)" : "paper";
  return account.venue + "/" + account.account + ", " + mode + ", host " + host_name();
}

Result<std::unique_ptr<Notifier>> make_plain_notifier(const Settings& settings, const Pairs& environment, Clock& clock,
                                                      Log& log, std::FILE* messages) {
  switch (notifier_kind(settings)) {
    case NotifyKind::telegram:
      return make_telegram(settings, environment, clock, log);
    case NotifyKind::printing:
      return std::make_unique<PrintingNotifier>(messages);
    case NotifyKind::file:
      if (const auto distrust =
              distrust_of_output(settings.notify_file, Trusted{.others = settings.besides, .group_of_root = true}))
        return failed(Fault::configuration, "notify.file: " + settings.notify_file + " " + distrust->text());
      return std::make_unique<FileNotifier>(settings.notify_file);
    case NotifyKind::none:
      return std::make_unique<SilentNotifier>();
    case NotifyKind::unset:
      break;
  }
  return failed(Fault::configuration,
                "notify.kind: a real venue is not traded without a notifier; expected telegram.chat_id, or "
                "notify.kind = printing, file or none");
}

}  // namespace

CycleSettings cycle_settings(const Configuration& configuration, const std::string& pid, const std::string& host,
                             Instant now) {
  const Settings& settings = configuration.settings;
  CycleSettings cycle;
  cycle.run_id = pid + "_" + std::to_string(std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count());
  cycle.pid = pid;
  cycle.host = host;
  cycle.version = TRADEGUARD_VERSION;
  cycle.mode = settings.kind == VenueKind::paper ? "paper" : "live";
  cycle.config_hash = configuration.hash;
  cycle.policy = settings.policy;
  cycle.plan = settings.plan;
  for (const auto& [symbol, market] : settings.markets) cycle.markets[symbol] = market.cycle;
  cycle.max_slippage_percent = settings.max_slippage_percent;
  cycle.stranding = settings.stranding;
  cycle.check_slippage = settings.kind != VenueKind::paper;
  cycle.max_clock_offset = settings.max_clock_offset;
  cycle.rules_max_age = settings.rules_max_age;
  cycle.deadline = settings.deadline;
  cycle.hard_deadline = settings.hard_deadline;
  cycle.stuck_after = settings.stuck_after;
  cycle.unverified_after = settings.unverified_after;
  cycle.in_doubt_after = settings.in_doubt_after;
  cycle.notify_budget = settings.notify_budget;
  cycle.prune_keep = settings.prune_keep;
  return cycle;
}

std::optional<bool> run_is_going(const Settings& settings, Store& store) {
  if (is_postgres(settings)) {
    const Statement ask{
        "SELECT count(*) FROM accounts a JOIN pg_catalog.pg_locks l ON l.locktype = 'advisory' "
        "AND l.granted AND l.objsubid = 1 AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d "
        "WHERE d.datname = current_database()) "
        "AND CAST(l.classid AS BIGINT) = (a.lock_id >> 32) & 4294967295 "
        "AND CAST(l.objid AS BIGINT) = a.lock_id & 4294967295 WHERE a.venue = ?1 AND a.account = ?2",
        {store.account->key().venue, store.account->key().account}};
    const auto asked = store.session->run(std::array{ask});
    if (!asked || (*asked)[0].rows.empty()) return std::nullopt;
    const auto* holders = std::get_if<std::int64_t>(&(*asked)[0].rows[0][0]);
    return holders == nullptr ? std::nullopt : std::optional{*holders > 0};
  }
  const auto* lock = dynamic_cast<const SqliteRunLock*>(&store.account->lock());
  if (lock == nullptr) return std::nullopt;
  struct stat status {};
  // Without a lock file nobody has ever run.
  if (::stat(lock->lock_file(store.account->key()).c_str(), &status) != 0)
    return errno == ENOENT ? std::optional{false} : std::nullopt;
  // "1: FLOCK  ADVISORY  WRITE 25942 fe:00:10952826 0 EOF". The device is written differently by some
  // file systems, so the inode has to do.
  std::ifstream locks{"/proc/locks"};
  if (!locks) return std::nullopt;
  const std::string inode = ":" + std::to_string(status.st_ino) + " ";
  for (std::string line; std::getline(locks, line);)
    if (line.find(" FLOCK ") != std::string::npos && line.find(" WRITE ") != std::string::npos &&
        line.find(inode) != std::string::npos)
      return true;
  return false;
}

Result<int> count_open_live_trades(const Settings& settings, const AccountKey& account, Instant now) {
  std::error_code ignored;
  if (!is_postgres(settings) && !std::filesystem::exists(sqlite_file(settings), ignored))
    return failed(Fault::configuration, "there is no store " + sqlite_file(settings));
  auto backend = open_backend(settings, StoreState::to_be_made);
  if (!backend) return relayed(backend);
  const auto schema = find_schema(*backend->session);
  if (!schema) return relayed(schema);
  const auto accounts = live_accounts(*backend->session, now, schema->version);
  if (!accounts) return relayed(accounts);
  for (const LiveAccount& live : *accounts)
    if (live.account == account) return live.trades;
  return 0;
}

std::vector<LiveAccount> accounts_with_open_trades(const Settings& settings, Store& store, Instant now) {
  auto found = live_accounts(*store.session, now);
  if (!found) return {};
  if (settings.dry_run)
    for (LiveAccount& live : *found)
      // Where the file says paper, whatever may have been live before.
      if (live.account.account == settings.account &&
          (settings.kind_of_file == VenueKind::paper || live.account.venue == text(settings.kind_of_file)))
        live.idle.reset();
  return std::move(*found);
}

namespace {

Result<Credentials> read_credentials(const Settings& settings, const Pairs& environment, Log& log) {
  const SecretFiles files{settings};
  auto key = read_secret(SecretName::api_key, environment, files);
  if (!key) return relayed(key);
  auto secret = read_secret(SecretName::api_secret, environment, files);
  if (!secret) return relayed(secret);
  keep_out_of_sight(key->reveal(), log);
  keep_out_of_sight(secret->reveal(), log);
  return Credentials{std::move(*key), std::move(*secret)};
}

Result<HttpsSettings> https_settings(const Settings& settings, const Pairs& environment, const Endpoint& at, Log& log) {
  auto base = parse_base_url(at.base_url);
  if (!base) return relayed(base);
  if (at.ca_only && at.ca_file.empty())
    return failed(Fault::configuration,
                  "ca_only = true without ca_file trusts nobody, and nothing was sent; name the "
                  "authority's certificate in ca_file, or take ca_only away");
  HttpsSettings https;
  const std::string proxy = variable(environment, {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
  if (const std::size_t end = proxy.rfind('@'); end != std::string::npos) {
    const std::size_t colon = proxy.rfind(':', end);
    keep_out_of_sight(proxy.substr(colon + 1, end - colon - 1), log);
  }
  auto found = proxy_for(*base, proxy, variable(environment, {"no_proxy", "NO_PROXY"}));
  if (!found) return relayed(found);
  https.proxy = std::move(*found);
  https.base = std::move(*base);
  if (!at.ca_file.empty())
    if (const auto distrust =
            distrust_of(at.ca_file, {.most_bytes = largest_ca_file, .trusted = Trusted{.others = settings.besides}}))
      return failed(Fault::configuration, "ca_file: " + at.ca_file + " " + distrust->text());
  https.ca_file = at.ca_file;
  https.ca_only = at.ca_only;
  https.insecure_loopback = at.insecure_loopback;
  https.connections = static_cast<std::size_t>(settings.net_connections);
  return https;
}

// The first of these that is set and not empty, as curl and others take them.
std::string variable(const Pairs& environment, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    for (const auto& [its_name, value] : environment)
      if (its_name == name && !value.empty()) return value;
  return "";
}

Result<std::unique_ptr<Notifier>> make_telegram(const Settings& settings, const Pairs& environment, Clock& clock,
                                                Log& log) {
  auto token = read_secret(SecretName::telegram_token, environment, SecretFiles{settings});
  if (!token) return relayed(token);
  keep_out_of_sight(token->reveal(), log);
  auto https = https_settings(settings, environment, settings.telegram_at, log);
  if (!https) return relayed(https);
  https->limits = telegram_limits(settings.telegram_pace);
  TelegramSettings telegram{settings.telegram_chat_id, settings.telegram_topic};
  return std::make_unique<TelegramLine>(std::move(*https), std::move(*token), std::move(telegram), clock, log);
}

Result<Backend> open_sqlite(const Settings& settings, StoreState state, Interruption interruption) {
  // Whoever opens a database takes the log beside it into it, whoever wrote that.
  if (auto ours = require_ours(settings); !ours) return relayed(ours);
  SqliteOptions options;
  options.waiting = std::move(interruption.waiting);
  options.stop_asked = interruption.stop_asked;
  options.rights = settings.store_mode;
  if (state == StoreState::to_be_made) options.mode = SqliteOptions::Mode::create;
  auto session = SqliteSession::open(sqlite_file(settings), options);
  if (!session) return relayed(session);
  auto lock = std::make_unique<SqliteRunLock>(**session);
  return Backend{std::move(*session), std::move(lock)};
}

Result<Backend> open_postgres(const Settings& settings, StoreState state, Interruption interruption) {
  PostgresOptions options;
  options.waiting = std::move(interruption.waiting);
  if (state == StoreState::to_be_made) options.mode = PostgresOptions::Mode::create;
  options.insecure = settings.store_insecure;
  auto session = PostgresSession::open(settings.store_url, options);
  if (!session) return relayed(session);
  auto lock = std::make_unique<PostgresRunLock>(**session, settings.lock_id);
  return Backend{std::move(*session), std::move(lock)};
}

Result<Backend> open_backend(const Settings& settings, StoreState state, Interruption interruption) {
  return is_postgres(settings) ? open_postgres(settings, state, std::move(interruption))
                               : open_sqlite(settings, state, std::move(interruption));
}

Result<std::unique_ptr<Store>> open_sql_store(const Settings& settings, const AccountKey& account, StoreState state,
                                              Interruption interruption) {
  auto backend = open_backend(settings, state, std::move(interruption));
  if (!backend) return relayed(backend);
  auto store = std::make_unique<Store>();
  store->session = std::move(backend->session);
  store->account = open_sql_account(store->session, std::move(backend->lock), account);
  return store;
}

std::optional<InstrumentRules> own_rules(const Symbol& symbol, const MarketOptions& market, Decimal fee_rate,
                                         Instant now) {
  if (!market.paper_tick && !market.paper_step && !market.paper_min_quantity && !market.paper_min_notional)
    return std::nullopt;
  InstrumentRules rules = built_in_rules(symbol, market.paper_price, fee_rate, now);
  rules.tick = market.paper_tick.value_or(rules.tick);
  rules.step = market.paper_step.value_or(rules.step);
  rules.min_quantity = market.paper_min_quantity.value_or(rules.min_quantity);
  rules.min_notional = market.paper_min_notional.value_or(rules.min_notional);
  return rules;
}

PaperSettings paper_settings(const Settings& settings, Clock& clock, Log& log) {
  PaperSettings paper;
  paper.fee_rate = Decimal::divide(settings.paper_fee_percent, Decimal{100}, Rounding::up);
  paper.fee_in = settings.paper_fee_in;
  paper.quote_balance = settings.paper_start_balance;
  paper.oco = settings.paper_oco;
  paper.stop_market = settings.paper_stop_market;
  paper.patience = settings.net_patience;
  for (const auto& [symbol, market] : settings.markets) {
    if (market.paper_price) paper.fixed_prices[symbol] = *market.paper_price;
    if (const auto rules = own_rules(symbol, market, paper.fee_rate, clock.now())) paper.rules.emplace(symbol, *rules);
  }
  paper.quotes_come_back = false;  // the cycle gives the price of the signal or none
  paper.price_invented = [&log](const Symbol& symbol) {
    log.write(Line{Event::paper_price_invented}.add("symbol", symbol.text()).add("price", "100"));
  };
  return paper;
}

}  // namespace
}  // namespace tradeguard::cli
