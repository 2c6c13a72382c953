// A store that goes away in the middle, and one in which somebody has written what is no answer.
// Neither may ever look like an answer: emptiness would be "nothing was bought", and that is how
// things are bought twice.
#include <catch2/catch.hpp>

#include "sessions.hpp"
#include "story.hpp"

namespace tradeguard::stores {
namespace {

using namespace contract;

// Loses the server at its n-th question.
class LosingSession final : public SqlSession {
 public:
  LosingSession(SqlSession& session, int n) : session_{session}, left_{n} {}
  Result<std::vector<SqlRows>> run(std::span<const Statement> statements) override {
    if (left_-- == 0) {
      lost_ = true;
      // What was open is rolled back by the database.
      static_cast<void>(session_.run(std::array{Statement{"ROLLBACK", {}}}));
    }
    if (lost_) return failed(Fault::unreachable, "the server closed the connection");
    return session_.run(statements);
  }
  SqlDialect dialect() const override { return session_.dialect(); }
  std::optional<std::string> server_now() const override { return session_.server_now(); }
  Result<std::string> epoch() override {
    if (left_-- == 0) lost_ = true;
    if (lost_) return failed(Fault::unreachable, "the server closed the connection");
    return session_.epoch();
  }
  std::int64_t round_trips() const override { return session_.round_trips(); }
  bool lost() const { return lost_; }

 private:
  SqlSession& session_;
  int left_;
  bool lost_ = false;
};

struct Store {
  ScratchFolder folder;
  std::string file = folder.file("store.db");
  std::unique_ptr<SqliteSession> session = new_sqlite_store(file);
};

template <class T>
std::string asked(const Result<T>& result) {
  if (result) return "an answer";
  std::string chain;
  for (const auto& doing : result.error().chain) chain += doing + " > ";
  return complaint_of(result) + " in " + chain;
}

InstrumentRules some_rules() {
  return {.symbol = symbol("ETH_USDT"),
          .tick = price("0.01"),
          .step = quantity("0.0001"),
          .min_quantity = quantity("0.0001"),
          .max_quantity = {},
          .min_notional = money("5"),
          .highest_fee_rate = *Decimal::parse("0.001"),
          .read_at = noon};
}

// Every question and every change there is, each by its name.
using Call = std::function<std::string(Session&, const Order& open)>;
const std::vector<std::pair<std::string, Call>>& calls() {
  static const std::vector<std::pair<std::string, Call>> all{
      {"claim",
       [](Session& s, const Order&) {
         return asked(s.guard().claim(std::array{request(buy("BTC_USDT"), noon)}, open_policy(), noon));
       }},
      {"latest", [](Session& s, const Order&) { return asked(s.history().latest({"ETH"})); }},
      {"remember", [](Session& s, const Order&) { return asked(s.history().remember(symbol("ETH_USDT"), noon)); }},
      {"open_book", [](Session& s, const Order&) { return asked(s.journal().open_book(noon)); }},
      {"write",
       [](Session& s, const Order& open) {
         Change change;
         change.append.push_back(stop_for(open));
         change.notices.push_back(notice("n2", open.trade));
         return asked(s.journal().write(std::array{change}));
       }},
      {"claim_exits",
       [](Session& s, const Order&) {
         return asked(s.journal().claim_exits(std::array{ExitClaim{sell("ETH_USDT"), {}}}, 300s, 5s, noon));
       }},
      {"outlook", [](Session& s, const Order&) { return asked(s.journal().outlook(std::array{buy("ETH_USDT")})); }},
      {"remember_rules",
       [](Session& s, const Order&) { return asked(s.journal().remember_rules(std::array{some_rules()})); }},
      {"due_notices", [](Session& s, const Order&) { return asked(s.journal().due_notices(noon, 100)); }},
      {"begin_run", [](Session& s, const Order&) { return asked(s.journal().begin_run("run", "cafe", noon)); }},
      {"note_stuck_told", [](Session& s, const Order&) { return asked(s.journal().note_stuck_told(noon)); }},
      {"accept_epoch", [](Session& s, const Order&) { return asked(s.journal().accept_epoch("", noon)); }},
      {"set_halt", [](Session& s, const Order&) { return asked(s.journal().set_halt("why", noon)); }},
      {"set_breaker", [](Session& s, const Order&) { return asked(s.journal().set_breaker("why", noon)); }},
      {"decisions", [](Session& s, const Order& open) { return asked(s.journal().decisions(open.signal_key)); }},
      {"orders_of", [](Session& s, const Order& open) { return asked(s.journal().orders_of(open.signal_key)); }},
      {"order", [](Session& s, const Order& open) { return asked(s.journal().order(open.client_id)); }},
      {"trade", [](Session& s, const Order& open) { return asked(s.journal().trade(open.trade)); }},
      {"waiting_notices", [](Session& s, const Order&) { return asked(s.journal().waiting_notices()); }},
      {"prune", [](Session& s, const Order&) { return asked(s.journal().prune(noon, noon)); }},
  };
  return all;
}

// What the store holds before anything is asked.
Order furnished(Session& session) {
  const Order open = bought(session, buy("ETH_USDT"), noon);
  tell(session, {notice("n1", open.trade)});
  must(session.history().remember(symbol("ETH_USDT"), noon));
  must(session.journal().remember_rules(std::array{some_rules()}));
  must(session.journal().begin_run("first", "cafe", noon));
  Change change;
  change.alarms.push_back(
      {AlarmEdge::What::raise, Alarm{.kind = NoticeType::drift, .subject = "ADA", .freezes = "ADA"}});
  write(session, change);
  return open;
}

// Every column that somebody else could have written into.
std::vector<std::pair<std::string, std::string>> cells(SqlSession& session) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const std::string table : {"accounts", "exchange_orders", "trades", "signal_claims", "entry_memory", "decisions",
                                  "notices", "alarms", "instrument_rules"})
    for (const SqlRow& row : rows(session, "SELECT name FROM pragma_table_info('" + table + "')").rows)
      all.emplace_back(table, std::get<std::string>(row[0]));
  return all;
}

}  // namespace

