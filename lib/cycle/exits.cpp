#include "exits.hpp"

#include <algorithm>
#include <stdexcept>

#include "ledger.hpp"
#include "signal_lines.hpp"
#include "tell.hpp"

namespace tradeguard {

namespace {

// What was answered to the SELLs of a batch.
struct Heard {
  std::set<const Signal*> signals;  // claimed, known or waiting
  bool wished = false;
};

std::vector<TradeRecord> wishes_of(Ledger& ledger, const RunClock& clock, const CycleSettings& settings,
                                   const ExitClaim& claim);
void claim_wishes(Ledger& ledger, const RunClock& clock, const CycleSettings& settings, RunReport& report,
                  std::span<ExitClaim> claims, Heard& heard);
void hear_exit(Ledger& ledger, const RunClock& clock, const CycleSettings& settings, RunReport& report,
               const ExitClaim& claim, const ExitVerdict& verdict, Heard& heard);
void tell_stale_exit(Ledger& ledger, const RunClock& clock, const ExitClaim& claim);
void say_whole_exit(const Ledger& ledger, const Signal& signal, const ExitClaimed& claimed);

bool unreadable_trade_of(const Ledger& ledger, const Symbol& symbol) {
  return std::any_of(ledger.book.alarms.begin(), ledger.book.alarms.end(), [&](const Alarm& alarm) {
    return alarm.kind == NoticeType::impossible && alarm.freezes == symbol.base();
  });
}

// A row may stay unreadable for longer than a SELL stays in its source, so somebody has to know of it now.
void tell_unreadable_exit(Ledger& ledger, const RunClock& clock, const Signal& signal) {
  if (!ledger.may_write()) return;
  Notice notice = notice_of(NoticeType::exit_expired, "EXIT_EXPIRED:unreadable:" + claim_key(signal), clock.now);
  notice.symbol = signal.symbol.text();
  notice.facts = {{"signal", claim_key(signal)},
                  {"why", "a row of its trade cannot be read; nothing was sold for it"},
                  {"what happens", "a run that can read the row sells, if the SELL is given again"},
                  {"to sell", "mend the row in the store, then tradeguard flatten " + signal.symbol.text()}};
  Item item;
  tell_once(ledger, item, std::move(notice));
  ledger.commit({std::move(item)});
}

}  // namespace

// A SELL signal exits the own trades of its symbol whose signal is older. What is in the book was claimed
// before this batch was read, so one of the same moment is older too. The wish is durable before anything is
// cancelled for it; the rounds behind the entries carry it out.
WishedExits wish_exits(Ledger& ledger, VenueView& venue, RunClock& clock, const CycleSettings& settings,
                       RunReport& report, const std::vector<Signal>& signals) {
  std::vector<ExitClaim> claims;
  for (const Signal& signal : signals) {
    if (signal.side != Side::sell) continue;
    ExitClaim exit{signal, {}, {}};
    for (const Trade& trade : ledger.book.trades) {
      const TradeRecord& record = trade.record;
      if (trade.symbol() != signal.symbol || record.settled || record.released) continue;
      if (spoken_at(trade) > signal.time) continue;
      if (settings.policy.exit_scope == ExitScope::strategy && record.strategy != signal.strategy) continue;
      exit.touches.push_back(trade.id());
    }
    if (exit.touches.empty() && unreadable_trade_of(ledger, signal.symbol)) {
      // What it concerns may be in the row that nobody can read, so nothing is answered yet.
      ledger.say(Line{Event::exit_deferred}
                     .add("symbol", signal.symbol.text())
                     .add("signal_key", signal_key(signal))
                     .add("reason", "unreadable"));
      tell_unreadable_exit(ledger, clock, signal);
      continue;
    }
    claims.push_back(std::move(exit));
  }
  WishedExits exits;
  if (claims.empty()) return exits;
  // Too old is for good, so the clock that says so is compared first. Where it cannot be, nothing is answered yet.
  const auto too_old = [&](const ExitClaim& claim) {
    return clock.now - claim.signal.time > settings.policy.exit_max_age;
  };
  if (std::any_of(claims.begin(), claims.end(), too_old)) {
    venue.measure_clock(clock);
    if (!clock.venue_offset) {
      for (const ExitClaim& claim : claims)
        if (too_old(claim))
          ledger.say(Line{Event::exit_deferred}
                         .add("symbol", claim.signal.symbol.text())
                         .add("signal_key", signal_key(claim.signal))
                         .add("reason", "clock_unreadable"));
      std::erase_if(claims, too_old);
      if (claims.empty()) return exits;
    }
  }
  Heard heard;
  claim_wishes(ledger, clock, settings, report, claims, heard);
  exits.any = heard.wished;
  for (const ExitClaim& claim : claims)
    if (heard.signals.contains(&claim.signal)) exits.newest[claim.signal.symbol].push_back(claim.signal);
  return exits;
}

namespace {

// The trades it touches as it leaves them. What the operator wants sold stays his wish.
std::vector<TradeRecord> wishes_of(Ledger& ledger, const RunClock& clock, const CycleSettings& settings,
                                   const ExitClaim& claim) {
  std::vector<TradeRecord> wishes;
  for (const ClientOrderId& id : claim.touches) {
    const TradeRecord* record = ledger.record(id);
    if (record == nullptr || record->exit_reason == ExitReason::operator_) continue;
    TradeRecord& wish = wishes.emplace_back(*record);
    wish.exit_reason = ExitReason::signal;
    wish.exit_key = claim_key(claim.signal);
    wish.exit_until = clock.venue_now() + settings.policy.exit_max_age;
  }
  return wishes;
}

void claim_wishes(Ledger& ledger, const RunClock& clock, const CycleSettings& settings, RunReport& report,
                  std::span<ExitClaim> claims, Heard& heard) {
  for (ExitClaim& claim : claims) claim.advance = wishes_of(ledger, clock, settings, claim);
  Result<std::vector<ExitVerdict>> verdicts = failed(Fault::data, "");
  const EntryPolicy& policy = settings.policy;
  try {
    // A store with a clock of its own judges by that.
    verdicts = ledger.journal().claim_exits(claims, policy.exit_max_age, policy.max_future, clock.sound_now());
  } catch (const std::exception& error) {
    verdicts = failed(Fault::data, error.what());
  }
  if (!verdicts && verdicts.error().fault == Fault::data && claims.size() > 1) {
    for (std::size_t i = 0; i < claims.size(); ++i)
      claim_wishes(ledger, clock, settings, report, claims.subspan(i, 1), heard);
    return;
  }
  if (!verdicts && verdicts.error().fault == Fault::data) {
    drop_item(ledger, claim_key(claims.front().signal), "claiming an exit", std::runtime_error{verdicts.error().what});
    return;
  }
  if (!verdicts) {
    ledger.store_failed(verdicts.error());
    return;
  }
  for (std::size_t i = 0; i < claims.size(); ++i)
    hear_exit(ledger, clock, settings, report, claims[i], (*verdicts)[i], heard);
}

void hear_exit(Ledger& ledger, const RunClock& clock, const CycleSettings& settings, RunReport& report,
               const ExitClaim& claim, const ExitVerdict& verdict, Heard& heard) {
  const Signal& signal = claim.signal;
  const SignalKey key = signal_key(signal);
  std::visit(
      overloaded{
          [&](const ExitClaimed& claimed) {
            heard.signals.insert(&signal);
            ledger.say(key_line(key, nullptr));
            if (claim.touches.empty())
              ledger.say(Line{Event::exit_nothing_held}.add("symbol", signal.symbol.text()).add("signal_key", key));
            heard.wished = heard.wished || !claimed.written.empty();
            say_whole_exit(ledger, signal, claimed);
            for (const TradeRecord& wish : claimed.written) ledger.put(wish);
          },
          [&](const Duplicate& known) {
            heard.signals.insert(&signal);
            report.blocked_idempotency += 1;
            ledger.say(key_line(key, &known));
          },
          [&](const Denied& denied) {
            ledger.say(key_line(key, nullptr));
            if (denied.reason == Denial::future) {
              heard.signals.insert(&signal);
              ledger.say(wait_or_reject(settings, report, signal, denied));
            } else if (denied.reason == Denial::stale) {
              ledger.say(too_old(clock, report, signal, settings.policy.exit_max_age));
              tell_stale_exit(ledger, clock, claim);
            } else {
              ledger.say(Line{Event::exit_deferred}
                             .add("symbol", signal.symbol.text())
                             .add("signal_key", key)
                             .add("reason", denied.reason.str()));
            }
          },
      },
      verdict);
}

// A SELL that comes too late to be believed, with something to sell: somebody has to decide.
void tell_stale_exit(Ledger& ledger, const RunClock& clock, const ExitClaim& claim) {
  std::vector<Item> items;
  for (const ClientOrderId& id : claim.touches) {
    const Trade* trade = ledger.trade(id);
    if (trade == nullptr) continue;
    Item item{.trade = id};
    Notice notice = notice_of(NoticeType::exit_expired, trade->entry(), clock.now, claim_key(claim.signal));
    notice.facts = {{"signal", claim_key(claim.signal)},
                    {"why", "it is older than signals.exit_max_age; nothing was sold for it"},
                    {"to sell", "tradeguard flatten " + claim.signal.symbol.text()}};
    item.tell(std::move(notice));
    items.push_back(std::move(item));
  }
  ledger.commit(std::move(items));
}

// A SELL of a part sells the whole, which somebody may not expect. Once: later it is a repeat.
void say_whole_exit(const Ledger& ledger, const Signal& signal, const ExitClaimed& claimed) {
  if (!exits_whole(signal) || claimed.written.empty()) return;
  ledger.say(Line{Event::exit_whole}
                 .add("symbol", signal.symbol.text())
                 .add("line", signal.line)
                 .add("trades", static_cast<std::int64_t>(claimed.written.size())));
}

}  // namespace

}  // namespace tradeguard
