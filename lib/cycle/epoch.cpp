#include "epoch.hpp"

#include <algorithm>
#include <utility>

#include "ledger.hpp"
#include "tell.hpp"

namespace tradeguard {

namespace {

// An alarm each, for each freezes its base, and one message: a new store may find dozens.
Item tell_orphans(const RunClock& clock, std::span<const Sighting* const> orphans) {
  Item item;
  Notice notice =
      notice_of(NoticeType::orphan, "ORPHAN:" + orphans.front()->client_id + ":" + std::to_string(to_micros(clock.now)),
                clock.now);
  if (orphans.size() > 1) notice.facts.emplace_back("orders", std::to_string(orphans.size()));
  for (const Sighting* sighting : orphans) {
    Alarm alarm = alarm_of(NoticeType::orphan, sighting->client_id, sighting->symbol.base());
    alarm.symbol = sighting->symbol.text();
    alarm.order_id = sighting->venue_id;
    alarm.detail = "the store has no row of this order, which is " + std::string{text(sighting->status)};
    alarm.raised_at = clock.now;
    alarm.next_reminder = clock.now + 5min;
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
Word<Denial> look_at_epoch(Ledger& ledger, VenueView& venue, RunClock& clock) {
  AccountState& account = ledger.book.account;
  // Written by a clock that was ahead it would deny every signal until then.
  const bool known_too_early = account.entries_after && is_ahead(*account.entries_after, 1min, clock.now);
  if (account.known_epoch && *account.known_epoch == account.epoch && !known_too_early) return {};
  constexpr Micros look_back_span = 48h;
  const auto own = venue.placer.own_orders(clock.now - look_back_span);
  const auto id = venue.placer.account_id();
  if (!own || !id) {
    venue.standing.hear(own ? id.error() : own.error());
    ledger.say(
        Line{Event::venue_unreadable}.add("what", "own orders").add("error", own ? id.error().what : own.error().what));
    return Denial::epoch_unread;
  }
  std::vector<const Sighting*> orphans;
  for (const Sighting& sighting : *own) {
    const auto row = ledger.journal().order(sighting.client_id);
    if (!row) {
      ledger.store_failed(row.error());
      return {};
    }
    const bool matters = sighting.status == VenueStatus::open || sighting.filled.value_or(Quantity{}).is_positive();
    if (!*row && matters && !stands(ledger, NoticeType::orphan, sighting.client_id)) orphans.push_back(&sighting);
  }
  if (!orphans.empty()) ledger.commit({tell_orphans(clock, orphans)});
  // What is written now bounds every later signal, so the clock it is read from has to be right.
  venue.measure_clock(clock);
  if (!clock.venue_offset || clock.is_off()) {
    return clock.venue_offset ? Denial::clock_offset : Denial::clock_unreadable;
  }
  // A new account on a venue that is part of this machine and has no order of ours has nothing to forget.
  const bool nothing_to_forget = !account.known_epoch && own->empty() && !venue.placer.traits().network;
  const Instant after = nothing_to_forget ? Instant{} : clock.now;
  if (auto accepted = ledger.journal().accept_epoch(*id, after); !accepted)
    ledger.store_failed(accepted.error());
  else if (!nothing_to_forget)
    ledger.say(Line{Event::new_epoch}.add("entries_after", iso_micros(after)));
  return {};
}

// The account's name is ours, and whoever exchanges the key gives it another account of the exchange: what the
// store calls open then is not there. The id is remembered at first sight; under another one nothing is
// entered until the old one is back, and what protects goes on.
void look_at_account(Ledger& ledger, VenueView& venue, const RunClock& clock) {
  if (!ledger.may_write()) return;
  const AccountState& account = ledger.book.account;
  const std::string seen = venue.placer.seen_account();
  if (seen.empty()) return;
  if (account.venue_account_id.empty()) {
    // Before the epoch was looked at, nothing is accepted with it.
    if (!account.known_epoch || *account.known_epoch != account.epoch) return;
    const auto noted = ledger.journal().accept_epoch(seen, account.entries_after.value_or(Instant{}));
    if (!noted) return ledger.store_failed(noted.error());
    ledger.book.account.venue_account_id = seen;
    return;
  }
  const std::string subject = ledger.account().key().venue + "/" + ledger.account().key().account;
  Item item;
  if (seen == account.venue_account_id) {
    clear(item, ledger, clock, NoticeType::account_changed, subject);
    return ledger.commit({std::move(item)});
  }
  Line line{Event::account_changed};
  line.add("account", subject).add("seen", seen).add("known", account.venue_account_id);
  if (stands(ledger, NoticeType::account_changed, subject)) {
    if (!std::exchange(venue.standing.said_account, true)) ledger.say(line);
    return;
  }
  venue.standing.said_account = true;
  Alarm alarm = alarm_of(NoticeType::account_changed, subject);
  alarm.detail = "the exchange answers for account " + seen + ", and these trades are of " + account.venue_account_id;
  Notice notice = notice_of(NoticeType::account_changed, "ACCOUNT_CHANGED:" + subject, clock.now);
  notice.facts = {
      {"account", subject}, {"the exchange answers for", seen}, {"the trades are of", account.venue_account_id}};
  raise(item, ledger, clock, std::move(alarm), std::move(line), std::move(notice));
  ledger.commit({std::move(item)});
}

}  // namespace tradeguard
