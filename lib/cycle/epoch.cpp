#include "epoch.hpp"

#include <algorithm>
#include <utility>

#include "run.hpp"
#include "tell.hpp"

namespace tradeguard {

namespace {

// An alarm each, for each freezes its base, and one message: a new store may find dozens.
Item tell_orphans(Run& run, std::span<const Sighting* const> orphans) {
  Item item;
  Notice notice = notice_of(NoticeType::orphan,
                            "ORPHAN:" + orphans.front()->client_id + ":" + std::to_string(to_micros(run.now)), run.now);
  if (orphans.size() > 1) notice.facts.emplace_back("orders", std::to_string(orphans.size()));
  for (const Sighting* sighting : orphans) {
    Alarm alarm = alarm_of(NoticeType::orphan, sighting->client_id, sighting->symbol.base());
    alarm.symbol = sighting->symbol.text();
    alarm.order_id = sighting->venue_id;
    alarm.detail = "the store has no row of this order, which is " + std::string{text(sighting->status)};
    alarm.raised_at = run.now;
    alarm.next_reminder = run.now + 5min;
    item.say(Line{Event::orphan}
                 .add("symbol", alarm.symbol)
                 .add("order_id", alarm.order_id)
                 .add("client_id", sighting->client_id));
    item.change.alarms.push_back({AlarmEdge::What::raise, std::move(alarm)});
    if (orphans.size() > 1)
      notice.facts.emplace_back("order", sighting->symbol.text() + " " + std::string{text(sighting->side)} + " " +
                                             sighting->venue_id + " " + std::string{text(sighting->status)} + ", " +
                                             sighting->client_id);
  }
  const Symbol& first = orphans.front()->symbol;
  if (std::all_of(orphans.begin(), orphans.end(), [&](const Sighting* s) { return s->symbol == first; }))
    notice.symbol = first.text();
  if (orphans.size() == 1) {
    const Sighting& only = *orphans.front();
    notice.order_id = only.venue_id;
    notice.side = only.side;
    notice.facts = {{"client id", only.client_id}, {"status", std::string{text(only.status)}}};
  }
  item.tell(std::move(notice));
  return item;
}

}  // namespace

// A store that is new, restored or promoted may not know what was sent: the venue is asked for own
// orders without a row, and signals older than this moment are not entered.
void look_at_epoch(Run& run) {
  AccountState& account = run.book.account;
  // Written by a clock that was ahead it would deny every signal until then.
  const bool known_too_early = account.entries_after && is_ahead(*account.entries_after, 1min, run.now);
  if (account.known_epoch && *account.known_epoch == account.epoch && !known_too_early) return;
  constexpr Micros look_back_span = 48h;
  const auto own = run.ports.placer.own_orders(run.now - look_back_span);
  const auto id = run.ports.placer.account_id();
  if (!own || !id) {
    run.no_entries = Denial::epoch_unread;
    run.venue.hear(own ? id.error() : own.error());
    run.say(
        Line{Event::venue_unreadable}.add("what", "own orders").add("error", own ? id.error().what : own.error().what));
    return;
  }
  std::vector<const Sighting*> orphans;
  for (const Sighting& sighting : *own) {
    const auto row = run.journal().order(sighting.client_id);
    if (!row) return run.store_failed(row.error());
    const bool matters = sighting.status == VenueStatus::open || sighting.filled.value_or(Quantity{}).is_positive();
    if (!*row && matters && !stands(run, NoticeType::orphan, sighting.client_id)) orphans.push_back(&sighting);
  }
  if (!orphans.empty()) run.commit({tell_orphans(run, orphans)});
  // What is written now bounds every later signal, so the clock it is read from has to be right.
  run.measure_clock();
  if (!run.venue.clock_offset || std::chrono::abs(*run.venue.clock_offset) > run.settings.max_clock_offset) {
    run.no_entries = run.venue.clock_offset ? Denial::clock_offset : Denial::clock_unreadable;
    return;
  }
  // A new account on a venue that is part of this machine and has no order of ours has nothing to forget.
  const bool nothing_to_forget = !account.known_epoch && own->empty() && !run.ports.placer.traits().network;
  const Instant after = nothing_to_forget ? Instant{} : run.now;
  if (auto accepted = run.journal().accept_epoch(*id, after); !accepted) return run.store_failed(accepted.error());
  if (!nothing_to_forget) run.say(Line{Event::new_epoch}.add("entries_after", iso_micros(after)));
}

// The account's name is ours, and whoever exchanges the key gives it another account of the exchange: what the
// store calls open then is not there. The id is remembered at first sight; under another one nothing is
// entered until the old one is back, and what protects goes on.
void look_at_account(Run& run) {
  if (!run.may_write()) return;
  const AccountState& account = run.book.account;
  const std::string seen = run.ports.placer.seen_account();
  if (seen.empty()) return;
  if (account.venue_account_id.empty()) {
    // Before the epoch was looked at, nothing is accepted with it.
    if (!account.known_epoch || *account.known_epoch != account.epoch) return;
    const auto noted = run.journal().accept_epoch(seen, account.entries_after.value_or(Instant{}));
    if (!noted) return run.store_failed(noted.error());
    run.book.account.venue_account_id = seen;
    return;
  }
  const std::string subject = run.account().venue + "/" + run.account().account;
  Item item;
  if (seen == account.venue_account_id) {
    clear(item, run, NoticeType::account_changed, subject);
    return run.commit({std::move(item)});
  }
  Line line{Event::account_changed};
  line.add("account", subject).add("seen", seen).add("known", account.venue_account_id);
  if (stands(run, NoticeType::account_changed, subject)) {
    if (!std::exchange(run.said_account, true)) run.say(line);
    return;
  }
  run.said_account = true;
  Alarm alarm = alarm_of(NoticeType::account_changed, subject);
  alarm.detail = "the exchange answers for account " + seen + ", and these trades are of " + account.venue_account_id;
  Notice notice = notice_of(NoticeType::account_changed, "ACCOUNT_CHANGED:" + subject, run.now);
  notice.facts = {
      {"account", subject}, {"the exchange answers for", seen}, {"the trades are of", account.venue_account_id}};
  raise(item, run, std::move(alarm), std::move(line), std::move(notice));
  run.commit({std::move(item)});
}

}  // namespace tradeguard
