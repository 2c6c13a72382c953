// What is told, at least once and in order; and CRITICALs that cannot wait for a store.
#include "deliver.hpp"

#include <algorithm>
#include <utility>

#include "run.hpp"
#include "tell.hpp"

namespace tradeguard {

namespace {

constexpr std::size_t batch_size = 1000;
constexpr Micros critical_budget = 2s;  // while there is something to protect
constexpr std::size_t digest_from = 6;  // more than five waiting go out as one message
// What a message takes in every notifier without being split: a part that fails repeats no other part.
constexpr std::size_t digest_length = 3800;
constexpr int refused_long_enough = 12;  // attempts: hours, as they back off

std::string kind_of(const Notice& notice) {
  std::string kind{text(notice.type)};
  for (const auto& [key, value] : notice.facts)
    if (notice.type == NoticeType::reminder && key == "still") kind += " " + value;
  return kind;
}

void deliver_waiting(Run& run, Micros until);
std::vector<std::vector<Notice>> by_trade(std::span<const Notice> notices);
std::string in_short(std::span<const Notice> story);
std::string in_short(const Notice& notice);
void deliver_criticals_of(Run& run, std::span<const Notice> notices, Micros until);
std::vector<std::vector<Notice>> by_kind(std::span<const Notice> notices);
std::string in_brief(const Notice& notice);
void deliver_digests(Run& run, std::span<const Notice> notices, Micros until);
void deliver_story(Run& run, std::span<const Notice> story, Micros until);
void deliver_as(Run& run, Notice digest, std::span<const Notice> notices, Micros until);
void deliver_alone(Run& run, const Notice& notice, Micros until);
void hear_delivery(Run& run, const Notice& notice, const Delivery& delivery);
bool flush_records(Run& run);
void note_undeliverable(Run& run);
Micros back_off(const Notice& notice);
Line tg_line(Line line, const Notice& notice);

}  // namespace

void Run::deliver_now(const Notice& notice) {
  if (!notice.trade.empty() && outbox.waiting_trades.contains(notice.trade)) return;
  hear_delivery(*this, notice, ports.notifier.deliver(notice, settings.notify_budget));
}

void Run::tell_directly(const Notice& notice) {
  criticals.push_back(std::string{type_of(notice)});
  outbox.untold.push_back(notice);
  // A slow messenger must not stand between a fill and its stop.
  if (!sent_entries) tell_what_waits(*this);
}

void tell_what_waits(Run& run) {
  for (const Notice& notice : std::exchange(run.outbox.untold, {}))
    hear_delivery(run, notice, run.ports.notifier.deliver(notice, run.settings.notify_budget));
  if (run.store_lost) run.outbox.delivered.clear();
}

void drain_immediate(Run& run) {
  if (!run.book.notices_waiting || !run.ports.notifier.immediate()) return;
  deliver_waiting(run, run.elapsed() + run.settings.notify_budget);
}

void deliver_criticals(Run& run) {
  if (run.ports.notifier.immediate() || !run.may_write() || !run.outbox.has_more) return;
  const Micros until = run.elapsed() + critical_budget;
  const auto due = run.journal().due_notices(run.now, batch_size);
  if (!due) return run.store_failed(due.error());
  deliver_criticals_of(run, *due, until);
  flush_records(run);
}

void deliver(Run& run) {
  if (run.fenced || run.store_lost) return;
  if (!flush_records(run)) return;
  const bool waiting = run.outbox.has_more || run.book.notices_waiting;
  if (waiting && (!run.ports.notifier.immediate() || run.book.notices_waiting))
    deliver_waiting(run, run.elapsed() + run.settings.notify_budget);
  note_undeliverable(run);
}

namespace {

void deliver_waiting(Run& run, Micros until) {
  while (run.elapsed() < until && run.may_write()) {
    const auto due = run.journal().due_notices(run.now, batch_size);
    if (!due) {
      run.store_failed(due.error());
      return;
    }
    if (due->empty()) return;
    std::vector<Notice> ordinary;
    for (const Notice& notice : *due)
      if (notice.severity != Severity::critical) ordinary.push_back(notice);
    deliver_criticals_of(run, *due, until);
    if (run.ports.notifier.immediate()) {
      for (const Notice& notice : ordinary) deliver_alone(run, notice, until);
    } else if (ordinary.size() >= digest_from) {
      deliver_digests(run, ordinary, until);
    } else {
      // What waits of one trade is one message: its reader wants the whole story, and each message
      // costs the run an answer from far away.
      for (const auto& story : by_trade(ordinary)) deliver_story(run, story, until);
    }
    const bool progress = std::any_of(run.outbox.delivered.begin(), run.outbox.delivered.end(),
                                      [](const auto& r) { return r.what != DeliveryRecord::What::try_later; });
    if (!flush_records(run) || !progress) return;
  }
}

// One after the other, and those of one kind together: ten positions without a stop are one thing to look at.
void deliver_criticals_of(Run& run, std::span<const Notice> notices, Micros until) {
  for (const auto& kind : by_kind(notices)) {
    std::vector<Notice> of_message;
    Notice digest{};
    std::size_t length = 0;
    const auto send = [&] {
      if (of_message.size() == 1 && run.elapsed() < until) {
        const Notice& alone = of_message.front();
        hear_delivery(run, alone, run.ports.notifier.deliver(alone, until - run.elapsed()));
      } else if (!of_message.empty()) {
        digest.severity = Severity::critical;
        deliver_as(run, std::move(digest), of_message, until);
      }
      digest = {};
      of_message.clear();
      length = 0;
    };
    for (const Notice& notice : kind) {
      const std::string told = in_brief(notice);
      if (run.ports.notifier.immediate() || length + told.size() > digest_length) send();
      if (of_message.empty()) digest.facts.emplace_back(all_of, kind_of(notice));
      length += told.size() + 2;
      digest.facts.emplace_back("notice", told);
      of_message.push_back(notice);
    }
    send();
  }
}

// CRITICALs only, in the order in which each kind is first spoken of. A reminder is of the kind it reminds of.
std::vector<std::vector<Notice>> by_kind(std::span<const Notice> notices) {
  std::vector<std::vector<Notice>> kinds;
  std::map<std::string, std::size_t> known;
  for (const Notice& notice : notices) {
    if (notice.severity != Severity::critical) continue;
    const auto [place, is_new] = known.emplace(kind_of(notice), kinds.size());
    if (is_new) kinds.emplace_back();
    kinds[place->second].push_back(notice);
  }
  return kinds;
}

std::string in_brief(const Notice& notice) {
  std::string out = notice.symbol.empty() ? std::string{text(notice.type)} : notice.symbol;
  if (notice.side) out.append(" ").append(text(*notice.side));
  std::string told;
  for (const auto& [key, value] : notice.facts)
    if (!value.empty()) told.append(told.empty() ? "" : ", ").append(key).append(" ").append(value);
  std::replace(told.begin(), told.end(), '\n', ' ');
  return out + (told.empty() ? "" : "\n" + told) + "\nevent: " + notice.event_id;
}

// In the order in which each trade is first spoken of; what is of no trade stands alone.
std::vector<std::vector<Notice>> by_trade(std::span<const Notice> notices) {
  std::vector<std::vector<Notice>> stories;
  std::map<ClientOrderId, std::size_t> known;
  for (const Notice& notice : notices) {
    if (!notice.trade.empty()) {
      const auto [place, is_new] = known.emplace(notice.trade, stories.size());
      if (!is_new) {
        stories[place->second].push_back(notice);
        continue;
      }
    }
    stories.push_back({notice});
  }
  return stories;
}

// A trade in two lines: after a busy minute a hundred of them have to fit into few messages. The id of an
// event is its type and the trade's id.
std::string in_short(std::span<const Notice> story) {
  const auto side = std::find_if(story.begin(), story.end(), [](const Notice& n) { return n.side; });
  std::string out = story.front().symbol;
  if (side != story.end()) out.append(" ").append(text(*side->side));
  const bool filled = std::any_of(story.begin(), story.end(),
                                  [](const Notice& notice) { return notice.type == NoticeType::order_filled; });
  std::string told;
  for (const Notice& notice : story)
    if (notice.type != NoticeType::order_created || !filled) told += (told.empty() ? " " : ", ") + in_short(notice);
  return out + told + "\nevent: " + story.front().trade + ", " + std::to_string(story.size()) + " notices";
}

std::string in_short(const Notice& notice) {
  const auto fact = [&](std::string_view key) {
    for (const auto& [name, value] : notice.facts)
      if (name == key) return value;
    return std::string{"?"};
  };
  if (notice.type == NoticeType::order_created) return fact("quantity") + " ordered";
  if (notice.type == NoticeType::order_filled)
    return (fact("filled") == fact("of") ? "" : "of " + fact("of") + " only ") + fact("filled") + " at " +
           fact("average price");
  if (notice.type == NoticeType::sltp_created) return "stop " + fact("stop") + ", target " + fact("target");
  std::string out{type_of(notice)};
  std::replace(out.begin(), out.end(), '_', ' ');
  for (const auto& [key, value] : notice.facts) out.append(", ").append(key).append(" ").append(value);
  std::replace(out.begin(), out.end(), '\n', ' ');
  return out;
}

// Many trades: in as few messages as hold them.
void deliver_digests(Run& run, std::span<const Notice> notices, Micros until) {
  std::vector<Notice> of_message;
  Notice digest{};
  std::size_t length = 0;
  const auto send = [&] {
    if (of_message.empty()) return;
    if (of_message.size() == 1)
      deliver_alone(run, of_message.front(), until);
    else
      deliver_as(run, std::move(digest), of_message, until);
    digest = {};
    of_message.clear();
    length = 0;
  };
  for (const auto& story : by_trade(notices)) {
    const std::string told = story.size() == 1 ? plain_text(story.front()) : in_short(story);
    if (length + told.size() > digest_length) send();
    length += told.size() + 2;
    digest.facts.emplace_back("notice", told);
    of_message.insert(of_message.end(), story.begin(), story.end());
  }
  send();
}

void deliver_story(Run& run, std::span<const Notice> story, Micros until) {
  if (story.size() == 1) {
    deliver_alone(run, story.front(), until);
    return;
  }
  Notice digest{};
  digest.trade = story.front().trade;
  digest.symbol = story.front().symbol;
  for (const Notice& notice : story) digest.facts.emplace_back("notice", plain_text(notice));
  deliver_as(run, std::move(digest), story, until);
}

void deliver_as(Run& run, Notice digest, std::span<const Notice> notices, Micros until) {
  if (run.elapsed() >= until) return;
  digest.event_id = "DIGEST:" + notices.front().event_id + ":" + std::to_string(notices.size());
  digest.type = NoticeType::digest;
  digest.created_at = run.now;
  digest.notices.assign(notices.begin(), notices.end());
  const Delivery delivery = run.ports.notifier.deliver(digest, until - run.elapsed());
  const auto* later = std::get_if<TryLater>(&delivery);
  const bool again =
      std::any_of(notices.begin(), notices.end(), [](const Notice& notice) { return notice.attempts >= 3; });
  if (std::holds_alternative<Undeliverable>(delivery) || (later && later->refused && again)) {
    // One that nobody takes does not spoil the others.
    for (const Notice& notice : notices) deliver_alone(run, notice, until);
    return;
  }
  for (const Notice& notice : notices) hear_delivery(run, notice, delivery);
}

void deliver_alone(Run& run, const Notice& notice, Micros until) {
  if (run.elapsed() >= until) return;
  const bool overtakes = notice.severity == Severity::critical;
  if (!overtakes && !notice.trade.empty() && run.outbox.waiting_trades.contains(notice.trade)) return;
  hear_delivery(run, notice, run.ports.notifier.deliver(notice, until - run.elapsed()));
}

void hear_delivery(Run& run, const Notice& notice, const Delivery& delivery) {
  DeliveryRecord record{notice.event_id, DeliveryRecord::What::delivered, std::nullopt, ""};
  const auto trace = "cycle>deliver>" + std::string{type_of(notice)};
  const auto never = [&](const std::string& why) {
    record.what = DeliveryRecord::What::undeliverable;
    record.error = why;
    run.outbox.undeliverable = notice.event_id + ": " + why;
    run.say(tg_line(Line{Event::tg_failed, Level::error}, notice).add("error", why).add("stack", trace));
  };
  std::visit(overloaded{
                 [&](const Delivered&) {
                   run.report.notices_sent += 1;
                   run.outbox.way_refused.reset();
                   run.outbox.something_arrived = true;
                   run.say(tg_line(Event::tg_sent, notice));
                 },
                 [&](const TryLater& later) {
                   // Two attempts that may have arrived are as good as told: more of them is one
                   // message again and again, while the other side is slow. A CRITICAL goes on.
                   if (later.may_have_arrived && notice.may_have_arrived && notice.severity != Severity::critical) {
                     run.report.notices_sent += 1;
                     record.error = later.why;
                     run.say(tg_line(Event::tg_sent, notice).add("confirmed", 0));
                     return;
                   }
                   if (later.refused && notice.attempts >= refused_long_enough && notice.severity != Severity::critical)
                     run.outbox.long_refused.insert(notice.event_id);
                   record.what = DeliveryRecord::What::try_later;
                   record.next_try = run.now + std::min(longest_retry, std::max(later.after, back_off(notice)));
                   record.error = later.why;
                   record.may_have_arrived = later.may_have_arrived || notice.may_have_arrived;
                   if (later.refused) run.outbox.way_refused = later.why;
                   if (!notice.trade.empty()) run.outbox.waiting_trades.insert(notice.trade);
                   run.say(tg_line(Line{Event::tg_failed, later.refused ? Level::error : Level::warn}, notice)
                               .add("error", later.why)
                               .add("stack", trace));
                 },
                 [&](const Undeliverable& refused) { never(refused.why); },
             },
             delivery);
  run.outbox.delivered.push_back(std::move(record));
}

bool flush_records(Run& run) {
  if (run.outbox.delivered.empty()) return true;
  // Others arrive, and this one has been refused for hours: it is the message after all.
  for (DeliveryRecord& record : run.outbox.delivered) {
    if (!run.outbox.something_arrived || !run.outbox.long_refused.contains(record.event_id) ||
        record.what != DeliveryRecord::What::try_later)
      continue;
    record.what = DeliveryRecord::What::undeliverable;
    record.next_try.reset();
    run.outbox.undeliverable = record.event_id + ": " + record.error;
  }
  const auto recorded = run.journal().record_deliveries(run.outbox.delivered, run.now);
  run.outbox.delivered.clear();
  if (!recorded) run.store_failed(recorded.error());
  return recorded.has_value();
}

// A notice nobody will ever get, and a way that is refused, stand as a CRITICAL until something
// arrives: then the way is open again.
void note_undeliverable(Run& run) {
  Item item;
  const std::string subject = "notifier";
  const bool standing = stands(run, NoticeType::undeliverable, subject);
  const auto& trouble = run.outbox.undeliverable ? run.outbox.undeliverable : run.outbox.way_refused;
  if (trouble && !standing) {
    Alarm alarm = alarm_of(NoticeType::undeliverable, subject);
    alarm.detail = *trouble;
    alarm.raised_at = run.now;
    alarm.told = 0;  // by whom?
    item.change.alarms.push_back({AlarmEdge::What::raise, std::move(alarm)});
  } else if (!trouble && standing && run.outbox.something_arrived) {
    clear(item, run, NoticeType::undeliverable, subject);
  }
  run.commit({std::move(item)});
}

// Three runs, then every 5 min, then every 30: what waits is tried by later runs, never by a sleeping
// one. A CRITICAL never rests longer than 5 min.
Micros back_off(const Notice& notice) {
  if (notice.attempts < 3) return 30s;
  return notice.attempts < 9 || notice.severity == Severity::critical ? Micros{5min} : Micros{30min};
}

Line tg_line(Line line, const Notice& notice) {
  line.add("type", type_of(notice));
  line.add("symbol", notice.symbol.empty() ? "-" : notice.symbol);
  line.add("order_id", notice.order_id.empty() ? "-" : notice.order_id);
  if (notice.side) line.add("side", text(*notice.side));
  line.debug("event_id", notice.event_id);
  line.debug("attempt", notice.attempts + 1);
  return line;
}

}  // namespace
}  // namespace tradeguard
