#include "left_behind.hpp"

#include <algorithm>

#include "ledger.hpp"
#include "tell.hpp"

namespace tradeguard {

namespace {

constexpr std::string_view row_subject = "row/";

}  // namespace

// What the store holds and nobody can read is nobody's to act on: its base is frozen, all entries are
// denied, and a person is told which row it is, until it can be read again.
void tell_unreadable_rows(Ledger& ledger, const RunClock& clock) {
  std::vector<Item> items;
  for (const Alarm& found : ledger.book.unreadable) {
    Line line = Line{Event::impossible}
                    .add("symbol", found.symbol.empty() ? "-" : found.symbol)
                    .add("order_id", found.order_id.empty() ? "-" : found.order_id)
                    .add("state", "unreadable")
                    .add("row", found.subject.substr(row_subject.size()))
                    .add("error", found.detail);
    if (stands(ledger, found.kind, found.subject)) {
      ledger.say(line);
      continue;
    }
    Notice notice = notice_of(NoticeType::impossible, "IMPOSSIBLE:" + found.subject, clock.now);
    notice.symbol = found.symbol;
    notice.order_id = found.order_id;
    notice.facts = {{"row", found.subject.substr(row_subject.size())},
                    {"what is wrong", found.detail},
                    {"what was not done", "nothing is sent, sold or protected by this row"},
                    {"what to do", "look at the exchange, then mend or delete the row in the store"}};
    Item item;
    raise(item, ledger, clock, found, std::move(line), std::move(notice));
    items.push_back(std::move(item));
  }
  for (const Alarm& standing : ledger.book.alarms) {
    if (standing.kind != NoticeType::impossible || !standing.subject.starts_with(row_subject)) continue;
    const bool still = std::any_of(ledger.book.unreadable.begin(), ledger.book.unreadable.end(),
                                   [&](const Alarm& found) { return same_alarm(found, standing); });
    if (still) continue;
    Item item;
    clear(item, ledger, clock, standing.kind, standing.subject);
    items.push_back(std::move(item));
  }
  ledger.commit(std::move(items));
}

// An entry without rules or plan was claimed by a bot that sends by itself. Its protection cannot be
// computed here, so it is nobody's but the alarm's.
void set_aside_foreign_trades(Ledger& ledger, const RunClock& clock) {
  std::vector<Item> items;
  for (const Trade& trade : ledger.book.trades) {
    if (trade.record.rules && trade.record.plan) continue;
    const Order& entry = trade.entry();
    if (trade.record.protected_elsewhere || is_identity_only(entry)) continue;
    Item item;
    // Whoever claimed it sends by itself and may have placed a stop: only its base is frozen.
    Alarm alarm{.kind = NoticeType::unprotected, .subject = trade.id(), .freezes = entry.symbol.base()};
    alarm.symbol = entry.symbol.text();
    alarm.order_id = order_id_of(entry);
    alarm.detail = "claimed without rules and plan";
    Notice notice = notice_of(NoticeType::unprotected, entry, clock.now);
    notice.facts = {{"why", alarm.detail}, {"what to do", "tradeguard release, or settle it in the bot"}};
    Line line = line_of(Event::unprotected, entry).add("reason", alarm.detail);
    raise(item, ledger, clock, std::move(alarm), std::move(line), std::move(notice));
    items.push_back(std::move(item));
  }
  // What such a bot has settled since is in no book, and nobody else would say that it is over.
  for (const Alarm& alarm : ledger.book.alarms) {
    if (alarm.kind != NoticeType::unprotected || ledger.trade(alarm.subject) != nullptr) continue;
    const auto record = ledger.journal().trade(alarm.subject);
    if (!record || !*record || !(*record)->settled || (*record)->plan) continue;
    Item item;
    clear(item, ledger, clock, alarm.kind, alarm.subject);
    items.push_back(std::move(item));
  }
  ledger.commit(std::move(items));
  std::erase_if(ledger.book.trades, [](const Trade& trade) { return !trade.record.rules || !trade.record.plan; });
}

// A run that was killed, or did not come at all, is said by the next one.
void look_back(Ledger& ledger, const RunClock& clock, const CycleSettings& settings,
               const std::function<int()>& unattended_live_trades) {
  const AccountState& account = ledger.book.account;
  const bool gap = account.last_completed_at && (clock.now - *account.last_completed_at > settings.stuck_after ||
                                                 is_ahead(*account.last_completed_at, settings.stuck_after, clock.now));
  if (account.last_started_at && (!account.previous_run_ended || gap)) {
    const char* reason = account.previous_run_ended ? "gap" : "previous_run_did_not_end";
    const Instant since = account.last_completed_at.value_or(*account.last_started_at);
    const std::int64_t seconds = std::max<std::int64_t>(0, (clock.now - since).count() / 1'000'000);
    Item item;
    item.say(Line{Event::run_missed}.add("reason", reason).add("seconds", seconds));
    if (!account.previous_run_ended || !ledger.book.trades.empty()) {
      Notice notice =
          notice_of(NoticeType::run_missed, "RUN_MISSED:" + std::to_string(ledger.lease->cycle()), clock.now);
      notice.facts = {{"reason", reason}, {"seconds", std::to_string(seconds)}};
      item.tell(std::move(notice));
    }
    ledger.commit({std::move(item)});
  }
  if (account.halted) ledger.say(Line{Event::halted}.add("reason", *account.halted));
  if (unattended_live_trades == nullptr) return;
  if (const int trades = unattended_live_trades(); trades > 0) {
    ledger.criticals.push_back("live positions unattended");
    Notice notice = notice_of(NoticeType::live_positions_unattended,
                              "LIVE_POSITIONS_UNATTENDED:" + std::to_string(ledger.lease->cycle()), clock.now);
    notice.facts = {{"trades", std::to_string(trades)}};
    Item item;
    item.say(Line{Event::live_positions_unattended}.add("trades", trades));
    item.tell(std::move(notice));
    ledger.commit({std::move(item)});
  }
}

namespace {

// Another account with open trades is attended to by its own runs. It is not when none of them came since
// this account's run before; and as long as this account does not run minute by minute itself, nobody can
// say so: then it is asked for. What was alarmed stays so until a run of that account comes.
bool is_attended(const Ledger& ledger, const RunClock& clock, const CycleSettings& settings, const LiveAccount& live,
                 const Alarm* standing) {
  if (!live.idle) return false;
  const Instant last_run = clock.now - *live.idle;
  if (standing != nullptr) return last_run > standing->raised_at;
  const auto& before = ledger.book.account.last_started_at;
  constexpr Micros side_by_side = 60s;
  return before && *before <= clock.now && clock.now - *before <= settings.stuck_after &&
         last_run + side_by_side >= *before;
}

}  // namespace

// An account that was renamed, another venue in the configuration, or paper where there was money.
void look_for_unattended(Ledger& ledger, const RunClock& clock, const CycleSettings& settings,
                         const std::function<std::vector<LiveAccount>()>& live_accounts) {
  if (live_accounts == nullptr) return;
  constexpr NoticeType kind = NoticeType::live_positions_unattended;
  std::vector<Item> items;
  std::set<std::string> open;
  for (const LiveAccount& live : live_accounts()) {
    if (live.account == ledger.account().key()) continue;
    const std::string subject = live.account.venue + "/" + live.account.account;
    const auto standing = std::find_if(ledger.book.alarms.begin(), ledger.book.alarms.end(), [&](const Alarm& alarm) {
      return alarm.kind == kind && alarm.subject == subject;
    });
    const bool stands = standing != ledger.book.alarms.end();
    if (is_attended(ledger, clock, settings, live, stands ? &*standing : nullptr)) continue;
    open.insert(subject);
    Line line{Event::live_positions_unattended};
    line.add("trades", live.trades).add("account", subject);
    if (stands) {
      ledger.say(line);
      continue;
    }
    Alarm alarm = alarm_of(kind, subject);
    alarm.detail = std::to_string(live.trades) + " open trades, last run " +
                   (live.idle ? iso_seconds(clock.now - *live.idle) + " UTC" : "not known");
    Notice notice = notice_of(kind, "LIVE_POSITIONS_UNATTENDED:" + subject, clock.now);
    notice.facts = {{"account", subject},
                    {"trades", std::to_string(live.trades)},
                    {"what to do", "run that account again, or sell or release its trades"}};
    Item item;
    raise(item, ledger, clock, std::move(alarm), std::move(line), std::move(notice));
    items.push_back(std::move(item));
  }
  for (const Alarm& alarm : ledger.book.alarms) {
    if (alarm.kind != kind || open.contains(alarm.subject)) continue;
    Item item;
    clear(item, ledger, clock, kind, alarm.subject);
    items.push_back(std::move(item));
  }
  ledger.commit(std::move(items));
}

}  // namespace tradeguard