TEST_CASE("a server lost at any question of any call is an outage, said with what was being done", "[sql]") {
  const auto [name, call] = GENERATE(from_range(calls()));
  int questions = 0;
  for (;; ++questions) {
    const Store store;
    const Order open = [&] {
      OverSession well{*store.session};
      return furnished(well);
    }();
    LosingSession losing{*store.session, questions};
    OverSession over{losing};
    const std::string said = call(over, open);
    INFO(name << " at question " << questions);
    if (!losing.lost()) {
      CHECK(said == "an answer");
      break;
    }
    CHECK_THAT(said, Catch::StartsWith("unreachable: the server closed the connection in "));
    CHECK_THAT(said, Catch::EndsWith(" > "));

    // What did not finish did not happen: the trade is as it was.
    OverSession after{*store.session};
    CHECK(row(after, open.client_id) == open);
  }
  CHECK(questions > 0);
}

// SQLite keeps what it is given, whatever the column says.
TEST_CASE("a cell that cannot be read is never taken for an answer: an error, an alarm, or no entry", "[sql]") {
  const Store first;
  const auto all = cells(*first.session);
  int illegible = 0;
  for (const auto& [table, column] : all) {
    INFO(table << "." << column);
    const Store store;
    OverSession session{*store.session};
    const Order open = furnished(session);
    // Keys, checked columns and generated ones cannot be spoilt.
    if (!store.session->run(std::array{Statement{"UPDATE " + table + " SET " + column + " = x'ff'", {}}})) continue;
    std::map<std::string, std::string> said;
    for (const auto& [name, call] : calls()) said[name] = call(session, open);
    for (const auto& [name, answer] : said) {
      INFO(name);
      CHECK((answer == "an answer" || answer.starts_with("data: ") || answer.starts_with("configuration: ") ||
             answer.starts_with("fenced: ")));
      illegible += answer == "an answer" ? 0 : 1;
    }
    // The open trade is there as it was, or its base is frozen, or the book is not opened at all.
    const auto seen = session.journal().open_book(noon);
    if (!seen) continue;
    const bool whole = std::any_of(seen->trades.begin(), seen->trades.end(), [&](const Trade& trade) {
      return trade.entry().client_id == open.client_id && trade.entry().filled == open.filled &&
             trade.entry().quantity == open.quantity && trade.entry().state == open.state;
    });
    const bool frozen = std::any_of(seen->unreadable.begin(), seen->unreadable.end(),
                                    [](const auto& alarm) { return alarm.kind == NoticeType::impossible; });
    const bool spoils_what_counts =
        (table == "exchange_orders" || table == "trades") && column != "venue" && column != "account";
    if (spoils_what_counts) CHECK((whole || frozen));
  }
  CHECK(illegible > 20);
}

