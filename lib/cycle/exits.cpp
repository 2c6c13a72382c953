#include "exits.hpp"

#include <algorithm>
#include <stdexcept>

#include "run.hpp"
#include "signal_lines.hpp"
#include "tell.hpp"

namespace tradeguard {

namespace {

std::vector<TradeRecord> wishes_of(Run& run, const ExitClaim& claim);
void claim_wishes(Run& run, std::span<ExitClaim> claims, std::set<const Signal*>& heard);
void hear_exit(Run& run, const ExitClaim& claim, const ExitVerdict& verdict, std::set<const Signal*>& heard);
void tell_stale_exit(Run& run, const ExitClaim& claim);
void say_whole_exit(Run& run, const Signal& signal, const ExitClaimed& claimed);

bool unreadable_trade_of(const Run& run, const Symbol& symbol) {
  return std::any_of(run.book.alarms.begin(), run.book.alarms.end(), [&](const Alarm& alarm) {
    return alarm.kind == NoticeType::impossible && alarm.freezes == symbol.base();
  });
}

// A row may stay unreadable for longer than a SELL stays in its source, so somebody has to know of it now.
void tell_unreadable_exit(Run& run, const Signal& signal) {
  if (!run.may_write()) return;
  Notice notice = notice_of(NoticeType::exit_expired, "EXIT_EXPIRED:unreadable:" + claim_key(signal), run.now);
  notice.symbol = signal.symbol.text();
  notice.facts = {{"signal", claim_key(signal)},
                  {"why", "a row of its trade cannot be read; nothing was sold for it"},
                  {"what happens", "a run that can read the row sells, if the SELL is given again"},
                  {"to sell", "mend the row in the store, then tradeguard flatten " + signal.symbol.text()}};
  Item item;
  tell_once(run, item, std::move(notice));
  run.commit({std::move(item)});
}

}  // namespace

// A SELL signal exits the own trades of its symbol whose signal is older. What is in the book was claimed
// before this batch was read, so one of the same moment is older too. The wish is durable before anything is
// cancelled for it; the rounds behind the entries carry it out.
NewestExits wish_exits(Run& run, const std::vector<Signal>& signals) {
  std::vector<ExitClaim> claims;
  for (const Signal& signal : signals) {
    if (signal.side != Side::sell) continue;
    ExitClaim exit{signal, {}, {}};
    for (const Trade& trade : run.book.trades) {
      const TradeRecord& record = trade.record;
      if (trade.symbol() != signal.symbol || record.settled || record.released) continue;
      if (spoken_at(trade) > signal.time) continue;
      if (run.settings.policy.exit_scope == ExitScope::strategy && record.strategy != signal.strategy) continue;
      exit.touches.push_back(trade.id());
    }
    if (exit.touches.empty() && unreadable_trade_of(run, signal.symbol)) {
      // What it concerns may be in the row that nobody can read, so nothing is answered yet.
      run.say(Line{Event::exit_deferred}
                  .add("symbol", signal.symbol.text())
                  .add("signal_key", signal_key(signal))
                  .add("reason", "unreadable"));
      tell_unreadable_exit(run, signal);
      continue;
    }
    claims.push_back(std::move(exit));
  }
  NewestExits exits;
  if (claims.empty()) return exits;
  // Too old is for good, so the clock that says so is compared first. Where it cannot be, nothing is answered yet.
  const auto too_old = [&](const ExitClaim& claim) {
    return run.now - claim.signal.time > run.settings.policy.exit_max_age;
  };
  if (std::any_of(claims.begin(), claims.end(), too_old)) {
    run.measure_clock();
    if (!run.venue.clock_offset) {
      for (const ExitClaim& claim : claims)
        if (too_old(claim))
          run.say(Line{Event::exit_deferred}
                      .add("symbol", claim.signal.symbol.text())
                      .add("signal_key", signal_key(claim.signal))
                      .add("reason", "clock_unreadable"));
      std::erase_if(claims, too_old);
      if (claims.empty()) return exits;
    }
  }
  std::set<const Signal*> heard;
  claim_wishes(run, claims, heard);
  for (const ExitClaim& claim : claims)
    if (heard.contains(&claim.signal)) exits[claim.signal.symbol].push_back(claim.signal);
  return exits;
}

namespace {

// The trades it touches as it leaves them. What the operator wants sold stays his wish.
std::vector<TradeRecord> wishes_of(Run& run, const ExitClaim& claim) {
  std::vector<TradeRecord> wishes;
  for (const ClientOrderId& id : claim.touches) {
    const TradeRecord* record = run.record(id);
    if (record == nullptr || record->exit_reason == ExitReason::operator_) continue;
    TradeRecord& wish = wishes.emplace_back(*record);
    wish.exit_reason = ExitReason::signal;
    wish.exit_key = claim_key(claim.signal);
    wish.exit_until = run.venue_now() + run.settings.policy.exit_max_age;
  }
  return wishes;
}

void claim_wishes(Run& run, std::span<ExitClaim> claims, std::set<const Signal*>& heard) {
  for (ExitClaim& claim : claims) claim.advance = wishes_of(run, claim);
  Result<std::vector<ExitVerdict>> verdicts = failed(Fault::data, "");
  const EntryPolicy& policy = run.settings.policy;
  try {
    // A store with a clock of its own judges by that.
    verdicts = run.journal().claim_exits(claims, policy.exit_max_age, policy.max_future, run.sound_now());
  } catch (const std::exception& error) {
    verdicts = failed(Fault::data, error.what());
  }
  if (!verdicts && verdicts.error().fault == Fault::data && claims.size() > 1) {
    for (std::size_t i = 0; i < claims.size(); ++i) claim_wishes(run, claims.subspan(i, 1), heard);
    return;
  }
  if (!verdicts && verdicts.error().fault == Fault::data) {
    drop_item(run, claim_key(claims.front().signal), "claiming an exit", std::runtime_error{verdicts.error().what});
    return;
  }
  if (!verdicts) {
    run.store_failed(verdicts.error());
    return;
  }
  for (std::size_t i = 0; i < claims.size(); ++i) hear_exit(run, claims[i], (*verdicts)[i], heard);
}

void hear_exit(Run& run, const ExitClaim& claim, const ExitVerdict& verdict, std::set<const Signal*>& heard) {
  const Signal& signal = claim.signal;
  const SignalKey key = signal_key(signal);
  std::visit(overloaded{
                 [&](const ExitClaimed& claimed) {
                   heard.insert(&signal);
                   run.say(key_line(key, nullptr));
                   if (claim.touches.empty())
                     run.say(Line{Event::exit_nothing_held}.add("symbol", signal.symbol.text()).add("signal_key", key));
                   run.exits_wished = run.exits_wished || !claimed.written.empty();
                   say_whole_exit(run, signal, claimed);
                   for (const TradeRecord& wish : claimed.written) run.put(wish);
                 },
                 [&](const Duplicate& known) {
                   heard.insert(&signal);
                   run.report.blocked_idempotency += 1;
                   run.say(key_line(key, &known));
                 },
                 [&](const Denied& denied) {
                   run.say(key_line(key, nullptr));
                   if (denied.reason == Denial::future) {
                     heard.insert(&signal);
                     run.say(wait_or_reject(run, signal, denied));
                   } else if (denied.reason == Denial::stale) {
                     run.say(too_old(run, signal, run.settings.policy.exit_max_age));
                     tell_stale_exit(run, claim);
                   } else {
                     run.say(Line{Event::exit_deferred}
                                 .add("symbol", signal.symbol.text())
                                 .add("signal_key", key)
                                 .add("reason", denied.reason.str()));
                   }
                 },
             },
             verdict);
}

// A SELL that comes too late to be believed, with something to sell: somebody has to decide.
void tell_stale_exit(Run& run, const ExitClaim& claim) {
  std::vector<Item> items;
  for (const ClientOrderId& id : claim.touches) {
    const Trade* trade = run.trade(id);
    if (trade == nullptr) continue;
    Item item{.trade = id};
    Notice notice = notice_of(NoticeType::exit_expired, trade->entry(), run.now, claim_key(claim.signal));
    notice.facts = {{"signal", claim_key(claim.signal)},
                    {"why", "it is older than signals.exit_max_age; nothing was sold for it"},
                    {"to sell", "tradeguard flatten " + claim.signal.symbol.text()}};
    item.tell(std::move(notice));
    items.push_back(std::move(item));
  }
  run.commit(std::move(items));
}

// A SELL of a part sells the whole, which somebody may not expect. Once: later it is a repeat.
void say_whole_exit(Run& run, const Signal& signal, const ExitClaimed& claimed) {
  if (!exits_whole(signal) || claimed.written.empty()) return;
  run.say(Line{Event::exit_whole}
              .add("symbol", signal.symbol.text())
              .add("line", signal.line)
              .add("trades", static_cast<std::int64_t>(claimed.written.size())));
}

}  // namespace

}  // namespace tradeguard