TEST_CASE("what asks for nothing asks nobody", "[sql]") {
  const Store store;
  OverSession session{*store.session};
  const auto before = store.session->round_trips();
  CHECK(value_of(session.history().latest({})).empty());
  CHECK(value_of(session.journal().claim_exits({}, 300s, 5s, noon)).empty());
  CHECK(value_of(session.journal().outlook({})).known.empty());
  must(session.journal().remember_rules({}));
  CHECK(store.session->round_trips() == before);
}

TEST_CASE("a server lost while the store is looked for, made or opened is an outage, not a missing store", "[sql]") {
  const bool made = GENERATE(false, true);
  const std::string step = GENERATE("find", "require", "init");
  for (int n = 0;; ++n) {
    INFO(step << " at question " << n << (made ? ", made" : ", not made"));
    const ScratchFolder folder;
    const auto session = value_of(SqliteSession::open(folder.file("store.db"), {.mode = SqliteOptions::Mode::create}));
    if (made) must(init_schema(*session));
    LosingSession losing{*session, n};
    const std::string said = step == "find"      ? asked(find_schema(losing))
                             : step == "require" ? asked(require_schema(losing))
                                                 : asked(init_schema(losing));
    if (!losing.lost()) break;
    CHECK_THAT(said, Catch::StartsWith("unreachable: "));
    // Nothing half-made: another init makes it, or finds it made.
    must(init_schema(*session));
    CHECK(value_of(find_schema(*session)).what == SchemaFound::What::current);
  }
}

TEST_CASE("a ticket is settled in the store that gave it, or not at all", "[sql]") {
  const Store store;
  OverSession session{*store.session};
  const EntryTicket ticket = admitted(session, buy("ETH_USDT"), noon);
  const Store other;
  OverSession stranger{*other.session};
  CHECK(complaint_of(stranger.guard().settle(ticket, Refused{"1", "no"}, noon)).starts_with("data: no claim"));
  for (int n = 0;; ++n) {
    LosingSession losing{*store.session, n};
    OverSession over{losing};
    const std::string said = asked(over.guard().settle(ticket, Refused{"1", "no"}, noon));
    if (!losing.lost()) break;
    CHECK_THAT(said, Catch::StartsWith("unreachable: "));
    CHECK(row(session, ticket.order().client_id).state == OrderState::claimed);
  }
  CHECK(row(session, ticket.order().client_id).state == OrderState::refused);
}

TEST_CASE("text of others is kept as it is where it is UTF-8, and marked where it is not", "[sql]") {
  struct Text {
    std::string given;
    std::string kept;
  };
  const auto [given, kept] = GENERATE(values<Text>({
      {"gr\xC3\xBC\xC3\x9F", "gr\xC3\xBC\xC3\x9F"},              // two bytes
      {"\xE2\x82\xAC 5", "\xE2\x82\xAC 5"},                      // three
      {"\xF0\x9F\x9B\x91 halt", "\xF0\x9F\x9B\x91 halt"},        // four
      {"\xEE\x80\x80\xED\x9F\xBF", "\xEE\x80\x80\xED\x9F\xBF"},  // either side of the surrogates
      {"\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF"},                  // the last there is
      {"a\xE2\x82", "a??"},                                      // cut off
      {"\xE2\x28\xA1", "?(?"},                                   // not continued
      {"\xC0\xAF", "??"},                                        // overlong
      {"\xE0\x80\xAF", "???"},
      {"\xF0\x80\x80\xAF", "????"},
      {"\xED\xA0\x80", "???"},       // a surrogate
      {"\xF4\x90\x80\x80", "????"},  // beyond the last
      {"\xF0\x9F\x9B", "???"},
      {"\xF0\x28\x8C\xBC", "?(??"},
      {"\xF0\x9F\x28\xBC",
       "?"
       "?(?"},
      {"\xF5\x80\x80\x80", "????"},
      {std::string{"a\0b", 3}, "a?b"},
  }));
  const Store store;
  OverSession session{*store.session};
  must(session.journal().set_halt(given, noon));
  const auto account = book(session, noon).account;
  REQUIRE(account.halted.has_value());
  CHECK(*account.halted == kept);
}

}  // namespace tradeguard::stores
